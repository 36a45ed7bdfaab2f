"""A lane with its parking, in virtual time: whatever fails, everything ends once, and in order where that is asked for."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.connectors.base import Config, Features, Target
from bridge.dataplane.aftermath import Exits
from bridge.dataplane.lanes import Lane
from bridge.dataplane.parking import Parked, Parking
from bridge.dataplane.sending import GivenUp, Keeper, Settled, Timing, Waiting
from bridge.errors import PartlyFailed, Rejected, Retryable
from bridge.model.delivery import Delivery
from bridge.model.event import Event
from bridge.model.log import Position
from bridge.model.rule import Batching, Retry, TargetSpec, Wait
from bridge.model.units import Rate
from bridge.stores.timers.base import Place, Timer
from bridge.stores.timers.memory import MemoryTimers
from tests.unit.dataplane.virtual import VirtualTime

QUEUE = "retry/b/r/t"


class Moody(Target):
    """Takes each event after it was tried so often (-1: never, and says so). ``whole``: one bad event spoils its batch."""

    kind = "moody"
    Config = Config

    def __init__(self, moods: dict[str, int], *, whole: bool = False, max_batch: int = 1) -> None:
        self.moods = dict(moods)
        self.whole = whole
        self.features = Features(max_batch=max_batch)
        self.taken: list[str] = []
        self.sends: list[list[str]] = []
        self.times: list[float] = []
        self.at_once = 0
        self.most_at_once = 0

    async def send(self, deliveries: Sequence[Delivery]) -> None:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0)
            self._send(deliveries)
        finally:
            self.at_once -= 1

    def _send(self, deliveries: Sequence[Delivery]) -> None:
        ids = [delivery.event.id for delivery in deliveries]
        self.sends.append(ids)
        bad = {index: self.moods.get(one, 0) for index, one in enumerate(ids) if self.moods.get(one, 0)}
        if bad and (self.whole or len(ids) == 1):
            refused = any(mood < 0 for mood in bad.values())
            self._cheer_up(ids)
            raise Rejected("poison") if refused else Retryable("not yet")
        self.taken += [one for index, one in enumerate(ids) if index not in bad]
        self._cheer_up(ids)
        if bad:
            raise PartlyFailed({i: Rejected("poison") if mood < 0 else Retryable("not yet") for i, mood in bad.items()})

    def _cheer_up(self, ids: Sequence[str]) -> None:
        for one in ids:
            if self.moods.get(one, 0) > 0:
                self.moods[one] -= 1


class Timers(MemoryTimers):
    """Every question takes a turn of the loop, so that others come in between."""

    slow: asyncio.Event | None = None
    """Until it is set, nothing is stored."""

    async def add(self, timers: Sequence[Timer]) -> None:
        await (asyncio.sleep(0) if self.slow is None else self.slow.wait())
        await super().add(timers)
        await asyncio.sleep(0)

    async def due(self, queue: str, now: float, limit: int, after: Place | None = None) -> list[Timer]:
        found = await super().due(queue, now, min(limit, 3), after)
        await asyncio.sleep(0)
        return found

    async def next_due(self, queue: str) -> float | None:
        await asyncio.sleep(0)
        return await super().next_due(queue)

    async def remove(self, queue: str, ids: Sequence[str]) -> int:
        await asyncio.sleep(0)
        return await super().remove(queue, ids)

    def left(self) -> int:
        return len(self._find(QUEUE).timers)


class Scene:
    """One target with its lane and parking; it is its parking's owner, too."""

    def __init__(self, target: Target, time: VirtualTime, **spec: object) -> None:
        self.time = time
        self.tasks: set[asyncio.Task[None]] = set()
        self.timers = Timers()
        self.buried: list[GivenUp] = []
        self.settled = Counter[str]()
        self.retired: list[str] = []
        self.full: asyncio.Event | None = None
        """Until it is set, no dead letter is stored."""
        self.spec = TargetSpec(name="t", kind="moody", **spec)
        self.timing = Timing(time.clock, time.sleep, lambda: 0.0)
        self.parking = Parking(self.timers, QUEUE, self, self.spawn, self.timing)
        self.target = target
        self.lane = self.make_lane()

    def make_lane(self) -> Lane:
        exits = Exits(self.bury, self.parking, self.retired.append)
        return Lane(self.target, self.spec, exits=exits, spawn=self.spawn, timing=self.timing)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def bury(self, given_up: Sequence[GivenUp]) -> None:
        if self.full is not None:
            await self.full.wait()
        self.buried += given_up

    def digest(self) -> str:
        return "d"

    async def revive(self, parked: Parked, event: Event, position: Position) -> Delivery:
        return Delivery(event, position, parked.payload, None, parked.received)

    async def put_back(self, waiting: Waiting, keeper: Keeper) -> bool:
        return await self.lane.put_back(waiting, keeper)

    async def put(self, events: Sequence[Event], first: int = 0) -> None:
        """One after the other, each settling by its id."""
        for offset, event in enumerate(events, first):
            await self.lane.put([Delivery(event, Position(0, offset), None, None)], self._settler(event.id))

    def _settler(self, event_id: str) -> Settled:
        def settle(number: int) -> None:
            self.settled[event_id] += number

        return settle

    @property
    def ends(self) -> Counter[str]:
        """How often each event was taken or buried."""
        return Counter(self.target.taken) + Counter(one.delivery.event.id for one in self.buried)


