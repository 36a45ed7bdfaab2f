"""The spec of a Bus: how its log is kept and what it accepts."""

from typing import Annotated

from msgspec import Meta

from bridge.model.documents import Document
from bridge.model.units import Duration, Size


class Retention(Document, frozen=True, kw_only=True):
    """Oldest events are deleted beyond either bound; None is no bound."""

    age: Duration | None = None
    size: Size | None = None


class Quota(Size):
    """Lets something through."""

    least = "1KiB"


class Limits(Document, frozen=True, kw_only=True):
    event_size: Size = Size(256 * 1024)
    """Encoded size of one event, at most."""
    bytes_in_flight: Quota | None = None
    """Bytes of put requests to this bus being worked on at once; None: half of what the whole bridge takes."""


class BusSpec(Document, frozen=True, kw_only=True):
    partitions: Annotated[int, Meta(ge=1, le=256)] = 1
    retention: Retention = Retention()
    limits: Limits = Limits()
