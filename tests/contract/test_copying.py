"""Copying buses between stores."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bridge.codec.log import encode_event, events_of, join_events
from bridge.errors import Conflict, NotFound, StoreError
from bridge.model.event import DataForm, Event
from bridge.model.log import Chunk, StoredChunk
from bridge.stores.bus.base import BusLog, BusStore
from bridge.stores.bus.lmdb.store import LmdbBusStore
from bridge.stores.bus.memory import MemoryBusStore
from bridge.stores.bus.rocketmq.store import RocketMqBusStore
from bridge.stores.copying import BEGAN_FROM, BEGAN_TO, copy_bus
from bridge.testing.broker import FakeCluster

KINDS = ("memory", "lmdb", "rocketmq")


class Stores:
    """Makes stores, and closes them at the end."""

    def __init__(self, folder: Path, stack: AsyncExitStack) -> None:
        self._folder = folder
        self._stack = stack

    async def make(self, kind: str, name: str) -> BusStore:
        folder = self._folder / name
        if kind == "rocketmq":
            fake = await self._stack.enter_async_context(FakeCluster())
            folder.mkdir()
            store: BusStore = RocketMqBusStore([fake.name_server], f"sqlite:///{folder}/catalog.db")
        else:
            store = MemoryBusStore() if kind == "memory" else LmdbBusStore(folder)
        await store.open()
        self._stack.push_async_callback(store.close)
        return store


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[Stores]:
    async with AsyncExitStack() as stack:
        yield Stores(tmp_path, stack)


def chunk(*events: Event) -> Chunk:
    form = encode_event(events[0])[0]
    return Chunk(form, len(events), join_events(form, [encode_event(event)[1] for event in events]))


def json_event(number: int) -> Event:
    return Event(f"j{number}", "/s", "t", {"subject": f"{number}", "n": number}, b'{"a": 1}', DataForm.JSON)


def binary_event(number: int) -> Event:
    return Event(f"b{number}", "/s", "t", {"raw": b"\x00"}, b"\xff" * number, DataForm.BINARY)


async def fill(log: BusLog, events: int) -> None:
    """Events of both formats in both partitions."""
    for n in range(events):
        await log.append([(n % 2, chunk(json_event(n), json_event(n + 1000))), (0, chunk(binary_event(n)))])


async def events(log: BusLog, partition: int) -> list[Event]:
    found: list[Event] = []
    offset = log.bounds(partition).first
    while chunks := await log.read(partition, offset, 1000):
        found += [event for one in chunks for event in events_of(one, offset)]
        offset = chunks[-1].end
    return found


def begin(progress: dict[str, int]):
    """Counts what is told."""

    def told(total: int):
        progress["total"] = total
        return lambda more: progress.update(done=progress.get("done", 0) + more)

    return told


@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("source", KINDS)
async def test_a_bus_is_copied_between_any_two_stores(stores: Stores, source: str, target: str) -> None:
    """Events as they are, in order and partition; readers where they were; nothing else stays behind."""
    one, other = await stores.make(source, "one"), await stores.make(target, "other")
    log = await one.create("traffic", 2)
    await fill(log, 20)
    await log.commit("live", {0: 7, 1: 3})
    progress: dict[str, int] = {}
    copied = await copy_bus(one, other, "traffic", begin(progress))
    copy = other.log("traffic")
    assert (copied.bus, copied.partitions, copied.events) == ("traffic", 2, 60)
    assert progress == {"total": 120, "done": 120}
    for partition in (0, 1):
        assert await events(copy, partition) == await events(log, partition)
    assert (await copy.cursors(), await copy.cursor("live")) == (["live"], {0: 7, 1: 3})


async def test_equal_buses_have_equal_digests(stores: Stores) -> None:
    """Wherever they are; another event, or another partition, makes another digest."""
    found = []
    for kind, number in (("memory", 5), ("lmdb", 5), ("rocketmq", 5), ("memory", 6)):
        store = await stores.make(kind, f"{kind}{len(found)}")
        await fill(await store.create("traffic", 2), number)
        copied = await copy_bus(store, await stores.make("memory", f"x{len(found)}"), "traffic", begin({}))
        found.append(copied.digest)
    assert found[0] == found[1] == found[2] != found[3]


async def test_what_was_trimmed_is_not_there(stores: Stores, tmp_path: Path) -> None:
    """Offsets of the copy begin at 0, and cursors stand at the same events."""
    one, other = await stores.make("memory", "one"), await stores.make("memory", "other")
    log = await one.create("traffic", 1)
    for n in range(10):
        await log.append([(0, chunk(json_event(n)))])
    await log.trim(keep_bytes=5 * len(chunk(json_event(0)).body))
    assert log.bounds(0).first == 5
    await log.commit("live", {0: 7})
    await log.commit("far behind", {0: 2})
    assert (await copy_bus(one, other, "traffic", begin({}))).events == 5
    copy = other.log("traffic")
    assert [event.id for event in await events(copy, 0)] == ["j5", "j6", "j7", "j8", "j9"]
    assert (await copy.cursor("live"), await copy.cursor("far behind")) == ({0: 2}, {0: 0})


@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("stop_after", [0, 1, 4])
async def test_a_copy_that_was_ended_goes_on(stores: Stores, target: str, stop_after: int) -> None:
    """Wherever it was ended, also in the middle of what was a chunk of the source: nothing twice, nothing missing."""
    one, other = await stores.make("memory", "one"), await stores.make(target, "other")
    log = await one.create("traffic", 1)
    for n in range(3):
        await log.append([(0, chunk(*[json_event(10 * n + i) for i in range(10)]))])
    copy = await other.create("traffic", 1)
    await copy.commit(BEGAN_FROM, {0: 0})
    await copy.commit(BEGAN_TO, {0: 0})
    if stop_after:
        await copy.append([(0, chunk(*[json_event(n) for n in range(stop_after)]))])
    assert (await copy_bus(one, other, "traffic", begin({}))).events == 30
    assert await events(copy, 0) == await events(log, 0)


async def test_ended_before_it_had_begun(stores: Stores) -> None:
    """One of its two marks was written."""
    one, other = await stores.make("memory", "one"), await stores.make("memory", "other")
    await fill(await one.create("traffic", 2), 3)
    await (await other.create("traffic", 2)).commit(BEGAN_FROM, {0: 0, 1: 0})
    assert (await copy_bus(one, other, "traffic", begin({}))).events == 9


async def test_a_bus_with_events_is_not_copied_into(stores: Stores) -> None:
    """Nor one with more partitions."""
    one, other = await stores.make("memory", "one"), await stores.make("memory", "other")
    await fill(await one.create("traffic", 2), 1)
    await (await other.create("traffic", 2)).append([(1, chunk(json_event(1)))])
    with pytest.raises(Conflict, match="events of its own"):
        await copy_bus(one, other, "traffic", begin({}))
    await one.create("small", 1)
    await other.create("small", 2)
    with pytest.raises(Conflict, match=r"2 partitions|cannot become 1"):
        await copy_bus(one, other, "small", begin({}))
    with pytest.raises(NotFound):
        await copy_bus(one, other, "nope", begin({}))


async def test_who_puts_to_the_copy_is_found_out(stores: Stores) -> None:
    """The two sides are compared."""
    one, other = await stores.make("memory", "one"), await stores.make("memory", "other")
    await fill(await one.create("traffic", 2), 3)
    copy = await other.create("traffic", 2)
    await copy.commit(BEGAN_FROM, {0: 0, 1: 0})
    await copy.commit(BEGAN_TO, {0: 0, 1: 0})
    await copy.append([(0, chunk(json_event(99)))])
    with pytest.raises(StoreError, match="partition 0 of the bus traffic differs"):
        await copy_bus(one, other, "traffic", begin({}))


async def test_events_that_expire_meanwhile_are_passed_over(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retention of the source goes on."""
    one, other = await stores.make("memory", "one"), await stores.make("memory", "other")
    log = await one.create("traffic", 1)
    for n in range(10):
        await log.append([(0, chunk(json_event(n)))])
    read = log.read

    async def losing(partition: int, offset: int, limit: int) -> list[StoredChunk]:
        await log.trim(keep_bytes=5 * len(chunk(json_event(0)).body))
        return await read(partition, offset, limit)

    monkeypatch.setattr(log, "read", losing)
    assert (await copy_bus(one, other, "traffic", begin({}))).events == 5
    assert [event.id for event in await events(other.log("traffic"), 0)] == ["j5", "j6", "j7", "j8", "j9"]
