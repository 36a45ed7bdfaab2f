"""Delayed events enter their bus when their time has come: never early, soon after, whatever goes wrong in between."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest

from bridge.codec.chunks import Delayed, encode_event, events_of
from bridge.dataplane.delayed import MOST, REST_S, TICK_S, DelayedEvents
from bridge.dataplane.ingress.put import Ingress
from bridge.dataplane.stats import BusStats
from bridge.errors import InvalidEvent, InvalidInput, NotFound, StoreError, StoreUnavailable
from bridge.model.bus import BusSpec
from bridge.model.event import Event
from bridge.model.log import Chunk
from bridge.model.resource import Ref, Resource
from bridge.stores.bus.memory import MemoryBusStore
from bridge.stores.catalog.base import Delete, Put
from bridge.stores.catalog.memory import MemoryCatalog
from bridge.stores.timers.base import Timer
from bridge.stores.timers.memory import MemoryTimers
from bridge.telemetry import Telemetry

NOW = 1_790_000_000.0  # 2026-09-21T14:13:20Z


class Timers(MemoryTimers):
    """May fail, and may be slow to say what is due."""

    def __init__(self) -> None:
        super().__init__()
        self.refusing: set[str] = set()
        self.gate: asyncio.Event | None = None

    async def add(self, timers: Sequence[Timer]) -> None:
        self._refuse("add")
        await super().add(timers)

    async def remove(self, queue: str, ids: Sequence[str]) -> int:
        self._refuse("remove")
        if self.gate is not None:
            await self.gate.wait()
        return await super().remove(queue, ids)

    async def tidy(self) -> bool:
        self._refuse("tidy")
        return await super().tidy()

    def _refuse(self, verb: str) -> None:
        if verb in self.refusing:
            raise StoreUnavailable("the disk is full")


class World:
    """Two buses, a clock that the test moves, and everything in memory."""

    def __init__(self) -> None:
        self.now = NOW
        self.timers, self.store, self.catalog = Timers(), MemoryBusStore(lambda: self.now), MemoryCatalog()
        self.telemetry = Telemetry()
        self.buses: dict[str, SimpleNamespace] = {}
        self.slept: list[float] = []
        self.wake, self.asleep = asyncio.Event(), asyncio.Event()
        self.start_again()

    def start_again(self) -> None:
        """As after a crash: what is stored is there, what was in memory is not."""
        self.delayed = DelayedEvents(self.timers, self, self.catalog, lambda: self.now, self.sleep)
        self.ingress = Ingress(
            self,
            self.telemetry,
            lambda: self.now,
            request_size=10_000,
            bytes_in_flight=15_000,
            delayed=self.delayed,
        )

    async def make_bus(self, name: str, partitions: int = 1) -> None:
        await self.catalog.write([Put(Resource(kind="Bus", name=name))])
        self.buses[name] = SimpleNamespace(
            name=name,
            created=len(self.catalog._log),
            log=await self.store.create(name, partitions),
            spec=BusSpec(),
            stats=BusStats(name, self.telemetry, lambda: self.now),
        )

    async def delete_bus(self, name: str) -> None:
        await self.catalog.write([Delete(Ref("Bus", "", name))])
        del self.buses[name]

    def find(self, name: str) -> SimpleNamespace | None:
        return self.buses.get(name)

    def all(self) -> list[SimpleNamespace]:
        return list(self.buses.values())

    async def get(self, name: str) -> SimpleNamespace:
        await asyncio.sleep(0)
        if name not in self.buses:
            raise NotFound("no such bus")
        return self.buses[name]

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.asleep.set()
        await self.wake.wait()
        self.wake.clear()

    async def at(self, seconds: float) -> None:
        """Let the clock show so many seconds, and everything happen that happens then."""
        self.now = NOW + seconds
        self.asleep.clear()
        self.wake.set()
        await self.asleep.wait()
        for _ in range(200):
            await asyncio.sleep(0)

    async def delay(self, event_id: str, seconds: float, bus: str = "b", **attributes: str) -> list[str]:
        source = attributes.pop("source", "/s")
        return await self.delayed.add(self.buses[bus], [delayed(event_id, seconds, source, **attributes)])

    async def entered(self, bus: str = "b") -> list[str]:
        log = self.buses[bus].log
        chunks = [chunk for p in range(log.partitions) for chunk in await log.read(p, 0, 10_000)]
        return [event.id for chunk in chunks for event in events_of(chunk)]

    async def waiting(self, bus: str = "b") -> list[str]:
        return [found.event.id for found in await self.delayed.list(bus, 100)]


def delayed(event_id: str, seconds: float, source: str = "/s", **attributes: str) -> Delayed:
    event = Event(event_id, source, "t", dict(attributes), b"{}")
    return Delayed(event_id, NOW + seconds, *encode_event(event))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    await made.make_bus("b")
    await made.make_bus("c", partitions=3)
    async with at_work(made):
        yield made


@asynccontextmanager
async def at_work(world: World) -> AsyncIterator[None]:
    await world.delayed.begin()
    world.asleep.clear()
    running = asyncio.ensure_future(world.delayed.run())
    await world.asleep.wait()
    try:
        yield
    finally:
        running.cancel()
        await asyncio.wait((running,))
        assert running.cancelled(), running


async def test_an_event_enters_when_its_time_has_come(world: World) -> None:
    """Not before; and then it is an event like any other, and waits no more."""
    await world.delay("a", 5)
    await world.at(4.9999)
    assert (await world.entered(), await world.waiting()) == ([], ["a"])
    await world.at(5)
    assert (await world.entered(), await world.waiting()) == (["a"], [])
    assert (await world.buses["b"].log.read(0, 0, 1))[0].time >= NOW + 5
    assert b'bridge_received_total{bus="b"} 1.0' in world.telemetry.text()


async def test_events_that_are_due_together_enter_in_the_order_in_which_they_came(world: World) -> None:
    """Also when the clock is set back meanwhile; and earlier ones before later ones."""
    await world.delayed.add(world.buses["b"], [delayed("a", 5), delayed("b", 5)])
    world.now -= 100
    await world.delay("c", 5)
    await world.delay("first", 3)
    await world.at(10)
    assert await world.entered() == ["first", "a", "b", "c"]


async def test_events_enter_their_own_partitions(world: World) -> None:
    """As when they are put at once."""
    for key in ("k1", "k2", "k3", "k4"):
        await world.delay(key, 1, bus="c", partitionkey=key)
    await world.at(2)
    await world.ingress.put_events(
        "c", [Event(key, "/s", "t", {"partitionkey": key}) for key in ("k1", "k2", "k3", "k4")]
    )
    log = world.buses["c"].log
    for partition in range(3):
        ids = [event.id for chunk in await log.read(partition, 0, 100) for event in events_of(chunk)]
        assert ids[: len(ids) // 2] == ids[len(ids) // 2 :]


async def test_it_looks_often_enough(world: World) -> None:
    """A clock that is set forward, and an event that comes while it sleeps, are noticed soon; one that is near, exactly."""
    await world.delay("a", 1000)
    await world.at(0)
    assert world.slept[-1] == TICK_S
    await world.at(999.9)
    assert world.slept[-1] == pytest.approx(0.1)
    await world.at(2000)
    assert await world.entered() == ["a"]
    assert max(world.slept) <= TICK_S


async def test_what_waits_survives_a_restart() -> None:
    """What became due meanwhile enters at once."""
    world = World()
    await world.make_bus("b")
    async with at_work(world):
        await world.delay("a", 5)
        await world.delay("b", 50)
    world.start_again()
    world.now = NOW + 10
    async with at_work(world):
        await world.at(10)
        assert (await world.entered(), await world.waiting()) == (["a"], ["b"])
        await world.at(50)
        assert await world.entered() == ["a", "b"]


async def test_many_enter_in_steps(world: World) -> None:
    """All that are due, without waiting for the next look; the more of them the smaller they are."""
    await world.delayed.add(world.buses["b"], [delayed(str(n), 5) for n in range(3 * MOST)])
    await world.at(5)
    assert await world.entered() == [str(n) for n in range(3 * MOST)]


async def test_a_step_is_bounded_in_bytes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that large events that are due together do not fill the memory."""
    monkeypatch.setattr("bridge.dataplane.delayed.MOST_BYTES", 1000)
    asked: list[int] = []
    due = world.timers.due

    async def spy(queue: str, now: float, limit: int, after: object = None) -> list[Timer]:
        asked.append(limit)
        return await due(queue, now, limit)

    monkeypatch.setattr(world.timers, "due", spy)
    await world.delayed.add(world.buses["b"], [delayed(str(n), 5, text="x" * 300) for n in range(30)])
    await world.at(5)
    assert len(await world.entered()) == 30
    assert set(asked[1:]) == {2}


