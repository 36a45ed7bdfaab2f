"""What a bus and its cursors are called on RocketMQ. Pure.

Topics and groups take letters, digits, ``%``, ``|``, ``-`` and ``_``. A bus's name fits as it is; where one would be too
long it is cut, and a hash of all of it makes it unlike others. The topic and the group of the live cursor have the same
name, so that RocketMQ's own tools show a bus under one.
"""

import re
from hashlib import sha256

LONGEST = 120
"""Of a group's name; topics may have 127."""
RETRY_TOPIC = "%RETRY%"
"""A broker makes the topic of this prefix for each group with members."""
_ILLEGAL = re.compile(r"[^A-Za-z0-9_-]+")


def bus_topic(prefix: str, bus: str) -> str:
    """The topic of a bus, and the group of its live cursor."""
    return _cut(f"{prefix}-{bus}")


def cursor_group(topic: str, cursor: str, token: str) -> str:
    """The group of another cursor. ``token`` makes it one that no group ever was: what brokers have kept of a cursor that
    was deleted must not count for the next one of its name.
    """
    readable = _ILLEGAL.sub("-", cursor).strip("-") or "cursor"
    return f"{_cut(f'{topic}-{readable}', LONGEST - 1 - len(token))}-{token}"


def cursor_key(cursor: str) -> str:
    """A short key for any name."""
    return sha256(cursor.encode()).hexdigest()[:32]


def _cut(name: str, longest: int = LONGEST) -> str:
    if len(name) <= longest:
        return name
    return f"{name[: longest - 9]}-{sha256(name.encode()).hexdigest()[:8]}"