@asynccontextmanager
async def on_stage(target: Target, time: VirtualTime, **spec: object) -> AsyncIterator[Scene]:
    """A scene; nothing goes on after it, and no task of it has failed."""
    scene = Scene(target, time, **spec)
    async with asyncio.timeout(10):
        try:
            yield scene
        finally:
            tasks = list(scene.tasks)
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
        assert [end for end in ends if isinstance(end, Exception)] == []


def event(number: int, key: str = "k") -> Event:
    return Event(f"{number:03}", "/s", "t", {"partitionkey": key})


def schedule(*waits: float, **more: object) -> Retry:
    return Retry(schedule=tuple(Wait(wait) for wait in waits), jitter=0, **more)


MOODS = st.lists(st.sampled_from([0, 0, 0, 0, 1, 1, 2, 3, 5, -1]), min_size=1, max_size=40)


@settings(max_examples=100, deadline=None)
@given(
    moods=MOODS,
    keys=st.lists(st.sampled_from("abc"), min_size=40, max_size=40),
    order=st.sampled_from(["key", "none"]),
    concurrency=st.integers(1, 4),
    max_batch=st.sampled_from([1, 3, 10]),
    whole=st.booleans(),
    waits=st.sampled_from([(0.5,), (1, 20), (7,), (30, 1)]),
    pause=st.sampled_from([0, 1, 25, 40]),
)
async def test_everything_ends_once_and_in_order(
    moods, keys, order, concurrency, max_batch, whole, waits, pause
) -> None:
    """In every mood of the target and with every policy."""
    time = VirtualTime()
    events = [event(n, key) for n, key in zip(range(len(moods)), keys, strict=False)]
    target = Moody({e.id: mood for e, mood in zip(events, moods, strict=True)}, whole=whole, max_batch=max_batch)
    retry = schedule(*waits, max_attempts=50, max_age=Wait(86_400))
    async with on_stage(target, time, order=order, concurrency=concurrency, retry=retry) as scene:
        await scene.parking.begin(by_key=order == "key")
        half = len(events) // 2
        await time.until(scene.spawn(scene.put(events[:half])).done)
        await time.advance(pause)
        await time.until(scene.spawn(scene.put(events[half:], half)).done)
        await time.until(lambda: len(scene.ends) == len(events))
        await time.until(lambda: not scene.timers.left())
    assert scene.ends == Counter(e.id for e in events)
    assert scene.settled == Counter(e.id for e in events)
    assert {one.delivery.event.id for one in scene.buried} == {
        e.id for e, mood in zip(events, moods, strict=True) if mood < 0
    }
    if order == "key":
        by_key = defaultdict(list)
        for one in target.taken:
            by_key[keys[int(one)]].append(one)
        assert all(ids == sorted(ids) for ids in by_key.values()), by_key


