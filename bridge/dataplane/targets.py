"""A target at work on one bus: on the live cursor while it keeps up, on a cursor of its own while it does not.

A target whose lane stays full leaves the live cursor: a cursor of its own takes over at its oldest event that is not
delivered, reads at the target's pace, and hands back to the live cursor once it has caught up. Nothing is copied, no
other target waits, and at neither seam is there a gap or a double: what is being sent goes on and is settled by the own
cursor, what waited is read again.

The own cursor's name in the log is ``target/{rule}/{target}``; that it is there says, after a restart, that the target
has not caught up yet.
"""

import asyncio
from collections.abc import Callable, Mapping
from weakref import WeakSet

import structlog

from bridge.crashpoints import crash_point
from bridge.dataplane.lanes import Lane
from bridge.dataplane.parkings import Parkings
from bridge.dataplane.persist import until_stored
from bridge.dataplane.pipeline import Judge, Lost, Pipeline, Refresh, Wiring, is_gone
from bridge.dataplane.routing import Gate
from bridge.dataplane.sending import Send
from bridge.dataplane.tasks import Tasks
from bridge.errors import NotFound
from bridge.model.log import Position
from bridge.model.pauses import Pause
from bridge.model.rule import own_cursor
from bridge.rules.scope import Names
from bridge.stores.bus.base import BusLog

log = structlog.get_logger()


