"""What is parked comes back when it is due, once it is wanted, and is forgotten only when it has become something."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from itertools import count
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.dataplane import persist
from bridge.dataplane.parking import LOOK_EVERY_S, MOST_OUT, Parked, Parking
from bridge.dataplane.sending import Keeper, Past, Timing, Waiting
from bridge.errors import NotFound, StoreUnavailable
from bridge.model.delivery import Delivery, Payload
from bridge.model.event import Event
from bridge.model.log import Position
from bridge.stores.deadletters.base import Attempt
from bridge.stores.timers.base import Timer
from bridge.stores.timers.memory import MemoryTimers
from tests.unit.dataplane.sends import delivery
from tests.unit.dataplane.virtual import VirtualTime

QUEUE = "retry/b/r/t/0"


class Owner:
    """A target that keeps what comes back until the test says what becomes of it."""

    def __init__(self) -> None:
        self.back: list[Waiting] = []
        self.keeper: Keeper
        self.parking: Parking
        self.there = self.wanted = self.takes = True

    def digest(self) -> str:
        return "d"

    async def revive(self, parked: Parked, event: Event, position: Position) -> Delivery | None:
        if not self.there:
            raise NotFound("it is disabled")
        return Delivery(event, position, parked.payload, None, parked.received) if self.wanted else None

    async def put_back(self, waiting: Waiting, keeper: Keeper) -> bool:
        await asyncio.sleep(0)
        if not self.takes or self.parking.is_stale(waiting.delivery):
            return False
        self.back.append(waiting)
        self.keeper = keeper
        return True

    async def all_became(self, what: str) -> None:
        back, self.back = self.back, []
        for waiting in back:
            await self.keeper.done([waiting.delivery], what)


class Scene:
    def __init__(self) -> None:
        self.time = VirtualTime()
        self.timers = MemoryTimers()
        self.tasks: set[asyncio.Task[None]] = set()
        self.start_again()

    def start_again(self) -> None:
        """As after a crash: the timers are there, nothing else is."""
        for task in self.tasks:
            task.cancel()
        timing = Timing(self.time.clock, self.time.sleep, lambda: 0.0)
        self.owner = Owner()
        self.parking = self.owner.parking = Parking(self.timers, QUEUE, self.owner, self.spawn, timing)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def begin(self, *, by_key: bool = False, shared: bool = False) -> None:
        await self.parking.begin(by_key=by_key, shared=shared)

    async def park(self, *places: int, after_s: float = 60, key: str | None = None) -> None:
        due = self.time.now + after_s
        await self.parking.park([waiting(place, due, key or "k") for place in places], key)

    def ids(self) -> list[int]:
        return [one.delivery.position.offset for one in self.owner.back]


def waiting(offset: int, due: float, key: str = "k") -> Waiting:
    return Waiting(delivery(offset, key), Past(5.0, 1, (Attempt(started=5.0, duration_s=1.0, outcome="no"),)), due)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    made = Scene()
    async with asyncio.timeout(10):
        yield made
    tasks = list(made.tasks)
    for task in tasks:
        task.cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    assert [end for end in ends if isinstance(end, Exception)] == []


async def test_it_comes_back_when_it_is_due_and_not_before(scene: Scene) -> None:
    """With everything that is known of it, payload and attempts included."""
    await scene.begin()
    due = scene.time.now + 60
    event = Event("7", "/s", "t", {"subject": "é"}, b"\x00\xff")
    one = Delivery(event, Position(0, 7), Payload(b"made", "text/plain"), "config", 3.0)
    past = Past(5.0, 2, (Attempt(started=5.0, duration_s=1.0, outcome="no", answer=b"\xff"),))
    await scene.parking.park([Waiting(one, past, due)], None)
    await scene.time.advance(59.9)
    assert scene.ids() == []
    assert (await scene.parking.count(), await scene.parking.next_due()) == (1, due)
    await scene.time.advance(0.2)
    ((back, back_past, back_due),) = scene.owner.back
    assert (back.event, back.position, back.payload, back.received) == (event, Position(0, 7), one.payload, 3.0)
    assert (back_past, back_due) == (past, due)


@pytest.mark.parametrize("became", ["delivered", "buried"])
async def test_once_it_became_something_it_is_forgotten(scene: Scene, became: str) -> None:
    """Not before: a crash in between gives it once more."""
    await scene.begin()
    await scene.park(1, 2)
    await scene.time.advance(61)
    assert await scene.parking.count() == 2
    await scene.owner.all_became(became)
    await scene.time.advance(1)
    assert (await scene.parking.count(), scene.tasks) == (0, set())


async def test_a_crash_gives_what_was_out_once_more(scene: Scene) -> None:
    """Whatever was parked before is found again by a start."""
    await scene.begin()
    await scene.park(1)
    await scene.park(2, after_s=600)
    await scene.time.advance(61)
    scene.start_again()
    await scene.begin()
    await scene.time.settle()
    assert scene.ids() == [1]
    await scene.time.advance(600)
    assert scene.ids() == [1, 2]


async def test_a_lane_that_lets_go_of_it_gets_it_again(scene: Scene) -> None:
    """And what is parked again comes at its new time."""
    await scene.begin()
    await scene.park(1, 2)
    await scene.time.advance(61)
    await scene.park(1, after_s=100)
    keeper, (first, second) = scene.owner.keeper, scene.owner.back
    scene.owner.back = []
    await keeper.done([first.delivery], "parked")
    await keeper.done([second.delivery], "released")
    await scene.time.advance(1)
    assert scene.ids() == [2]
    await scene.owner.all_became("delivered")
    await scene.time.advance(100)
    assert scene.ids() == [1]


async def test_what_a_stopped_lane_does_not_take_stays(scene: Scene) -> None:
    """The next one gets it."""
    await scene.begin()
    scene.owner.takes = False
    await scene.park(1)
    await scene.time.advance(65)
    assert (scene.ids(), await scene.parking.count()) == ([], 1)
    scene.owner.takes = True
    await scene.time.advance(1)
    assert scene.ids() == [1]


async def test_what_nobody_wants_any_more_goes(scene: Scene) -> None:
    """Or could not be made again, and was buried."""
    await scene.begin()
    scene.owner.wanted = False
    await scene.park(1)
    await scene.time.advance(62)
    assert (scene.ids(), await scene.parking.count()) == ([], 0)


async def test_many_come_back_some_at_a_time(scene: Scene) -> None:
    """So that a million cost no memory."""
    await scene.begin()
    await scene.park(*range(3 * MOST_OUT))
    await scene.time.advance(61)
    assert len(scene.ids()) == MOST_OUT
    seen = 0
    while scene.owner.back:
        seen += len(scene.owner.back)
        assert len(scene.owner.back) <= MOST_OUT
        await scene.owner.all_became("delivered")
        await scene.time.advance(1)
    assert (seen, await scene.parking.count()) == (3 * MOST_OUT, 0)


async def test_an_earlier_one_does_not_wait_for_a_later_one(scene: Scene) -> None:
    """The sleep is as long as until the first that is due, and a minute at most: a clock may be set forward."""
    await scene.begin()
    await scene.park(1, after_s=3000)
    await scene.park(2, after_s=30)
    await scene.time.advance(31)
    assert scene.ids() == [2]
    await scene.owner.all_became("delivered")
    scene.time.now += 2990
    await scene.time.advance(LOOK_EVERY_S)
    assert scene.ids() == [1]


async def test_of_a_key_all_are_due_together(scene: Scene) -> None:
    """And in the order of the log: what is later of a key joins what is parked of it."""
    await scene.begin(by_key=True)
    assert not scene.parking.keeps("a")
    await scene.park(5, after_s=60, key="a")
    assert (scene.parking.keeps("a"), scene.parking.keeps("b")) == (True, False)
    await scene.parking.join([delivery(9, "a"), delivery(7, "a")])
    await scene.park(5, after_s=300, key="a")
    await scene.time.advance(299)
    assert scene.ids() == []
    await scene.time.advance(2)
    assert scene.ids() == [5, 7, 9]
    assert [one.past.tries for one in scene.owner.back] == [1, 0, 0]


async def test_a_key_is_free_once_nothing_of_it_is_parked(scene: Scene) -> None:
    """Not while one of it is out."""
    await scene.begin(by_key=True)
    await scene.park(5, key="a")
    await scene.parking.join([delivery(6, "a")])
    await scene.time.advance(61)
    keeper, (first, second) = scene.owner.keeper, scene.owner.back
    await keeper.done([first.delivery], "delivered")
    await scene.time.advance(1)
    assert scene.parking.keeps("a")
    await keeper.done([second.delivery], "delivered")
    await scene.time.advance(1)
    assert not scene.parking.keeps("a")


async def test_what_is_on_its_way_back_waits_when_its_key_is_parked_again(scene: Scene) -> None:
    """Otherwise a later one would overtake the one that failed again."""
    await scene.begin(by_key=True)
    await scene.park(5, key="a")
    await scene.parking.join([delivery(6, "a"), delivery(7, "a")])
    scene.spawn(scene.time.advance(60))
    while scene.ids() != [5]:
        await asyncio.sleep(0)
    await scene.park(5, after_s=100, key="a")
    await scene.owner.keeper.done([scene.owner.back.pop(0).delivery], "parked")
    await scene.time.advance(50)
    assert scene.ids() == []
    await scene.time.advance(60)
    assert scene.ids() == [5, 6, 7]


async def test_before_it_has_begun_nobody_knows_which_keys_are_parked(scene: Scene) -> None:
    """So all are put aside; what joins waits until it has begun."""
    await scene.begin(by_key=True)
    await scene.park(5, key="a")
    scene.start_again()
    assert scene.parking.keeps("z")
    joining = scene.spawn(scene.parking.join([delivery(6, "a"), delivery(1, "z")]))
    await scene.time.settle()
    assert not joining.done()
    await scene.begin(by_key=True)
    await joining
    assert scene.parking.keeps("a")
    await scene.time.settle()
    assert scene.ids() == [1]  # nothing of its key was parked: it need not wait
    await scene.time.advance(61)
    assert scene.ids() == [1, 5, 6]


async def test_what_another_instance_parked_is_found(scene: Scene) -> None:
    """Where instances share a bus; within a minute."""
    await scene.begin(shared=True)
    await scene.time.advance(600)
    other = Scene()
    other.timers, other.time = scene.timers, scene.time
    other.start_again()
    await other.park(3, after_s=10)
    await scene.time.advance(LOOK_EVERY_S + 10)
    assert scene.ids() == [3]
    await cancelled(other.tasks)


async def cancelled(tasks: Iterable[asyncio.Task[None]]) -> None:
    ending = list(tasks)
    for task in ending:
        task.cancel()
    await asyncio.gather(*ending, return_exceptions=True)


async def test_after_a_stop_nothing_comes_back_and_everything_is_kept(scene: Scene) -> None:
    """Until the target is gone for good."""
    await scene.begin()
    await scene.park(1, 2)
    await scene.parking.stop()
    await scene.time.advance(100)
    assert (scene.ids(), await scene.parking.count()) == ([], 2)
    await scene.parking.drop()
    assert await scene.parking.count() == 0


async def test_while_its_rule_is_disabled_it_stays(scene: Scene) -> None:
    """It is asked for again now and then."""
    await scene.begin()
    scene.owner.there = False
    await scene.park(1)
    await scene.time.advance(65)
    assert (scene.ids(), await scene.parking.count()) == ([], 1)
    scene.owner.there = True
    await scene.time.advance(1)
    assert scene.ids() == [1]


async def test_one_that_takes_long_holds_up_no_other(scene: Scene) -> None:
    """Whatever comes due meanwhile comes back."""
    await scene.begin()
    await scene.park(1)
    await scene.park(2, after_s=65)
    await scene.time.advance(67)
    assert scene.ids() == [1, 2]


async def test_what_joins_a_key_that_is_out_comes_back_however_much_else_does(scene: Scene) -> None:
    """It is due as the first of its key is, which is past: a pass that only looks ahead would never see it."""
    await scene.begin(by_key=True)
    await scene.park(5, key="a")
    for number in range(100):
        await scene.park(1000 + number, after_s=60 + number / 10, key=f"k{number}")
    await scene.time.advance(61)
    await scene.parking.join([delivery(6, "a")])
    for _ in range(30):
        await scene.owner.all_became("delivered")
        await scene.time.advance(0.1)
        if 6 in scene.ids():
            break
    assert 6 in scene.ids()


async def test_what_is_read_again_just_after_it_came_back_and_was_taken_does_not_stay_for_ever(scene: Scene) -> None:
    """After a crash the log gives it too: it joins its key while its timer is about to be forgotten."""
    await scene.begin(by_key=True)
    await scene.park(5, after_s=60, key="a")
    await scene.time.advance(61)
    assert scene.ids() == [5]
    await scene.owner.all_became("delivered")  # and its timer goes soon
    await scene.parking.join([delivery(5, "a"), delivery(6, "a")])
    await scene.time.advance(1)
    assert scene.ids() == [5, 6]
    await scene.owner.all_became("delivered")
    await scene.time.advance(1)
    assert (await scene.parking.count(), scene.parking.keeps("a")) == (0, False)


@pytest.mark.parametrize("turns", range(6))
@pytest.mark.parametrize("key", ["k", None])
async def test_parking_that_is_cut_short_leaves_nothing_behind_for_ever(
    scene: Scene, turns: int, key: str | None
) -> None:
    """The lane was stopped: its heir has the delivery, and what was stored of it by then comes back, too."""
    await scene.begin(by_key=key is not None)
    slow = SlowTimers(scene.timers)
    scene.parking._timers = slow
    parking = scene.spawn(scene.parking.park([waiting(5, scene.time.now + 60)], key))
    for _ in range(turns):
        await asyncio.sleep(0)
    parking.cancel()
    await asyncio.gather(parking, *slow.under_way, return_exceptions=True)
    await scene.time.advance(61)
    for _ in range(3):
        await scene.owner.all_became("delivered")
        await scene.time.advance(1)
    assert await scene.parking.count() == 0
    if key is not None:
        await scene.parking.join([delivery(5), delivery(6)])
        await scene.time.advance(1)
        assert scene.ids() == [5, 6]


class SlowTimers:
    """Takes some turns, and finishes what it has begun even if nobody waits for it any more, as a database's thread does."""

    def __init__(self, timers: MemoryTimers) -> None:
        self._timers = timers
        self.under_way: list[asyncio.Task[Any]] = []

    def __getattr__(self, name: str) -> Any:
        async def slowly(*given: Any, **more: Any) -> Any:
            async def work() -> Any:
                await asyncio.sleep(0)
                return await getattr(self._timers, name)(*given, **more)

            self.under_way.append(asyncio.ensure_future(work()))
            return await asyncio.shield(self.under_way[-1])

        return slowly


