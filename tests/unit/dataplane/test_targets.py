"""A target that is behind leaves the live cursor and comes back: no other waits, nothing is lost, nothing doubled."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from bridge.dataplane import persist
from bridge.dataplane.targets import RunningTarget
from bridge.errors import NotFound, StoreUnavailable
from bridge.stores.timers.base import Timer
from bridge.stores.timers.memory import MemoryTimers
from tests.unit.dataplane.test_buses import World, at_work


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World(patience_s=0)
    await made.define("Bus", "b", partitions=2)
    async with at_work(made):
        yield made


async def put(world: World, first: int, count: int) -> list[str]:
    ids = [f"{n:04}" for n in range(first, first + count)]
    for start in range(0, count, 50):
        await world.put(*ids[start : start + 50])
    return ids


async def until(holds) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0)


async def test_a_target_that_stands_still_delays_no_other(world: World) -> None:
    """It gets its own cursor; the others get everything meanwhile; it comes back with all it missed, once."""
    world.closed.add("shut")
    await world.rule("slow", "shut")
    await world.rule("fast", "open")
    ids = await put(world, 0, 400)
    await world.until("open", *ids)
    bus = await world.buses.get("b")
    slow = next(target for target in bus.rules.targets() if target.names.rule == "slow")
    assert slow.behind
    async with asyncio.timeout(5):  # the live cursor is free of it
        while sum((await bus.log.cursor("live")).values()) < 400:
            await asyncio.sleep(0.01)
    assert sum((await bus.log.cursor(slow.cursor)).values()) == 0
    assert bus.lag(slow) == 400
    world.open("shut")
    await world.until("shut", *ids)
    await until(lambda: not slow.behind)
    ids += await put(world, 400, 100)
    await world.until("shut", *ids)
    await world.until("open", *ids)
    async with asyncio.timeout(5):
        while slow.cursor in await bus.log.cursors():
            await asyncio.sleep(0)


async def test_a_target_that_is_behind_is_so_after_a_restart() -> None:
    """Its own cursor is where it was; what waited in memory is read again."""
    world = World(patience_s=0)
    await world.define("Bus", "b", partitions=2)
    world.closed.add("shut")
    await world.rule("slow", "shut")
    async with at_work(world):
        ids = await put(world, 0, 300)
        bus = await world.buses.get("b")
        await until(lambda: next(bus.rules.targets()).behind)
        await asyncio.sleep(0.01)
    world.start_again()
    async with at_work(world):
        bus = await world.buses.get("b")
        assert next(bus.rules.targets()).behind
        world.open("shut")
        await world.until("shut", *ids)
        await until(lambda: not next(bus.rules.targets()).behind)


class LateTimers(MemoryTimers):
    """What is parked of which key is told late, and everything that is parked is counted."""

    def __init__(self) -> None:
        super().__init__()
        self.told = asyncio.Event()
        self.parked = 0

    async def groups(self, queue: str) -> list[str]:
        await self.told.wait()
        return await super().groups(queue)

    async def add(self, timers: Sequence[Timer]) -> None:
        self.parked += len(timers)
        await super().add(timers)


async def test_before_it_is_known_what_is_parked_nothing_is_parked_for_that() -> None:
    """In order by key: it waits in the log, and every other target goes on."""
    world = World(patience_s=0)
    timers = world.timers = LateTimers()
    world.start_again()
    await world.define("Bus", "b", partitions=2)
    await world.rule("keyed", "keyed", target={"order": "key"})
    await world.rule("other", "other")
    async with at_work(world):
        ids = await put(world, 0, 300)
        await world.until("other", *ids)
        assert "keyed" not in world.boxes
        timers.told.set()
        await world.until("keyed", *ids)
        assert timers.parked == 0


async def held_back() -> World:
    """A bus with two targets that take nothing yet; one of them will hold the live cursor back at the first event."""
    world = World(patience_s=0)
    await world.define("Bus", "b", partitions=2)
    world.closed |= {"shut", "jammed"}
    await world.rule("slow", "shut")
    await world.rule("first", "jammed", pattern={"id": ["0000"]}, target={"errorsTolerance": "NONE"})
    return world


async def come_back(world: World) -> tuple[list[str], RunningTarget]:
    """What was put; the other target has taken all of it, and is not behind any more."""
    ids = await put(world, 0, 400)
    bus = await world.buses.get("b")
    slow = next(target for target in bus.rules.targets() if target.names.rule == "slow")
    await until(lambda: slow.behind)
    world.closed.discard("shut")
    world.opened.set()
    await world.until("shut", *ids)
    await until(lambda: not slow.behind)
    return ids, slow


async def test_a_target_that_came_back_before_the_others_gets_nothing_twice_after_a_restart() -> None:
    """Its own cursor stays until the live one is as far, which another target holds back."""
    world = await held_back()
    async with at_work(world):
        ids, _ = await come_back(world)
        for _ in range(100):  # turns, in which it would forget its cursor
            await asyncio.sleep(0)
    world.start_again()
    async with at_work(world):
        ids += await put(world, 400, 10)
        await world.until("shut", *ids)
        world.open("jammed")
        bus = await world.buses.get("b")
        await world.until("jammed", "0000")
        async with asyncio.timeout(5):
            while await bus.log.cursors() != ["live"]:
                await asyncio.sleep(0)
        assert sorted(world.boxes["shut"]) == ids


async def test_who_waits_for_the_live_cursor_ends_with_its_target() -> None:
    """Else each division would leave some behind, waiting for ever."""
    world = await held_back()
    async with at_work(world):
        _, slow = await come_back(world)
        bus = await world.buses.get("b")
        assert slow._finishing is not None
        world.buses._flows["b"].cancel()  # as a division does
        await bus.end()
        await until(lambda: not any("_finish" in repr(task.get_coro()) for task in asyncio.all_tasks()))


async def test_a_deleted_rule_takes_its_own_cursor_with_it(world: World) -> None:
    """A new one of the name begins at its own start."""
    world.closed.add("shut")
    await world.rule("slow", "shut")
    await put(world, 0, 300)
    bus = await world.buses.get("b")
    await until(lambda: next(bus.rules.targets()).behind)
    cursor = next(bus.rules.targets()).cursor
    await world.rule("slow", "shut", enabled=False)
    await world.buses.refresh()
    async with asyncio.timeout(5):
        while cursor in await bus.log.cursors():
            await asyncio.sleep(0)


async def test_a_leave_that_fails_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The live cursor begins again where it had committed, and the target with it."""
    failures = iter([RuntimeError("a bug")])
    bus = await world.buses.get("b")
    commit = bus.log.commit

    async def fail_once(name: str, offsets: dict[int, int]) -> None:
        if name.startswith("target/"):
            for failure in failures:
                raise failure
        await commit(name, offsets)

    monkeypatch.setattr(bus.log, "commit", fail_once)
    await world.rule("slow", "box")
    ids = await put(world, 0, 400)
    async with asyncio.timeout(10):
        while set(world.boxes.get("box", [])) != set(ids):
            await asyncio.sleep(0)


