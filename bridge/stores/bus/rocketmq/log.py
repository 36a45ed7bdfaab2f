"""The log of one bus on RocketMQ: puts its partitions, writers, cursors and division together."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from bridge.codec.log import events_of
from bridge.codec.messages import encode_members
from bridge.errors import BridgeError, NotFound, StoreUnavailable
from bridge.model.clock import Clock
from bridge.model.log import Chunk, StoredChunk
from bridge.rocketmq.admin import Groups
from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.configs import GroupConfig
from bridge.rocketmq.errors import RocketMQError
from bridge.rocketmq.groups import Cadence
from bridge.rocketmq.offsets import Offsets as QueueOffsets
from bridge.rocketmq.producer import Producer
from bridge.rocketmq.unique import UniqueIds
from bridge.stores.bus.base import Bounds, BusLog, Offsets, Usage
from bridge.stores.bus.rocketmq.breaks import Breaks
from bridge.stores.bus.rocketmq.chunks import renumbered
from bridge.stores.bus.rocketmq.cursors import MAIN, Cursors
from bridge.stores.bus.rocketmq.division import Division
from bridge.stores.bus.rocketmq.ends import Reading
from bridge.stores.bus.rocketmq.partition import Partition
from bridge.stores.bus.rocketmq.registry import LogRow, Registry
from bridge.stores.bus.rocketmq.trouble import Troubles, persist
from bridge.stores.bus.rocketmq.writer import Writer
from bridge.stores.chores import Chores
from bridge.stores.waiters import Waiters

T = TypeVar("T")

SAMPLE = 32
"""Messages that are looked at to guess how large the others are."""
SHORT_S = 5.0
"""Who only wants to know how things are waits so long for a broker."""
SETTLE_S, SETTLE_TRIES = 0.02, 250
"""How often, and how many times, it is looked whether a broker has entered everything into a queue."""
BEYOND_S = 5.0
"""Who waits for more than the end is told after so long that there is nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What all logs of a store share. ``client_id`` is this process's, as a member of groups."""

    cluster: Cluster
    producer: Producer
    registry: Registry
    chores: Chores
    troubles: Troubles
    clock: Clock
    ids: UniqueIds
    token: Callable[[], str]
    client_id: str
    is_shared: bool
    cadence: Cadence
    batch_bytes: int
    patience_s: float


