"""A lane: the running side of one target. Bounded, concurrent, persistent by the target's retry policy.

The pipeline puts deliveries in and waits while the lane is full. Every delivery ends as taken, as a dead letter or parked
durably, and only then is it settled. A short wait for the next attempt is spent here, a long one is parked; neither keeps
a worker. An idle lane costs no task: workers are started when there is something to send and end when there is not.

A lane may be *held*: paused, blocked at a delivery that it may not skip, or retired by its target. It then sends nothing
and has no room, so that its target gets a cursor of its own.

When a rule changes, ``stop`` hands everything that is not settled to an heir, and so does every later ``put``: nothing is
lost between the old lane and the new one. What was being sent at that moment may arrive twice.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from bridge.connectors.base import Target
from bridge.crashpoints import crash_point
from bridge.dataplane.aftermath import LONGEST_REST_S, Aftermath, Exits, Means
from bridge.dataplane.attempts import Attempts
from bridge.dataplane.contents import Contents
from bridge.dataplane.judging import Case, Result, judge
from bridge.dataplane.sending import Keeper, Send, Settled, Timing, Waiting, Watcher
from bridge.dataplane.tasks import Spawn, try_spawn
from bridge.dataplane.valve import Hold, Holder, Valve
from bridge.model.delivery import Delivery
from bridge.model.rule import TargetSpec

log = structlog.get_logger()

Heir = Callable[[Sequence[Delivery], Settled], Awaitable[None]]
"""Takes over deliveries of a lane that was stopped; sees to it that they are settled."""


class Lane:
    """Deliveries to one target. ``capacity`` sends may wait; more make ``put`` wait."""

    def __init__(
        self,
        target: Target,
        spec: TargetSpec,
        *,
        exits: Exits,
        spawn: Spawn,
        timing: Timing,
        watcher: Watcher | None = None,
        capacity: int = 8,
    ) -> None:
        self._spec = spec
        self._by_key = spec.order == "key"
        self._timing = timing
        self._spawn = spawn
        self._exits = exits
        self._watcher = watcher or Watcher()
        self._per_send = min(spec.batch.count, target.features.max_batch)
        self._attempts = Attempts(target, spec)
        self._contents = Contents(spec, self._per_send, capacity)
        means = Means(spec, exits, timing, spawn, self._watcher, wake=self._wake, block=self._block)
        self._aftermath = Aftermath(self._contents, means)
        self._heir: Heir | None = None
        self._handed_over = asyncio.Event()
        self._predecessors = 0
        self._at_valve = self._lingering = self._hurrying = False
        self._waiting_since = 0.0
        self.valve = Valve(spec)

    @property
    def has_room(self) -> bool:
        return self._contents.has_room and not self.valve.held and not self._predecessors

    @property
    def stopped(self) -> bool:
        return self._contents.ended

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is being sent."""
        return not self._contents.deliveries and not self._contents.under_way

    @property
    def size(self) -> int:
        """Deliveries in this lane."""
        return self._contents.deliveries

    @property
    def is_held(self) -> bool:
        """Whether it is paused, blocked or retired."""
        return self.valve.held

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is being sent, and nothing will be soon."""
        contents = self._contents
        if any(contents.under_way.values()) or contents.resting:
            return False
        return self.is_held or not contents.queue or self.valve.wait_s(self._timing.clock()) > LONGEST_REST_S

    def oldest(self) -> dict[int, int]:
        """Per partition the lowest offset that is not settled with a cursor."""
        return self._contents.oldest()

    def offer(self, deliveries: Sequence[Delivery], settled: Settled, keeper: Keeper | None = None) -> int:
        """Take as many as there is room for, in the order of the log; returns how many that were."""
        taken = 0
        while taken < len(deliveries) and self.has_room:
            send = self._contents.cut(deliveries, taken, settled, keeper)
            taken += len(send.deliveries)
            self._add(send)
        if taken:
            self._wake()
        return taken

    def _add(self, send: Send) -> None:
        if send.key and send.keeper is None and self._must_wait(send.key):
            self._aftermath.put_aside([send])
            return
        if not self._contents.queue:
            self._waiting_since = self._timing.clock()
        self._contents.queue.add(send)

    def _must_wait(self, key: str) -> bool:
        park = self._exits.park
        return park is not None and (park.keeps(key) or self._aftermath.is_aside(key))

    async def room(self) -> None:
        """Return once there is room, or the lane was stopped and hands over what it gets."""
        while not self.has_room and not self.stopped:
            self._contents.changed.clear()
            await self._contents.changed.wait()

    def expect(self) -> None:
        """What a predecessor hands over, or is parked, comes first in order by key: until ``inherited`` there is no room."""
        self._predecessors += self._by_key

    def inherited(self) -> None:
        """A predecessor has handed over everything, or it is known what is parked."""
        self._predecessors -= self._by_key
        self._contents.changed.set()

    async def inherit(self, deliveries: Sequence[Delivery], settled: Settled) -> None:
        """Take what a predecessor has left, at once, even if that is more than there is room for: nobody waits for it."""
        if self.stopped:
            await self.put(deliveries, settled)
            return
        start = 0
        while start < len(deliveries):
            send = self._contents.cut(deliveries, start, settled, None)
            start += len(send.deliveries)
            self._add(send)
        self._wake()

    async def put(self, deliveries: Sequence[Delivery], settled: Settled, keeper: Keeper | None = None) -> None:
        """Take all deliveries, in the order of the log; waits while the lane is full.

        What a lane that was stopped does not take any more goes to its heir, or back to its keeper.
        """
        while deliveries:
            await self.room()
            if self._heir is not None:
                if self._by_key:
                    await self._handed_over.wait()  # what came before comes first
                await _pass_on(Send(deliveries, settled, keeper=keeper), self._heir)
                return
            deliveries = deliveries[self.offer(deliveries, settled, keeper) :]

    async def put_back(self, waiting: Waiting, keeper: Keeper) -> bool:
        """Take a parked delivery with its past, once there is room; False when it is not taken."""
        await self.room()
        if self.stopped or (self._by_key and self._comes_too_early(waiting.delivery)):
            return False
        self._add(self._contents.again(waiting, keeper))
        self._wake()
        return True

    def _comes_too_early(self, delivery: Delivery) -> bool:
        """Whether another of its key must come before what was parked."""
        park, key = self._exits.park, delivery.event.key
        stale = park is not None and park.is_stale(delivery)
        return stale or self._aftermath.is_before(key, delivery.position)

    def unload(self) -> tuple[list[Send], list[Send]]:
        """Take out what waits and can be read again; returns it, and what stays. Their owner may change ``settled``.

        Neither holds what has a keeper: no cursor answers for that.
        """
        return self._contents.unload(), [send for send in self._contents.all() if send.keeper is None]

    def hold(self, holder: Holder, reason: str) -> None:
        """Send nothing more, until it is released; what is under way ends."""
        if holder not in self.valve.holds:
            self.valve.holds[holder] = Hold(self._timing.clock(), reason)

    def release(self, holder: Holder) -> None:
        """Go on, if nobody else holds it: at once, whatever the target's health was."""
        if self.valve.holds.pop(holder, None) is not None and not self.valve.held:
            self.valve.reset()
            self._at_valve = False  # who waits there finds that it is not needed
            self._contents.changed.set()
            self._wake()

    async def unblock(self, *, skip: bool) -> None:
        """Try what blocks this lane again, as if for the first time; or make it a dead letter and go on."""
        await self._aftermath.unblock(skip=skip)
        if not self._contents.blocking:  # nothing else has failed for good meanwhile
            self.release("blocked")

    def hurry(self) -> None:
        """Wait for no batch to fill any more."""
        self._hurrying = True
        self._wake()

    async def stop(self, heir: Heir) -> None:
        """End the lane: what is not settled, now or put later, goes to ``heir``, oldest first. Closes the target."""
        self._heir = heir
        workers = list(self._contents.under_way)
        left = self._contents.end()
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        for send in left:
            await _pass_on(send, heir)
        self._handed_over.set()
        await self._attempts.close()

    def _wake(self) -> None:
        """Start as many workers as there is work for."""
        under_way = self._contents.under_way
        starting = sum(not load for load in under_way.values())
        while starting * self._per_send < self._contents.queue.ready and self._may_work(len(under_way)):
            task = try_spawn(self._spawn, self._work())
            if task is None:
                return
            under_way[task] = []
            task.add_done_callback(self._ended)
            starting += 1

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._contents.under_way.pop(task, None)

    def _may_work(self, others: int) -> bool:
        """Whether one more worker is of use beside so many others."""
        if self.stopped or self.valve.held or self._at_valve or not self._contents.queue.ready:
            return False
        return others < self.valve.concurrency and self._is_full_enough()

    def _is_full_enough(self) -> bool:
        """Whether a batch need not wait any longer to fill up."""
        wait_s = float(self._spec.batch.wait)
        queue = self._contents.queue
        if not wait_s or self._hurrying or queue.ready >= self._per_send or not next(iter(queue)).is_fresh:
            return True
        left_s = self._waiting_since + wait_s - self._timing.clock()
        if left_s > 0 and not self._lingering:
            self._lingering = True
            try_spawn(self._spawn, self._linger(left_s))
        return left_s <= 0

    async def _linger(self, seconds: float) -> None:
        await self._timing.sleep(seconds)
        self._lingering = False
        self._wake()

    async def _work(self) -> None:
        """Send what waits; end when nothing does."""
        me = asyncio.current_task()
        assert me is not None
        under_way = self._contents.under_way
        while load := await self._next(me):
            await self._deliver(load)
            under_way[me] = []
        under_way.pop(me, None)  # now, not in the callback: a delivery put before that would find no worker

    async def _next(self, me: "asyncio.Task[None]") -> list[Send]:
        """What goes out next; empty when this worker is not needed any more. Only one waits at the valve."""
        while self._may_work(len(self._contents.under_way) - 1):
            now = self._timing.clock()
            wait_s = self.valve.wait_s(now)
            if wait_s <= 0:
                load = self._contents.under_way[me] = self._take()
                self.valve.began(sum(len(send.deliveries) for send in load), now)
                self._waiting_since = now
                self._contents.changed.set()
                return load
            self._at_valve = True
            try:
                await self._timing.sleep(wait_s)
            finally:
                self._at_valve = False
            self._wake()
        return []

    def _take(self) -> list[Send]:
        """As much as may go out together; one delivery as a probe."""
        most = 1 if self.valve.probing else self._per_send
        load = self._contents.queue.take(most, self._spec.batch.size)
        if len(load[0].deliveries) > most:
            whole = load[0]
            self._contents.queue.again(whole.part(most, len(whole.deliveries)))
            load = [whole.part(0, most)]
        return load

    async def _deliver(self, load: Sequence[Send]) -> None:
        """One attempt, and what follows from it."""
        deliveries = load[0].deliveries if len(load) == 1 else [d for send in load for d in send.deliveries]
        started = self._timing.clock()
        failures = await self._attempts.send(deliveries)
        crash_point("pushed-before-settled")
        result = Result(failures, started, self._timing.clock())
        self.valve.ended(len(deliveries), result)
        self._tell(deliveries, result)
        case = Case(self._spec.retry, result, self._timing.jitter(), self.valve.taken_at)
        for send, first in zip(load, _firsts(load), strict=True):
            try:
                if result.failures:
                    await self._aftermath.follow(send, judge(send, first, case), len(deliveries))
                else:
                    await self._aftermath.taken(send)
            except Exception:
                log.exception("a lane failed and tries again", target=self._spec.name)
                await self._timing.sleep(1)
                self._aftermath.once_more([send])
        if result.failures:
            self._watch_health(result)

    def _tell(self, sent: Sequence[Delivery], result: Result) -> None:
        failures = result.failures
        if failures:
            self._watcher.failed(len(failures), next(iter(failures.values())).reason, result.ended)
            sent = [delivery for i, delivery in enumerate(sent) if i not in failures]
        if sent:
            self._watcher.delivered(sent, result.ended - result.started, result.ended)

    def _watch_health(self, result: Result) -> None:
        """A target that wants no more, or took nothing for days, is paused."""
        retired = next((failure for failure in result.failures.values() if failure.retire), None)
        if retired is not None:
            self._retire(retired.reason)
        elif self.valve.sick:
            self._retire("nothing but failures for five days")

    def _retire(self, reason: str) -> None:
        if self._exits.retire is not None and "retired" not in self.valve.holds:
            self.hold("retired", reason)
            self._exits.retire(reason)

    def _block(self, reason: str) -> None:
        self.hold("blocked", reason)


async def _pass_on(send: Send, heir: Heir) -> None:
    if send.keeper is not None:
        await send.keeper.done(send.deliveries, "released")
        send.settled(len(send.deliveries))
    else:
        await heir(send.deliveries, send.settled)


def _firsts(load: Sequence[Send]) -> list[int]:
    """The index of each send's first delivery among all of them."""
    firsts, first = [], 0
    for send in load:
        firsts.append(first)
        first += len(send.deliveries)
    return firsts