@pytest.mark.parametrize("turns", range(8))
async def test_a_crash_while_a_key_is_parked_again_keeps_its_order(scene: Scene, turns: int) -> None:
    """Whatever of it was stored by then: what is behind never comes back before what failed."""
    await scene.begin(by_key=True)
    await scene.park(5, key="a")
    await scene.parking.join([delivery(6, "a")])
    await scene.time.advance(61)
    assert scene.ids() == [5, 6]
    slow = SlowTimers(scene.timers)
    scene.parking._timers = slow
    parking = scene.spawn(scene.park(5, after_s=100, key="a"))
    for _ in range(turns):
        await asyncio.sleep(0)
    await cancelled([parking, *slow.under_way])
    scene.start_again()
    await scene.begin(by_key=True)
    came: list[int] = []
    for _ in range(150):
        await scene.time.advance(1)
        came += scene.ids()
        await scene.owner.all_became("delivered")
    assert came == [5, 6]


async def test_what_joins_a_key_comes_in_order_wherever_the_pass_is(scene: Scene) -> None:
    """Some lie before, others behind the place to which everything that is due was looked up already."""
    await scene.begin(by_key=True)
    await scene.park(1, key="a")
    await scene.park(5, key="b")
    await scene.time.advance(60.01)
    assert scene.ids() == [1, 5]
    await scene.parking.join([delivery(3, "a"), delivery(8, "a")])
    await scene.owner.all_became("released")
    await scene.time.settle()
    assert scene.ids() == [1, 3, 5, 8]


