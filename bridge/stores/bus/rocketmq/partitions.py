"""The partitions of one log with all that belongs to them: who writes and who reads them, the log's cursors, breaks and
division. The log asks them for its callers (``log``); the store tells them what it makes, sees and ends.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

from bridge.errors import BridgeError
from bridge.rocketmq.admin import Groups
from bridge.rocketmq.configs import GroupConfig
from bridge.rocketmq.errors import RocketMQError
from bridge.stores.bus.rocketmq.breaks import Breaks
from bridge.stores.bus.rocketmq.cursors import MAIN, Cursors
from bridge.stores.bus.rocketmq.division import Division
from bridge.stores.bus.rocketmq.ends import Reading
from bridge.stores.bus.rocketmq.means import Means
from bridge.stores.bus.rocketmq.partition import Partition
from bridge.stores.bus.rocketmq.registry import LogRow
from bridge.stores.bus.rocketmq.starts import Starts
from bridge.stores.bus.rocketmq.trouble import Troubles, persist
from bridge.stores.bus.rocketmq.writer import Writer
from bridge.stores.chores import Chores

SETTLE_S, SETTLE_TRIES = 0.02, 250
"""How often, and how many times, it is looked whether a broker has entered everything into a queue."""


class Partitions:
    """``all`` and ``writers`` by number; both grow. ``division``: None where this process reads everything."""

    def __init__(self, means: Means, row: LogRow, moved: Callable[[], None]) -> None:
        """``moved``: told when an end has moved, or there are more partitions."""
        self.row = row
        self.all: list[Partition] = []
        self.writers: list[Writer] = []
        self._means = means
        self._moved = moved
        self.troubles = Troubles()
        self._chores = Chores()
        self.reading = reading = self._make_reading()
        self.cursors = Cursors(row, means.registry, reading, self.all, here=lambda: self.here, token=means.token)
        self.breaks = Breaks(row.id, means.registry, reading, self.all, self.cursors, here=lambda: self.here)
        self.starts = Starts(self.breaks, row.id, means.registry, reading, self.all, here=lambda: self.here)
        self.division = (
            Division(means.cluster, means.client_id, self.all, self._chores, means.cadence) if means.is_shared else None
        )
        self.grow(row)

    def _make_reading(self) -> Reading:
        return Reading(
            cluster=self._means.cluster,
            group=self.row.topic,
            chores=self._chores,
            troubles=self.troubles,
            durability=self._means.durability,
            patience_s=self._means.patience_s,
            moved=self._moved,
            make_group=self._make_group,
            was_reset=self._was_reset,
            lost=self._lost,
        )

    async def _make_group(self, broker: str) -> None:
        await Groups(self._means.cluster).create(GroupConfig(self.row.topic), [broker])

    def _was_reset(self, partition: int) -> None:
        """The group of the live cursor, which all pulls are made for."""
        self.cursors.was_reset(MAIN, self.all[partition])
        self.all[partition].void()

    def _lost(self, partition: int, start: int) -> None:
        self.breaks.lost(partition, start)

    @property
    def here(self) -> frozenset[int]:
        """Those that this process reads."""
        return self.division.here if self.division is not None else frozenset(range(len(self.all)))

    @property
    def problems(self) -> dict[str, str]:
        """What does not work at the moment, and what keeps this process from its share."""
        return self.troubles.current | (self.division.problems if self.division is not None else {})

    def grow(self, row: LogRow, *, empty: bool = False) -> None:
        """Take in the queues that are new in ``row``; ``empty``: they have just been made."""
        self.row = row
        means = self._means
        for queue in row.queues[len(self.all) :]:
            part = Partition(queue, row.name, len(self.all), self.reading)
            if empty:
                part.begin()
            self.all.append(part)
            self.writers.append(Writer(part, means.producer, self.reading, means.clock, means.batch_bytes))
        if self.division is not None:
            self.division.is_due()
        self._moved()

    def begin(self) -> None:
        """All have just been made."""
        for part in self.all:
            part.begin()

    # Where they end

    async def refresh(self, older_than: float) -> None:
        """Ask for the ends of those of which nothing was heard since then (on the loop's clock)."""
        for part in self.all:
            part.tidy()
        await asyncio.gather(*[self._refresh(part) for part in self.all if part.heard_at < older_than])

    async def _refresh(self, part: Partition) -> None:
        try:
            await persist(part.learn, part.name, f"cannot find the ends of {part.name}", self.troubles, 0)
        except BridgeError:
            return  # it is told, and tried again soon

    def check_known(self, partitions: Iterable[int]) -> None:
        """Raises StoreUnavailable while nothing is known of one of them."""
        for partition in partitions:
            self.all[partition].check_known()

    # Who reads them

    async def divide(self) -> None:
        """Give back those that others shall read, and take those that are this process's now. Raises StoreUnavailable."""
        if self.division is not None:
            await self.division.divide()
            self.cursors.forget_places()  # who has read these partitions meanwhile may have ended and begun cursors
            await self.breaks.load()
            await asyncio.gather(*[self._refresh(part) for part in self.all if not part.known])
            self.check_known(self.here)
            await self.starts.check()

    async def leave(self) -> None:
        """Give back what is read here."""
        if self.division is not None:
            await self.division.leave()

    # At the end

    async def finish(self) -> None:
        """Let appends under way finish, and tell brokers what cursors they have not been told."""
        await asyncio.gather(*[writer.finish() for writer in self.writers])
        await self.cursors.close()

    async def end(self) -> None:
        """Give back what is read here, and end everything that is under way."""
        await self.leave()
        await self._chores.close()

    async def settle(self) -> None:
        """Return once brokers have entered into their queues what they have stored: a topic that is deleted before would
        begin with that when it is made again.
        """
        await asyncio.gather(*[_settle(part) for part in self.all])


async def _settle(part: Partition) -> None:
    with suppress(RocketMQError):
        for _ in range(SETTLE_TRIES):
            if (await part.ends())[1] >= part.end:
                return
            await asyncio.sleep(SETTLE_S)
