"""An event that waits for its ``delivertime``: as the planes know it, and as users see it."""

from typing import NamedTuple

import msgspec

from bridge.model.event import Event


class DelayedEvent(NamedTuple):
    """``event`` without its data; ``due`` in seconds since the epoch; a list goes on behind its ``place``."""

    event: Event
    due: float
    place: str


class DelayedView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of ``GET /v1/buses/{bus}/delayed-events``; ``scheduled`` is when it enters its bus, RFC 3339."""

    id: str
    source: str
    type: str
    subject: str = ""
    scheduled: str