async def test_a_damaged_one_stays_and_holds_up_no_other(scene: Scene) -> None:
    """It is told once; a newer version, or somebody, may make something of it."""
    await scene.begin()
    await scene.park(1, 2, 3)
    damaged = Timer(queue=QUEUE, id="00000:00000000000000000002", due=scene.time.now + 60, body=b"\x00no")
    await scene.timers.add([damaged])
    with capture_logs() as lines:
        await scene.time.advance(65)
        assert scene.ids() == [1, 3]
        await scene.owner.all_became("delivered")
        await scene.time.advance(65)
    assert [line["id"] for line in lines if line["log_level"] == "error"] == [damaged.id]
    assert await scene.timers.list(QUEUE, 10) == [damaged]


class Flaky(MemoryTimers):
    """Fails on every other question once it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.moods = count()
        self.flaky = False

    async def list(self, *args: Any, **options: Any) -> list[Timer]:
        if self.flaky and next(self.moods) % 2 == 0:
            raise StoreUnavailable("just now")
        return await super().list(*args, **options)


async def test_a_store_that_fails_for_a_moment_ends_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it was asked for, it is asked again."""
    monkeypatch.setattr(persist, "FIRST_WAIT_S", 0.0)
    scene.timers = Flaky()
    scene.start_again()
    await scene.begin(by_key=True)
    scene.timers.flaky = True
    await scene.park(5, key="a")
    await scene.parking.join([delivery(6, "a")])
    await scene.time.advance(61)
    assert scene.ids() == [5, 6]
    await scene.owner.all_became("delivered")
    await scene.time.advance(1)
    assert not scene.parking.keeps("a")


async def test_a_bug_on_the_way_back_ends_nothing(scene: Scene) -> None:
    """It is told, and tried again; the bridge goes on."""
    await scene.begin()
    await scene.park(1, 2)
    revive, bugs = scene.owner.revive, [RuntimeError("a bug")]

    async def once(*args: Any) -> Delivery | None:
        if bugs:
            raise bugs.pop()
        return await revive(*args)

    scene.owner.revive = once
    with capture_logs() as lines:
        await scene.time.advance(65)
    assert [line["event"] for line in lines] == ["parked deliveries could not be brought back and are tried again"]
    assert sorted(scene.ids()) == [1, 2]
