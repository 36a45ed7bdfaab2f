"""The catalog: every definition, its revisions and the log of changes. ``base`` is the contract."""
