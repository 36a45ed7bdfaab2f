"""The parts of the fast matcher (``bridge.rules.matcher``), in the order in which a rule set passes through them.

::

    pattern ─► branches ─► plan ─► groups ─► tables ─► terms ─► generate ─► engine ◄─ events
                            paths            texts     arrays   layout      solver
                                             intervals          sides       checks

- ``branches``   a branch cut into conjunctions that can be judged element by element
- ``plan``       which conjunctions form a group, and the values that lead to it; ``paths`` counts what they name
- ``groups``     some branches judged together, a bit for each
- ``tables``     one field of a group: a value in, the bits of the branches that it suits out (``alternatives`` sorts
  operators by what they look at, ``texts`` and ``intervals`` are what strings and numbers are looked up in)
- ``terms``      code for the mask of a field; ``generate`` makes functions of it
- ``layout``     the decoder of exactly the named paths; ``sides`` says where a path lies, in a document or an event
- ``arrays``     the same values judged step by step, where arrays are in the way
- ``solver``     one branch on a whole document, exactly, in bounded time
- ``engine``     the loop over a batch and its three tiers; ``inputs`` has its two kinds, ``checks`` what is looked for in
  the bytes before they are decoded

Not here: what a pattern means (``docs/patterns.md``; ``bridge.rules.oracle`` is the yardstick).
"""
