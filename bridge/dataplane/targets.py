"""A target at work on one bus: on the live cursor while it keeps up, on a cursor of its own while it does not.

A target whose lane stays full leaves the live cursor: a cursor of its own takes over at its oldest event that is not
delivered, reads at the target's pace, and hands back to the live cursor once it has caught up. Nothing is copied, no
other target waits, and at neither seam is there a gap or a double: what is being sent goes on and is settled by the own
cursor, what waited is read again.

The own cursor's name in the log is ``target/{rule}/{target}``; that it is there says, after a restart, that the target
has not caught up yet.
"""

import asyncio
from collections.abc import Callable
from weakref import WeakSet

import structlog

from bridge.dataplane.lanes import Lane, Send
from bridge.dataplane.pipeline import Judge, Lost, Pipeline, Refresh, Wiring, is_gone
from bridge.dataplane.routing import Gate
from bridge.dataplane.tasks import Tasks
from bridge.errors import StoreError
from bridge.model.log import Position
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
    ) -> None:
        """``judge`` judges chunks for this target alone, by its rule as it is then."""
        self.names = names
        self.lane = lane
        self.gate = Gate(starts)
        self.cursor = own_cursor(names.rule, names.target)
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
        self._lanes.add(lane)
        self._handing_over.append(oldest)
        return oldest

    def handed_over(self, oldest: dict[int, int]) -> None:
        self._handing_over = [other for other in self._handing_over if other is not oldest]

    def resume(self) -> None:
        """The own cursor is there already: since before the process ended, or since it was defined to start in the past."""
        self.gate.closed = True

    def attach(self, live: Pipeline, refresh: Refresh) -> None:
        """The live cursor begins (again). A target that is behind begins its own."""
        self._live = live
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
            await self._save(self._coming.position)
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
        read = dict(live.read)
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
        while True:
            try:
                await self._log.commit(self.cursor, position)
            except StoreError as error:
                log.error("a cursor cannot be stored", cursor=self.cursor, reason=str(error))
                await asyncio.sleep(1)
            else:
                return

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
        if own is None or live is None or not self.gate.closed:
            return
        if any(own.read.get(partition, -1) < offset for partition, offset in live.read.items()):
            return
        own.read_no_more()  # now, not in the task below: another partition of it may be about to judge a batch
        self.gate.starts = dict(own.read)
        self.gate.closed = False
        self._own, self._finishing = None, own
        self._tasks.spawn(self._finish(own, self._flow))

    async def _finish(self, own: Pipeline, flow: "asyncio.Task[None] | None") -> None:
        """What the own cursor has handed over settles; then it is forgotten."""
        await own.stop_reading()
        await own.until_settled()
        if flow is not None:
            flow.cancel()
            await asyncio.gather(flow, return_exceptions=True)
        if self._finishing is own:
            self._finishing = None
            await self._log.delete_cursor(self.cursor)
            log.debug("a target has caught up", rule=self.names.rule, target=self.names.target)

    async def forget(self) -> None:
        """The target is gone: its own cursor too."""
        self._gone = True
        flow, self._flow, self._own = self._flow, None, None
        if flow is not None:
            flow.cancel()
            await asyncio.gather(flow, return_exceptions=True)
        await self._log.delete_cursor(self.cursor)


def _lower(read: dict[int, int], position: Position) -> None:
    read[position.partition] = min(read[position.partition], position.offset)


def _is_before(send: Send, position: Position) -> bool:
    """Whether the own cursor will not read it again. (After a change of the target, lanes do not hold the log's order.)"""
    return all(d.position.partition == position.partition and d.position < position for d in send.deliveries)
