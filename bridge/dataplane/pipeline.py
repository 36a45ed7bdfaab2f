"""The flow of one bus: read a batch, judge it, hand it to the lanes, commit the lowest position that is not settled."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from bridge.dataplane.lanes import Lane
from bridge.dataplane.ledger import Ledger
from bridge.model.delivery import Delivery
from bridge.model.log import StoredChunk
from bridge.stores.bus.base import BusLog

Route = Callable[[int, int, Sequence[StoredChunk]], Awaitable[Sequence[tuple[Lane, Sequence[Delivery]]]]]
"""Judges chunks of a partition from an offset on (the first chunk may begin before it): deliveries by lane.

It asks the catalog for its version after the chunks were read and before it matches, so that a rule that was acknowledged
before an event was put is always known (promise 8).
"""

Unwanted = Callable[[], Awaitable[bool]]
"""Whether nobody wants any event that is stored by now, so that reading them would be for nothing."""


class Pipeline:
    """One cursor of one bus, from the log to the lanes. At least once: a crash repeats what was not committed."""

    def __init__(
        self,
        log: BusLog,
        cursor: str,
        route: Route,
        *,
        unwanted: Unwanted | None = None,
        step: int = 300,
        commit_every_s: float = 0.1,
    ) -> None:
        """``step``: events read at a time, so that a turn on the event loop stays short."""
        self._log = log
        self._cursor = cursor
        self._route = route
        self._unwanted = unwanted
        self._step = step
        self._commit_every_s = commit_every_s
        self._ledgers: dict[int, Ledger] = {}
        self._committed: dict[int, int] = {}
        self._moved = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self._followers: set[asyncio.Task[None]] = set()
        self._idle: set[asyncio.Task[None]] = set()
        self._ending = False
        self.read: dict[int, int] = {}
        """Per partition the offset of the next event to read."""

    async def run(self) -> None:
        """Read and deliver until cancelled; what is settled by then is committed."""
        self._committed = await self._log.cursor(self._cursor)
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                group.create_task(self._commit_now_and_then())
                self.grow()
        finally:
            self._group = None
            await self._commit()

    def grow(self) -> None:
        """Read the partitions that were added, too."""
        if self._group is None or self._ending:
            return
        for partition in range(len(self.read), self._log.partitions):
            offset = self._committed.setdefault(partition, self._log.bounds(partition).first)
            self.read[partition] = offset
            self._ledgers[partition] = Ledger(offset)
            self._followers.add(self._group.create_task(self._follow(partition)))

    async def stop_reading(self) -> None:
        """Return once nothing more will be read; what was read keeps being committed as it settles."""
        self._ending = True
        for follower in self._idle:
            follower.cancel()
        await asyncio.gather(*self._followers, return_exceptions=True)

    async def _follow(self, partition: int) -> None:
        me = asyncio.current_task()
        assert me is not None
        while not self._ending:
            offset = self.read[partition]
            self._idle.add(me)
            await self._log.wait({partition: offset})
            self._idle.discard(me)
            end = self._log.bounds(partition).end
            if self._unwanted is not None and await self._unwanted():
                self._skip(partition, end)
                continue
            chunks = await self._log.read(partition, offset, self._step)
            if chunks:
                await self._hand_over(partition, offset, chunks)

    def _skip(self, partition: int, end: int) -> None:
        if end > self.read[partition]:
            self._ledgers[partition].enter(end, 0)
            self.read[partition] = end
            self._moved.set()

    async def _hand_over(self, partition: int, offset: int, chunks: Sequence[StoredChunk]) -> None:
        """Enter the batch in the ledger before anything is sent; wait where a lane is full."""
        routed = await self._route(partition, offset, chunks)
        ledger = self._ledgers[partition]
        batch = ledger.enter(chunks[-1].end, sum(len(deliveries) for _, deliveries in routed))
        self.read[partition] = chunks[-1].end

        def settled(number: int) -> None:
            if ledger.settle(batch, number):
                self._moved.set()

        if not batch.unsettled:
            self._moved.set()
        for lane, deliveries in sorted(routed, key=lambda pair: not pair[0].has_room):  # a full lane delays no other
            await lane.put(deliveries, settled)

    async def _commit_now_and_then(self) -> None:
        while True:
            await self._moved.wait()
            await self._commit()
            await asyncio.sleep(self._commit_every_s)

    async def _commit(self) -> None:
        self._moved.clear()
        moved = {p: ledger.position for p, ledger in self._ledgers.items() if ledger.position != self._committed[p]}
        if moved:
            await self._log.commit(self._cursor, moved)
            self._committed |= moved
