"""One event on its way to one target."""

from typing import Any, NamedTuple

import msgspec

from bridge.model.event import Event
from bridge.model.log import Position


class Payload(NamedTuple):
    """What a transform made of an event: the bytes to send and their media type."""

    body: bytes
    content_type: str


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """One event to one target. ``payload`` is None when the target gets the event itself.

    ``config`` is the connector's config with every expression filled in from this event; ``received`` is when the bus
    took the event, in seconds since the epoch.
    """

    event: Event
    position: Position
    payload: Payload | None
    config: Any
    received: float = 0.0