async def test_a_bus_that_fails_is_tried_again_and_holds_nobody_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its events wait until it works."""
    broken = True
    append = world.buses["b"].log.append

    async def fail(chunks: Sequence[tuple[int, Chunk]]) -> list[int]:
        if broken:
            raise StoreUnavailable("the disk is full")
        return await append(chunks)

    monkeypatch.setattr(world.buses["b"].log, "append", fail)
    await world.delay("a", 5)
    await world.delay("a", 5, bus="c")
    await world.at(5)
    assert (await world.entered(), await world.entered("c"), await world.waiting()) == ([], ["a"], ["a"])
    broken = False
    await world.at(5 + REST_S / 2)
    assert await world.entered() == []
    await world.at(5 + REST_S)
    assert (await world.entered(), await world.waiting()) == (["a"], [])


async def test_a_timer_that_cannot_be_removed_lets_no_event_enter_again() -> None:
    """Not while the process lives; after a crash just there, it does enter again: at least once."""
    world = World()
    await world.make_bus("b")
    async with at_work(world):
        await world.delay("a", 5)
        world.timers.refusing = {"remove", "tidy"}
        for seconds in (5, 6.5, 8):
            await world.at(seconds)
        assert await world.entered() == ["a"]
        world.timers.refusing = {"tidy"}
        with pytest.raises(NotFound):
            await world.delayed.cancel("b", "a")
        world.timers.refusing = {"remove"}
    world.start_again()
    world.timers.refusing = set()
    async with at_work(world):
        await world.at(9)
        assert (await world.entered(), await world.waiting()) == (["a", "a"], [])


async def test_damage_is_told_and_stops_one_bus_alone(world: World) -> None:
    """Nothing is skipped in silence."""
    await world.timers.add([Timer(queue="delayed/b", id="0", due=NOW + 1, body=b"\xff")])
    await world.delay("a", 2)
    await world.delay("a", 2, bus="c")
    await world.at(2)
    assert (await world.entered(), await world.entered("c")) == ([], ["a"])
    assert await world.timers.count("delayed/b") == 2
    with pytest.raises(StoreError):
        await world.waiting()


async def test_lists_page_by_time(world: World) -> None:
    """The next one first; a token that is none is refused."""
    for n in (3, 1, 2):
        await world.delay(str(n), n)
    first = await world.delayed.list("b", 2)
    assert [(found.event.id, found.due) for found in first] == [("1", NOW + 1), ("2", NOW + 2)]
    assert [found.event.id for found in await world.delayed.list("b", 2, first[-1].place)] == ["3"]
    assert await world.delayed.list("nowhere", 2) == []
    await world.delayed.add(world.buses["c"], [delayed(str(n), n) for n in range(1, 120)])
    assert [found.event.id for found in await world.delayed.list("c", 110)] == [str(n) for n in range(1, 111)]
    assert {found.event.data for found in await world.delayed.list("c", 200)} == {None}
    for token in ("x", "x~y", "~"):
        with pytest.raises(InvalidInput):
            await world.delayed.list("b", 2, token)


async def test_a_cancelled_event_never_enters(world: World) -> None:
    """All with that id, or those of a source; what is not there is not found."""
    for source in ("/s", "/t", "/u"):
        await world.delay("a", 5, source=source)
    await world.delay("b", 5)
    with pytest.raises(NotFound, match="'a' of /v waits for b"):
        await world.delayed.cancel("b", "a", "/v")
    assert await world.delayed.cancel("b", "a", "/t") == 1
    assert await world.delayed.cancel("b", "a") == 2
    for bus, event_id in (("b", "a"), ("b", "c"), ("c", "b"), ("nowhere", "b")):
        with pytest.raises(NotFound):
            await world.delayed.cancel(bus, event_id)
    await world.at(5)
    assert await world.entered() == ["b"]


async def test_what_is_just_entering_cannot_be_cancelled(world: World) -> None:
    """Whoever hears that an event is cancelled can rely on it."""
    world.timers.gate = asyncio.Event()
    await world.delay("a", 5)
    await world.at(5)
    cancelling = asyncio.ensure_future(world.delayed.cancel("b", "a"))
    await asyncio.sleep(0)
    assert await world.entered() == ["a"]
    world.timers.gate.set()
    with pytest.raises(NotFound):
        await cancelling


async def test_a_deleted_bus_takes_along_what_waits_for_it(world: World) -> None:
    """Delayed events and parked retries; not those of a bus whose name begins alike."""
    await world.make_bus("b2")
    await world.delay("a", 5)
    await world.delay("a", 5, bus="b2")
    for queue in ("retry/b/r/t", "retry/b/r/u", "retry/b2/r/t"):
        await world.timers.add([Timer(queue=queue, id="1", due=0.0, body=b"")])
    await world.delete_bus("b")
    await world.delayed.forget("b")
    await world.delayed.forget("b")
    await world.make_bus("b")
    await world.at(5)
    assert (await world.entered(), await world.entered("b2")) == ([], ["a"])
    assert await world.timers.queues("retry/") == ["retry/b2/r/t"]


async def test_a_crash_while_a_bus_was_deleted_is_mended() -> None:
    """What waited for it is forgotten; what waits for a bus that the catalog never heard of, or that does not run, stays."""
    world = World()
    for name in ("deleted", "again", "lost", "broken"):
        await world.make_bus(name)
        await world.delay("a", 5, bus=name)
    await world.delete_bus("deleted")
    await world.delete_bus("again")
    await world.make_bus("again")
    del world.buses["broken"]
    world.catalog = MemoryCatalog()
    for name in ("again", "broken", "deleted"):
        await world.catalog.write([Put(Resource(kind="Bus", name=name))])
    await world.catalog.write([Delete(Ref("Bus", "", "deleted"))])
    world.start_again()
    async with at_work(world):
        assert [await world.waiting(bus) for bus in ("deleted", "again", "lost", "broken")] == [[], ["a"], ["a"], ["a"]]
        await world.at(10)
        assert await world.waiting("broken") == ["a"]
        await world.make_bus("broken")
        await world.at(20)
        assert await world.entered("broken") == ["a"]


async def test_an_event_for_a_bus_that_is_deleted_meanwhile_is_not_found(world: World) -> None:
    """And does not wait for a bus of the same name."""
    bus = world.buses["b"]
    await world.delete_bus("b")
    with pytest.raises(NotFound):
        await world.delayed.add(bus, [delayed("a", 5)])
    await world.make_bus("b")
    with pytest.raises(NotFound):
        await world.delayed.add(bus, [delayed("a", 5)])
    assert await world.waiting() == []
    await world.delete_bus("b")
    await world.at(5)
    await world.at(5)
    assert world.slept[-1] == TICK_S


async def test_an_event_whose_put_is_cancelled_may_enter_but_not_be_forgotten(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once it is stored it enters on time, though nobody was told."""
    stored = asyncio.Event()
    add = world.timers.add

    async def slow(timers: Sequence[Timer]) -> None:
        await add(timers)
        stored.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(world.timers, "add", slow)
    putting = asyncio.ensure_future(world.delay("a", 5))
    await stored.wait()
    putting.cancel()
    await asyncio.wait((putting,))
    await world.at(5)
    assert await world.entered() == ["a"]


