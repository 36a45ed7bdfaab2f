"""Events that lie in a bus already, found again by their place."""

from typing import Annotated, NamedTuple

from msgspec import Meta

from bridge.codec.chunks import events_of
from bridge.controlplane.resources import beside
from bridge.errors import NotFound
from bridge.model.documents import Document
from bridge.model.event import Event
from bridge.stores.bus.base import BusStore

_MOST = 2**63 - 1


class Place(Document, frozen=True, kw_only=True):
    """Where a stored event lies; the bus may be left out where the route names one."""

    bus: str = ""
    partition: Annotated[int, Meta(ge=0, le=_MOST)]
    offset: Annotated[int, Meta(ge=0, le=_MOST)]


class Stored(NamedTuple):
    """An event of a bus; ``received``: when the bus took it, in seconds since the epoch."""

    event: Event
    bus: str
    received: float


async def read_stored(store: BusStore, place: Place) -> Stored:
    """Raises NotFound with the member of the place that leads nowhere as path; StoreError."""
    try:
        log = store.log(place.bus)
    except NotFound as error:
        raise NotFound(f"there is no Bus {place.bus}", path="$.bus") from error
    if place.partition >= log.partitions:
        raise NotFound(f"{place.bus} has the partitions 0 to {log.partitions - 1}", path="$.partition")
    first, end = log.bounds(place.partition)
    chunks = await log.read(place.partition, place.offset, 1) if first <= place.offset < end else []
    if not chunks or chunks[0].offset > place.offset:
        holds = f"holds the offsets {first} to {end - 1}" if first < end else "is empty"
        raise NotFound(f"partition {place.partition} of {place.bus} {holds}", path="$.offset")
    chunk = chunks[0]
    events = await beside(len(chunk.body), lambda: events_of(chunk, place.offset))
    return Stored(events[0], place.bus, chunk.time)
