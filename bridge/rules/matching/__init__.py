"""The parts of the fast matcher (``bridge.rules.matcher``), in the order in which a rule set passes through them.

- ``branches``   a pattern's branches cut into conjunctions that can be judged element by element
- ``intervals``, ``texts``, ``tables``   one field of many branches: a value in, the bits of the branches that it suits out
- ``layout``     the decoder of exactly the named paths, and how generated code reaches each of them
- ``groups``     some branches judged together: one generated expression, or step by step where arrays are in the way
- ``plan``       which branches form a group, and the exact values that lead to it
- ``engine``     the loop over a batch, and its three tiers: generated code, arrays, everything
- ``solver``     the last tier: one branch on a document, exactly, in bounded time

Not here: what a pattern means (``docs/patterns.md``; ``bridge.rules.oracle`` is the yardstick).
"""
