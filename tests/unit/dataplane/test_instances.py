"""Several instances on one log: partitions move between them without loss, and keys keep their order."""

import asyncio
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.model.log import Chunk, StoredChunk
from bridge.stores.bus.base import Bounds, BusLog, BusStore, Offsets, Usage
from bridge.stores.bus.memory import MemoryBusStore
from tests.unit.dataplane.test_buses import World, at_work

PARTITIONS = 4


class SharedLog(BusLog):
    """One instance's view of a log that others read, too."""

    is_shared = True

    def __init__(self, log: BusLog, store: "SharedStore") -> None:
        self._log = log
        self._store = store
        self._here: frozenset[int] = frozenset()
        self.name, self.partitions = log.name, log.partitions

    @property
    def here(self) -> frozenset[int]:
        return self._here

    async def until_divided(self) -> None:
        while self._here == self._store.share():
            await self._store.division.changed()

    async def divide(self) -> None:
        division = self._store.division
        self._here &= self._store.share()
        division.hold(self._store, self._here)
        self._here = self._store.share() - division.held_by_others(self._store)
        division.hold(self._store, self._here)

    async def append(self, chunks: Sequence[tuple[int, Chunk]]) -> list[int]:
        return await self._log.append(chunks)

    async def read(self, partition: int, offset: int, limit: int) -> list[StoredChunk]:
        assert partition in self._here, "reads what another one reads"
        return await self._log.read(partition, offset, limit)

    async def wait(self, offsets: Offsets) -> None:
        await self._log.wait(offsets)

    def bounds(self, partition: int) -> Bounds:
        return self._log.bounds(partition)

    async def offset_at(self, partition: int, time: float) -> int:
        return await self._log.offset_at(partition, time)

    async def cursor(self, name: str) -> dict[int, int]:
        return await self._log.cursor(name)

    async def commit(self, name: str, offsets: Offsets) -> None:
        await self._log.commit(name, offsets)

    async def cursors(self) -> list[str]:
        return await self._log.cursors()

    async def delete_cursor(self, name: str, partitions: Iterable[int] | None = None) -> None:
        await self._log.delete_cursor(name, partitions)

    async def trim(self, *, before: float | None = None, keep_bytes: int | None = None) -> int:
        return await self._log.trim(before=before, keep_bytes=keep_bytes)

    async def usage(self) -> Usage:
        return await self._log.usage()


class Division:
    """Who may read what: equal shares of those who are there; and who still holds what."""

    def __init__(self) -> None:
        self.members: list[SharedStore] = []
        self.held: dict[SharedStore, frozenset[int]] = {}
        self._turns = asyncio.Event()

    async def changed(self) -> None:
        self._turns.clear()
        await self._turns.wait()

    def tell(self) -> None:
        self._turns.set()
        self._turns = asyncio.Event()

    def hold(self, store: "SharedStore", partitions: frozenset[int]) -> None:
        self.held[store] = partitions
        self.tell()

    def held_by_others(self, store: "SharedStore") -> frozenset[int]:
        return frozenset().union(*(held for other, held in self.held.items() if other is not store))


class SharedStore(BusStore):
    durable = False

    def __init__(self, store: MemoryBusStore, division: Division) -> None:
        self._store = store
        self.division = division
        self._logs: dict[str, SharedLog] = {}

    def share(self) -> frozenset[int]:
        members = self.division.members
        if self not in members:
            return frozenset()
        return frozenset(p for p in range(PARTITIONS) if members[p % len(members)] is self)

    def join(self) -> None:
        self.division.members.append(self)
        self.division.tell()

    def leave(self) -> None:
        self.division.members.remove(self)
        self.division.tell()

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def create(self, name: str, partitions: int) -> BusLog:
        log = await self._store.create(name, partitions)
        return self._logs.setdefault(name, SharedLog(log, self))

    def log(self, name: str) -> BusLog:
        return self._logs[name]

    def logs(self) -> list[str]:
        return self._store.logs()

    async def drop(self, name: str) -> None:
        await self._store.drop(name)


class Instance(World):
    """One of several bridges on the same stores; they fill the same boxes."""

    def __init__(self, first: World, division: Division, *, patience_s: float = 0.0, drain_s: float = 0.0) -> None:
        super().__init__(patience_s=patience_s, drain_s=drain_s)
        self.catalog, self.letters, self.timers = first.catalog, first.letters, first.timers
        self.boxes, self.closed, self.changed = first.boxes, first.closed, first.changed
        self.store = SharedStore(first.store, division)
        self.opened = asyncio.Event()  # of its own: one that is set already would let nobody else have a turn
        self.start_again()

    def dies(self) -> None:
        """It gives back nothing in good order; its locks end some time later."""
        self.store.division.held.pop(self.store, None)
        if self.store in self.store.division.members:
            self.store.leave()