async def test_rules_may_change_while_a_target_leaves(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The live cursor goes on; nothing comes twice."""
    bus = await world.buses.get("b")
    commit, storing, stored = bus.log.commit, asyncio.Event(), asyncio.Event()

    async def slowly(name: str, offsets: dict[int, int]) -> None:
        if name.startswith("target/"):
            storing.set()
            await stored.wait()
        await commit(name, offsets)

    monkeypatch.setattr(bus.log, "commit", slowly)
    world.closed.add("shut")
    await world.rule("slow", "shut")
    await world.rule("fast", "open")
    ids = await put(world, 0, 400)
    async with asyncio.timeout(5):
        await storing.wait()
    await world.rule("new", "other")
    await world.buses.refresh()
    stored.set()
    await world.until("open", *ids)
    world.open("shut")
    await world.until("shut", *ids)


async def test_a_store_that_cannot_forget_a_cursor_is_asked_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The target is back meanwhile, and everybody goes on."""
    monkeypatch.setattr(persist, "FIRST_WAIT_S", 0.0)
    bus = await world.buses.get("b")
    delete, failures = bus.log.delete_cursor, [StoreUnavailable("the disk is full")] * 3

    async def at_last(name: str, partitions=None) -> None:
        if failures:
            raise failures.pop()
        await delete(name, partitions)

    monkeypatch.setattr(bus.log, "delete_cursor", at_last)
    world.closed.add("shut")
    await world.rule("slow", "shut")
    ids = await put(world, 0, 300)
    await until(lambda: next(bus.rules.targets()).behind)
    world.open("shut")
    await world.until("shut", *ids)
    async with asyncio.timeout(5):
        while next(bus.rules.targets()).cursor in await bus.log.cursors():
            await asyncio.sleep(0)
    ids += await put(world, 300, 50)
    await world.until("shut", *ids)
    assert failures == []


async def test_a_bus_may_be_deleted_while_a_target_comes_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its log says that it is gone; the bridge goes on."""
    bus = await world.buses.get("b")
    asked = asyncio.Event()

    async def gone(name: str, partitions=None) -> None:
        asked.set()
        raise NotFound("there is no bus b")

    monkeypatch.setattr(bus.log, "delete_cursor", gone)
    world.closed.add("shut")
    await world.rule("slow", "shut")
    await put(world, 0, 300)
    await until(lambda: next(bus.rules.targets()).behind)
    world.open("shut")
    async with asyncio.timeout(5):
        await asked.wait()
    await world.define("Bus", "other")
    await world.put("1", bus="other")