@pytest.fixture
def time() -> VirtualTime:
    return VirtualTime()


async def test_a_rate_is_kept(time: VirtualTime) -> None:
    """Ten a second, and no burst beyond the first of its tenth of a second."""
    target = Moody({})
    async with on_stage(target, time, rate=Rate(10)) as scene:
        began = time.now
        await time.until(scene.spawn(scene.put([event(n) for n in range(30)])).done)
        await time.until(lambda: len(target.taken) == 30)
    assert time.now - began == pytest.approx(2.9, abs=0.01)


async def test_a_batch_waits_to_be_full_but_not_for_ever(time: VirtualTime) -> None:
    """It goes out when it is full, or when its first delivery has waited long enough."""
    target = Moody({}, max_batch=10)
    async with on_stage(target, time, batch=Batching(count=4, wait=Wait(2))) as scene:
        await scene.put([event(n) for n in range(5)])
        await time.settle()
        assert target.sends == [["000", "001", "002", "003"]]
        await time.advance(1.9)
        assert len(target.sends) == 1
        await time.advance(0.2)
        assert target.sends[1:] == [["004"]]
        await scene.put([event(5)], 5)
        scene.lane.hurry()
        await time.settle()
        assert target.sends[2:] == [["005"]]


async def test_the_bad_one_of_a_batch_is_found(time: VirtualTime) -> None:
    """By halves, at once, and the others are taken."""
    target = Moody({"005": -1}, whole=True, max_batch=8)
    async with on_stage(target, time, concurrency=1, batch=Batching(count=8, wait=Wait(1))) as scene:
        await scene.put([event(n) for n in range(8)])
        await time.settle()
    assert [one.delivery.event.id for one in scene.buried] == ["005"]
    assert scene.buried[0].tries == 1
    assert sorted(target.taken) == ["000", "001", "002", "003", "004", "006", "007"]
    assert len(target.sends) <= 7


async def test_a_long_wait_is_parked_and_settled(time: VirtualTime) -> None:
    """It costs no place in the lane; the attempts are remembered; the payload comes back with it."""
    target = Moody({"000": 3})
    async with on_stage(target, time, retry=schedule(3600, max_attempts=3)) as scene:
        await scene.put([event(0)])
        await time.settle()
        assert (scene.lane.size, scene.settled["000"], scene.timers.left()) == (0, 1, 1)
        assert await scene.parking.next_due() == time.now + 3600
        await time.advance(7300)
        assert (scene.buried[0].tries, len(target.sends), scene.timers.left()) == (3, 3, 0)
        assert [attempt.outcome for attempt in scene.buried[0].attempts] == ["not yet"] * 3


async def test_of_many_attempts_the_first_and_the_last_are_kept(time: VirtualTime) -> None:
    """All are counted."""
    target = Moody({"000": 99})
    async with on_stage(target, time, retry=schedule(60, max_attempts=99, max_age=Wait(1e6))) as scene:
        await scene.put([event(0)])
        await time.until(lambda: bool(scene.buried))
    assert scene.buried[0].tries == 99
    assert len(scene.buried[0].attempts) == 20


async def test_a_dead_target_is_only_probed(time: VirtualTime) -> None:
    """Its breaker opens after ten attempts; then one delivery each half minute, and nothing else counts as an attempt."""
    target = Moody({f"{n:03}": 1_000 for n in range(200)})
    async with on_stage(target, time, concurrency=4, retry=schedule(1, max_attempts=1_000, max_age=Wait(1e6))) as scene:
        putting = scene.spawn(scene.put([event(n) for n in range(200)]))
        await time.advance(29)
        before = len(target.sends)
        assert before <= 14
        await time.advance(300)
        assert len(target.sends) - before <= 11
        assert scene.lane.valve.breaker.state != "closed"
        target.moods.clear()
        await time.until(lambda: len(target.taken) == 200)
        assert scene.lane.valve.breaker.state == "closed"
        await putting