class RunningTarget:
    """``gate`` is what the live cursor asks; it is closed while the target has its own."""

    def __init__(
        self,
        names: Names,
        bus_log: BusLog,
        lane: Lane,
        starts: dict[int, int],
        *,
        judge: Judge,
        lost: Lost,
        tasks: Tasks,
        parking: Parkings,
    ) -> None:
        """``judge`` judges chunks for this target alone, by its rule as it is then."""
        self.names = names
        self.lane = lane
        self.parking = parking
        self.paused: Pause | None = None
        self.gate = Gate(starts)
        self.cursor = own_cursor(names.rule, names.target)
        self._covered: frozenset[int] = frozenset()
        """The partitions that the own cursor knows of."""
        self._cursor_turn = asyncio.Lock()
        self._lanes: WeakSet[Lane] = WeakSet((lane,))
        self._handing_over: list[dict[int, int]] = []
        self._log = bus_log
        self._judge = judge
        self._lost = lost
        self._tasks = tasks
        self._live: Pipeline | None = None
        self._refresh: Refresh | None = None
        self._own: Pipeline | None = None
        self._coming: Pipeline | None = None
        self._finishing: Pipeline | None = None
        self._gone = False
        self._attached = asyncio.Event()  # the live cursor has begun again, or never will
        self._flow: asyncio.Task[None] | None = None

    @property
    def behind(self) -> bool:
        """Whether it has a cursor of its own."""
        return self.gate.closed

    @property
    def position(self) -> dict[int, int]:
        """Per partition the offset of its oldest event that is not settled."""
        if self.gate.closed:
            own = self._own or self._coming
            return own.position if own is not None else {}
        read = self._live.read if self._live is not None else {}
        return read | self.lane.oldest()

    def change_lane(self, lane: Lane) -> dict[int, int]:
        """A new lane takes over from the old one; call ``handed_over`` with what this returns when that is done."""
        oldest = self.lane.oldest()
        self.lane = lane
        if self.paused is not None:
            lane.hold("paused", self.paused.reason)
        self._lanes.add(lane)
        self._handing_over.append(oldest)
        return oldest

    def handed_over(self, oldest: dict[int, int]) -> None:
        self._handing_over = [other for other in self._handing_over if other is not oldest]

    def pause(self, pause: Pause | None) -> None:
        """Deliver nothing, or (None) go on, at once and whatever made it stop."""
        if pause is not None:
            self.lane.hold("paused", pause.reason)
        elif self.paused is not None:
            self.lane.release("paused")
            self.lane.release("retired")
            self._rejoin()
        self.paused = pause

    async def unblock(self, *, skip: bool) -> None:
        """Try the event again at which it is blocked, or make it a dead letter. Raises NotFound when it is not blocked."""
        if "blocked" not in self.lane.valve.holds:
            raise NotFound(f"the target {self.names.rule}/{self.names.target} is not blocked")
        await self.lane.unblock(skip=skip)
        self._rejoin()

    def resume(self) -> None:
        """The own cursor is there already: since before the process ended, or since it was defined to start in the past."""
        self.gate.closed = True

    def lacks(self, partitions: frozenset[int]) -> bool:
        """Whether its own cursor does not know of some partitions yet."""
        return self.behind and not partitions <= self._covered

    async def extend(self, partitions: frozenset[int], live: Mapping[int, int]) -> None:
        """Let its own cursor know of these partitions, too: from where it is, or else from where ``live`` is, or the first
        event on.
        """
        known = await until_stored(lambda: self._log.cursor(self.cursor), "a cursor", self.cursor)
        begin = {p: live.get(p, self._log.bounds(p).first) for p in partitions - known.keys()}
        if begin:
            await self._save(begin)
        self._covered |= partitions
        if self._own is not None:
            self._own.grow()

    def attach(self, live: Pipeline, refresh: Refresh) -> None:
        """The live cursor begins (again). A target that is behind begins its own."""
        self._live = live
        self._attached.set()
        self._refresh = refresh
        if self.gate.closed and self._own is None:
            self._begin(self._pipeline())

    async def leave(self) -> None:
        """Leave the live cursor, now. Returns when the own cursor is stored and the live one is rid of this target."""
        live = self._live
        if live is None or self.gate.closed:
            return
        self.gate.closed = True
        try:
            self._coming, owed = self._take_over(live)
            self._covered = frozenset(self._coming.position)
            crash_point("leave-before-stored")
            await self._save(self._coming.position)
            crash_point("leave-stored")
        except Exception:
            # The live cursor fails with this, begins again and reads what is not settled; the one that fails is done with.
            self._live = None
            self.gate.closed = False
            raise
        for settle, deliveries in owed:
            settle(deliveries)
        log.debug("a target is behind and has its own cursor now", rule=self.names.rule, target=self.names.target)
        if not self._gone:
            self._begin(self._coming)

    def _take_over(self, live: Pipeline) -> tuple[Pipeline, list[tuple[Callable[[int], None], int]]]:
        """An own pipeline at the oldest event that waits; and what is still to be settled with the live one."""
        waiting, flying = self.lane.unload()
        owed = [(send.settled, len(send.deliveries)) for send in waiting]
        starts = self.gate.starts  # it may have had more already than the live cursor has read
        read = {partition: max(offset, starts.get(partition, 0)) for partition, offset in live.read.items()}
        for send in waiting:
            _lower(read, send.deliveries[0].position)
        hand_overs = live.hand_overs
        if self._finishing is not None:  # it had just come back
            hand_overs = hand_overs + self._finishing.hand_overs
            self._finishing.abandon()
            self._finishing = None
        for hand_over in hand_overs:
            if hand_over.left and hand_over.lane in self._lanes:
                _lower(read, hand_over.left[0].position)
                if hand_over.lane is self.lane:
                    owed.append((hand_over.settled, len(hand_over.take())))
        # What an old lane is handing over stays with the live cursor, but a crash would forget it: read it again, too.
        for oldest in self._handing_over:
            for partition, offset in oldest.items():
                _lower(read, Position(partition, offset))
        own = self._pipeline()
        for partition, offset in read.items():
            kept = [send for send in flying if _is_before(send, Position(partition, offset))]
            owed += [(send.settled, len(send.deliveries)) for send in kept]
            own.adopt(partition, offset, kept)
        return own, owed

    def _pipeline(self) -> Pipeline:
        assert self._refresh is not None
        wiring = Wiring(self._refresh, self._judge, moved=self._rejoin, lost=self._lost)
        return Pipeline(self._log, self.cursor, wiring)

    async def _save(self, position: dict[int, int]) -> None:
        """Until it is stored, the live cursor stays where it is."""
        async with self._cursor_turn:
            await until_stored(lambda: self._log.commit(self.cursor, position), "a cursor", self.cursor)

    def _begin(self, own: Pipeline) -> None:
        self._own = own
        self._flow = self._tasks.spawn(self._run(own))

    async def _run(self, own: Pipeline) -> None:
        try:
            await own.run(begun=self._rejoin)
        except Exception as error:
            if self._tasks.ending:
                raise asyncio.CancelledError from error
            if is_gone(error):
                return
            log.exception("the own cursor of a target failed and begins again", cursor=self.cursor)
            await asyncio.sleep(1)
            if self._own is own:
                self._begin(self._pipeline())

    def _rejoin(self) -> None:
        """Back to the live cursor, if the own one is not behind it. Immediate, so that nothing comes between."""
        own, live = self._own, self._live
        if own is None or live is None or not self.gate.closed or self.lane.is_held:
            return
        if any(own.read.get(partition, -1) < offset for partition, offset in live.read.items()):
            return
        if any(hand_over.left for hand_over in own.hand_overs):  # what the live cursor reads next would overtake that
            return
        own.read_no_more()  # now, not in the task below: another partition of it may be about to judge a batch
        self.gate.starts = dict(own.read)
        self.gate.closed = False
        self._own, self._finishing = None, own
        self._tasks.spawn(self._finish(own, self._flow))

    async def _finish(self, own: Pipeline, flow: "asyncio.Task[None] | None") -> None:
        """What the own cursor has handed over settles, and the live one is as far; then it is forgotten."""
        await own.stop_reading()
        crash_point("rejoin-before-settled")
        await own.until_settled()
        await self._until_live_has(own.read)
        if flow is not None:
            flow.cancel()
            await asyncio.gather(flow, return_exceptions=True)
        if self._finishing is own:
            self._finishing = None
            crash_point("rejoin-before-forgotten")
            await self._forget_cursor()
            crash_point("rejoin-forgotten")
            log.debug("a target has caught up", rule=self.names.rule, target=self.names.target)

    async def _until_live_has(self, read: Mapping[int, int]) -> None:
        """The own cursor may be further: after a restart the live one would bring that again."""
        while not self._gone:
            live = self._live
            if live is not None and await live.until_committed(read):
                return
            if self._live is live and not self._gone:  # it has ended, and begins again
                self._attached.clear()
                await self._attached.wait()

    async def _forget_cursor(self) -> None:
        """Where several instances read the bus, of what is read here: another one may have the target anew already."""
        here = self._log.here if self._log.is_shared else None
        async with self._cursor_turn:
            try:
                await until_stored(lambda: self._log.delete_cursor(self.cursor, here), "a cursor", self.cursor)
            except NotFound:
                log.debug("a bus is gone, and a cursor with it", cursor=self.cursor)

    async def stop(self) -> None:
        """Read nothing and bring nothing back any more; cursor and parked deliveries stay."""
        self._gone = True
        self._attached.set()
        self._finishing = None
        flow, self._flow, self._own = self._flow, None, None
        if flow is not None:
            flow.cancel()
            await asyncio.gather(flow, return_exceptions=True)
        await self.parking.stop()

    async def forget(self, *, parked: bool) -> None:
        """The target is gone: its own cursor too; and what is ``parked``, or that stays until it comes back."""
        await self.stop()
        await self._forget_cursor()
        if parked:
            await self.parking.drop()


def _lower(read: dict[int, int], position: Position) -> None:
    read[position.partition] = min(read[position.partition], position.offset)


def _is_before(send: Send, position: Position) -> bool:
    """Whether the own cursor will not read it again. (After a change of the target, lanes do not hold the log's order.)"""
    return all(d.position.partition == position.partition and d.position < position for d in send.deliveries)
