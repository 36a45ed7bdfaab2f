"""The nouns: frozen structs and the small laws that hold for them. No I/O, nothing of ours but ``errors``.

Here: events, positions and chunks of a log, resources and their specs, units, the clock. Not here: how any of them
looks as bytes (``codec``), what a pattern or transform means (``rules``).
"""