async def test_a_lane_that_is_held_sends_nothing_and_has_no_room(time: VirtualTime) -> None:
    """Until it is released."""
    target = Moody({})
    async with on_stage(target, time) as scene:
        scene.lane.hold("paused", "because")
        putting = scene.spawn(scene.put([event(0)]))
        await time.advance(100)
        assert not putting.done()
        scene.lane.release("paused")
        await time.until(lambda: target.taken == ["000"])


async def test_a_target_without_tolerance_blocks_at_the_event_it_refuses(time: VirtualTime) -> None:
    """Nothing behind it goes out; it can be tried again, or skipped."""
    target = Moody({"001": -1})
    async with on_stage(target, time, errors_tolerance="NONE", concurrency=1) as scene:
        putting = scene.spawn(scene.put([event(n) for n in range(4)]))
        await time.advance(100)
        assert target.taken == ["000"]
        assert "event 001 of /s: poison" in scene.lane.valve.holds["blocked"].reason
        await scene.lane.unblock(skip=False)
        await time.advance(100)
        assert (target.taken, scene.buried, scene.lane.is_held) == (["000"], [], True)
        await scene.lane.unblock(skip=True)
        await time.until(lambda: len(target.taken) == 3)
        assert [one.delivery.event.id for one in scene.buried] == ["001"]
        await putting


async def test_a_blocked_lane_that_is_stopped_leaves_everything(time: VirtualTime) -> None:
    """Its heir gets the event at which it was blocked, once."""
    target = Moody({"001": -1})
    left: list[str] = []

    async def heir(deliveries: Sequence[Delivery], settled: Settled) -> None:
        left.extend(delivery.event.id for delivery in deliveries)

    async with on_stage(target, time, errors_tolerance="NONE", concurrency=1) as scene:
        await scene.put([event(n) for n in range(4)])
        await time.advance(1)
        await scene.lane.stop(heir)
    assert left == ["001", "002", "003"]


async def test_a_lane_that_is_stopped_while_it_parks_a_key_lets_go_of_what_is_behind(time: VirtualTime) -> None:
    """Of what was parked before: the next lane gets it when it is due, and in order."""
    target = Moody({"000": 2})
    retry = schedule(60, max_attempts=9)
    async with on_stage(target, time, order="key", retry=retry) as scene:
        await scene.parking.begin(by_key=True)
        await scene.put([event(n) for n in range(3)])
        await time.advance(59)
        assert scene.timers.left() == 3
        slow = scene.timers.slow = asyncio.Event()
        await time.advance(1.5)  # all come back, the first fails again, and its parking takes long

        async def heir(deliveries: Sequence[Delivery], settled: Settled) -> None:
            raise AssertionError("no cursor has any of them")

        old, scene.lane = scene.lane, scene.make_lane()
        stopping = scene.spawn(old.stop(heir))
        slow.set()
        await time.until(stopping.done)
        await time.until(lambda: len(target.taken) == 3, 200)
        await time.until(lambda: not scene.timers.left(), 10)
    assert target.taken == ["000", "001", "002"]


@pytest.mark.parametrize("turns", range(0, 24, 2))
async def test_a_lane_that_is_stopped_while_it_parks_a_key_keeps_its_order(time: VirtualTime, turns: int) -> None:
    """Some of a key may be on its way to those that are parked twice: from the old lane, and from its heir."""
    target = Moody({"000": 1})
    async with on_stage(target, time, order="key", retry=schedule(60, max_attempts=9)) as scene:
        await scene.parking.begin(by_key=True)
        slow = scene.timers.slow = asyncio.Event()
        await scene.put([event(n) for n in range(4)])
        for _ in range(10 + turns):
            await asyncio.sleep(0)
        old, scene.lane = scene.lane, scene.make_lane()
        scene.lane.expect()

        async def heir(deliveries: Sequence[Delivery], settled: Settled) -> None:
            await scene.lane.inherit(deliveries, settled)

        await old.stop(heir)
        scene.lane.inherited()
        scene.timers.slow = slower = asyncio.Event()
        slow.set()  # what the old lane was storing is stored
        await time.advance(2)
        slower.set()
        await time.until(lambda: len(set(target.taken)) == 4, 500)
    assert list(dict.fromkeys(target.taken)) == ["000", "001", "002", "003"]


