"""The log of one bus on RocketMQ, as its users see it: the contract of a bus log, on top of the log's ``partitions``."""

import asyncio
import math
from collections.abc import Awaitable, Iterable, Sequence
from functools import partial
from typing import TypeVar

from bridge.codec.log import events_of
from bridge.codec.messages import encode_members
from bridge.errors import BridgeError, StoreUnavailable
from bridge.model.log import Chunk, StoredChunk
from bridge.rocketmq.offsets import Offsets as QueueOffsets
from bridge.stores.bus.base import Bounds, Offsets, Usage
from bridge.stores.bus.lifetime import EndingLog, dropped
from bridge.stores.bus.rocketmq.chunks import renumbered
from bridge.stores.bus.rocketmq.doubt import find_stored, mark_of
from bridge.stores.bus.rocketmq.means import Means
from bridge.stores.bus.rocketmq.partition import Partition
from bridge.stores.bus.rocketmq.partitions import Partitions
from bridge.stores.bus.rocketmq.registry import LogRow
from bridge.stores.bus.rocketmq.trouble import persist

T = TypeVar("T")

SAMPLE = 32
"""Messages that are looked at to guess how large the others are."""
SHORT_S = 5.0
"""Who only wants to know how things are waits so long for a broker."""
BEYOND_S = 5.0
"""Who waits for more than the end is told after so long that there is nothing."""


