"""Instances tell each other how they are, and are shown as one."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from bridge.dataplane.presence import BEAT_S, FORGET_S, GONE_S, CancelRedrive, Presence, Report
from bridge.dataplane.redrive_sharing import LOOKS, AllRedrives
from bridge.errors import NotFound, StoreUnavailable
from bridge.model.redrive import Redrive, State
from bridge.model.status import BusStatus, Status
from bridge.stores.instances.base import Instance
from bridge.stores.instances.memory import MemoryInstances
from bridge.testing.clock import ManualClock

BUS = BusStatus(name="b", partitions=2, events=9, size_bytes=90, oldest=None, received=5, rate=1.0, lag=2, rules=())
STATUS = Status(version="1", started="2026-01-01T00:00:00.000Z", buses=(BUS,))


def redrive(name: str, state: State = "running", started: str = "2026-01-01T00:00:00.000Z") -> Redrive:
    return Redrive(id=name, bus="b", state=state, matched=9, sent=3, delivered=2, parked=0, failed=0, started=started)


class FakeRedrives:
    """Those of one instance."""

    def __init__(self, *some: Redrive) -> None:
        self.jobs = {one.id: one for one in some}

    def get(self, bus: str, redrive_id: str) -> Redrive:
        if redrive_id not in self.jobs or bus != "b":
            raise NotFound(f"there is no redrive {redrive_id}")
        return self.jobs[redrive_id]

    def list(self, bus: str) -> list[Redrive]:
        return [one for one in self.jobs.values() if one.bus == bus]

    def all(self) -> tuple[Redrive, ...]:
        return tuple(self.jobs.values())

    def cancel(self, bus: str, redrive_id: str) -> Redrive:
        if self.get(bus, redrive_id).state == "running":
            self.jobs[redrive_id] = redrive(redrive_id, "cancelled")
        return self.get(bus, redrive_id)


class Moody(MemoryInstances):
    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.away = False
        self.told: list[Instance] = []

    async def tell(self, instance: Instance) -> None:
        if self.away:
            raise StoreUnavailable("away")
        self.told.append(instance)
        await super().tell(instance)


class World:
    """Instances in one process, whose time moves when all of them sleep."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = Moody(self.clock)
        self.sleepers: list[asyncio.Future[None]] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def sleep(self, _: float) -> None:
        sleeper = asyncio.get_running_loop().create_future()
        self.sleepers.append(sleeper)
        await sleeper

    async def beat(self, times: int = 1) -> None:
        for _ in range(times):
            self.clock.advance(BEAT_S)
            sleepers, self.sleepers = self.sleepers, []
            for sleeper in sleepers:
                if not sleeper.done():
                    sleeper.set_result(None)
            await settle()

    async def start(
        self,
        name: str,
        mine: FakeRedrives | None = None,
        report: Callable[[], Awaitable[Report]] | None = None,
    ) -> tuple[Presence, AllRedrives]:
        jobs = mine or FakeRedrives()

        async def told() -> Report:
            return Report(status=STATUS, redrives=jobs.all())

        me = Instance(id=name, address="", started=1000.0 + len(self.tasks))

        def obey(asked: CancelRedrive) -> None:
            every.cancel_mine(asked)

        presence = Presence(self.store, me, self.sleep, report=report or told, obey=obey)
        every = AllRedrives(jobs, presence, self.sleep)  # type: ignore[arg-type]
        self.tasks[name] = asyncio.ensure_future(presence.run(f"{name}:8080"))
        await settle()
        return presence, every

    async def stop(self, name: str) -> None:
        self.tasks[name].cancel()
        await asyncio.gather(self.tasks.pop(name), return_exceptions=True)


async def settle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


@pytest.fixture
async def world():
    made = World()
    yield made
    for name in list(made.tasks):
        await made.stop(name)


async def test_all_that_live_are_one(world: World) -> None:
    """The oldest first; who stops is gone at once."""
    first, _ = await world.start("a")
    await world.start("b")
    await world.start("c")
    shown = await first.together(STATUS)
    assert [(one.id, one.address, one.version) for one in shown.instances] == [
        (name, f"{name}:8080", "1") for name in "abc"
    ]
    assert (shown.buses[0].received, shown.buses[0].lag, shown.buses[0].events) == (15, 6, 9)
    await world.stop("b")
    shown = await first.together(STATUS)
    assert ([one.id for one in shown.instances], shown.buses[0].received) == (["a", "c"], 10)


