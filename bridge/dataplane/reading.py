"""Reading a bus back: by subscribers, tails and people, from any position, filtered by a pattern."""

import re
from collections.abc import AsyncIterator, Mapping
from typing import NamedTuple

from bridge.codec.chunks import events_of
from bridge.errors import InvalidInput
from bridge.model import times
from bridge.model.event import Event
from bridge.model.log import Position, StoredChunk
from bridge.rules.matcher import compile_matcher
from bridge.rules.pattern import Pattern
from bridge.stores.bus.base import BusLog

POSITIONS = re.compile(r"[0-9]{1,5}:[0-9]{1,19}(,[0-9]{1,5}:[0-9]{1,19})*")


class Entry(NamedTuple):
    """One event of a bus; ``received`` in seconds since the epoch."""

    position: Position
    received: float
    event: Event


class Batch(NamedTuple):
    """What one step of reading found: the entries that match, and where the next step begins."""

    entries: list[Entry]
    offsets: dict[int, int]


class Reader:
    """Reads from ``offsets`` on, partition by partition. Keeps no position: each batch says where the next begins."""

    def __init__(self, log: BusLog, pattern: Pattern | None, *, step: int = 500) -> None:
        self._log = log
        self._matcher = compile_matcher([(True, pattern)]) if pattern is not None else None
        self._step = step

    async def batches(
        self, offsets: Mapping[int, int], *, until: float | None = None, follow: bool = False
    ) -> AsyncIterator[Batch]:
        """Batches up to the end as it is now, or for ever with ``follow``; until a time of reception, if given.

        Batches without entries come too, since their offsets have moved.
        """
        read = dict(offsets)
        ends = {p: self._log.bounds(p).end for p in read}
        while True:
            moved = False
            for partition, offset in list(read.items()):
                if not follow and offset >= ends[partition]:
                    continue
                chunks = await self._log.read(partition, offset, self._step)
                if not chunks or (until is not None and chunks[0].time >= until):
                    continue
                moved = True
                entries, read[partition] = self._entries(partition, offset, chunks, until)
                yield Batch(entries, dict(read))
            if not moved:
                if not follow:
                    return
                await self._log.wait(read)

    def _entries(
        self, partition: int, offset: int, chunks: list[StoredChunk], until: float | None
    ) -> tuple[list[Entry], int]:
        found: list[Entry] = []
        end = offset
        for chunk in chunks:
            if until is not None and chunk.time >= until:
                break
            events = events_of(chunk, offset)
            matched = self._matcher.match(events) if self._matcher is not None else [(True,)] * len(events)
            first = max(chunk.offset, offset)
            found += [
                Entry(Position(partition, first + i), chunk.time, event) for i, event in enumerate(events) if matched[i]
            ]
            end = chunk.end
        return found, end


async def start_offsets(log: BusLog, start: str) -> dict[int, int]:
    """Where reading begins: ``earliest``, ``latest``, a time (RFC 3339), or positions as ``0:17,1:4``."""
    partitions = range(log.partitions)
    if start == "earliest":
        return {p: log.bounds(p).first for p in partitions}
    if start == "latest":
        return {p: log.bounds(p).end for p in partitions}
    if POSITIONS.fullmatch(start):
        wanted = {int(p): int(o) for p, _, o in (part.partition(":") for part in start.split(","))}
        unknown = sorted(set(wanted) - set(partitions))
        if unknown:
            raise InvalidInput(f"there is no partition {unknown[0]}; this bus has {log.partitions}", path="$.from")
        return wanted
    time = parse_time(start, "$.from")
    return {p: await log.offset_at(p, time) for p in partitions}


def parse_time(text: str, path: str) -> float:
    """RFC 3339 with its zone, to seconds since the epoch."""
    time = times.parse_time(text)
    if time is None:
        raise InvalidInput(f"{text!r} is neither earliest, latest, nor a time such as 2026-11-24T08:30:00Z", path=path)
    return time
