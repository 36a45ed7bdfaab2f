"""The extension ``delivertime``: an event that has it, in the future, enters its bus at that time and not before.

RFC 3339, as text or (in protobuf) as a Timestamp, at most ``FURTHEST_S`` ahead. A time that is past changes nothing.
"""

from bridge.codec.attributes import path_of, shown
from bridge.codec.times import parse_time
from bridge.errors import InvalidEvent
from bridge.model.event import Event

DELIVER_TIME = "delivertime"
FURTHEST_S = 366 * 86_400.0


def find_due(event: Event, now: float) -> float | None:
    """When the event wants to enter its bus, in seconds since the epoch; None: at once. Raises InvalidEvent."""
    value = event.attributes.get(DELIVER_TIME)
    if value is None:
        return None
    moment = parse_time(value) if isinstance(value, str) else None
    if moment is None:
        raise InvalidEvent(
            f"{shown(value)} is not a time as in RFC 3339, such as 2026-11-24T08:30:00Z", path=path_of(DELIVER_TIME)
        )
    due = moment[0] + moment[1] / 1e9
    if due > now + FURTHEST_S:
        raise InvalidEvent(f"{shown(value)} is more than 366 days ahead", path=path_of(DELIVER_TIME))
    return due if due > now else None
