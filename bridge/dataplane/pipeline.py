"""One cursor at work: read a batch, judge it, hand it to the lanes, commit the lowest position that is not settled.

The live cursor of a bus serves every target that keeps up. Where a lane stays full, the pipeline's owner is asked to
``relieve`` it of that lane: it takes the deliveries that are left out of the batch, and the others go on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from bridge.crashpoints import crash_point
from bridge.dataplane.lanes import Lane
from bridge.dataplane.ledger import Ledger
from bridge.dataplane.routing import Failures, Judgement
from bridge.dataplane.sending import Send, Settled
from bridge.errors import NotFound
from bridge.model.delivery import Delivery
from bridge.model.log import StoredChunk
from bridge.stores.bus.base import BusLog

Refresh = Callable[[], Awaitable[None]]
"""Puts every definition in force that was acknowledged by now. Called after a batch was read and before it is judged, so
that a rule that was acknowledged before an event was put is always known (promise 8)."""

Judge = Callable[[int, int, Sequence[StoredChunk]], Judgement]
"""Judges chunks of a partition from an offset on (the first chunk may begin before it). Immediate: between it and the
moment when the batch counts as read nothing else happens, so that targets can join and leave without a gap or a double."""

Unwanted = Callable[[], bool]
"""Whether nobody wants any event, so that reading them would be for nothing."""

Relieve = Callable[[Lane], Awaitable[None]]
"""A lane stays full: take its deliveries out of every hand-over that is under way."""

Moved = Callable[[], None]
"""Told after every batch that was handed over."""

Lost = Callable[[int, int, int], None]
"""Told that retention was faster: the partition, and from which offset to which events are gone."""


class Wiring(NamedTuple):
    """What a pipeline asks of its owner and tells it. Without ``relieve``, a full lane is waited for."""

    refresh: Refresh
    judge: Judge
    unwanted: Unwanted | None = None
    relieve: Relieve | None = None
    moved: Moved | None = None
    lost: Lost | None = None


class Pace(NamedTuple):
    """``step``: events read at a time, so that a turn on the event loop stays short. ``patience_s``: how long one such step
    waits for lanes that are full, before the owner is asked to relieve the pipeline of them.
    """

    step: int = 300
    commit_every_s: float = 0.1
    patience_s: float = 0.25


STEADY = Pace()


class HandOver:
    """Deliveries of one batch on their way into one lane. ``take`` what is left, and nobody else puts it."""

    def __init__(self, lane: Lane, deliveries: Sequence[Delivery], settled: Settled) -> None:
        self.lane = lane
        self.left = deliveries
        self.settled = settled

    def offer(self) -> None:
        """As many as there is room for now."""
        self.left = self.left[self.lane.offer(self.left, self.settled) :]

    def take(self) -> Sequence[Delivery]:
        left, self.left = self.left, ()
        return left


class Burying(HandOver):
    """Deliveries to a lane that could not be made, on their way to the dead letters."""

    def __init__(self, failures: Failures, settled: Settled) -> None:
        super().__init__(failures.lane, [one.delivery for one in failures.given_up], settled)
        self._failures = failures

    def offer(self) -> None:
        """That takes a while."""

    async def finish(self) -> None:
        await self._failures.bury(self._failures.given_up)
        if left := self.take():
            self.settled(len(left))


class Pipeline:
    """From the log to the lanes. At least once: a crash repeats what was not committed."""

    def __init__(self, log: BusLog, cursor: str, wiring: Wiring, pace: Pace = STEADY) -> None:
        self._log = log
        self._cursor = cursor
        self._wiring = wiring
        self._pace = pace
        self._ledgers: dict[int, Ledger] = {}
        self._committed: dict[int, int] = {}
        self._moved = asyncio.Event()
        self._progress = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self._followers: set[asyncio.Task[None]] = set()
        self._idle: set[asyncio.Task[None]] = set()
        self._followed: set[int] = set()
        self._ending = self._ended = self._abandoned = self._skipping = False
        self.hand_overs: list[HandOver] = []
        self.read: dict[int, int] = {}
        """Per partition the offset of the next event to read."""

    def adopt(self, partition: int, read: int, sends: Sequence[Send]) -> None:
        """Before ``run``: begin a partition at ``read``, answering for sends from before it that are still under way.

        Each by itself, so that the cursor moves on with them: in order by key there may be a thousand.
        """
        starts: dict[int, list[Send]] = {}
        for send in sends:
            starts.setdefault(send.deliveries[0].position.offset, []).append(send)
        ends = [*sorted(starts), read]
        ledger = self._ledgers[partition] = Ledger(ends[0])
        self.read[partition] = read
        for start, end in pairwise(ends):
            settled = self._enter_batch(ledger, end, sum(len(send.deliveries) for send in starts[start]))
            for send in starts[start]:
                send.settled = settled

    def _enter_batch(self, ledger: Ledger, end: int, unsettled: int) -> Settled:
        """Returns what is to be told how many of its deliveries are settled."""
        batch = ledger.enter(end, unsettled)

        def settled(number: int) -> None:
            if ledger.settle(batch, number):
                self._advance()

        return settled

    @property
    def position(self) -> dict[int, int]:
        """What may be committed."""
        return {partition: ledger.position for partition, ledger in self._ledgers.items()}

    def abandon(self) -> None:
        """Commit nothing any more: another pipeline has taken over what was not settled."""
        self._abandoned = True

    async def until_settled(self) -> None:
        """Return once everything that was read is settled."""
        while any(ledger.under_way for ledger in self._ledgers.values()):
            self._progress.clear()
            await self._progress.wait()

    async def until_committed(self, position: Mapping[int, int]) -> bool:
        """Return once it is committed up to there, in the partitions that are read here; False when it ended before."""
        while not self._ended and any(self._committed.get(p, offset) < offset for p, offset in position.items()):
            self._progress.clear()
            await self._progress.wait()
        return not self._ended

    async def run(self, begun: Moved | None = None) -> None:
        """Read and deliver until cancelled; what is settled by then is committed. ``begun``: told where it begins."""
        self._committed = await self._log.cursor(self._cursor)
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                group.create_task(self._commit_now_and_then())
                self.grow()
                if begun is not None:
                    begun()
        finally:
            self._group = None
            await self._commit()
            self._ended = True
            self._progress.set()

    def grow(self) -> None:
        """Read the partitions that were added, too."""
        if self._group is None or self._ending:
            return
        for partition in sorted(self._log.here - self._followed):
            self._followed.add(partition)
            if partition not in self.read:
                offset = self._committed.setdefault(partition, self._log.bounds(partition).first)
                self.read[partition] = offset
                self._ledgers[partition] = Ledger(offset)
            self._committed.setdefault(partition, self._ledgers[partition].position)
            self._followers.add(self._group.create_task(self._follow(partition)))

    def read_no_more(self) -> None:
        """From now on no batch is judged, not even one that has been read already."""
        self._ending = True

    async def stop_reading(self) -> None:
        """Return once nothing more will be read; what was read keeps being committed as it settles."""
        self.read_no_more()
        for follower in self._idle:
            follower.cancel()
        await asyncio.gather(*self._followers - {asyncio.current_task()}, return_exceptions=True)

    async def _follow(self, partition: int) -> None:
        me = asyncio.current_task()
        assert me is not None
        while not self._ending:
            offset = self.read[partition]
            self._idle.add(me)
            await self._log.wait({partition: offset})
            self._idle.discard(me)
            end = self._log.bounds(partition).end
            if self._wiring.unwanted is not None:
                await self._wiring.refresh()
                if self._wiring.unwanted():
                    self._skip(partition, end)
                    continue
            chunks = await self._log.read(partition, offset, self._pace.step)
            if chunks:
                self._count_lost(partition, offset, chunks[0].offset)
                await self._hand_over(partition, offset, chunks)
                if self._wiring.moved is not None:
                    self._wiring.moved()

    def _skip(self, partition: int, end: int) -> None:
        if end > self.read[partition]:
            self._ledgers[partition].enter(end, 0)
            self.read[partition] = end
            if not self._skipping:  # nobody is waiting for it: now and then is enough
                self._skipping = True
                asyncio.get_running_loop().call_later(10 * self._pace.commit_every_s, self._skipped)

    def _count_lost(self, partition: int, wanted: int, first: int) -> None:
        if first > wanted and self._wiring.lost is not None:
            self._wiring.lost(partition, wanted, first)

    def _skipped(self) -> None:
        self._skipping = False
        self._advance()

    async def _hand_over(self, partition: int, offset: int, chunks: Sequence[StoredChunk]) -> None:
        """Enter the batch in the ledger before anything is sent; wait where a lane is full."""
        await self._wiring.refresh()
        if self._ending:  # another pipeline reads this batch
            return
        hand_overs = self._enter(partition, chunks[-1].end, self._wiring.judge(partition, offset, chunks))
        crash_point("matched")
        for hand_over in hand_overs:  # a full lane delays no other
            hand_over.offer()
        await self._put_rest([hand_over for hand_over in hand_overs if hand_over.left])
        for hand_over in hand_overs:  # not if that failed: a target that leaves just then must still find them
            self.hand_overs.remove(hand_over)

    def _enter(self, partition: int, end: int, judgement: Judgement) -> list[HandOver]:
        """From now on it counts as read."""
        deliveries, failures = judgement
        unsettled = sum(map(len, deliveries.values())) + sum(len(failed.given_up) for failed in failures)
        settled = self._enter_batch(self._ledgers[partition], end, unsettled)
        self.read[partition] = end
        if not unsettled:
            self._advance()
        hand_overs = [HandOver(lane, wanted, settled) for lane, wanted in deliveries.items()]
        hand_overs += [Burying(failed, settled) for failed in failures]
        self.hand_overs += hand_overs
        return hand_overs

    async def _put_rest(self, hand_overs: Sequence[HandOver]) -> None:
        """Side by side: lanes that are full, or fill up again and again, hold up the others once, however many they are."""
        if not hand_overs:
            return
        until = asyncio.get_running_loop().time() + self._pace.patience_s
        async with asyncio.TaskGroup() as group:
            for hand_over in hand_overs:
                group.create_task(self._put(hand_over, until))

    async def _put(self, hand_over: HandOver, until: float) -> None:
        """``until``: by the clock of the event loop, how long its lane is waited for, if it may leave."""
        if isinstance(hand_over, Burying):
            await self._bury(hand_over, until)
            return
        lane = hand_over.lane
        while hand_over.left:
            if lane.stopped:  # its heir takes it
                await lane.put(hand_over.left, hand_over.settled)
                hand_over.take()
                return
            hand_over.offer()
            if hand_over.left and not await self._room(lane, until):
                await self._relieve(lane)
                await asyncio.sleep(0)  # a lane that is just being replaced has nobody who could leave: let that happen

    async def _bury(self, burying: Burying, until: float) -> None:
        if not await self._in_time(burying.finish, until):
            await self._relieve(burying.lane)
            if burying.left:  # it has nobody any more who could leave
                await burying.finish()

    async def _relieve(self, lane: Lane) -> None:
        assert self._wiring.relieve is not None
        await self._wiring.relieve(lane)

    async def _room(self, lane: Lane, until: float) -> bool:
        if lane.is_held and self._wiring.relieve is not None:
            return False
        return await self._in_time(lane.room, until)

    async def _in_time(self, work: Callable[[], Awaitable[None]], until: float) -> bool:
        """Do it; False when it took too long and was cancelled. Where nobody can be relieved, it may take as long as it does."""
        if self._wiring.relieve is None:
            await work()
            return True
        try:
            async with asyncio.timeout_at(until):
                await work()
        except TimeoutError:
            return False
        return True

    def _advance(self) -> None:
        self._moved.set()
        self._progress.set()

    async def _commit_now_and_then(self) -> None:
        while True:
            await self._moved.wait()
            await self._commit()
            await asyncio.sleep(self._pace.commit_every_s)

    async def _commit(self) -> None:
        self._moved.clear()
        moved = {p: ledger.position for p, ledger in self._ledgers.items() if ledger.position != self._committed.get(p)}
        if moved and not self._abandoned:
            crash_point("commit-before-stored")
            await self._log.commit(self._cursor, moved)
            crash_point("commit-stored")
            self._committed |= moved
            self._progress.set()


def is_gone(error: Exception) -> bool:
    """Whether a pipeline ended because its log was dropped."""
    if isinstance(error, ExceptionGroup):
        return error.subgroup(NotFound) is not None
    return isinstance(error, NotFound)