class RocketMqBusLog(EndingLog):
    """``parts`` and ``is_leaving`` are the store's."""

    def __init__(self, means: Means, row: LogRow) -> None:
        super().__init__(row.name)
        self.is_shared = means.is_shared
        self.is_leaving = False  # being dropped: takes no more appends
        self.parts = Partitions(means, row, moved=self._waiters.wake)
        self._means = means
        self._offsets = QueueOffsets(means.cluster, row.topic)

    @property
    def partitions(self) -> int:  # type: ignore[override]  # read-only here: it follows the registry
        return len(self.parts.all)

    @property
    def here(self) -> frozenset[int]:
        return self.parts.here

    def _part(self, partition: int) -> Partition:
        self._check_partition(partition)
        return self.parts.all[partition]

    # Dividing

    async def until_divided(self) -> None:
        division = self.parts.division
        if division is not None and self._gone is None:
            await division.until_due()
        if division is None or self._gone is not None:
            await asyncio.Event().wait()

    async def divide(self) -> None:
        self._check()
        await self._unless_gone(self.parts.divide())

    # Events

    async def append(self, chunks: Sequence[tuple[int, Chunk]]) -> list[int]:
        """Each partition's events are stored as one whole (up to the size of a batch), not those of several partitions.

        Raises TooLarge, too. StoreUnavailable may mean that some or all of it is stored after all.
        """
        self._check()
        if self.is_leaving:
            raise dropped(self.name)
        for partition, chunk in chunks:
            self._check_partition(partition)
            if chunk.events < 1:
                raise ValueError(f"a chunk of {chunk.events} events")
        encoded = [(partition, self._encode(chunk)) for partition, chunk in chunks]
        numberings = [self.parts.all[partition].numbering for partition, _ in chunks]
        answers = [self.parts.writers[partition].append(members) for partition, members in encoded]
        offsets = await asyncio.gather(*answers, return_exceptions=True)
        for offset in offsets:
            if isinstance(offset, BaseException):
                self._check()  # perhaps that is why
                raise offset
        stored = [offset for offset in offsets if isinstance(offset, int)]
        places = [await self._outer(partition, at) for (partition, _), at in zip(chunks, stored, strict=True)]
        for (partition, members), at, numbering in zip(encoded, stored, numberings, strict=True):
            if self.parts.all[partition].numbering != numbering:
                await self._unless_gone(_check_there(self.parts.all[partition], at, members))
        return places

    async def _outer(self, partition: int, offset: int) -> int:
        """The partition's offset for one of its queue."""
        part = self.parts.all[partition]
        await self.parts.breaks.boots(part).until_sure()
        await self._until_whole(partition)
        return part.numbering.outer(offset)

    async def _until_whole(self, partition: int) -> None:
        """While a lost end is being mended, offsets mean nothing certain."""
        part = self.parts.all[partition]
        if not part.is_whole:
            await self._unless_gone(part.until_whole())

    def _encode(self, chunk: Chunk) -> list[bytes]:
        events = events_of(StoredChunk(0, 0.0, *chunk))
        return encode_members(events, self._means.ids(len(events)))

    async def read(self, partition: int, offset: int, limit: int) -> list[StoredChunk]:
        self._check()
        part = self._part(partition)
        epoch = part.epoch
        await self._until_whole(partition)
        numbering = part.numbering
        chunks = await self._unless_gone(part.read(numbering.inner(offset), limit))
        _check_epoch(part, epoch)
        if part.numbering != numbering or not part.is_whole:  # lost while it was read
            return await self.read(partition, offset, limit)
        return (
            chunks
            if len(numbering.segments) == 1 and not numbering.segments[0].shift
            else renumbered(chunks, numbering)
        )

    async def wait(self, offsets: Offsets) -> None:
        """Raises StoreUnavailable when the reader must begin again, or waits for what is beyond the end."""
        self._check()
        parts = {self._part(partition): offset for partition, offset in offsets.items()}
        epochs = {part: part.epoch for part in parts}
        if _holds(parts):
            return
        for part in parts:
            part.look_out()
        try:
            while not _holds(parts):
                await self._turn(parts)
                self._check()
                for part, epoch in epochs.items():
                    _check_epoch(part, epoch)
        finally:
            for part in parts:
                part.rest()

    async def _turn(self, parts: dict[Partition, int]) -> None:
        """Until something has moved. Who waits beyond an end is not left waiting for ever."""
        beyond = [(part, offset) for part, offset in parts.items() if _is_beyond(part, offset)]
        try:
            async with asyncio.timeout(BEYOND_S if beyond else None):
                await self._waiters.turn()
        except TimeoutError:
            for part, offset in beyond:
                if _is_beyond(part, offset):
                    end = part.numbering.outer(part.end)
                    raise StoreUnavailable(f"{part.name} ends at {end}: there is no offset {offset}") from None

    async def _unless_gone(self, work: Awaitable[T]) -> T:
        """It ends with the log, and that is told as such: nobody waits for what is patient with a topic that is deleted."""

        async def wait() -> T:
            return await work

        try:
            return await self.parts.reading.chores.begin(wait())
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and not task.cancelling():  # the log has ended, and not who calls it
                self._check()
            raise
        except BridgeError:
            self._check()
            raise

    def bounds(self, partition: int) -> Bounds:
        """Raises StoreUnavailable while its broker has not answered since the start."""
        part = self._part(partition)
        part.check_known()
        return Bounds(part.numbering.outer(part.first), part.numbering.outer(part.end))

    async def offset_at(self, partition: int, time: float) -> int:
        """By the clock of the broker, to the millisecond."""
        self._check()
        part = self._part(partition)
        time_ms = min(max(math.ceil(round(time * 1000, 3)), 0), 2**63 - 1) if math.isfinite(time) else 0
        search = partial(self._offsets.at, part.queue, time_ms)
        doing = f"cannot find a time in {part.name}"
        at = await self._unless_gone(self.parts.reading.persist(search, part.name, doing))
        return await self._outer(partition, max(at, part.first))

    async def trim(self, *, before: float | None = None, keep_bytes: int | None = None) -> int:
        """Nothing: how long events are kept is the broker's affair."""
        self._check()
        return 0

    async def usage(self) -> Usage:
        """The bytes are an estimate: as many events of the size of those seen lately."""
        self._check()
        known = [part for part in self.parts.all if part.known and part.first < part.end]
        oldest = await self._unless_gone(asyncio.gather(*[self._oldest(part) for part in known]))
        times = [time for time in oldest if time is not None]
        size = sum([(part.end - part.first) * await self._unless_gone(part.message_size(SAMPLE)) for part in known])
        return Usage(sum(part.end - part.first for part in known), round(size), min(times, default=None))

    async def _oldest(self, part: Partition) -> float | None:
        ask = partial(self._offsets.earliest_ms, part.queue)
        doing = f"cannot find the oldest event of {part.name}"
        time_ms = await persist(ask, part.name, doing, self.parts.troubles, SHORT_S)
        return time_ms / 1000 if time_ms is not None else None

    # Cursors

    async def cursor(self, name: str) -> dict[int, int]:
        self._check()
        for partition in self.here:
            await self._until_whole(partition)
        return await self._unless_gone(self.parts.cursors.get(name))

    async def commit(self, name: str, offsets: Offsets) -> None:
        self._check()
        for partition in offsets:
            self._check_partition(partition)
            await self._until_whole(partition)
        await self._unless_gone(self.parts.cursors.set(name, offsets))

    async def cursors(self) -> list[str]:
        self._check()
        return await self.parts.cursors.names()

    async def delete_cursor(self, name: str, partitions: Iterable[int] | None = None) -> None:
        self._check()
        await self._unless_gone(self.parts.cursors.delete(name, partitions))


async def _check_there(part: Partition, offset: int, members: Sequence[bytes]) -> None:
    """A broker that deletes a topic may still store events and answer, and forget them with the queue: raises
    StoreUnavailable. The queue's end was lost while they were on their way.
    """
    if await find_stored(part, offset, mark_of(members[0])) is None:
        raise StoreUnavailable(f"{part.name}: the events are stored, and gone with the end of its queue")


def _check_epoch(part: Partition, epoch: int) -> None:
    if part.epoch != epoch:
        raise StoreUnavailable(f"{part.name}: what its readers know does not hold any more; read from the cursor again")


def _holds(parts: dict[Partition, int]) -> bool:
    """Whether one of them has an event at or behind its offset."""
    return any(part.holds(part.numbering.inner(offset)) for part, offset in parts.items())


def _is_beyond(part: Partition, offset: int) -> bool:
    return part.known and part.is_whole and offset > part.numbering.outer(part.end)