async def test_in_good_order_partitions_move_and_nothing_comes_twice() -> None:
    """What was read is delivered first: the live cursor is no further than the slowest of its targets."""
    first, division = World(), Division()
    await first.define("Bus", "b", partitions=PARTITIONS)
    await first.rule("quick", "quick")
    await first.rule("slow", "slow")
    one, other = (Instance(first, division, patience_s=5.0, drain_s=5.0) for _ in range(2))
    one.store.join()
    first.closed.add("slow")
    async with at_work(one):
        ids = [f"{n:04}" for n in range(100)]
        await one.put(*ids)
        await one.until("quick", *ids)
        other.store.join()
        async with at_work(other):
            for _ in range(50):  # turns, in which partitions would move
                await asyncio.sleep(0)
            open_box([one, other], "slow")
            await one.until("slow", *ids)
            other.store.leave()
            await until_free(other)
        assert sorted(first.boxes["quick"]) == sorted(first.boxes["slow"]) == ids


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(1, 60)),
        st.tuples(st.just("turns"), st.integers(1, 200)),
        st.tuples(st.just("join"), st.integers(0, 2)),
        st.tuples(st.just("leave"), st.integers(0, 2)),
        st.tuples(st.just("kill"), st.integers(0, 2)),
        st.tuples(st.just("shut"), st.sampled_from(["a", "key"])),
        st.tuples(st.just("open"), st.sampled_from(["a", "key"])),
    ),
    max_size=14,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_whoever_comes_and_goes_every_target_gets_every_event(steps: list) -> None:
    """In order of each key; what was under way when partitions moved may come twice."""
    asyncio.run(play(steps), debug=False)  # as in test_seams


@pytest.mark.parametrize("turns", range(0, 40, 4))
def test_a_partition_moves_in_the_middle_of_everything(turns: int) -> None:
    """While a target is behind, too."""
    steps = [("shut", "key"), ("put", 60), ("turns", turns), ("join", 1), ("put", 60), ("turns", turns)]
    asyncio.run(play([*steps, ("open", "key"), ("leave", 0), ("put", 20)]))


async def play(steps: list) -> None:
    first = World(patience_s=0)
    division = Division()
    await first.define("Bus", "b", partitions=PARTITIONS)
    for name in ("a", "steady"):
        await first.rule(name, name)
    await first.rule("key", "key", target={"order": "key"})
    instances = [Instance(first, division) for _ in range(3)]
    running = {}
    put: list[str] = []

    async def start(number: int) -> None:
        if number not in running:
            instances[number].store.join()
            running[number] = at_work(instances[number])
            await running[number].__aenter__()

    async def stop(number: int, *, kill: bool) -> None:
        if number in running and len(running) > 1:
            if not kill:
                instances[number].store.leave()
                await until_free(instances[number])
            await running.pop(number).__aexit__(None, None, None)
            instances[number].dies()
            instances[number] = Instance(first, division)

    await start(0)
    for kind, value in steps:
        match kind:
            case "put":
                ids = [f"{n:04}" for n in range(len(put), len(put) + value)]
                await instances[next(iter(running))].put(*ids)
                put += ids
            case "turns":
                for _ in range(value):
                    await asyncio.sleep(0)
            case "join":
                await start(value)
            case "leave" | "kill":
                await stop(value, kill=kind == "kill")
            case "shut":
                first.closed.add(value)
            case "open":
                open_box(instances, value)
    for name in ("a", "key"):
        open_box(instances, name)
    async with asyncio.timeout(10):
        while any(set(first.boxes.get(name, [])) != set(put) for name in ("a", "key", "steady")):
            await asyncio.sleep(0)
    for one in list(running.values()):
        await one.__aexit__(None, None, None)
    first_seen = list(dict.fromkeys(first.boxes.get("key", [])))
    for key in range(7):
        of_key = [one for one in first_seen if int(one) % 7 == key]
        assert of_key == sorted(of_key), f"key {key} is out of order"


async def until_free(instance: Instance) -> None:
    async with asyncio.timeout(10):
        while instance.store.division.held.get(instance.store):
            await asyncio.sleep(0)


def open_box(instances: list[Instance], box: str) -> None:
    for instance in instances:
        instance.open(box)
