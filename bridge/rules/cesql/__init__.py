"""CloudEvents SQL 1.0: conditions on an event's attributes, never on its data. ``docs/filters.md`` is the specification.

- ``tokens``     text cut into words, numbers, strings and signs
- ``tree``       what an expression is made of, and how it is written
- ``parser``     ``parse_sql``: tokens into a tree, by precedence, within bounds
- ``values``     the three types, how one becomes another, and what can go wrong
- ``like``       patterns of LIKE, matched in linear time
- ``functions``  the built-in functions
- ``arithmetic``, ``joining``  operators on integers; AND and OR
- ``compiler``   a tree into Python functions, one inside the other
- ``evaluator``  ``evaluate``: value and errors; ``compile_sql``: does an event pass
- ``remarks``    what is legal and still looks like a mistake
"""
