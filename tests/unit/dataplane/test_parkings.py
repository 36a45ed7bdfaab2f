"""What is parked for a target, by partition: where it comes back, and what does not hold others up."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from bridge.dataplane.parking import Parked
from bridge.dataplane.parkings import Parkings
from bridge.dataplane.sending import Keeper, Past, Timing, Waiting
from bridge.model.delivery import Delivery
from bridge.model.event import Event
from bridge.model.log import Position
from bridge.stores.timers.memory import MemoryTimers


class Owner:
    """A target that takes back whatever is due."""

    def __init__(self) -> None:
        self.back: list[str] = []

    def digest(self) -> str:
        return ""

    async def revive(self, parked: Parked, event: Event, position: Position) -> Delivery | None:
        return delivery(event.id, position.partition)

    async def put_back(self, waiting: Waiting, keeper: Keeper) -> bool:
        self.back.append(waiting.delivery.event.id)
        await keeper.done([waiting.delivery], "delivered")
        return True


class World:
    def __init__(self, reads: Sequence[int] = (0, 1)) -> None:
        self.timers = MemoryTimers()
        self.owner = Owner()
        self.tasks: list[asyncio.Task[None]] = []
        timing = Timing(lambda: 100.0, self.sleep, lambda: 0.0)
        self.parkings = Parkings(
            self.timers, "retry/b/r/t/", self.owner, self.spawn, timing, reads=lambda partition: partition in reads
        )

    async def sleep(self, _: float) -> None:
        await asyncio.sleep(0.001)

    def spawn(self, work: object) -> "asyncio.Task[None]":
        self.tasks.append(asyncio.ensure_future(work))  # type: ignore[arg-type]
        return self.tasks[-1]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    await made.parkings.begin([0], by_key=True)
    yield made
    await end(made)


async def end(world: World) -> None:
    await world.parkings.stop()
    for task in world.tasks:
        task.cancel()
    await asyncio.gather(*world.tasks, return_exceptions=True)


def delivery(name: str, partition: int) -> Delivery:
    event = Event(name, "/s", "t", {"subject": name})
    return Delivery(event, Position(partition, int(name)), None, None, 50.0)


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0.002)


async def test_a_partition_that_was_added_holds_nothing_up(world: World) -> None:
    """What is parked there comes back, and other keys go straight to the lane."""
    await world.parkings.park([Waiting(delivery("1", 1), Past(90.0), 95.0)], "1")
    assert (world.parkings.keeps("1"), world.parkings.keeps("2")) == (True, False)
    async with asyncio.timeout(2):
        await world.parkings.join([delivery("7", 1)])
    await turns()
    assert sorted(world.owner.back) == ["1", "7"]


async def test_what_is_parked_for_another_instance_comes_back_there() -> None:
    """Not here; and it holds up nothing here."""
    world = World(reads=[0])
    await world.parkings.begin([0], by_key=True, shared=True)
    await world.parkings.park([Waiting(delivery("1", 3), Past(90.0), 95.0)], "1")
    await turns()
    assert (world.owner.back, await world.timers.count("retry/b/r/t/3")) == ([], 1)
    assert not world.parkings.keeps("2")
    await end(world)


async def test_a_target_that_goes_drops_what_is_its_own() -> None:
    """Another instance may have a target of that name again."""
    world = World(reads=[0])
    await world.parkings.begin([0], by_key=False, shared=True)
    for partition in (0, 3):
        await world.parkings.park([Waiting(delivery("1", partition), Past(90.0), 500.0)], None)
    await world.parkings.drop()
    assert (await world.timers.count("retry/b/r/t/0"), await world.timers.count("retry/b/r/t/3")) == (0, 1)
    await end(world)


async def test_what_was_parked_before_it_began_is_known_when_it_has() -> None:
    """Until then every key is kept."""
    world = World()
    await world.parkings.park([Waiting(delivery("1", 1), Past(90.0), 500.0)], "1")
    assert world.parkings.keeps("2")
    await world.parkings.begin([0], by_key=True)
    assert (world.parkings.keeps("1"), world.parkings.keeps("2")) == (True, False)
    await end(world)
