"""Redrives: dead letters go back through their target's lane, and are gone only once they are somewhere better."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from bridge.codec.chunks import encode_event
from bridge.dataplane import persist, redrive, redriving
from bridge.dataplane.redrive import Redrives
from bridge.dataplane.redriving import PAGE, STILL_DEAD, TAKEN, Pacer
from bridge.dataplane.sending import Became, Keeper
from bridge.errors import NotFound, Overloaded, StoreError, StoreUnavailable
from bridge.model.delivery import Delivery
from bridge.model.event import Event
from bridge.model.log import Position
from bridge.model.redrive import Redrive
from bridge.stores.deadletters.base import DeadLetter, Filter
from bridge.stores.deadletters.memory import MemoryDeadLetters
from bridge.testing.clock import ManualClock

BUS = Filter(bus="traffic")


def letter(offset: int, rule: str = "red", target: str = "audit", **members: Any) -> DeadLetter:
    form, body = encode_event(Event(f"e{offset}", "/j/7", "t", {}))
    base = {"bus": "traffic", "partition": 0, "event_id": f"e{offset}", "reason": "rejected", "detail": "no"}
    more = {"time": 100.0, "received": 90.0 + offset, "format": form, "event": body}
    return DeadLetter(rule=rule, target=target, offset=offset, **base | more | members)


class FakeLane:
    """Of one target: remembers what it was given, and answers ``became``; holds on to it while that is None."""

    def __init__(self) -> None:
        self.became: Became | None = "delivered"
        self.full = asyncio.Event()
        self.full.set()
        self.got: list[tuple[str, Position, float]] = []
        self.holds: list[tuple[Delivery, Keeper]] = []

    @property
    def ids(self) -> list[str]:
        return [event_id for event_id, *_ in self.got]

    async def put(self, events: Sequence[tuple[Event, Position, float]], keeper: Keeper) -> None:
        await self.full.wait()
        self.got += [(event.id, position, received) for event, position, received in events]
        deliveries = [Delivery(event, position, None, None, received) for event, position, received in events]
        if self.became is None:
            self.holds += [(delivery, keeper) for delivery in deliveries]
        else:
            await keeper.done(deliveries, self.became)

    async def let_go(self, became: Became) -> None:
        holds, self.holds = self.holds, []
        for delivery, keeper in holds:
            await keeper.done([delivery], became)


class FakeBus:
    """Stands for a bus and for its rules: the seam of ``RunningRules.redeliver``."""

    def __init__(self, *targets: tuple[str, str]) -> None:
        self.lanes = {names: FakeLane() for names in targets}
        self.rules = self

    async def redeliver(self, rule: str, target: str, events: Sequence[Any], keeper: Keeper) -> None:
        if (rule, target) not in self.lanes:
            raise NotFound(f"there is no target traffic/{rule}/{target} at work")
        await self.lanes[rule, target].put(events, keeper)


class World:
    """One bus with the targets red/audit and red/http, its dead letters, and redrives of them."""

    def __init__(self) -> None:
        self.bus = FakeBus(("red", "audit"), ("red", "http"))
        self.lane = self.bus.lanes["red", "audit"]
        self.other = self.bus.lanes["red", "http"]
        self.store = MemoryDeadLetters()
        self.clock = ManualClock()
        self.redrives = Redrives(self, self.store, self.clock, self.clock.sleep)

    async def get(self, name: str) -> FakeBus:
        if name != "traffic":
            raise NotFound(f"there is no bus {name!r}", path="$.bus")
        return self.bus

    @asynccontextmanager
    async def running(self) -> AsyncIterator["World"]:
        run = asyncio.ensure_future(self.redrives.run())
        await asyncio.sleep(0)
        yield self
        run.cancel()
        with suppress(asyncio.CancelledError):
            await run

    async def ended(self, job: Redrive) -> Redrive:
        """The job once it is not running any more."""
        return await self.until(job, lambda found: found.state != "running")

    async def until(self, job: Redrive, holds: Any) -> Redrive:
        for _ in range(2000):
            found = self.redrives.get("traffic", job.id)
            if holds(found):
                return found
            await asyncio.sleep(0)
        raise AssertionError(found)

    async def left(self) -> list[int]:
        return sorted(found.offset for found in await self.store.list(BUS, limit=1000))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World().running() as made:
        yield made


async def test_letters_go_to_their_targets_and_are_gone(world: World) -> None:
    """Each event with its place and its time, oldest first; the job tells how it went."""
    await world.store.add([letter(n) for n in range(2 * PAGE + 3)] + [letter(7, target="http")])
    begun = await world.redrives.start(BUS)
    assert (begun.state, begun.matched, begun.sent, begun.ended) == ("running", 104, 0, "")
    ended = await world.ended(begun)
    assert (ended.state, ended.sent, ended.delivered, ended.failed, ended.reason) == ("done", 104, 104, 0, "")
    assert (ended.started[-1], ended.ended[-1]) == ("Z", "Z")
    assert world.lane.ids == [f"e{n}" for n in range(103)]
    assert world.lane.got[5] == ("e5", Position(0, 5), 95.0)
    assert world.other.ids == ["e7"]
    assert await world.left() == []


async def test_a_filter_or_ids_choose(world: World) -> None:
    """The others stay. The same id twice is one letter; ids that are not there are left out."""
    await world.store.add([letter(n) for n in range(1200)] + [letter(1, rule="green"), letter(2, target="http")])
    await world.ended(await world.redrives.start(Filter(bus="traffic", target="http")))
    assert (world.other.ids, world.lane.ids) == (["e2"], [])
    ids = [found.id for found in await world.store.list(Filter(bus="traffic", rule="red"), limit=2000)]
    named = [*ids[5:1105], ids[5], "9" * 16, "nonsense"]
    ended = await world.ended(await world.redrives.start(BUS, ids=named))
    assert (ended.matched, ended.delivered) == (1100, 1100)
    assert world.lane.ids == [f"e{n}" for n in range(5, 1105)]


async def test_what_is_not_there_is_not_found(world: World) -> None:
    """A bus, all of the ids, a job; a filter that finds nothing is done at once."""
    await world.store.add([letter(1)])
    with pytest.raises(NotFound, match="no bus 'x'"):
        await world.redrives.start(Filter(bus="x"))
    for call in (world.redrives.start(BUS, ids=["9" * 16]), world.redrives.count(BUS, ids=["nonsense"])):
        with pytest.raises(NotFound, match="none of these dead letters"):
            await call
    job = await world.redrives.start(Filter(bus="traffic", rule="blue"))
    assert (job.state, job.matched) == ("done", 0)
    for bus, job_id in (("traffic", "x"), ("other", job.id)):
        with pytest.raises(NotFound, match="no redrive"):
            world.redrives.get(bus, job_id)
        with pytest.raises(NotFound, match="no redrive"):
            world.redrives.cancel(bus, job_id)


async def test_a_count_changes_nothing(world: World) -> None:
    """What a dry run asks for."""
    await world.store.add([letter(n) for n in range(3)] + [letter(3, rule="green")])
    assert await world.redrives.count(BUS) == 4
    assert await world.redrives.count(Filter(bus="traffic", rule="red")) == 3
    assert (await world.left(), world.redrives.list("traffic")) == ([0, 1, 2, 3], [])


async def test_what_dies_again_stays(world: World) -> None:
    """It was replaced by the new burial; it is tried once by this job and counts as failed."""
    await world.store.add([letter(1), letter(2)])
    world.lane.became = "buried"
    ended = await world.ended(await world.redrives.start(BUS))
    assert (ended.state, ended.delivered, ended.failed, ended.reason) == ("done", 0, 2, STILL_DEAD)
    assert (world.lane.ids, await world.left()) == (["e1", "e2"], [1, 2])


async def test_what_is_parked_is_no_dead_letter_any_more(world: World) -> None:
    """It waits durably for its next attempt, and is counted apart."""
    await world.store.add([letter(1)])
    world.lane.became = "parked"
    ended = await world.ended(await world.redrives.start(BUS))
    assert (ended.parked, ended.delivered, ended.settled) == (1, 0, 1)
    assert await world.left() == []


async def test_a_letter_that_came_again_meanwhile_stays(world: World) -> None:
    """Parked, then dead again before it was discarded: the new letter is not lost."""
    await world.store.add([letter(1)])
    world.lane.became = None
    job = await world.redrives.start(BUS)
    await world.until(job, lambda _: world.lane.holds)
    await world.store.add([letter(1, time=200.0)])
    await world.lane.let_go("parked")
    await world.ended(job)
    assert [found.time for found in await world.store.list(BUS)] == [200.0]


async def test_letters_of_targets_that_are_not_there_stay(world: World) -> None:
    """Each fails, with the reason; the others are delivered."""
    await world.store.add([letter(1), letter(2, rule="gone"), letter(3, rule="gone")])
    ended = await world.ended(await world.redrives.start(BUS))
    assert (ended.state, ended.matched, ended.delivered, ended.failed) == ("done", 3, 1, 2)
    assert ended.reason == "there is no target traffic/gone/audit at work"
    assert await world.left() == [2, 3]


async def test_letters_that_come_later_are_left_alone(world: World) -> None:
    """Else a target that refuses everything would never be done with."""
    await world.store.add([letter(1)])
    world.lane.became = None
    job = await world.redrives.start(BUS)
    await world.store.add([letter(2)])
    await world.until(job, lambda _: world.lane.holds)
    await world.lane.let_go("delivered")
    assert (await world.ended(job)).delivered == 1
    assert await world.left() == [2]


async def test_a_target_that_is_full_holds_up_no_other(world: World) -> None:
    """Its own stream waits with a page; the other one ends."""
    world.lane.full.clear()
    await world.store.add([letter(n) for n in range(200)] + [letter(n, target="http") for n in range(200)])
    job = await world.redrives.start(BUS)
    found = await world.until(job, lambda shown: shown.delivered == 200)
    assert (found.sent, world.lane.got, len(world.other.got)) == (200 + PAGE, [], 200)
    world.lane.full.set()
    assert (await world.ended(job)).delivered == 400


async def test_cancel_sends_no_more(world: World) -> None:
    """What the lane has goes on and is counted; the rest stays; cancelling twice is once."""
    await world.store.add([letter(n) for n in range(3 * PAGE)])
    world.lane.became = None
    world.lane.full.clear()
    job = await world.redrives.start(BUS)
    await world.until(job, lambda found: found.sent == PAGE)
    await asyncio.sleep(0)
    cancelled = world.redrives.cancel("traffic", job.id)
    assert (cancelled.state, cancelled.delivered) == ("cancelled", 0)
    assert world.redrives.cancel("traffic", job.id) == cancelled
    world.lane.full.set()
    await world.until(job, lambda _: len(world.lane.holds) == PAGE)
    await world.lane.let_go("delivered")
    found = await world.until(job, lambda shown: shown.delivered)
    assert (found.state, found.sent, found.delivered) == ("cancelled", PAGE, PAGE)
    assert await world.left() == list(range(PAGE, 3 * PAGE))


async def test_a_letter_is_in_one_redrive_at_a_time(world: World) -> None:
    """Another one says so; once the first is done with it, it may go again."""
    await world.store.add([letter(1)])
    world.lane.became = None
    first = await world.redrives.start(BUS)
    await world.until(first, lambda _: world.lane.holds)
    second = await world.ended(await world.redrives.start(BUS))
    assert (second.sent, second.failed, second.reason) == (0, 1, TAKEN)
    await world.lane.let_go("buried")
    assert (await world.ended(first)).failed == 1
    world.lane.became = "delivered"
    assert (await world.ended(await world.redrives.start(BUS))).delivered == 1


async def test_what_a_lane_lets_go_of_is_given_again(world: World) -> None:
    """A rule changed: its target has another lane by now. If the target is gone, it fails."""
    await world.store.add([letter(1), letter(2)])
    world.lane.became = "released"
    job = await world.redrives.start(BUS)
    await world.until(job, lambda _: len(world.lane.got) >= 6)
    world.lane.became = "delivered"
    assert (await world.ended(job)).delivered == 2
    assert world.redrives.get("traffic", job.id).sent == 2
    await world.store.add([letter(3)])
    world.lane.became = "released"
    job = await world.redrives.start(BUS)
    await world.until(job, lambda _: "e3" in world.lane.ids)
    del world.bus.lanes["red", "audit"]
    assert (await world.ended(job)).failed == 1
    assert await world.left() == [3]


async def test_what_is_let_go_of_after_a_cancel_stays(world: World) -> None:
    """And is free for another redrive."""
    await world.store.add([letter(1)])
    world.lane.became = "released"
    job = await world.redrives.start(BUS)
    await world.until(job, lambda _: world.lane.got)
    world.redrives.cancel("traffic", job.id)
    for _ in range(10):
        await asyncio.sleep(0)
    world.lane.became = "delivered"
    assert (await world.ended(await world.redrives.start(BUS))).delivered == 1


async def test_a_rate_is_kept_by_all_targets_together(world: World) -> None:
    """Over ten seconds, and not for longer."""
    await world.store.add([letter(n) for n in range(60)] + [letter(n, target="http") for n in range(40)])
    began = world.clock()
    ended = await world.ended(await world.redrives.start(BUS, rate=10.0))
    assert (ended.rate, ended.delivered) == (10.0, 100)
    assert 8.9 <= world.clock() - began <= 10.1
    await world.store.add([letter(n) for n in range(3)])
    began = world.clock()
    await world.ended(await world.redrives.start(BUS, rate=1 / 3600))
    assert world.clock() - began == pytest.approx(3 * 3600)


async def test_a_clock_that_is_set_back_does_not_stop_it() -> None:
    """The longest wait is that of one page."""
    clock = ManualClock(1000.0)
    pacer = Pacer(clock, clock.sleep, 10.0)
    async with pacer.turn():
        pacer.spend(10)
    clock.now = 0.0
    async with pacer.turn():
        assert clock() == 1.0


async def test_many_at_once_are_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """And those that ended are forgotten in time, oldest first."""
    monkeypatch.setattr(redrive, "MOST_RUNNING", 2)
    monkeypatch.setattr(redrive, "MOST_ENDED", 3)
    await world.store.add([letter(1), letter(2, target="http")])
    world.lane.became = world.other.became = None
    running = [await world.redrives.start(Filter(bus="traffic", target=name)) for name in ("audit", "http")]
    with pytest.raises(Overloaded, match="2 redrives are running"):
        await world.redrives.start(BUS)
    world.redrives.cancel("traffic", running[0].id)
    ended = [(await world.redrives.start(Filter(bus="traffic", rule="none"))).id for _ in range(5)]
    assert [job.id for job in world.redrives.list("traffic")] == [running[1].id, *ended[2:]]
    assert world.redrives.list("other") == []


async def test_a_store_that_cannot_be_read_ends_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the reason; what was not sent stays."""
    await world.store.add([letter(1)])

    async def broken(*_: object, **__: object) -> list[DeadLetter]:
        raise StoreError("the stored dead letter 1 is damaged")

    monkeypatch.setattr(world.store, "list", broken)
    ended = await world.ended(await world.redrives.start(BUS))
    assert (ended.state, ended.sent, ended.reason) == ("failed", 0, "the stored dead letter 1 is damaged")