async def test_who_is_not_heard_of_is_not_counted(world: World) -> None:
    """For some beats it still is, as it may only be slow; in the end it is forgotten."""
    first, _ = await world.start("a")
    await world.store.tell(Instance(id="dead", address="x", started=1.0))
    await world.beat(3)
    assert [one.id for one in (await first.together(STATUS)).instances] == ["dead", "a"]
    await world.beat(int(GONE_S))
    assert [one.id for one in (await first.together(STATUS)).instances] == ["a"]
    await world.beat(int(FORGET_S * 1.2))
    assert [one.id for one in await world.store.list(1e9)] == ["a"]


async def test_one_of_another_version_counts_though_it_cannot_be_read(world: World) -> None:
    """It is there, without its figures."""
    first, _ = await world.start("a")
    await world.store.tell(Instance(id="new", address="x", started=1.0, status=b'{"status":7}'))
    shown = await first.together(STATUS)
    assert [(one.id, one.version) for one in shown.instances] == [("new", ""), ("a", "1")]
    assert shown.buses == STATUS.buses


async def test_a_store_that_is_away_is_told_once_and_tried_again(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """The instance goes on meanwhile."""
    await world.start("a")
    world.store.away = True
    await world.beat(4)
    world.store.away = False
    told = len(world.store.told)
    await world.beat()
    assert len(world.store.told) == told + 1
    assert capsys.readouterr().out.count("other instances cannot be told") == 1


async def test_the_more_there_is_to_tell_the_more_seldom_it_is_told(world: World) -> None:
    """That it lives is told all the same."""
    buses = tuple(BusStatus(**{**_members(BUS), "name": f"b{n:04}"}) for n in range(3000))

    async def much() -> Report:
        return Report(status=Status(version="1", started="s", buses=buses))

    await world.start("a", report=much)
    await world.beat(9)
    told = [bool(instance.status) for instance in world.store.told]
    assert len(told) == 10
    assert 2 <= sum(told) <= 5
    (kept,) = await world.store.list(GONE_S)
    assert len(kept.status) > 300_000


def _members(bus: BusStatus) -> dict[str, object]:
    return {name: getattr(bus, name) for name in bus.__struct_fields__}


async def test_redrives_are_seen_from_any_instance(world: World) -> None:
    """Those of all of them, oldest first; what nobody has is not found."""
    _, here = await world.start("a", FakeRedrives(redrive("1", started="2026-01-02T00:00:00.000Z")))
    await world.start("b", FakeRedrives(redrive("2"), redrive("3", "done", "2026-01-03T00:00:00.000Z")))
    assert [one.id for one in await here.list("b")] == ["2", "1", "3"]
    assert await here.list("other") == []
    assert (await here.get("b", "2")).sent == 3
    with pytest.raises(NotFound):
        await here.get("b", "9")


async def test_a_redrive_is_cancelled_from_any_instance(world: World) -> None:
    """The one that has it does it at its next beat; one that has ended stays as it is."""
    there = FakeRedrives(redrive("2"), redrive("3", "done"))
    _, here = await world.start("a")
    await world.start("b", there)
    cancelling = asyncio.ensure_future(here.cancel("b", "2"))
    await settle()
    await world.beat(3)
    assert (await cancelling).state == "cancelled"
    assert there.jobs["2"].state == "cancelled"
    assert (await here.cancel("b", "3")).state == "done"
    with pytest.raises(NotFound):
        await here.cancel("b", "9")


async def test_an_instance_that_does_not_answer_is_named(world: World) -> None:
    """Whoever asks may ask again."""
    _, here = await world.start("a")
    told = msgspec.json.encode(Report(status=STATUS, redrives=(redrive("2"),)))
    await world.store.tell(Instance(id="b", address="b:8080", started=1.0, status=told))
    cancelling = asyncio.ensure_future(here.cancel("b", "2"))
    for _ in range(LOOKS):
        await settle()
        await world.store.tell(Instance(id="b", address="b:8080", started=1.0))
        await world.beat()
    with pytest.raises(StoreUnavailable, match="b:8080"):
        await cancelling


async def test_alone_there_are_no_others() -> None:
    """And nothing is asked of anybody."""
    every = AllRedrives(FakeRedrives(redrive("1")), None, asyncio.sleep)  # type: ignore[arg-type]
    assert [one.id for one in await every.list("b")] == ["1"]
    assert (await every.cancel("b", "1")).state == "cancelled"
    every.cancel_mine(CancelRedrive("b", "unknown"))
    with pytest.raises(NotFound):
        await every.get("b", "2")
