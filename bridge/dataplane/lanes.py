"""A lane: the running side of one target. Bounded, concurrent, persistent by the target's retry policy.

The pipeline puts batches in and waits while the lane is full; workers send; every delivery ends as delivered or as a
dead letter, and only then is it settled. Cancelling ``run`` stops at once: what was not settled is read again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import structlog

from bridge.connectors.base import Target
from bridge.dataplane.retry import Again, Done, Failed, GiveUp, decide
from bridge.errors import NotConnected, PartlyFailed, Rejected, Retryable, TargetError
from bridge.model.clock import Clock
from bridge.model.delivery import Delivery
from bridge.model.rule import TargetSpec
from bridge.stores.deadletters.base import Attempt

log = structlog.get_logger()

Settled = Callable[[int], None]
"""Told how many deliveries of a batch are settled."""


class GivenUp(NamedTuple):
    """A delivery that becomes a dead letter, and why."""

    delivery: Delivery
    decision: GiveUp
    detail: str
    attempts: tuple[Attempt, ...]


Bury = Callable[[Sequence[GivenUp]], Awaitable[None]]
"""Stores dead letters; returns when they are durable."""


class Timing(NamedTuple):
    """What tests move: the clock, the wait, the point within a policy's jitter (-1 to 1)."""

    clock: Clock
    sleep: Callable[[float], Awaitable[None]]
    jitter: Callable[[], float]


class _Send(NamedTuple):
    deliveries: Sequence[Delivery]
    settled: Settled


class Lane:
    """Deliveries to one target. ``capacity`` sends may wait; more make ``put`` wait."""

    def __init__(self, target: Target, spec: TargetSpec, bury: Bury, timing: Timing, capacity: int = 8) -> None:
        self._target = target
        self._spec = spec
        self._bury = bury
        self._timing = timing
        self._queue: asyncio.Queue[_Send] = asyncio.Queue(capacity)
        self._connecting = asyncio.Lock()
        self._opened = self._connected = False
        self._per_send = min(spec.batch.count, target.features.max_batch)

    async def put(self, deliveries: Sequence[Delivery], settled: Settled) -> None:
        """Take deliveries in the order of the log; waits while the lane is full."""
        for start in range(0, len(deliveries), self._per_send):
            await self._queue.put(_Send(deliveries[start : start + self._per_send], settled))

    async def run(self) -> None:
        """Send until cancelled; closes the target at the end."""
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._spec.concurrency):
                    group.create_task(self._work())
        finally:
            await self._target.close()

    async def _work(self) -> None:
        while True:
            send = await self._queue.get()
            await self._deliver(send.deliveries)
            send.settled(len(send.deliveries))

    async def _deliver(self, deliveries: Sequence[Delivery]) -> None:
        """Try until every delivery is delivered or buried."""
        began = self._timing.clock()
        attempts: list[Attempt] = []
        left = list(deliveries)
        while left:
            started = self._timing.clock()
            failures = await self._attempt(left)
            now = self._timing.clock()
            outcome = next(iter(failures.values())).reason if failures else "delivered"
            attempts.append(Attempt(started=started, duration_s=now - started, outcome=outcome))
            left, wait_s = await self._judge(
                [(left[i], failure) for i, failure in failures.items()], attempts, now - began
            )
            if left:
                await self._timing.sleep(wait_s)

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
        return again, wait_s

    async def _attempt(self, deliveries: Sequence[Delivery]) -> dict[int, Failed]:
        """One send: which deliveries failed, by index."""
        try:
            async with asyncio.timeout(self._spec.timeout):
                await self._connect()
                await self._target.send(deliveries)
        except PartlyFailed as error:
            return {index: _failed(failure) for index, failure in error.failures.items()}
        except NotConnected as error:
            self._connected = False
            return dict.fromkeys(range(len(deliveries)), _failed(error))
        except (TargetError, TimeoutError) as error:
            return dict.fromkeys(range(len(deliveries)), _failed(error))
        except Exception as error:
            log.exception("the connector has a bug: it raised what its contract does not allow", target=self._spec.name)
            return dict.fromkeys(range(len(deliveries)), Failed(f"bug in the connector: {error!r}"))
        return {}

    async def _connect(self) -> None:
        """Open the target before its first send and after it said NotConnected; one worker at a time."""
        async with self._connecting:
            if self._connected:
                return
            if self._opened:
                await self._target.close()
            self._opened = True
            await self._target.open()
            self._connected = True


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