async def test_what_is_skipped_is_in_the_lane_until_it_is_a_dead_letter(time: VirtualTime) -> None:
    """A store that takes long must not let it be forgotten: its cursor knows of it, and so does an heir."""
    target = Moody({"000": -1})
    left: list[str] = []

    async def heir(deliveries: Sequence[Delivery], settled: Settled) -> None:
        left.extend(delivery.event.id for delivery in deliveries)

    async with on_stage(target, time, errors_tolerance="NONE", concurrency=1) as scene:
        await scene.put([event(0)])
        await time.advance(1)
        scene.full = asyncio.Event()
        skipping = scene.spawn(scene.lane.unblock(skip=True))
        await time.settle()
        assert (scene.lane.oldest(), scene.lane.is_held) == ({0: 0}, True)
        await scene.lane.stop(heir)
        scene.full.set()
        await time.until(skipping.done)
    assert (left, scene.settled["000"]) == (["000"], 0)


async def test_what_is_skipped_and_tried_again_meanwhile_ends_once(time: VirtualTime) -> None:
    """Whichever is first."""
    target = Moody({"000": -1})
    async with on_stage(target, time, errors_tolerance="NONE", concurrency=1) as scene:
        await scene.put([event(0)])
        await time.advance(1)
        scene.full = asyncio.Event()
        skipping = scene.spawn(scene.lane.unblock(skip=True))
        await time.settle()
        target.moods.clear()
        await scene.lane.unblock(skip=False)
        await time.until(lambda: target.taken == ["000"])
        scene.full.set()
        await time.until(skipping.done)
    assert (scene.settled["000"], scene.lane.size) == (1, 0)


class Retired(Moody):
    async def send(self, deliveries: Sequence[Delivery]) -> None:
        self.sends.append([delivery.event.id for delivery in deliveries])
        raise Rejected("the target is retired", kind="target-retired", retire=True)


async def test_a_retired_target_gets_nothing_more(time: VirtualTime) -> None:
    """What it refused is buried, what waits stays."""
    target = Retired({})
    async with on_stage(target, time, concurrency=1) as scene:
        putting = scene.spawn(scene.put([event(n) for n in range(4)]))
        await time.advance(100)
        assert (scene.retired, target.sends) == (["the target is retired"], [["000"]])
        assert [one.decision.reason for one in scene.buried] == ["target-retired"]
        assert (putting.done(), scene.lane.size) == (True, 3)


class Holding(Moody):
    async def send(self, deliveries: Sequence[Delivery]) -> None:
        self.sends.append([delivery.event.id for delivery in deliveries])
        if len(self.sends) == 1:
            raise Retryable("status 429", after_s=600, hold_s=600)


async def test_a_target_that_asks_for_time_gets_it_for_all_deliveries(time: VirtualTime) -> None:
    """Retry-After holds everything, not only the delivery that was answered."""
    target = Holding({})
    async with on_stage(target, time, concurrency=1) as scene:
        await scene.put([event(0), event(1)])
        await time.advance(599)
        assert target.sends == [["000"]]
        await time.advance(2)
        assert sorted(target.sends) == [["000"], ["000"], ["001"]]


async def test_bytes_in_flight_are_bounded(time: VirtualTime) -> None:
    """However few the deliveries are; one may always be."""
    target = Moody({})
    async with on_stage(target, time, in_flight=1_000) as scene:
        big = [Event(f"{n:03}", "/s", "t", {}, b"x" * 5_000) for n in range(3)]
        scene.lane.hold("paused", "to look inside")
        scene.lane.valve.holds.clear()
        assert scene.lane.offer([Delivery(e, Position(0, n), None, None) for n, e in enumerate(big)], print) == 1
        await time.until(lambda: scene.lane.idle)
        assert scene.lane.has_room