async def test_draining_lets_no_more_enter(world: World) -> None:
    """And waits for those that are just entering, so that a stop doubles none."""
    world.timers.gate = asyncio.Event()
    await world.delay("a", 5)
    await world.delay("b", 6)
    await world.at(5)
    draining = asyncio.ensure_future(world.delayed.drain())
    await asyncio.sleep(0)
    assert not draining.done()
    world.timers.gate.set()
    await draining
    await world.at(6)
    assert (await world.entered(), await world.waiting()) == (["a"], ["b"])


# At the door


def timed(event_id: str, time: str | None) -> Event:
    return Event(event_id, "/s", "t", {} if time is None else {"delivertime": time})


SOON = "2026-09-21T14:13:25Z"


async def test_a_batch_may_mix_events_for_now_and_for_later(world: World) -> None:
    """Each hears, in order, what became of it; one that is wrong touches no other."""
    events = [timed("1", None), timed("2", SOON), timed("3", "soon"), timed("4", "2020-01-01T00:00:00Z")]
    errors = await world.ingress.put_events("b", events)
    assert [(i, type(error), error.path) for i, error in errors.items()] == [(2, InvalidEvent, "$.delivertime")]
    assert (await world.entered(), await world.waiting()) == (["1", "4"], ["2"])
    assert b'bridge_received_total{bus="b"} 2.0' in world.telemetry.text()
    await world.at(5)
    assert await world.entered() == ["1", "4", "2"]


