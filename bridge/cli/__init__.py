"""The `bridge` command: one module per group of tasks, on top of ``client``.

Tables for people, ``-o json|yaml|name`` for scripts; data on stdout, prose and progress on stderr; exit codes 0 done, 1
failed, 2 wrong use, 3 partly failed. Modules are imported when their command runs, and inside them what is slow to import
when it is needed, so that ``bridge --version`` and shell completion answer at once.
"""
