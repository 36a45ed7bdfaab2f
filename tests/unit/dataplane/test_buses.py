"""What runs is what is defined: buses and rules follow the catalog, and no event is lost or doubled on the way."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from bridge.connectors.base import Config, Features, Target
from bridge.dataplane.buses import Buses
from bridge.dataplane.ingress.put import Ingress
from bridge.dataplane.making import Retire, Surroundings
from bridge.dataplane.sending import Timing
from bridge.errors import NotFound, Retryable, TargetError
from bridge.model.delivery import Delivery
from bridge.model.event import Event
from bridge.model.resource import Ref, Resource
from bridge.stores.bus.memory import MemoryBusStore
from bridge.stores.catalog.base import Delete, Put
from bridge.stores.catalog.memory import MemoryCatalog
from bridge.stores.deadletters.base import Filter
from bridge.stores.deadletters.memory import MemoryDeadLetters
from bridge.stores.timers.memory import MemoryTimers
from bridge.telemetry import Telemetry


class BoxConfig(Config, frozen=True, kw_only=True):
    box: str


class RemoteCatalog(MemoryCatalog):
    """Every question takes a turn of the loop, so that others come in between."""

    async def version(self) -> int:
        await asyncio.sleep(0)
        return await super().version()


class World:
    """A data plane in memory, with one kind of target: a box that keeps what it gets, or is closed."""

    def __init__(self, *, patience_s: float = 0.25, drain_s: float = 0.0) -> None:
        self.patience_s = patience_s
        self.drain_s = drain_s
        self.opened = asyncio.Event()
        self.boxes: dict[str, list[str]] = {}
        self.moods: dict[str, list[TargetError]] = {}
        """What an open box answers, from the last on."""
        self.closed: set[str] = set()
        self.changed = asyncio.Event()
        world = self

        class BoxTarget(Target):
            kind = "box"
            Config = BoxConfig
            features = Features(max_batch=10)

            async def send(self, deliveries: Sequence[Delivery]) -> None:
                if self.config.box in world.closed:
                    raise Retryable("the box is closed")
                if moods := world.moods.get(self.config.box):
                    raise moods.pop()
                world.boxes.setdefault(self.config.box, []).extend(d.event.id for d in deliveries)
                world.changed.set()

        self.kinds = {"box": BoxTarget}
        self.catalog, self.store, self.letters = RemoteCatalog(), MemoryBusStore(), MemoryDeadLetters()
        self.timers = MemoryTimers()
        self.retire: Retire | None = None
        self.now = 1000.0
        self.clock = lambda: self.now
        self.start_again()

    def start_again(self) -> None:
        """As after a crash: what is stored is there, what was in memory is not."""
        self.telemetry = Telemetry()
        timing = Timing(self.clock, self.sleep, lambda: 0.0)
        around = Surroundings(
            *(self, self, self.letters, self.timers, self.telemetry, timing, self.clock, self.retire),
            patience_s=self.patience_s,
            drain_s=self.drain_s,
        )
        self.buses = Buses(self.catalog, self.store, around)
        self.ingress = Ingress(self.buses, self.telemetry, lambda: 1000.0, request_size=10_000, bytes_in_flight=15_000)

    def find(self, kind: str) -> type[Target] | None:
        return self.kinds.get(kind)

    async def sleep(self, seconds: float) -> None:
        """Time passes at once, but not while a box is closed, so that attempts do not run out."""
        await (self.opened.wait() if self.closed else asyncio.sleep(0))
        self.now += seconds

    def open(self, box: str) -> None:
        self.closed.discard(box)
        self.opened.set()
        self.opened = asyncio.Event()

    async def define(self, kind: str, name: str, bus: str = "", *, status: dict | None = None, **spec: object) -> None:
        raw = json.dumps(spec).encode()
        await self.catalog.write([Put(Resource(kind=kind, bus=bus, name=name, spec=raw, status=status or {}))])

    async def rule(
        self, name: str, *boxes: str, pattern: dict | None = None, enabled: bool = True, **more: object
    ) -> None:
        target = more.pop("target", {})
        targets = [{"name": "t", "kind": "box", "config": {"box": box}} | target for box in boxes]
        await self.define("Rule", name, "b", targets=targets, pattern=pattern or {}, enabled=enabled, **more)

    async def put(self, *ids: str, bus: str = "b") -> None:
        """Each key has every seventh of the events whose ids are numbers."""
        events = [Event(i, "/s", "t", {"subject": str(int(i) % 7) if i.isdecimal() else i}) for i in ids]
        assert await self.ingress.put_events(bus, events) == {}

    async def until(self, box: str, *ids: str) -> None:
        async with asyncio.timeout(5):
            while sorted(self.boxes.get(box, [])) != sorted(ids):
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    await made.define("Bus", "b")
    async with at_work(made):
        yield made


@asynccontextmanager
async def at_work(world: World) -> AsyncIterator[None]:
    running = asyncio.ensure_future(world.buses.run())
    await world.buses.ready.wait()
    try:
        yield
    finally:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_a_rule_is_in_force_for_every_event_after_it(world: World) -> None:
    """Also when it was written an instant before (promise 8)."""
    await world.rule("r", "box")
    await world.put("1", "2")
    await world.until("box", "1", "2")


async def test_an_unknown_bus_is_looked_up_before_it_is_refused(world: World) -> None:
    """A bus that was just defined takes events."""
    with pytest.raises(NotFound):
        await world.put("1", bus="new")
    await world.define("Bus", "new")
    await world.put("1", bus="new")


async def test_a_changed_target_takes_over_what_the_old_one_had_left(world: World) -> None:
    """An event that could not be delivered goes where the rule says now; another rule's target is not disturbed."""
    world.closed.add("shut")
    await world.rule("r", "shut")
    await world.rule("beside", "beside")
    await world.put("1")
    await world.until("beside", "1")
    await world.rule("r", "open")
    await world.until("open", "1")
    await world.put("2")
    await world.until("open", "1", "2")
    await world.until("beside", "1", "2")


