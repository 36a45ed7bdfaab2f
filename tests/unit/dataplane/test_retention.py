"""Retention deletes what is old, and says beforehand where that meets what is undelivered."""

from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.dataplane.retention import Retention
from bridge.dataplane.sending import Timing
from bridge.errors import StoreUnavailable
from bridge.model import bus as spec
from bridge.model.log import Chunk, Format
from bridge.model.units import Duration, Size
from bridge.rules.scope import Names
from bridge.stores.bus.memory import MemoryBusLog
from bridge.telemetry import Telemetry
from bridge.testing.clock import ManualClock


class World:
    """A bus with a log of two partitions, and targets that are where a test puts them."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.log = MemoryBusLog("traffic", 2, self.clock)
        self.targets = [SimpleNamespace(names=Names("red", name), position={0: 0, 1: 0}) for name in "ab"]
        self.bus = SimpleNamespace(
            name="traffic", log=self.log, rules=SimpleNamespace(targets=lambda: self.targets), spec=spec.BusSpec()
        )
        self.telemetry = Telemetry()
        buses: Any = SimpleNamespace(all=lambda: [self.bus])
        self.retention = Retention(buses, self.telemetry, Timing(self.clock, self.clock.sleep, lambda: 0.0))

    def keep(self, age: float | None = None, size: int | None = None) -> None:
        kept = spec.Retention(
            age=Duration(age) if age is not None else None, size=Size(size) if size is not None else None
        )
        self.bus.spec = spec.BusSpec(retention=kept)

    async def put(self, partition: int = 0, events: int = 1, size: int = 10) -> None:
        await self.log.append([(partition, Chunk(Format.JSON, events, b"x" * size))])

    def used(self, target: str = "a") -> float | None:
        found = self.retention.used("traffic", "red", target)
        return round(found, 3) if found is not None else None

    async def turn(self) -> list[str]:
        """What the log says, as level: target."""
        with capture_logs() as lines:
            await self.retention.turn()
        return [f"{line['log_level']}: {line.get('target', line['event'])}" for line in lines]


@pytest.fixture
def world() -> World:
    return World()


async def test_a_bus_that_keeps_everything_has_nothing_to_say(world: World) -> None:
    """No bound, no number."""
    await world.put()
    assert (await world.turn(), world.used()) == ([], None)
    assert b"bridge_retention_used{" not in world.telemetry.text()


async def test_by_age_of_the_oldest_undelivered_event(world: World) -> None:
    """Whichever partition it is in; what was delivered does not count, and nothing waiting is nothing used."""
    world.keep(age=100)
    await world.put(partition=1)
    world.clock.advance(30)
    await world.put(partition=0)
    world.clock.advance(20)
    world.targets[1].position = {0: 0, 1: 1}
    await world.turn()
    assert (world.used("a"), world.used("b")) == (0.5, 0.2)
    world.targets[1].position = {0: 1, 1: 1}
    await world.turn()
    assert (world.used("b"), world.used("c")) == (0.0, None)


async def test_by_size_from_the_oldest_undelivered_event_on(world: World) -> None:
    """Of all partitions, since the oldest goes first wherever it is."""
    world.keep(size=100)
    for partition in (0, 1, 0, 1):
        await world.put(partition, events=2)
        world.clock.advance(1)
    world.targets[1].position = {0: 2, 1: 4}
    await world.turn()
    assert (world.used("a"), world.used("b")) == (0.4, 0.2)


async def test_the_nearer_bound_counts(world: World) -> None:
    """Age or size."""
    world.keep(age=100, size=20)
    await world.put()
    world.clock.advance(10)
    await world.turn()
    assert world.used() == 0.5
    world.clock.advance(80)
    await world.turn()
    assert world.used() == 0.9


async def test_it_warns_once_and_again_when_it_had_gone_away(world: World) -> None:
    """From 0.8 on; below 0.7 the target is out of danger. In between nothing changes."""
    world.keep(age=100)
    world.targets.pop()
    await world.put()
    world.clock.advance(79)
    assert await world.turn() == []
    world.clock.advance(1)
    assert await world.turn() == ["warning: a"]
    await world.put()
    world.clock.advance(5)
    assert await world.turn() == []
    world.targets[0].position = {0: 1}
    assert (await world.turn(), world.used()) == ([], 0.05)
    world.clock.advance(75)
    assert await world.turn() == ["warning: a", "info: retention deleted events"]


async def test_between_the_bounds_it_neither_warns_nor_calms(world: World) -> None:
    """So that a target that hovers there fills no log."""
    world.keep(size=100)
    world.targets.pop()
    for _ in range(8):
        await world.put()
        world.clock.advance(1)
    assert await world.turn() == ["warning: a"]
    for position in (1, 0, 1, 0):
        world.targets[0].position = {0: position}
        assert await world.turn() == []
    assert world.used() == 0.8


async def test_events_deleted_before_a_target_got_them_are_told_once(world: World) -> None:
    """As an error: how many were lost is counted by whoever reads on."""
    world.keep(age=100)
    world.targets[1].position = {0: 1}
    await world.put()
    world.clock.advance(60)
    await world.put()
    world.clock.advance(50)
    assert await world.turn() == ["warning: a", "info: retention deleted events"]
    assert (await world.turn(), world.used("a"), world.used("b")) == (["error: a"], 1.0, 0.5)
    assert await world.turn() == []
    world.targets[0].position = {0: 1}
    await world.turn()
    assert world.used("a") == 0.5


async def test_deleted_events_are_counted(world: World) -> None:
    """In the metric and the log."""
    world.keep(age=10)
    world.targets.clear()
    await world.put(events=3)
    world.clock.advance(11)
    assert await world.turn() == ["info: retention deleted events"]
    assert b'bridge_trimmed_total{bus="traffic"} 3.0' in world.telemetry.text()


async def test_the_gauge_has_a_line_for_each_target(world: World) -> None:
    """With the names of bus, rule and target; one that is gone has none."""
    world.keep(age=100)
    await world.put()
    world.clock.advance(25)
    await world.turn()
    assert b'bridge_retention_used{bus="traffic",rule="red",target="b"} 0.25' in world.telemetry.text()
    world.targets.pop()
    await world.turn()
    assert b'target="b"' not in world.telemetry.text()


async def test_bounds_of_nothing_are_reached_at_once(world: World) -> None:
    """No division by them."""
    world.keep(age=0, size=0)
    await world.put()
    world.clock.advance(1)
    await world.turn()
    assert world.used() == 1.0


async def test_a_store_that_cannot_answer_is_asked_again_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a warning; other buses are looked at all the same."""
    world.keep(age=100)

    async def fail(**_: object) -> int:
        raise StoreUnavailable("disk full")

    monkeypatch.setattr(world.log, "trim", fail)
    assert await world.turn() == ["warning: retention could not look or delete"]
    monkeypatch.undo()
    assert await world.turn() == []


async def test_a_partition_that_was_emptied_is_a_loss_too(world: World) -> None:
    """Though nothing in it waits any more; until the target goes on."""
    world.keep(age=10)
    await world.put()
    world.clock.advance(11)
    assert await world.turn() == ["warning: a", "warning: b", "info: retention deleted events"]
    assert (await world.turn(), world.used()) == (["error: a", "error: b"], 1.0)
    world.targets[0].position = {0: 1}
    assert (await world.turn(), world.used()) == ([], 0.0)
