"""The vocabulary of patterns: one module per operator (struct, evaluation, parser), joined in ``table``.

Here: what one value must be. Not here: which value of an event that is, and how fields combine (``pattern``, ``oracle``).
"""