async def test_a_disabled_rule_gets_nothing_and_leaves_nothing_behind(world: World) -> None:
    """What it had not delivered is settled: the cursor moves on."""
    world.closed.add("shut")
    await world.rule("r", "shut")
    await world.put("1")
    await world.rule("r", "shut", enabled=False)
    await world.put("2")
    bus = await world.buses.get("b")
    async with asyncio.timeout(5):
        while await bus.log.cursor("live") != {0: 2}:
            await asyncio.sleep(0)
    assert world.boxes == {}


async def test_a_target_starts_where_its_status_says(world: World) -> None:
    """The control plane took the ends of the log when the target was new."""
    await world.put("1", "2")
    await world.define(
        "Rule", "r", "b",
        targets=[{"name": "t", "kind": "box", "config": {"box": "box"}}],
        status={"starts": {"t": {"0": 1}}},
    )  # fmt: skip
    await world.put("3")
    async with asyncio.timeout(5):
        while "3" not in world.boxes.get("box", []):
            await asyncio.sleep(0)
    assert "1" not in world.boxes["box"]


async def test_a_rule_that_cannot_be_compiled_is_named_and_harms_no_other(world: World) -> None:
    """It may have been written by a version that knew more."""
    await world.rule("broken", "box", pattern={"type": "no list"})
    await world.rule("good", "box")
    await world.put("1")
    await world.until("box", "1")
    assert "broken" in next(iter(world.buses.broken()))


async def test_a_target_whose_connector_is_missing_buries_its_events(world: World) -> None:
    """With that reason; nothing is lost."""
    await world.define("Rule", "r", "b", targets=[{"name": "t", "kind": "telex"}])
    await world.put("1")
    async with asyncio.timeout(5):
        while not (letters := await world.letters.list(Filter(bus="b"))):
            await asyncio.sleep(0)
    assert "telex" in letters[0].detail


async def test_added_partitions_are_read(world: World) -> None:
    """While the bus runs."""
    await world.rule("r", "box")
    await world.define("Bus", "b", partitions=8)
    ids = [str(n) for n in range(40)]
    await world.put(*ids)
    await world.until("box", *ids)
    bus = await world.buses.get("b")
    assert sum(bus.log.bounds(p).end > 0 for p in range(8)) > 4


async def test_a_deleted_bus_ends(world: World) -> None:
    """Its rules with it; a new one of the name begins at its own start."""
    await world.rule("r", "box")
    await world.put("1")
    await world.until("box", "1")
    await world.catalog.write([Delete(Ref("Rule", "b", "r")), Delete(Ref("Bus", "", "b"))])
    with pytest.raises(NotFound):
        await world.put("2")
    await world.store.drop("b")
    await world.define("Bus", "b")
    await world.rule("r2", "again")
    await world.put("3")
    await world.until("again", "3")


async def test_drain_waits_until_everything_read_is_settled(world: World) -> None:
    """And the cursor says so afterwards."""
    await world.rule("r", "box")
    await world.put(*map(str, range(30)))
    async with asyncio.timeout(5):
        while not world.boxes.get("box"):
            await asyncio.sleep(0)
    await world.buses.drain()
    log = world.store.log("b")
    before = len(world.boxes["box"])
    await world.put("late")
    await asyncio.sleep(0.01)
    assert len(world.boxes["box"]) == before
    assert log.bounds(0).end == 31


async def test_a_crash_between_deleting_a_bus_and_dropping_its_log_is_finished_at_the_start() -> None:
    """Logs that the catalog never knew are left alone."""
    world = World()
    await world.define("Bus", "gone")
    await world.store.create("gone", 1)
    await world.store.create("foreign", 1)
    await world.catalog.write([Delete(Ref("Bus", "", "gone"))])
    async with at_work(world):
        assert world.store.logs() == ["foreign"]
