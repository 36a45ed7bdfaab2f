"""Our own state: one folder per contract. ``base.py`` states the contract in prose, each other file fulfils it.

Here: bus logs, the catalog of definitions, dead letters. Not here: other people's systems (``connectors``).
"""
