"""The pattern language, matcher, transforms and rule sets. Pure: no I/O, no clock."""
