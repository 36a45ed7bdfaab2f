"""The settings of a running bridge: one frozen tree, and where each value came from.

================  =====================================================
``sections``      the tree: every setting with its default and its text
``addresses``     what listeners and stores' URLs name
``loading``       read it: file, environment, flags
``checks``        what types alone do not say
``showing``       tell it: to people, and to another process
================  =====================================================
"""