async def test_all_of_a_request_is_durable_or_it_fails(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever store cannot take its part: nothing comes later of what was refused now."""
    events = [timed("1", None), timed("2", SOON)]
    world.timers.refusing = {"add"}
    with pytest.raises(StoreUnavailable):
        await world.ingress.put_events("b", events)
    assert world.ingress.trouble == "the disk is full"
    assert await world.entered() == []
    world.timers.refusing = set()

    async def fail(chunks: Sequence[tuple[int, Chunk]]) -> list[int]:
        raise StoreUnavailable("full as well")

    with monkeypatch.context() as patch:
        patch.setattr(world.buses["b"].log, "append", fail)
        with pytest.raises(StoreUnavailable, match="full as well"):
            await world.ingress.put_events("b", events)
    assert await world.waiting() == []
    assert await world.ingress.put_events("b", events) == {}
    assert (await world.entered(), await world.waiting(), world.ingress.trouble) == (["1"], ["2"], None)


async def test_what_cannot_be_taken_back_is_not_said_to_be_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the disk full, neither the log nor the timers may do anything: then the answer is no refusal."""

    async def fail(chunks: Sequence[tuple[int, Chunk]]) -> list[int]:
        world.timers.refusing = {"remove"}
        raise StoreUnavailable("full as well")

    monkeypatch.setattr(world.buses["b"].log, "append", fail)
    with pytest.raises(StoreError, match="cannot be taken back: the disk is full") as raised:
        await world.ingress.put_events("b", [timed("1", None), timed("2", SOON)])
    assert not isinstance(raised.value, StoreUnavailable)
    assert await world.waiting() == ["2"]


# Several instances


class Twin(World):
    """Another instance on the same stores, which reads these partitions of the bus ``b``."""

    def __init__(self, first: World, *here: int) -> None:
        super().__init__()
        self.timers, self.store, self.catalog = first.timers, first.store, first.catalog
        self.start_again()
        bus = vars(first.buses["b"])
        log = self.store.log("b")
        shared = SimpleNamespace(is_shared=True, here=frozenset(here), partitions=2, append=log.append, name="b")
        self.buses["b"] = SimpleNamespace(**bus | {"log": shared})

    def reads(self, *here: int) -> None:
        self.buses["b"].log.here = frozenset(here)


@pytest.fixture
async def twins() -> AsyncIterator[tuple[Twin, Twin]]:
    """The second one reads partition 0."""
    first = World()
    await first.make_bus("b", partitions=2)
    one, two = Twin(first, 1), Twin(first, 0)
    async with at_work(one), at_work(two):
        yield one, two


async def entered(world: World) -> list[str]:
    log = world.store.log("b")
    chunks = [chunk for p in range(log.partitions) for chunk in await log.read(p, 0, 10_000)]
    return sorted(event.id for chunk in chunks for event in events_of(chunk))


async def both_at(twins: tuple[Twin, Twin], seconds: float) -> None:
    for world in twins:
        await world.at(seconds)


async def test_events_enter_at_the_instance_that_reads_partition_0(twins: tuple[Twin, Twin]) -> None:
    """Whoever accepted them, within a second; once."""
    one, two = twins
    await one.delay("a", 5)
    await two.delay("b", 5)
    await one.at(5)
    assert await entered(one) == []
    await two.at(4)
    await two.at(4.9)
    await two.at(5)
    assert await entered(one) == ["a", "b"]
    await both_at(twins, 8)
    assert await entered(one) == ["a", "b"]


async def test_events_enter_where_partition_0_has_gone(twins: tuple[Twin, Twin]) -> None:
    """Those that it knows and those that it does not."""
    one, two = twins
    await one.delay("a", 5)
    await two.delay("b", 6)
    two.reads()
    one.reads(0, 1)
    await both_at(twins, 1)
    await two.at(7)
    assert await entered(one) == []
    await one.at(7)
    assert await entered(one) == ["a", "b"]


async def test_elsewhere_only_what_is_not_due_for_a_while_is_cancelled(twins: tuple[Twin, Twin]) -> None:
    """The rest may be entering there; it is cancelled where it enters."""
    one, two = twins
    await one.delay("soon", 4)
    await one.delay("late", 60)
    with pytest.raises(NotFound, match="just entering"):
        await one.delayed.cancel("b", "soon")
    assert await one.delayed.cancel("b", "late") == 1
    assert await two.delayed.cancel("b", "soon") == 1
    await both_at(twins, 70)
    assert await entered(one) == []


async def test_a_bus_that_is_divided_while_an_event_is_accepted_is_the_same_bus(twins: tuple[Twin, Twin]) -> None:
    """The event waits for it."""
    one, _ = twins
    before = one.buses["b"]
    one.buses["b"] = SimpleNamespace(**vars(before))
    assert len(await one.delayed.add(before, [delayed("a", 5)])) == 1
    assert await one.waiting() == ["a"]
