"""Lanes: every delivery ends as delivered or as a dead letter, and only then settles."""

import asyncio
from collections.abc import Sequence

import pytest

from bridge.connectors.base import Config, Features, Target
from bridge.dataplane.aftermath import Exits
from bridge.dataplane.lanes import Lane
from bridge.dataplane.retry import Reason
from bridge.dataplane.sending import GivenUp, Settled, Timing
from bridge.errors import NotConnected, PartlyFailed, Rejected, Retryable
from bridge.model.delivery import Delivery
from bridge.model.event import Event
from bridge.model.log import Position
from bridge.model.rule import Batching, Retry, TargetSpec, Wait
from bridge.model.units import Size


class Scripted(Target):
    """Answers each send with the next line of a script; takes everything when the script is over."""

    kind = "scripted"
    Config = Config
    features = Features(max_batch=10)

    def __init__(self, *script: Exception | None) -> None:
        self.script = list(script)
        self.sends: list[list[int]] = []
        self.closed = False
        self.opened = 0

    async def open(self) -> None:
        self.opened += 1

    async def send(self, deliveries: Sequence[Delivery]) -> None:
        self.sends.append([d.position.offset for d in deliveries])
        answer = self.script.pop(0) if self.script else None
        if answer:
            raise answer

    async def close(self) -> None:
        self.closed = True


def deliveries(count: int) -> list[Delivery]:
    return [Delivery(Event(str(i), "/s", "t", {}), Position(0, i), None, None) for i in range(count)]


async def through(target: Scripted, count: int) -> tuple[list[GivenUp], list[float]]:
    """Put so many deliveries through a lane; returns what was buried and the waits that were asked for."""
    buried: list[GivenUp] = []
    waits: list[float] = []
    done = asyncio.Event()
    settled = 0

    async def bury(letters: Sequence[GivenUp]) -> None:
        assert settled + len(letters) <= count, "buried before it settles"
        buried.extend(letters)

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    def settle(number: int) -> None:
        nonlocal settled
        settled += number
        if settled == count:
            done.set()

    retry = Retry(schedule=(Wait(0.2), Wait(1), Wait(5)), max_attempts=4)
    spec = TargetSpec(name="a", kind="scripted", concurrency=1, batch=Batching(count=4), retry=retry)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        timing = Timing(lambda: 0.0, sleep, lambda: 0.0)
        lane = Lane(target, spec, exits=Exits(bury), spawn=group.create_task, timing=timing)
        await lane.put(deliveries(count), settle)
        await done.wait()
        await lane.stop(nobody)
    assert lane.idle
    assert target.closed
    return buried, waits


async def nobody(deliveries: Sequence[Delivery], settled: Settled) -> None:
    """An heir where nothing is left."""
    raise AssertionError(deliveries)


async def test_deliveries_go_out_in_order_and_in_batches() -> None:
    """A send carries what batch and connector allow."""
    target = Scripted()
    assert await through(target, 6) == ([], [])
    assert target.sends == [[0, 1, 2, 3], [4, 5]]


async def test_a_failing_target_is_tried_again_with_growing_waits() -> None:
    """Here 0.2 s, then 1 s."""
    target = Scripted(Retryable("busy"), Retryable("busy"))
    buried, waits = await through(target, 1)
    assert buried == []
    assert waits == pytest.approx([0.2, 1.0])
    assert target.sends == [[0], [0], [0]]


async def test_a_rejected_delivery_is_buried_at_once() -> None:
    """With the reason, and without another try."""
    buried, waits = await through(Scripted(Rejected("status 400")), 1)
    assert [(b.decision.reason, b.detail, len(b.attempts)) for b in buried] == [(Reason.REJECTED, "status 400", 1)]
    assert waits == []


async def test_after_the_last_attempt_it_is_buried_with_all_attempts() -> None:
    """Here there are four."""
    buried, _ = await through(Scripted(*[Retryable("down")] * 4), 1)
    assert [(b.decision.reason, len(b.attempts)) for b in buried] == [(Reason.EXHAUSTED_ATTEMPTS, 4)]


async def test_of_a_partly_failed_batch_only_the_failed_are_tried_again() -> None:
    """The others are taken; each failure is judged by itself."""
    target = Scripted(PartlyFailed({1: Retryable("busy"), 2: Rejected("no")}))
    buried, _ = await through(target, 4)
    assert target.sends == [[0, 1, 2, 3], [1]]
    assert [b.delivery.position.offset for b in buried] == [2]