async def test_a_store_that_cannot_discard_is_asked_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside the lane; only then the letter counts as delivered."""
    monkeypatch.setattr(persist, "FIRST_WAIT_S", 0.0)
    discard, left = world.store.discard, [1, 2, 3]

    async def ailing(letters: Sequence[DeadLetter]) -> int:
        if left and left.pop():
            raise StoreUnavailable("the disk is full")
        return await discard(letters)

    monkeypatch.setattr(world.store, "discard", ailing)
    await world.store.add([letter(1)])
    assert (await world.ended(await world.redrives.start(BUS))).delivered == 1
    assert (left, await world.left()) == ([], [])


async def test_bugs_end_a_job_and_nothing_else(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Logged, told, and the next redrive works."""
    await world.store.add([letter(1)])
    redeliver = world.bus.redeliver

    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(world.bus, "redeliver", broken)
    ended = await world.ended(await world.redrives.start(BUS))
    assert (ended.state, ended.failed, ended.reason) == ("done", 1, redriving.BROKEN)
    monkeypatch.setattr(world.bus, "redeliver", redeliver)
    assert (await world.ended(await world.redrives.start(BUS))).delivered == 1


async def test_what_is_taken_while_the_bridge_stops_is_not_delivered_again() -> None:
    """It is discarded before the lane goes on, or at the end of the redrives; what is let go of stays."""
    world = World()
    await world.store.add([letter(1), letter(2), letter(3)])
    world.lane.became = None
    async with world.running():
        job = await world.redrives.start(BUS)
        await world.until(job, lambda _: len(world.lane.holds) == 3)
        (first, keeper), (second, _), (third, _) = world.lane.holds
        await keeper.done([first], "delivered")
    assert await world.left() == [2, 3]
    await keeper.done([second], "delivered")
    await keeper.done([third], "released")
    assert await world.left() == [3]
    with pytest.raises(StoreUnavailable, match="starting or stopping"):
        await world.redrives.start(BUS)
