"""A lane: the running side of one target. Bounded, concurrent, persistent by the target's retry policy.

The pipeline puts deliveries in and waits while the lane is full. Every delivery ends as delivered or as a dead letter, and
only then is it settled. An idle lane costs no task: workers are started when there is something to send and end when
there is not.

When a rule changes, ``stop`` hands everything that is not settled to an heir, and so does every later ``put``: nothing is
lost between the old lane and the new one. What was being sent at that moment may arrive twice.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import structlog

from bridge.connectors.base import Target
from bridge.dataplane.connection import Connection
from bridge.dataplane.retry import Again, Done, Failed, GiveUp, decide
from bridge.dataplane.tasks import Spawn
from bridge.errors import NotConnected, PartlyFailed, Rejected, Retryable, TargetError
from bridge.model.clock import Clock
from bridge.model.delivery import Delivery
from bridge.model.rule import TargetSpec
from bridge.stores.deadletters.base import Attempt

log = structlog.get_logger()

MOST_HELD = 2_000
"""Deliveries in one lane from which on it is full: they hold their events in memory."""

Settled = Callable[[int], None]
"""Told how many deliveries of a batch are settled."""

Heir = Callable[[Sequence[Delivery], Settled], Awaitable[None]]
"""Takes over deliveries of a lane that was stopped; sees to it that they are settled."""


class GivenUp(NamedTuple):
    """A delivery that becomes a dead letter, and why."""

    delivery: Delivery
    decision: GiveUp
    detail: str
    attempts: tuple[Attempt, ...]


Bury = Callable[[Sequence[GivenUp]], Awaitable[None]]
"""Stores dead letters; returns when they are durable, however long that takes."""


class Timing(NamedTuple):
    """What tests move: the clock, the wait, the point within a policy's jitter (-1 to 1)."""

    clock: Clock
    sleep: Callable[[float], Awaitable[None]]
    jitter: Callable[[], float]


class Watcher:
    """Told what happens in a lane; does nothing by itself. Telemetry overrides what it wants to know."""

    def delivered(self, deliveries: Sequence[Delivery], took_s: float, now: float) -> None:
        """One send was taken whole; ``now`` in seconds since the epoch."""

    def failed(self, deliveries: int, reason: str, now: float) -> None:
        """So many deliveries failed in one attempt, ``reason`` being that of the first."""

    def buried(self, deliveries: int) -> None:
        """So many became dead letters."""


class Send:
    """Deliveries that go out together. Who is told that they are settled may change while they are under way."""

    __slots__ = ("deliveries", "settled")

    def __init__(self, deliveries: Sequence[Delivery], settled: Settled) -> None:
        self.deliveries = deliveries
        self.settled = settled