async def test_a_lost_connection_is_opened_again() -> None:
    """Before the next send, and once."""
    target = Scripted(NotConnected("reset"))
    await through(target, 1)
    assert (target.opened, target.sends) == (2, [[0], [0]])


async def test_a_bug_of_the_connector_is_retried_and_told() -> None:
    """An exception outside the contract loses nothing."""
    target = Scripted(*[KeyError("oops")] * 4)
    buried, _ = await through(target, 1)
    assert "bug in the connector: KeyError('oops')" in buried[0].detail


class Gated(Scripted):
    """Holds every send until the gate opens."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.began = asyncio.Event()

    async def send(self, deliveries: Sequence[Delivery]) -> None:
        self.began.set()
        await self.gate.wait()
        await super().send(deliveries)


async def test_a_stopped_lane_leaves_everything_to_its_heir() -> None:
    """What was being sent, what waited, and what a producer that was held back puts later: in order, settled by the heir."""
    target, inherited, settled = Gated(), [], []

    async def heir(left: Sequence[Delivery], settle: Settled) -> None:
        inherited.extend(d.position.offset for d in left)
        settle(len(left))

    async def bury(letters: Sequence[GivenUp]) -> None:
        raise AssertionError(letters)

    spec = TargetSpec(name="a", kind="scripted", concurrency=1, batch=Batching(count=1))
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        timing = Timing(lambda: 0.0, asyncio.sleep, lambda: 0.0)
        lane = Lane(target, spec, exits=Exits(bury), spawn=group.create_task, timing=timing, capacity=2)
        producer = group.create_task(lane.put(deliveries(6), settled.append))
        await target.began.wait()
        assert lane.oldest() == {0: 0}
        await lane.stop(heir)
        await producer
        await lane.put(deliveries(1), settled.append)
    assert (sorted(inherited), sum(settled)) == ([0, 0, 1, 2, 3, 4, 5], 7)
    assert target.sends == []
    assert target.closed


async def test_an_idle_lane_costs_no_task() -> None:
    """Workers end when nothing waits, and start again with the next delivery."""
    target, settled = Scripted(), []

    async def bury(letters: Sequence[GivenUp]) -> None:
        raise AssertionError(letters)

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        timing = Timing(lambda: 0.0, asyncio.sleep, lambda: 0.0)
        lane = Lane(
            target, TargetSpec(name="a", kind="scripted"), exits=Exits(bury), spawn=group.create_task, timing=timing
        )
        for expected in (1, 2):
            await lane.put(deliveries(1), settled.append)
            while sum(settled) < expected or not lane.idle:
                await asyncio.sleep(0)
        assert len(target.sends) == 2


async def test_a_lost_connection_is_not_opened_again_while_another_send_is_under_way() -> None:
    """`close` comes when no send is under way any more."""

    class Losing(Scripted):
        async def send(self, deliveries: Sequence[Delivery]) -> None:
            number = deliveries[0].position.offset
            self.events.append(f"send {number}")
            if number == 0 and "lost" not in self.events:
                self.events.append("lost")
                await self.other.wait()
                raise NotConnected
            if number == 1:
                self.other.set()
                await self.slow.wait()
            self.events.append(f"sent {number}")

        async def open(self) -> None:
            self.events.append("open")

        async def close(self) -> None:
            self.events.append("close")

    target, settled = Losing(), []
    target.events, target.slow, target.other = [], asyncio.Event(), asyncio.Event()

    async def bury(letters: Sequence[GivenUp]) -> None:
        raise AssertionError(letters)

    async def sleep(seconds: float) -> None:
        target.slow.set()

    spec = TargetSpec(name="a", kind="scripted", concurrency=2, batch=Batching(count=1))
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        lane = Lane(
            target, spec, exits=Exits(bury), spawn=group.create_task, timing=Timing(lambda: 0.0, sleep, lambda: 0.0)
        )
        await lane.put(deliveries(2), settled.append)
        while sum(settled) < 2:
            await asyncio.sleep(0)
    reopened = target.events.index("close")
    assert target.events.index("sent 1") < reopened < target.events.index("sent 0")


async def test_what_is_put_in_the_moment_when_the_last_worker_ends_is_sent() -> None:
    """A worker that has ended does not count as one."""
    target, settled = Scripted(), []

    async def bury(letters: Sequence[GivenUp]) -> None:
        raise AssertionError(letters)

    spec = TargetSpec(name="a", kind="scripted", concurrency=1, batch=Batching(count=1))
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        timing = Timing(lambda: 0.0, asyncio.sleep, lambda: 0.0)

        def spawn(work):
            task = group.create_task(work)
            task.add_done_callback(lambda _: lane_is_done.set())
            return task

        lane_is_done = asyncio.Event()
        lane = Lane(target, spec, exits=Exits(bury), spawn=spawn, timing=timing)
        await lane.put(deliveries(1), settled.append)
        await lane_is_done.wait()
        for expected in range(2, 30):
            worker = next(iter(lane._contents.under_way), None)
            await lane.put(deliveries(1), settled.append)
            if worker is not None:
                while not worker.done():
                    await asyncio.sleep(0)
                await lane.put(deliveries(1), settled.append)
            while sum(settled) < expected:
                await asyncio.sleep(0)


async def test_a_send_is_bounded_in_bytes_too() -> None:
    """At least one delivery goes out, however large."""
    target, settled = Scripted(), []
    sizes = [100, 100, 900, 100, 5000, 100]
    events = [Event(str(i), "/s", "t", {}, b"x" * size) for i, size in enumerate(sizes)]
    wanted = [Delivery(event, Position(0, i), None, None) for i, event in enumerate(events)]

    async def bury(letters: Sequence[GivenUp]) -> None:
        raise AssertionError(letters)

    spec = TargetSpec(name="a", kind="scripted", concurrency=1, batch=Batching(count=10, size=Size(1500)))
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        timing = Timing(lambda: 0.0, asyncio.sleep, lambda: 0.0)
        lane = Lane(target, spec, exits=Exits(bury), spawn=group.create_task, timing=timing)
        await lane.put(wanted, settled.append)
        while sum(settled) < len(sizes):
            await asyncio.sleep(0)
    assert target.sends == [[0, 1], [2, 3], [4], [5]]


async def test_while_everything_ends_a_lane_still_says_what_it_took() -> None:
    """Whoever put it counts on that: what is in the lane and is thought to be elsewhere would be settled twice."""

    def spawn(work):
        work.close()
        raise asyncio.CancelledError

    async def bury(letters: Sequence[GivenUp]) -> None:
        raise AssertionError(letters)

    timing = Timing(lambda: 0.0, asyncio.sleep, lambda: 0.0)
    lane = Lane(Scripted(), TargetSpec(name="a", kind="scripted"), exits=Exits(bury), spawn=spawn, timing=timing)
    assert (lane.offer(deliveries(3), print), lane.size) == (3, 3)


async def test_a_lane_that_is_held_inherits_at_once() -> None:
    """Its predecessor, and with it the cursor, must not wait until somebody releases it."""

    async def bury(letters: Sequence[GivenUp]) -> None:
        raise AssertionError(letters)

    spec = TargetSpec(name="a", kind="scripted", batch=Batching(count=10))
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        timing = Timing(lambda: 0.0, asyncio.sleep, lambda: 0.0)
        lane = Lane(Scripted(), spec, exits=Exits(bury), spawn=group.create_task, timing=timing, capacity=1)
        lane.hold("paused", "because")
        await lane.inherit(deliveries(95), print)
        assert (lane.size, lane.has_room, lane.is_held) == (95, False, True)


async def test_what_blocks_while_another_is_unblocked_still_blocks() -> None:
    """Otherwise what follows it would go out before it."""
    target, buried = Scripted(Rejected("no"), Rejected("no")), []
    burying, go_on = asyncio.Event(), asyncio.Event()

    async def bury(letters: Sequence[GivenUp]) -> None:
        burying.set()
        await go_on.wait()
        buried.extend(letters)

    spec = TargetSpec(name="a", kind="scripted", concurrency=2, errors_tolerance="NONE", batch=Batching(count=1))
    second, both = asyncio.Event(), asyncio.Event()
    send = target.send

    async def slow(sent: Sequence[Delivery]) -> None:
        if sent[0].position.offset == 0:
            await both.wait()
        if sent[0].position.offset == 1:
            both.set()
            await second.wait()
        await send(sent)

    target.send = slow
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        timing = Timing(lambda: 0.0, asyncio.sleep, lambda: 0.0)
        lane = Lane(target, spec, exits=Exits(bury), spawn=group.create_task, timing=timing)
        lane.offer(deliveries(4), print)
        while not lane.is_held:
            await asyncio.sleep(0)
        unblocking = group.create_task(lane.unblock(skip=True))
        await burying.wait()
        second.set()
        while len(lane._contents.blocking) < 1:
            await asyncio.sleep(0)
        go_on.set()
        await unblocking
        assert (lane.is_held, target.sends, len(buried)) == (True, [[0], [1]], 1)
        await lane.unblock(skip=True)
        while len(target.sends) < 4:
            await asyncio.sleep(0)
