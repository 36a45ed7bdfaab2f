"""Stored events, found by their place."""

import pytest

from bridge.codec.chunks import judge_events
from bridge.controlplane.stored import Place, read_stored
from bridge.errors import NotFound
from bridge.model.event import DataForm, Event
from bridge.stores.bus.memory import MemoryBusStore
from bridge.testing.clock import ManualClock


async def store(*counts: int) -> MemoryBusStore:
    """A bus `traffic` of one partition with chunks of so many events, ids from 0."""
    made = MemoryBusStore(ManualClock(1_000.0))
    await made.open()
    log = await made.create("traffic", 1)
    first = 0
    for count in counts:
        events = [Event(str(first + n), "/s", "t", {}, b'{"n":1}', DataForm.JSON) for n in range(count)]
        await log.append(judge_events(events, 1, 1_000_000).chunks)
        first += count
    return made


@pytest.mark.parametrize("offset", [0, 1, 2, 3, 5])
async def test_an_event_is_found_inside_its_chunk(offset: int) -> None:
    """With its bus and the time of reception."""
    found = await read_stored(await store(3, 1, 2), Place(bus="traffic", partition=0, offset=offset))
    assert (found.event.id, found.bus, found.received) == (str(offset), "traffic", 1_000.0)


@pytest.mark.parametrize(
    ("place", "path", "reason"),
    [
        (Place(bus="x", partition=0, offset=0), "$.bus", "there is no Bus x"),
        (Place(bus="traffic", partition=1, offset=0), "$.partition", "partitions 0 to 0"),
        (Place(bus="traffic", partition=0, offset=3), "$.offset", "holds the offsets 0 to 2"),
    ],
)
async def test_a_place_that_leads_nowhere(place: Place, path: str, reason: str) -> None:
    """The member that is wrong, and what there is."""
    with pytest.raises(NotFound) as caught:
        await read_stored(await store(3), place)
    assert caught.value.path == path
    assert reason in caught.value.reason


async def test_an_empty_partition_and_events_that_are_gone() -> None:
    """Retention may have been faster."""
    with pytest.raises(NotFound, match="is empty"):
        await read_stored(await store(), Place(bus="traffic", partition=0, offset=0))
    made = await store(3, 3, 3)
    await made.log("traffic").trim(keep_bytes=1)
    first = made.log("traffic").bounds(0).first
    assert first > 0
    with pytest.raises(NotFound, match=f"offsets {first} to 8"):
        await read_stored(made, Place(bus="traffic", partition=0, offset=0))