class Lane:
    """Deliveries to one target. ``capacity`` sends may wait; more make ``put`` wait."""

    def __init__(
        self,
        target: Target,
        spec: TargetSpec,
        *,
        bury: Bury,
        spawn: Spawn,
        timing: Timing,
        watcher: Watcher | None = None,
        capacity: int = 8,
    ) -> None:
        self._connection = Connection(target)
        self._spec = spec
        self._bury = bury
        self._spawn = spawn
        self._timing = timing
        self._watcher = watcher or Watcher()
        self._capacity = capacity
        self._waiting: deque[Send] = deque()
        self._under_way: dict[asyncio.Task[None], Send | None] = {}
        self._room = asyncio.Event()
        self._heir: Heir | None = None
        self._per_send = min(spec.batch.count, target.features.max_batch)

    @property
    def has_room(self) -> bool:
        return len(self._waiting) < self._capacity and self._held < MOST_HELD

    @property
    def _held(self) -> int:
        """Deliveries that wait or are under way; a few sends at most, so that counting them is cheap."""
        under_way = sum(len(send.deliveries) for send in self._under_way.values() if send is not None)
        return under_way + sum(len(send.deliveries) for send in self._waiting)

    @property
    def stopped(self) -> bool:
        return self._heir is not None

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is being sent."""
        return not self._waiting and not self._under_way

    def oldest(self) -> dict[int, int]:
        """Per partition the lowest offset that is not settled."""
        found: dict[int, int] = {}
        for send in (*self._under_way.values(), *self._waiting):
            for delivery in send.deliveries if send is not None else ():
                partition, offset = delivery.position
                found[partition] = min(offset, found.get(partition, offset))
        return found

    def offer(self, deliveries: Sequence[Delivery], settled: Settled) -> int:
        """Take as many as there is room for, in the order of the log; returns how many that were."""
        taken = 0
        while taken < len(deliveries) and self.has_room and self._heir is None:
            send = Send(self._cut(deliveries, taken), settled)
            self._waiting.append(send)
            taken += len(send.deliveries)
            if len(self._under_way) < self._spec.concurrency:
                task = self._spawn(self._work())
                self._under_way[task] = None
                task.add_done_callback(self._ended)
        return taken

    def _cut(self, deliveries: Sequence[Delivery], start: int) -> Sequence[Delivery]:
        """As many as may go out together: by count, and by size, but at least one."""
        end = start + 1
        if self._per_send > 1:
            limit, size = self._spec.batch.size, _size(deliveries[start])
            most = min(start + self._per_send, len(deliveries))
            while end < most and (size := size + _size(deliveries[end])) <= limit:
                end += 1
        return deliveries[start:end]

    async def room(self) -> None:
        """Return once there is room, or the lane was stopped and hands over what it gets."""
        while not self.has_room and self._heir is None:
            self._room.clear()
            await self._room.wait()

    async def put(self, deliveries: Sequence[Delivery], settled: Settled) -> None:
        """Take all deliveries, in the order of the log; waits while the lane is full."""
        while deliveries:
            await self.room()
            if self._heir is not None:
                await self._heir(deliveries, settled)
                return
            deliveries = deliveries[self.offer(deliveries, settled) :]

    def unload(self) -> tuple[list[Send], list[Send]]:
        """Take out what waits; returns it, and what is under way and goes on. Their owner may change ``settled``."""
        waiting = list(self._waiting)
        self._waiting.clear()
        self._room.set()
        return waiting, [send for send in self._under_way.values() if send is not None]

    async def stop(self, heir: Heir) -> None:
        """End the lane: what is not settled, now or put later, goes to ``heir``, oldest first. Closes the target."""
        self._heir = heir
        workers = list(self._under_way)
        left = [send for send in self._under_way.values() if send is not None] + list(self._waiting)
        left.sort(key=lambda send: send.deliveries[0].position)
        self._waiting.clear()
        self._under_way.clear()
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        self._room.set()
        await self._connection.close()
        for send in left:
            await heir(send.deliveries, send.settled)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._under_way.pop(task, None)

    async def _work(self) -> None:
        """Send what waits; end when nothing does."""
        me = asyncio.current_task()
        assert me is not None
        while self._waiting and self._heir is None:
            send = self._waiting.popleft()
            self._room.set()
            try:
                await self._deliver(me, send)
            except Exception:
                log.exception("a lane failed and tries again", target=self._spec.name)
                self._waiting.appendleft(send)
                self._under_way[me] = None
                await self._timing.sleep(1)
        self._under_way.pop(me, None)  # now, not in the callback: a delivery put before that would find no worker

    async def _deliver(self, me: "asyncio.Task[None]", send: Send) -> None:
        """Try until every delivery is delivered or buried; each is settled then, unless the lane was stopped."""
        self._under_way[me] = send
        began = self._timing.clock()
        attempts: list[Attempt] = []
        while send.deliveries and self._heir is None:
            sent = send.deliveries
            started = self._timing.clock()
            failures = await self._attempt(sent)
            now = self._timing.clock()
            outcome = next(iter(failures.values())).reason if failures else "delivered"
            attempts.append(Attempt(started=started, duration_s=now - started, outcome=outcome))
            self._tell(sent, failures, attempts[-1], now)
            again, wait_s = await self._judge(
                [(sent[i], failure) for i, failure in failures.items()], attempts, now - began
            )
            if self._heir is None:
                send.deliveries = again
                self._room.set()
                send.settled(len(sent) - len(again))
            if again:
                await self._timing.sleep(wait_s)
        if self._heir is None:
            self._under_way[me] = None

    def _tell(self, sent: Sequence[Delivery], failures: dict[int, Failed], attempt: Attempt, now: float) -> None:
        if failures:
            self._watcher.failed(len(failures), attempt.outcome, now)
            sent = [delivery for i, delivery in enumerate(sent) if i not in failures]
        if sent:
            self._watcher.delivered(sent, attempt.duration_s, now)

    async def _judge(
        self, failed: Sequence[tuple[Delivery, Failed]], attempts: Sequence[Attempt], age_s: float
    ) -> tuple[list[Delivery], float]:
        """Bury what is given up; return what to try again and after how long."""
        again: list[Delivery] = []
        given_up: list[GivenUp] = []
        wait_s = 0.0
        jitter = self._timing.jitter()
        for delivery, failure in failed:
            match decide(self._spec.retry, len(attempts), age_s, failure, jitter):
                case Again(wait):
                    again.append(delivery)
                    wait_s = max(wait_s, wait)
                case GiveUp() as decision:
                    given_up.append(GivenUp(delivery, decision, failure.reason, tuple(attempts)))
                case Done():
                    pass
        if given_up:
            await self._bury(given_up)
            self._watcher.buried(len(given_up))
        return again, wait_s

    async def _attempt(self, deliveries: Sequence[Delivery]) -> dict[int, Failed]:
        """One send: which deliveries failed, by index."""
        try:
            async with asyncio.timeout(self._spec.timeout), self._connection.use() as target:
                await target.send(deliveries)
        except PartlyFailed as error:
            return {index: _failed(failure) for index, failure in error.failures.items()}
        except (TargetError, TimeoutError) as error:
            return dict.fromkeys(range(len(deliveries)), _failed(error))
        except Exception as error:
            log.exception("the connector has a bug: it raised what its contract does not allow", target=self._spec.name)
            return dict.fromkeys(range(len(deliveries)), Failed(f"bug in the connector: {error!r}"))
        return {}


def _size(delivery: Delivery) -> int:
    """Bytes of what is sent, about: attributes are taken for 200."""
    if delivery.payload is not None:
        return len(delivery.payload.body)
    return 200 + len(delivery.event.data or b"")


def _failed(error: TargetError | TimeoutError) -> Failed:
    """The one place where an exception of a target becomes a value."""
    match error:
        case Rejected():
            return Failed(error.reason, permanent=True)
        case Retryable():
            return Failed(error.reason, after_s=error.after_s)
        case NotConnected() | TargetError():
            return Failed(error.reason)
        case _:
            return Failed("no answer in time")
