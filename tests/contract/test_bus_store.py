"""What every bus store guarantees: one suite, each implementation."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bridge.errors import Conflict, NotFound, StoreUnavailable
from bridge.model.log import Chunk, Format
from bridge.stores.bus.base import Bounds, BusLog, BusStore
from bridge.stores.bus.lmdb import LmdbBusStore
from bridge.stores.bus.memory import MemoryBusStore

IMPLEMENTATIONS: dict[str, Callable[[Path, Callable[[], float]], BusStore]] = {
    "memory": lambda folder, clock: MemoryBusStore(clock),
    "lmdb": lambda folder, clock: LmdbBusStore(folder / "log", clock),
}


class Hands:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture(params=IMPLEMENTATIONS)
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Hands) -> AsyncIterator[BusStore]:
    made = IMPLEMENTATIONS[request.param](tmp_path, clock)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def log(store: BusStore) -> BusLog:
    return await store.create("traffic", 2)


def chunk(*names: str) -> Chunk:
    return Chunk(Format.JSON, len(names), ",".join(f'"{name}"' for name in names).encode())


async def texts(log: BusLog, partition: int, offset: int = 0, limit: int = 1000) -> list[str]:
    """The events from an offset on, as the joined bodies say."""
    chunks = await log.read(partition, offset, limit)
    names = [name for c in chunks for name in c.body.decode().replace('"', "").split(",")]
    return names[max(0, offset - chunks[0].offset) :] if chunks else []


async def test_offsets_are_dense_and_start_at_zero(log: BusLog) -> None:
    """Each partition counts by itself."""
    assert await log.append([(0, chunk("a", "b")), (1, chunk("c")), (0, chunk("d"))]) == [0, 0, 2]
    assert await log.append([(0, chunk("e"))]) == [3]
    assert (log.bounds(0), log.bounds(1)) == (Bounds(0, 4), Bounds(0, 1))
    assert await texts(log, 0) == ["a", "b", "d", "e"]


async def test_a_read_may_begin_inside_a_chunk(log: BusLog) -> None:
    """Whole chunks come back, beginning with the one that holds the offset."""
    await log.append([(0, chunk("a", "b", "c"))])
    await log.append([(0, chunk("d"))])
    (first, *_) = await log.read(0, 1, 1)
    assert (first.offset, first.events) == (0, 3)
    assert await texts(log, 0, 1) == ["b", "c", "d"]
    assert await texts(log, 0, 3) == ["d"]
    assert await log.read(0, 4, 10) == []


async def test_a_read_stops_at_its_limit(log: BusLog) -> None:
    """It gives at least one chunk, and none that begins behind the limit."""
    for name in "abcdef":
        await log.append([(0, chunk(name))])
    assert await texts(log, 0, 2, 3) == ["c", "d", "e"]


async def test_concurrent_appends_all_arrive_and_keep_each_caller_s_order(log: BusLog) -> None:
    """A thousand callers, no offset twice, none missing."""

    async def put(caller: int) -> list[int]:
        first = await log.append([(0, chunk(f"{caller}-0"))])
        return first + await log.append([(0, chunk(f"{caller}-1"))])

    offsets = await asyncio.gather(*(put(caller) for caller in range(1000)))
    assert sorted(o for pair in offsets for o in pair) == list(range(2000))
    assert all(first < second for first, second in offsets)
    stored = await texts(log, 0, 0, 5000)
    assert all(stored[first] == f"{caller}-0" for caller, (first, _) in enumerate(offsets))


async def test_waiting_readers_are_woken(log: BusLog) -> None:
    """By an event at or behind the offset in any of the partitions; at once when it is there."""
    waiting = asyncio.ensure_future(log.wait({0: 1, 1: 0}))
    await log.append([(0, chunk("a"))])
    await asyncio.sleep(0)
    assert not waiting.done()
    await log.append([(1, chunk("b"))])
    async with asyncio.timeout(5):
        await waiting
        await log.wait({0: 0})


async def test_positions_by_time(log: BusLog, clock: Hands) -> None:
    """The first chunk appended at or after the time; the end when there is none."""
    for name in "abc":
        await log.append([(0, chunk(name))])
        clock.now += 10
    assert [await log.offset_at(0, t) for t in (0, 1000, 1005, 1020, 1021)] == [0, 0, 1, 2, 3]


async def test_retention_by_age_and_by_size(log: BusLog, clock: Hands) -> None:
    """Whole chunks go from the front; offsets are never renumbered; the last chunk stays by size."""
    for name in ("aa", "bb", "cc", "dd"):
        await log.append([(0, chunk(name))])
        clock.now += 10
    assert await log.trim(before=1010) == 1
    assert await log.trim(keep_bytes=8) == 1
    assert (log.bounds(0), await texts(log, 0)) == (Bounds(2, 4), ["cc", "dd"])
    assert await log.trim(keep_bytes=0) == 1
    assert await log.append([(0, chunk("ee"))]) == [4]
    assert await log.trim(before=clock.now + 1) == 2
    assert log.bounds(0) == Bounds(5, 5)


async def test_usage_counts_what_is_kept(log: BusLog) -> None:
    """Events, bytes and the oldest time; nothing when empty."""
    assert (await log.usage()).oldest is None
    await log.append([(0, chunk("a", "b")), (1, chunk("c"))])
    usage = await log.usage()
    assert (usage.events, usage.oldest) == (3, 1000.0)
    assert usage.size_bytes >= len('"a","b""c"')


async def test_cursors_are_kept_by_name(log: BusLog) -> None:
    """A commit changes only the partitions it names."""
    assert await log.cursor("live") == {}
    await log.commit("live", {0: 3, 1: 1})
    await log.commit("live", {0: 5})
    await log.commit("audit", {0: 1})
    assert (await log.cursor("live"), await log.cursors()) == ({0: 5, 1: 1}, ["audit", "live"])
    await log.delete_cursor("audit")
    await log.delete_cursor("audit")
    assert await log.cursors() == ["live"]


async def test_creating_again_adds_partitions_and_never_removes(store: BusStore, log: BusLog) -> None:
    """The events stay."""
    await log.append([(0, chunk("a"))])
    grown = await store.create("traffic", 3)
    assert (grown.partitions, await texts(grown, 0), store.logs()) == (3, ["a"], ["traffic"])
    with pytest.raises(Conflict):
        await store.create("traffic", 1)


async def test_a_dropped_log_is_gone_and_says_so(store: BusStore, log: BusLog) -> None:
    """Readers that wait are told; a new log of the name begins empty."""
    await log.append([(0, chunk("a"))])
    waiting = asyncio.ensure_future(log.wait({0: 1}))
    await asyncio.sleep(0)
    await store.drop("traffic")
    await store.drop("traffic")
    with pytest.raises(NotFound):
        await waiting
    with pytest.raises(NotFound):
        await log.append([(0, chunk("b"))])
    with pytest.raises(NotFound):
        store.log("traffic")
    again = await store.create("traffic", 1)
    assert (await texts(again, 0), await again.cursors()) == ([], [])


async def test_a_closed_store_is_unavailable(store: BusStore, log: BusLog) -> None:
    """Also for those who still hold a log."""
    await store.close()
    with pytest.raises(StoreUnavailable):
        await log.append([(0, chunk("a"))])
    with pytest.raises(StoreUnavailable):
        store.log("traffic")
