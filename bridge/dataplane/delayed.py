"""Delayed events: accepted and durable at once, put into their bus when their ``delivertime`` has come.

They wait as timers in the queue ``delayed/{bus}``. An event enters its bus at least once: a crash between its entry and
the removal of its timer lets the last few enter again. It never enters early; how late it is, is bounded by ``TICK_S`` and
by what else is due.

One step at a time for each bus: events that are just entering cannot be cancelled any more, and a cancelled one never
enters. Buses do not wait for each other.

Where several instances share a bus, events enter it at the one that reads its partition 0, which looks now and then for
what others have accepted. The others cancel only what is not due for a while: what is, may be entering there. When
partition 0 moves, events that are just entering may do so twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from math import inf
from secrets import token_hex

import structlog
from msgspec.structs import replace

from bridge.codec.chunks import Delayed, chunks_of, keep_delayed, read_delayed
from bridge.crashpoints import crash_point
from bridge.dataplane.buses import Buses
from bridge.dataplane.running import RunningBus
from bridge.errors import BridgeError, InvalidInput, NotFound
from bridge.model.clock import Clock
from bridge.model.delayed import DelayedEvent
from bridge.model.resource import Ref
from bridge.stores.catalog.base import Catalog
from bridge.stores.timers.base import Place, Timer, Timers

log = structlog.get_logger()

PREFIX, PARKED = "delayed/", "retry/"
"""How the queues of delayed events and of parked retries begin; the name of the bus follows."""
TICK_S = 0.25
"""The longest sleep: an event that was just accepted, or a clock that was set forward, is noticed after this time."""
LOOK_EVERY_S = 0.75
"""How often an instance looks for what others have accepted for a bus of which it reads partition 0."""
FAR_S = 5.0
"""What is due later than this from now is not entering anywhere, whatever the clocks of other instances say."""
TIDY_EVERY_S = 10.0
REST_S = 1.0
"""How long to wait after a failure of one bus."""
MOST, MOST_BYTES = 500, 8 * 2**20
"""Events, and bytes of events, that enter a bus in one step."""
LISTED = 50
"""Events that are in memory at a time, with their data, while a list is made."""


class _Line:
    """What waits for one bus. ``next`` is never later than the first one's due; it may be earlier."""

    def __init__(self, bus: str, first: float) -> None:
        self.bus = bus
        self.queue = PREFIX + bus
        self.next = first
        self.turn = asyncio.Lock()
        self.moving = False
        self.failing = False
        self.limit = 16
        self.entered: list[str] = []
        """Timers whose events are in the bus, and which are not removed yet."""

    def learn(self, timers: Sequence[Timer]) -> None:
        """How many of such events to take at a time."""
        mean = sum(len(timer.body) for timer in timers) // len(timers) + 1
        self.limit = max(1, min(MOST, MOST_BYTES // mean))


class DelayedEvents:
    """``begin`` before anything else; ``run`` moves events; the other methods may be called meanwhile."""

    def __init__(
        self, timers: Timers, buses: Buses, catalog: Catalog, clock: Clock, sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._timers = timers
        self._buses = buses
        self._catalog = catalog
        self._clock = clock
        self._sleep = sleep
        self._lines: dict[str, _Line] = {}
        self._given = 0
        self._draining = False
        self._tidied = self._looked = 0.0
        self._looking = False

    async def begin(self) -> None:
        """Learn what waits; forget what a crash left behind of buses that were deleted."""
        queues = [*await self._timers.queues(PREFIX), *await self._timers.queues(PARKED)]
        names = {queue.split("/")[1] for queue in queues}
        for bus in await self._deleted(names):
            if await self._catalog.find(Ref("Bus", "", bus)) is None:  # nor made again by another instance just now
                await self.forget(bus)
        for bus in names:
            first = await self._timers.next_due(PREFIX + bus)
            if first is not None:
                self._lines[bus] = _Line(bus, first)

    async def _deleted(self, names: set[str]) -> set[str]:
        """Those that were deleted, as the catalog knows; a bus that it never heard of may come back."""
        gone = names - {resource.name for resource in await self._catalog.list("Bus")}
        if not gone:
            return gone
        changes = await self._catalog.changes(0)
        return gone & {c.ref.name for c in changes if c.ref.kind == "Bus" and c.action == "delete"}

    async def run(self) -> None:
        """Put events into their buses as they become due, until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                now = self._clock()
                if not (self._looking or self._looked <= now < self._looked + LOOK_EVERY_S):
                    self._looking, self._looked = True, now
                    group.create_task(self._look())
                for line in self._lines.values():
                    if line.next <= now and not line.moving and self._is_mine(line.bus):
                        line.moving = True
                        group.create_task(self._move(line))
                if not self._tidied <= now < self._tidied + TIDY_EVERY_S:
                    await self._tidy(now)
                await self._sleep(self._rest())

    def _is_mine(self, bus: str) -> bool:
        """Whether events enter this bus here; also where it is not at work, so that the failure is seen."""
        found = self._buses.find(bus)
        return found is None or not found.log.is_shared or 0 in found.log.here

    async def _look(self) -> None:
        """Learn of what other instances have accepted."""
        try:
            names = [bus.name for bus in self._buses.all() if bus.log.is_shared and 0 in bus.log.here]
            queues = {PREFIX + name: name for name in names}
            for queue in await self._timers.queues(PREFIX) if names else ():
                first = await self._timers.next_due(queue) if queue in queues else None
                if first is not None:
                    line = self._lines.setdefault(queues[queue], _Line(queues[queue], first))
                    line.next = min(line.next, first)
        except BridgeError as error:
            log.debug("it cannot be seen what other instances have accepted", reason=str(error))
        finally:
            self._looking = False

    async def drain(self) -> None:
        """Let no more events enter, and wait for those that are just entering; call before ``run`` is cancelled."""
        self._draining = True
        for line in list(self._lines.values()):
            async with line.turn:
                pass

    def _rest(self) -> float:
        resting = () if self._draining else self._lines.values()
        first = min((line.next for line in resting if not line.moving and self._is_mine(line.bus)), default=inf)
        return min(max(first - self._clock(), 0.001), TICK_S)

    async def _tidy(self, now: float) -> None:
        """A little at a time; again at the next tick while there is more."""
        more = False
        try:
            more = await self._timers.tidy()
        except BridgeError as error:
            log.warning("the store of timers could not be tidied", reason=str(error))
        self._tidied = 0.0 if more else now

    async def _move(self, line: _Line) -> None:
        """Put in all that is due, in steps, so that others get their turn."""
        try:
            while line.next <= self._clock() and not self._draining:
                async with line.turn:
                    if self._lines.get(line.bus) is not line or not self._is_mine(line.bus):
                        return  # the bus was deleted, or is another instance's now
                    await self._step(line)
            line.failing = False
        except Exception as error:
            line.next = self._clock() + REST_S
            _complain(line, error)
            line.failing = True
        finally:
            line.moving = False

    async def _step(self, line: _Line) -> None:
        """Enter the first few that are due. What was entered and could not be removed then, is removed first."""
        await self._settle(line)
        timers = await self._timers.due(line.queue, self._clock(), line.limit)
        if timers:
            line.learn(timers)
            await self._enter(await self._buses.get(line.bus), timers)
            line.entered = [timer.id for timer in timers]
            crash_point("delayed-entered")
            await self._settle(line)
            crash_point("delayed-removed")
        line.next = inf  # whoever adds one from here on sets it again
        first = await self._timers.next_due(line.queue)
        line.next = min(line.next, inf if first is None else first)

    async def _settle(self, line: _Line) -> None:
        if line.entered:
            await self._timers.remove(line.queue, line.entered)
            line.entered = []

    async def _enter(self, bus: RunningBus, timers: Sequence[Timer]) -> None:
        began = self._clock()
        chunks = chunks_of([timer.body for timer in timers], bus.log.partitions)
        await bus.log.append(chunks)
        bus.stats.stored(len(timers), sum(len(chunk.body) for _, chunk in chunks), self._clock() - began)

    async def add(self, bus: RunningBus, delayed: Sequence[Delayed]) -> list[str]:
        """Durable when this returns; gives what ``withdraw`` takes. Raises NotFound (deleted meanwhile), StoreError."""
        queue, now = PREFIX + bus.name, self._clock()
        timers = [
            Timer(queue=queue, id=self._new_id(now), due=one.due, body=keep_delayed(one), group=one.id)
            for one in delayed
        ]
        ids = [timer.id for timer in timers]
        try:
            await self._timers.add(timers)
            await self._check(bus, ids)
        finally:  # also for a caller that is cancelled: it may be stored
            first = min(timer.due for timer in timers)
            line = self._lines.setdefault(bus.name, _Line(bus.name, first))
            line.next = min(line.next, first)
        return ids

    async def _check(self, bus: RunningBus, ids: Sequence[str]) -> None:
        """A bus that is deleted takes with it what waits; what came too late for that must not wait for its successor."""
        with suppress(NotFound):
            if (await self._buses.get(bus.name)).created == bus.created:
                return
        await self.withdraw(bus.name, ids)
        raise NotFound(f"the bus {bus.name!r} was deleted meanwhile", path="$.bus")

    def _new_id(self, now: float) -> str:
        """Ascending, so that events that are due together enter in the order in which they came; and never given twice,
        whatever the clock does.
        """
        self._given = max(self._given + 1, int(now * 1e6))
        return f"{self._given:017}-{token_hex(8)}"

    async def withdraw(self, bus: str, ids: Sequence[str]) -> None:
        """Take back what was just added, as the rest of its request failed."""
        await self._timers.remove(PREFIX + bus, ids)

    async def list(self, bus: str, limit: int, after: str = "") -> Sequence[DelayedEvent]:
        """What waits, the next one first, behind a ``place``. Raises InvalidInput for what is no place."""
        found: list[DelayedEvent] = []
        place = _read_place(after) if after else None
        while len(found) < limit:
            page = await self._timers.list(PREFIX + bus, min(limit - len(found), LISTED), place)
            if not page:
                break
            found += map(_view, page)  # without its data a long list is short
            place = page[-1].place
        return found

    async def cancel(self, bus: str, event_id: str, source: str = "") -> int:
        """Forget events that wait: those with this id and, if given, of this source; returns how many.

        Raises NotFound when there is none, or none that is not just entering.
        """
        line = self._lines.get(bus) or _Line(bus, inf)
        async with line.turn:
            cancelled = await self._cancel(line, event_id, source)
        if not cancelled:
            event = f"no event with the id {event_id!r} {f'of {source} ' if source else ''}"
            raise NotFound(f"{event}waits for {bus}, or it is just entering")
        return cancelled

    async def _cancel(self, line: _Line, event_id: str, source: str) -> int:
        soon = -inf if self._is_mine(line.bus) else self._clock() + FAR_S
        cancelled, after = 0, None
        while page := await self._timers.list(line.queue, MOST, after, group=event_id):
            after = page[-1].place
            waiting = [timer for timer in page if timer.id not in line.entered and timer.due > soon]
            ids = [timer.id for timer in waiting if not source or read_delayed(timer.body).source == source]
            cancelled += await self._timers.remove(line.queue, ids)
        return cancelled

    async def forget(self, bus: str) -> None:
        """Drop everything that waits for a bus that is deleted: delayed events and parked retries."""
        line = self._lines.get(bus) or _Line(bus, inf)
        async with line.turn:
            self._lines.pop(bus, None)
            for queue in [PREFIX + bus, *await self._timers.queues(f"{PARKED}{bus}/")]:
                await self._timers.drop(queue)


def _view(timer: Timer) -> DelayedEvent:
    return DelayedEvent(replace(read_delayed(timer.body), data=None), timer.due, _show_place(timer.place))


def _complain(line: _Line, error: Exception) -> None:
    """Once, until it works again; a bug each time."""
    if not isinstance(error, BridgeError):
        log.error("delayed events cannot enter their bus; trying again", bus=line.bus, exc_info=error)
    elif not line.failing:
        log.warning("delayed events cannot enter their bus; trying again", bus=line.bus, reason=str(error))


def _show_place(place: Place) -> str:
    return f"{place[0]!r}~{place[1]}"


def _read_place(text: str) -> Place:
    due, sign, timer_id = text.partition("~")
    try:
        if sign:
            return float(due), timer_id
    except ValueError:
        pass
    raise InvalidInput(f"{text[:100]!r} is not a token of a page", path="$.pageToken")
