"""The kinds of target that ship with bridge: one file each, module name = kind. Others come by entry point."""
