"""Copies buses from one store to another: every event, in its order and partition, and where each cursor stood.

It may be ended at any moment and begun again: two cursors in the copy say where it began, on both sides, and how many
events the copy has tells how far it is. So nobody else may put to a bus while it is being copied into.

At the end both sides are read again and compared event by event. Offsets of the copy begin at 0; the time at which an
event was received is that of the copy, as every store gives it itself.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from itertools import groupby
from typing import NamedTuple

import msgspec

from bridge.codec.log import encode_event, events_of, join_events
from bridge.errors import Conflict, StoreError
from bridge.model.event import Event
from bridge.model.log import Chunk, StoredChunk
from bridge.stores.bus.base import BusLog, BusStore

BEGAN_FROM, BEGAN_TO = "bridge/copy/from", "bridge/copy/to"
"""Cursors of an unfinished copy: where its first event lies, in the source and in the copy."""
STEP, STEP_BYTES = 1000, 2**20
"""Events in one read; bytes in one append, about."""

Told = Callable[[int], None]
"""Is told how many more events are copied or compared."""


class Copied(NamedTuple):
    """What was copied of a bus. ``digest`` is that of its events, the same on both sides."""

    bus: str
    partitions: int
    events: int
    digest: str


class Range(NamedTuple):
    """A partition's events that are copied: from ``first`` to ``end`` - 1 in the source, from ``to`` on in the copy."""

    first: int
    end: int
    to: int


async def copy_bus(source: BusStore, target: BusStore, bus: str, begin: Callable[[int], Told]) -> Copied:
    """Copy a bus, or go on with that. ``begin`` is told how much there is to do, in events, and gives who is told more.

    Raises NotFound, Conflict (the bus has events in the target, or more partitions), StoreError when the sides differ,
    and what the stores raise.
    """
    log = source.log(bus)
    copy = await target.create(bus, log.partitions)
    ranges = await _ranges(log, copy)
    told = begin(2 * sum(each.end - each.first for each in ranges.values()))
    await asyncio.gather(*[_copy(log, copy, partition, each, told) for partition, each in ranges.items()])
    ranges = await _ranges(log, copy, ranges)
    digests = await asyncio.gather(*[_compare(log, copy, partition, each, told) for partition, each in ranges.items()])
    await _copy_cursors(log, copy, ranges)
    for mark in (BEGAN_TO, BEGAN_FROM):
        await copy.delete_cursor(mark)
    count = sum(each.end - each.first for each in ranges.values())
    return Copied(bus, log.partitions, count, sha256(b"".join(digests)).hexdigest())


async def _ranges(log: BusLog, copy: BusLog, before: Mapping[int, Range] | None = None) -> dict[int, Range]:
    """What to copy: as it was begun, up to the end as it is now, or as it was ``before``."""
    began, to = await copy.cursor(BEGAN_FROM), await copy.cursor(BEGAN_TO)
    partitions = range(log.partitions)
    if not began.keys() == to.keys() == set(partitions):
        filled = [partition for partition in range(copy.partitions) if copy.bounds(partition).end]
        if filled or copy.partitions != log.partitions:
            raise Conflict(
                f"the bus {log.name} is there already, with {copy.partitions} partitions and events of its own"
            )
        began = {partition: log.bounds(partition).first for partition in partitions}
        to = dict.fromkeys(partitions, 0)
        await copy.commit(BEGAN_FROM, began)
        await copy.commit(BEGAN_TO, to)
    ends = {p: before[p].end if before is not None else log.bounds(p).end for p in partitions}
    return {p: Range(began[p], max(ends[p], began[p]), to[p]) for p in partitions}


async def _copy(log: BusLog, copy: BusLog, partition: int, wanted: Range, told: Told) -> None:
    first, end, to = wanted
    offset = first + copy.bounds(partition).end - to
    told(offset - first)
    while offset < end:
        chunks = await log.read(partition, offset, min(STEP, end - offset))
        if not chunks or chunks[0].offset > offset:
            offset = await _pass_over(log, copy, partition, offset, chunks)
            continue
        for group in _parcels(_within(chunk, offset, end) for chunk in chunks):
            await copy.append([(partition, chunk) for chunk in group])
            count = sum(chunk.events for chunk in group)
            offset += count
            told(count)


async def _pass_over(log: BusLog, copy: BusLog, partition: int, offset: int, chunks: list[StoredChunk]) -> int:
    """Retention was faster: what is gone cannot be copied, and the copy begins that much later."""
    kept = chunks[0].offset if chunks else log.bounds(partition).first
    if kept <= offset:
        raise StoreError(f"partition {partition} of the bus {log.name} has no event {offset}, though it should")
    began = (await copy.cursor(BEGAN_FROM))[partition]
    await copy.commit(BEGAN_FROM, {partition: began + kept - offset})
    return kept


def _within(chunk: StoredChunk, first: int, end: int) -> list[Chunk]:
    """The part of a chunk from one offset to another; all of it as it is."""
    if first <= chunk.offset and chunk.end <= end:
        return [Chunk(*chunk[2:])]
    events = events_of(chunk, first)[: end - max(first, chunk.offset)]
    runs = groupby(map(encode_event, events), key=lambda encoded: encoded[0])
    made = [(form, [raw for _, raw in run]) for form, run in runs]
    return [Chunk(form, len(raws), join_events(form, raws)) for form, raws in made]


def _parcels(parts: Iterable[list[Chunk]]) -> Iterable[list[Chunk]]:
    """Chunks that are appended together."""
    parcel: list[Chunk] = []
    for chunk in (chunk for part in parts for chunk in part):
        parcel.append(chunk)
        if sum(len(each.body) for each in parcel) >= STEP_BYTES:
            yield parcel
            parcel = []
    if parcel:
        yield parcel


async def _compare(log: BusLog, copy: BusLog, partition: int, wanted: Range, told: Told) -> bytes:
    """The digest of a partition's events. Raises StoreError when the two sides do not have the same."""
    first, end, to = wanted
    one = await _digest(log, partition, first, end, told)
    other = await _digest(copy, partition, to, to + end - first, lambda _: None)
    if one != other:
        raise StoreError(
            f"partition {partition} of the bus {log.name} differs from its copy: did somebody else put to it meanwhile?"
        )
    return one


async def _digest(log: BusLog, partition: int, offset: int, end: int, told: Told) -> bytes:
    found = sha256()
    while offset < end:
        chunks = await log.read(partition, offset, min(STEP, end - offset))
        if not chunks or chunks[0].offset > offset:
            break
        events = [event for chunk in chunks for event in events_of(chunk, offset)][: end - offset]
        for event in events:
            found.update(_canonical(event))
        offset += len(events)
        told(len(events))
        await asyncio.sleep(0)
    found.update(b"%d events are missing" % (end - offset) if offset < end else b"")
    return found.digest()


def _canonical(event: Event) -> bytes:
    """The same bytes for equal events: stores may give attributes in another order."""
    attributes = sorted(event.attributes.items())
    return msgspec.msgpack.encode((event.id, event.source, event.type, attributes, event.data, int(event.data_form)))


async def _copy_cursors(log: BusLog, copy: BusLog, ranges: Mapping[int, Range]) -> None:
    """Where readers were, they are in the copy; a cursor that the copy has stays where it is."""
    there = set(await copy.cursors())
    for name in await log.cursors():
        if name in there or name in {BEGAN_FROM, BEGAN_TO}:
            continue
        positions = (await log.cursor(name)).items()
        moved = {
            p: ranges[p].to + min(max(at, ranges[p].first), ranges[p].end) - ranges[p].first for p, at in positions
        }
        await copy.commit(name, moved)