class RocketMqBusLog(BusLog):
    def __init__(self, means: Means, row: LogRow) -> None:
        self.name = row.name
        self.row = row
        self.is_shared = means.is_shared
        self.is_leaving = False  # being dropped: takes no more appends
        self._means = means
        self._waiters = Waiters()
        self._gone: Callable[[], BridgeError] | None = None
        self._reading = Reading(
            cluster=means.cluster,
            group=row.topic,
            chores=means.chores,
            troubles=means.troubles,
            patience_s=means.patience_s,
            moved=self._waiters.wake,
            make_group=self._make_group,
            was_reset=self._was_reset,
            lost=self._lost,
        )
        self._parts: list[Partition] = []
        self._writers: list[Writer] = []
        self._cursors = Cursors(
            row, means.registry, self._reading, self._parts, here=lambda: self.here, token=means.token
        )
        self._breaks = Breaks(row.id, means.registry, self._reading, self._parts, self._cursors, here=lambda: self.here)
        self._division = (
            Division(means.cluster, means.client_id, self._parts, means.chores, means.cadence)
            if means.is_shared
            else None
        )
        self.grow(row)

    @property
    def partitions(self) -> int:  # type: ignore[override]  # read-only here: it follows the registry
        return len(self._parts)

    @property
    def here(self) -> frozenset[int]:
        return self._division.here if self._division is not None else frozenset(range(len(self._parts)))

    @property
    def problems(self) -> dict[str, str]:
        return self._division.problems if self._division is not None else {}

    def grow(self, row: LogRow, *, empty: bool = False) -> None:
        """Take in the queues that are new in ``row``; ``empty``: they have just been made."""
        self.row = row
        for queue in row.queues[len(self._parts) :]:
            part = Partition(queue, self.name, len(self._parts), self._reading)
            if empty:
                part.begin()
            self._parts.append(part)
            means = self._means
            self._writers.append(Writer(part, means.producer, self._reading, means.clock, means.batch_bytes))
        if self._division is not None:
            self._division.is_due()
        self._waiters.wake()

    def begin(self) -> None:
        """It has just been made."""
        for part in self._parts:
            part.begin()

    async def refresh(self, older_than: float) -> None:
        """Ask for the ends of partitions of which nothing was heard since then (on the loop's clock)."""
        for part in self._parts:
            part.tidy()
        await asyncio.gather(*[self._refresh(part) for part in self._parts if part.heard_at < older_than])

    async def _refresh(self, part: Partition) -> None:
        try:
            await persist(part.learn, part.name, f"cannot find the ends of {part.name}", self._means.troubles, 0)
        except BridgeError:
            return  # it is told, and tried again soon

    async def load(self) -> None:
        """What the registry knows of partitions. Raises StoreUnavailable."""
        await self._breaks.load()

    def connected(self, address: str) -> None:
        """A broker is there, perhaps again."""
        for part in self._parts:
            part.connected(address)

    async def check_boots(self, *, if_due: bool = False) -> None:
        """Whether brokers that were started again have lost something."""
        if self._breaks.are_due or not if_due:
            await self._breaks.check_boots()

    def check_known(self, partitions: Iterable[int]) -> None:
        """Raises StoreUnavailable while nothing is known of one of them."""
        for partition in partitions:
            self._parts[partition].check_known()

    async def finish(self) -> None:
        """Let appends under way finish, and tell brokers what cursors they have not been told."""
        await asyncio.gather(*[writer.finish() for writer in self._writers])
        await self._cursors.close()

    async def settle(self) -> None:
        """Return once brokers have entered into their queues what they have stored: a topic that is deleted before would
        begin with that when it is made again.
        """
        await asyncio.gather(*[_settle(part) for part in self._parts])

    async def leave(self) -> None:
        """Give back what is read here."""
        if self._division is not None:
            await self._division.leave()

    def end(self, why: Callable[[], BridgeError]) -> None:
        """No more calls: whoever waits is told why."""
        self._gone = why
        self._waiters.wake()
        for part in self._parts:
            self._means.troubles.works(part.name)

    def _check(self) -> None:
        if self._gone is not None:
            raise self._gone()

    def _part(self, partition: int) -> Partition:
        if not 0 <= partition < len(self._parts):
            raise NotFound(f"the log of the bus {self.name} has no partition {partition}")
        return self._parts[partition]

    # Dividing

    async def until_divided(self) -> None:
        if self._division is not None and self._gone is None:
            await self._division.until_due()
        if self._division is None or self._gone is not None:
            await asyncio.Event().wait()

    async def divide(self) -> None:
        self._check()
        if self._division is not None:
            await self._division.divide()
            self._cursors.forget_places()  # who has read these partitions meanwhile may have ended and begun cursors
            await self._breaks.load()
            await asyncio.gather(*[self._refresh(part) for part in self._parts if not part.known])
            self.check_known(self.here)
            await self._breaks.check_boots()

    # Events

    async def append(self, chunks: Sequence[tuple[int, Chunk]]) -> list[int]:
        """Each partition's events are stored as one whole (up to the size of a batch), not those of several partitions.

        Raises TooLarge, too. StoreUnavailable may mean that some or all of it is stored after all.
        """
        self._check()
        if self.is_leaving:
            raise dropped(self.name)
        for partition, chunk in chunks:
            self._part(partition)
            if chunk.events < 1:
                raise ValueError(f"a chunk of {chunk.events} events")
        encoded = [(partition, self._encode(chunk)) for partition, chunk in chunks]
        answers = [self._writers[partition].append(members) for partition, members in encoded]
        offsets = await asyncio.gather(*answers, return_exceptions=True)
        for offset in offsets:
            if isinstance(offset, BaseException):
                self._check()  # perhaps that is why
                raise offset
        stored = [offset for offset in offsets if isinstance(offset, int)]
        return [await self._outer(partition, at) for (partition, _), at in zip(chunks, stored, strict=True)]

    async def _outer(self, partition: int, offset: int) -> int:
        """The partition's offset for one of its queue."""
        await self._until_whole(partition)
        return self._parts[partition].numbering.outer(offset)

    async def _until_whole(self, partition: int) -> None:
        """While a lost end is being mended, offsets mean nothing certain."""
        part = self._parts[partition]
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
        """What was ended under us is told as such."""
        try:
            return await work
        except (asyncio.CancelledError, BridgeError):
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
        offsets = QueueOffsets(self._means.cluster, self.row.topic)
        doing = f"cannot find a time in {part.name}"
        at = await self._unless_gone(self._reading.persist(lambda: offsets.at(part.queue, time_ms), part.name, doing))
        return await self._outer(partition, max(at, part.first))

    async def trim(self, *, before: float | None = None, keep_bytes: int | None = None) -> int:
        """Nothing: how long events are kept is the broker's affair."""
        self._check()
        return 0

    async def usage(self) -> Usage:
        """The bytes are an estimate: as many events of the size of those seen lately."""
        self._check()
        known = [part for part in self._parts if part.known and part.first < part.end]
        oldest = await self._unless_gone(asyncio.gather(*[self._oldest(part) for part in known]))
        times = [time for time in oldest if time is not None]
        size = sum([(part.end - part.first) * await self._unless_gone(part.message_size(SAMPLE)) for part in known])
        return Usage(sum(part.end - part.first for part in known), round(size), min(times, default=None))

    async def _oldest(self, part: Partition) -> float | None:
        offsets = QueueOffsets(self._means.cluster, self.row.topic)
        doing = f"cannot find the oldest event of {part.name}"
        time_ms = await persist(
            lambda: offsets.earliest_ms(part.queue), part.name, doing, self._means.troubles, SHORT_S
        )
        return time_ms / 1000 if time_ms is not None else None

    # Cursors

    async def cursor(self, name: str) -> dict[int, int]:
        self._check()
        for partition in self.here:
            await self._until_whole(partition)
        return await self._unless_gone(self._cursors.get(name))

    async def commit(self, name: str, offsets: Offsets) -> None:
        self._check()
        for partition in offsets:
            self._part(partition)
            await self._until_whole(partition)
        await self._unless_gone(self._cursors.set(name, offsets))

    async def cursors(self) -> list[str]:
        self._check()
        return await self._cursors.names()

    async def delete_cursor(self, name: str, partitions: Iterable[int] | None = None) -> None:
        self._check()
        await self._unless_gone(self._cursors.delete(name, partitions))

    def _was_reset(self, partition: int) -> None:
        """The group of the live cursor, which all pulls are made for."""
        self._cursors.was_reset(MAIN, self._parts[partition])
        self._parts[partition].void()

    def _lost(self, partition: int, start: int) -> None:
        self._breaks.lost(partition, start)

    async def _make_group(self, broker: str) -> None:
        await Groups(self._means.cluster).create(GroupConfig(self.row.topic), [broker])


def dropped(name: str) -> NotFound:
    return NotFound(f"the log of the bus {name} was dropped")


def _check_epoch(part: Partition, epoch: int) -> None:
    if part.epoch != epoch:
        raise StoreUnavailable(f"{part.name}: what its readers know does not hold any more; read from the cursor again")


async def _settle(part: Partition) -> None:
    with suppress(RocketMQError):
        for _ in range(SETTLE_TRIES):
            if (await part.ends())[1] >= part.end:
                return
            await asyncio.sleep(SETTLE_S)


def _holds(parts: dict[Partition, int]) -> bool:
    """Whether one of them has an event at or behind its offset."""
    return any(part.holds(part.numbering.inner(offset)) for part, offset in parts.items())


def _is_beyond(part: Partition, offset: int) -> bool:
    return part.known and part.is_whole and offset > part.numbering.outer(part.end)
