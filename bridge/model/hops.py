"""Hops: how many buses an event was put to by rules. What counts them ends every loop.

The number travels with the event, in an extension. Over HTTP it arrives as text; what is no number counts as none and is
overwritten, so nobody can keep a loop going.
"""

import re

from bridge.model.event import Event

HOPS = "bridgehops"
"""The extension that holds the number."""
MOST_HOPS = 8
"""How many there may be, where nothing else is said."""


def count_hops(event: Event) -> int:
    """How often rules have put it already."""
    value = event.attributes.get(HOPS)
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value):
        return int(value)
    return max(0, value) if isinstance(value, int) and not isinstance(value, bool) else 0
