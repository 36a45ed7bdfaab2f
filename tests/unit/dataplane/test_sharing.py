"""Definitions and operations where several instances share stores: nothing depends on when an instance looks."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

import pytest
from msgspec.structs import replace

from bridge.dataplane.status import bus_status, with_unread
from bridge.errors import NotFound, StoreUnavailable
from bridge.model.pauses import let_go_on
from bridge.model.resource import Ref
from bridge.model.rule import own_cursor
from bridge.stores.catalog.base import Change, Delete, Put
from tests.unit.dataplane.test_buses import RemoteCatalog, World, at_work
from tests.unit.dataplane.test_instances import PARTITIONS, Division, Instance

RULE = Ref("Rule", "b", "r")


class MoodyCatalog(RemoteCatalog):
    """``blind``: it tells of no change. ``away``: it cannot be read."""

    def __init__(self) -> None:
        super().__init__()
        self.blind: int | None = None
        self.away = False

    async def version(self) -> int:
        if self.away:
            raise StoreUnavailable("the catalog is away")
        found = await super().version()
        return found if self.blind is None else min(found, self.blind)

    async def changes(self, since: int) -> list[Change]:
        found = await super().changes(since)
        return [change for change in found if self.blind is None or change.version <= self.blind]

    async def wait(self, version: int) -> int:
        while (found := await self.version()) <= version:
            await asyncio.sleep(0.001)
        return found

    async def look_away(self) -> None:
        self.blind = await super().version()


class StillCatalog(MoodyCatalog):
    """Tells nobody who waits for a change."""

    def __init__(self) -> None:
        super().__init__()
        self.waited_for, self.refused = asyncio.Event(), asyncio.Event()

    async def version(self) -> int:
        if self.away:
            self.refused.set()
        return await super().version()

    async def wait(self, version: int) -> int:
        self.waited_for.set()
        await asyncio.Event().wait()
        return version


def world_with(catalog: MoodyCatalog) -> World:
    world = World()
    world.catalog = catalog
    world.start_again()
    return world


async def settled(world: World, position: int) -> None:
    async with asyncio.timeout(5):
        while await world.store.log("b").cursor("live") != {0: position}:
            await asyncio.sleep(0.001)


async def test_a_rule_that_was_deleted_and_made_again_is_the_new_one() -> None:
    """Though its revision is the same, and nobody saw it go."""
    world = world_with(MoodyCatalog())
    await world.define("Bus", "b")
    await world.rule("r", "old")
    async with at_work(world):
        await world.put("1")
        await world.until("old", "1")
        await world.catalog.look_away()
        await world.catalog.write([Delete(RULE)])
        world.catalog._clock = lambda: 5e9  # made at another time
        await world.rule("r", "new")
        world.catalog.blind = None
        await world.put("2")
        await world.until("new", "2")
        assert world.boxes["old"] == ["1"]


async def test_one_that_begins_in_the_past_again_begins_there() -> None:
    """The target of its name that ended meanwhile takes no cursor along."""
    world = world_with(MoodyCatalog())
    await world.define("Bus", "b")
    await world.rule("r", "box")
    async with at_work(world):
        await world.put("1", "2", "3")
        await world.until("box", "1", "2", "3")
        await settled(world, 3)
        await world.catalog.look_away()
        await world.catalog.write([Delete(RULE)])
        world.catalog._clock = lambda: 5e9
        await world.store.log("b").commit(own_cursor("r", "t"), {0: 1})  # as the control plane does
        target = {"name": "t", "kind": "box", "config": {"box": "again"}, "start": "1970-01-01T00:00:01Z"}
        await world.define("Rule", "r", "b", targets=[target], status={"starts": {"t": {"0": 1}}})
        world.catalog.blind = None
        await world.until("again", "2", "3")
        await world.put("4")
        await world.until("again", "2", "3", "4")


async def test_while_the_catalog_is_away_events_are_taken_and_wait() -> None:
    """None is judged, as a rule may have changed; then each is delivered once."""
    catalog = MoodyCatalog()
    several = Several(1)
    several.first.catalog = catalog
    [world] = several.instances = [Instance(several.first, several.division)]
    await world.define("Bus", "b", partitions=PARTITIONS)
    await world.rule("r", "box")
    async with AsyncExitStack() as stack:
        await several.start(stack, 0)
        await world.put("1")
        await world.until("box", "1")
        catalog.away = True
        world.now += 10
        await world.put("2", "3")
        await asyncio.sleep(0.02)
        assert (world.boxes["box"], world.buses.trouble) == (["1"], "the catalog is away")
        with pytest.raises(StoreUnavailable):
            await world.put("4", bus="unknown")
        catalog.away = False
        await world.until("box", "1", "2", "3")
        assert world.buses.trouble is None


async def test_a_catalog_that_is_back_is_no_trouble_though_nothing_happens() -> None:
    """Neither an event nor a definition has to come first: an instance may have no partition that gets any."""
    catalog = MoodyCatalog()
    world = world_with(catalog)
    await world.define("Bus", "b")
    async with at_work(world):
        catalog.away = True
        await until(lambda: world.buses.trouble == "the catalog is away")
        catalog.away = False
        await until(lambda: world.buses.trouble is None)


async def test_a_flow_that_ends_while_it_waits_for_the_catalog_leaves_no_trouble() -> None:
    """It will not ask again, as its partitions may go to another instance; and nobody else has asked meanwhile."""
    catalog = StillCatalog()
    world = world_with(catalog)
    await world.define("Bus", "b")
    async with at_work(world):
        await catalog.waited_for.wait()
        world.closed.add("time")
        catalog.away = True
        flow = asyncio.ensure_future(world.buses._refresh_surely())
        await catalog.refused.wait()
        catalog.away = False
        flow.cancel()
        await asyncio.wait([flow])
        assert world.buses.trouble is None


async def test_a_put_asks_the_catalog_now_and_then() -> None:
    """Of a bus that is shared and at work; a bus that is not known is asked for."""
    catalog = MoodyCatalog()
    several = Several(1)
    several.first.catalog = catalog
    [world] = several.instances = [Instance(several.first, several.division)]
    await world.define("Bus", "b", partitions=PARTITIONS)
    async with AsyncExitStack() as stack:
        await several.start(stack, 0)
        await world.buses.refresh()
        catalog.away = True
        before = (await world.buses.get("b")).spec
        catalog.away = False
        await world.define("Bus", "b", partitions=PARTITIONS, retention={"age": "1d"})
        await world.define("Bus", "c")
        assert (await world.buses.get("b")).spec == before
        assert (await world.buses.get("c")).name == "c"
        assert (await world.buses.get("b")).spec != before


class Several:
    """Instances on one world."""

    def __init__(self, number: int) -> None:
        self.first = World(patience_s=0)
        self.division = Division()
        self.instances = [Instance(self.first, self.division) for _ in range(number)]

    async def start(self, stack: AsyncExitStack, *numbers: int) -> None:
        for number in numbers:
            self.instances[number].store.join()
            await stack.enter_async_context(at_work(self.instances[number]))
            await self.divided()

    async def divided(self) -> None:
        """Each reads its share."""
        async with asyncio.timeout(5):
            while any(
                self.here(one) != one.store.share() for one in self.instances if one.store in self.division.members
            ):
                await asyncio.sleep(0.001)

    def here(self, instance: Instance) -> frozenset[int]:
        bus = instance.buses.find("b")
        return bus.log.here if bus is not None else frozenset()

    def states(self) -> list[Sequence[str]]:
        """Of the first target of each rule, at each instance that works."""
        found = []
        for instance in self.instances:
            bus = instance.buses.find("b")
            if bus is not None:
                found.append([holder for target in bus.rules.targets() for holder in target.lane.valve.holds])
        return found


async def until(holds: object) -> None:
    async with asyncio.timeout(5):
        while not holds():  # type: ignore[operator]
            await asyncio.sleep(0.001)


async def test_a_blocked_target_is_let_go_on_wherever_it_is_blocked() -> None:
    """Once: what blocks it then stays blocked until somebody says so again."""
    several = Several(2)
    first = several.first
    await first.define("Bus", "b", partitions=PARTITIONS)
    strict = {
        "errorsTolerance": "NONE", "retry": {"schedule": ["1ms"], "maxAttempts": 1}, "concurrency": 1, "batch": {"count": 1},
    }  # fmt: skip
    await first.rule("r", "box", target=strict)
    async with AsyncExitStack() as stack:
        await several.start(stack, 0, 1)
        first.closed.add("box")
        await several.instances[0].put(*(str(n) for n in range(14)))
        await until(lambda: several.states() == [["blocked"], ["blocked"]])

        async def resume(*, skip: bool) -> None:
            stored = await first.catalog.find(RULE)
            assert stored is not None
            await first.catalog.write([Put(let_go_on(stored, "t", "now", skip=skip))])

        await resume(skip=True)
        await until(lambda: len(first.letters._letters) == 2)
        await until(lambda: several.states() == [["blocked"], ["blocked"]])
        for instance in several.instances:
            instance.open("box")
        await asyncio.sleep(0.02)
        assert several.states() == [["blocked"], ["blocked"]]
        await resume(skip=False)
        buried = {letter.event_id for letter in first.letters._letters.values()}
        await until(lambda: set(first.boxes.get("box", [])) == {str(n) for n in range(14)} - buried)
        assert len(first.letters._letters) == 2


async def test_a_bus_whose_log_goes_while_it_is_divided_takes_no_other_along() -> None:
    """Its end is told by the catalog; all others go on."""
    several = Several(1)
    first = several.first
    await first.define("Bus", "b", partitions=PARTITIONS)
    async with AsyncExitStack() as stack:
        await several.start(stack, 0)
        [world] = several.instances
        log = world.store._logs["b"]

        async def dropped() -> None:
            raise NotFound("the log of the bus b was dropped")

        log.divide = dropped  # type: ignore[method-assign]
        world.store.division.members.clear()
        world.store.division.tell()
        await asyncio.sleep(0.02)
        await world.catalog.write([Delete(Ref("Bus", "", "b"))])
        world.store.join()
        await world.define("Bus", "c", partitions=PARTITIONS)
        await world.put("1", bus="c")
        with pytest.raises(NotFound):
            await world.buses.get("b")


async def test_a_bus_that_cannot_be_divided_is_tried_again() -> None:
    """It takes events meanwhile, and readiness says why nothing of it is read."""
    several = Several(1)
    first = several.first
    await first.define("Bus", "b", partitions=PARTITIONS)
    await first.rule("r", "box")
    async with AsyncExitStack() as stack:
        await several.start(stack, 0)
        [world] = several.instances
        log = world.store._logs["b"]
        divide, away = log.divide, [1, 2]

        async def sometimes() -> None:
            if away:
                away.pop()
                raise StoreUnavailable("no broker")
            await divide()

        log.divide = sometimes  # type: ignore[method-assign]
        reasons = []

        async def sleep(_: float) -> None:
            await asyncio.sleep(0.001)
            if world.buses.waiting:
                reasons.append(dict(world.buses.waiting))
                await world.put(str(len(reasons)))

        world.buses._around = world.buses._around._replace(timing=world.buses._around.timing._replace(sleep=sleep))
        world.store.division.members.clear()
        world.store.division.tell()
        await until(lambda: not away and not world.buses.waiting)
        world.store.join()
        await first.until("box", "1", "2")
        assert reasons == [{"b": "no broker"}] * 2


async def test_counts_go_on_when_a_bus_is_divided_anew() -> None:
    """What an instance has received and delivered since it started does not begin again."""
    several = Several(2)
    first = several.first
    await first.define("Bus", "b", partitions=PARTITIONS)
    await first.rule("r", "box")
    async with AsyncExitStack() as stack:
        await several.start(stack, 0)
        ids = [str(n) for n in range(20)]
        await several.instances[0].put(*ids)
        await first.until("box", *ids)
        await several.start(stack, 1)
        bus = several.instances[0].buses.find("b")
        assert bus is not None
        status = await bus_status(bus, lambda *_: None)
        assert (status.received, status.rules[0].matched, status.rules[0].targets[0].delivered) == (20, 20, 20)


async def test_what_nobody_reads_is_told_with_what_waits_there() -> None:
    """As after the death of an instance, until another one has its partitions."""
    several = Several(1)
    first = several.first
    await first.define("Bus", "b", partitions=PARTITIONS)
    await first.rule("r", "box")
    async with AsyncExitStack() as stack:
        await several.start(stack, 0)
        ids = [str(n) for n in range(20)]
        await several.instances[0].put(*ids)
        await first.until("box", *ids)
        bus = several.instances[0].buses.find("b")
        assert bus is not None
        log = first.store.log("b")
        await until(lambda: bus.lag() == 0)
        ends = {p: log.bounds(p).end for p in range(PARTITIONS)}
        await log.commit("live", {1: ends[1] - 1, 2: 0, 3: ends[3]})
        await log.commit(own_cursor("r", "t"), {1: 0})
        told = replace(await bus_status(bus, lambda *_: None), reading=(0,))
        found = await with_unread(told, bus)
        assert (found.unread, found.lag) == ((1, 2, 3), 1 + ends[2])
        assert found.rules[0].targets[0].lag == ends[1] + ends[2]
        assert await with_unread(replace(told, reading=(0, 1, 2, 3)), bus) == replace(told, reading=(0, 1, 2, 3))


async def test_a_rate_is_shared_by_the_partitions_that_are_read() -> None:
    """All instances together keep to it; one that reads nothing has a little for what is redriven."""
    several = Several(3)
    first = several.first
    await first.define("Bus", "b", partitions=PARTITIONS)
    await first.rule("r", "box", target={"rate": "100/s"})
    async with AsyncExitStack() as stack:
        await several.start(stack, 0, 1, 2)
        rates = []
        for instance in several.instances:
            bus = instance.buses.find("b")
            assert bus is not None
            rates += [target.lane._spec.rate for target in bus.rules.targets()]
        assert sorted(rates) == [25.0, 25.0, 50.0]


async def test_what_is_left_of_targets_that_are_gone_is_dropped_by_who_reads_it() -> None:
    """Parked deliveries of a partition; a cursor may be that of a rule which is just being written elsewhere."""
    several = Several(1)
    first = several.first
    await first.define("Bus", "b", partitions=PARTITIONS)
    await first.store.create("b", PARTITIONS)
    await first.store.log("b").commit(own_cursor("new", "t"), {0: 0})
    async with AsyncExitStack() as stack:
        await several.start(stack, 0)
        assert await first.store.log("b").cursors() == [own_cursor("new", "t")]
