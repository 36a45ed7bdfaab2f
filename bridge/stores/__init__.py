"""Our own state: one folder per contract. ``base.py`` states the contract in prose, each other file fulfils it.

Here: bus logs, the catalog of definitions, dead letters, timers; beside the folders what they share: ``database`` (SQL behind a
thread), ``lock`` (one process per store), ``waiters`` (readers are woken). Not here: other people's systems
(``connectors``).
"""
