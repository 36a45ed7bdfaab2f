"""What every bus store guarantees: one suite, each implementation."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.codec.log import encode_event, events_of, join_events
from bridge.errors import Conflict, InvalidInput, NotFound, StoreUnavailable
from bridge.model.event import DataForm, Event
from bridge.model.log import Chunk, Format, StoredChunk
from bridge.stores.bus.base import Bounds, BusLog, BusStore
from bridge.stores.bus.lmdb.store import LmdbBusStore
from bridge.stores.bus.memory import MemoryBusStore
from bridge.stores.bus.rocketmq.store import Options, RocketMqBusStore
from bridge.testing.broker import FakeCluster

REAL = os.environ.get("BRIDGE_TEST_ROCKETMQ")


Clock = Callable[[], float]


@asynccontextmanager
async def in_memory(folder: Path, clock: Clock) -> AsyncIterator[BusStore]:
    yield MemoryBusStore(clock)


@asynccontextmanager
async def in_lmdb(folder: Path, clock: Clock) -> AsyncIterator[BusStore]:
    yield LmdbBusStore(folder / "log", clock)


@asynccontextmanager
async def on_fake(folder: Path, clock: Clock) -> AsyncIterator[BusStore]:
    async with FakeCluster(clock=clock) as fake:
        yield RocketMqBusStore([fake.name_server], f"sqlite:///{folder / 'catalog.db'}", clock)


@asynccontextmanager
async def on_real(folder: Path, clock: Clock) -> AsyncIterator[BusStore]:
    """Its topics have names that nobody used before, and are deleted at the end."""
    if REAL is None:
        pytest.skip("BRIDGE_TEST_ROCKETMQ names no name server")
    options = Options(prefix=f"test-{secrets.token_hex(4)}")
    yield RocketMqBusStore([REAL], f"sqlite:///{folder / 'catalog.db'}", options=options)
    again = RocketMqBusStore([REAL], f"sqlite:///{folder / 'catalog.db'}", options=options)
    await again.open()
    for name in again.logs():
        await again.drop(name)
    await again.close()


IMPLEMENTATIONS: dict[str, Callable[[Path, Clock], AbstractAsyncContextManager[BusStore]]] = {
    "memory": in_memory,
    "lmdb": in_lmdb,
    "rocketmq": on_fake,
}
REAL_ONES = {"rocketmq-real": on_real}
PARAMS = [*IMPLEMENTATIONS, pytest.param("rocketmq-real", marks=[pytest.mark.external, pytest.mark.timeout(120)])]
CHUNKS = (MemoryBusStore, LmdbBusStore)
"""They give back chunks as they were appended, and size is that of these; RocketMQ keeps messages."""


class Hands:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture(params=PARAMS)
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Hands) -> AsyncIterator[BusStore]:
    async with (IMPLEMENTATIONS | REAL_ONES)[request.param](tmp_path, clock) as made:
        await made.open()
        yield made
        await made.close()


@pytest.fixture
async def log(store: BusStore) -> BusLog:
    return await store.create("traffic", 2)


@pytest.fixture
def our_time(request: pytest.FixtureRequest) -> None:
    """For tests that move the clock."""
    if request.node.callspec.params["store"] in REAL_ONES:
        pytest.skip("a real broker has its own clock")


@pytest.fixture
def our_retention(store: BusStore) -> None:
    """For tests of trimming."""
    if store.retention != "ours":
        pytest.skip("how long events are kept is the broker's affair: nothing is trimmed from here")


def event(name: str, data: bytes | None = None) -> Event:
    return Event(name, "/s", "t", {}, data, DataForm.BINARY)


def chunk(*names: str) -> Chunk:
    return Chunk(Format.JSON, len(names), join_events(Format.JSON, [encode_event(event(name))[1] for name in names]))


async def texts(log: BusLog, partition: int, offset: int = 0, limit: int = 1000) -> list[str]:
    """The ids of the events from an offset on. How many one read brings is the store's affair."""
    found: list[str] = []
    offset = max(offset, log.bounds(partition).first)
    while len(found) < limit and (chunks := await log.read(partition, offset, limit - len(found))):
        assert chunks[0].offset <= offset < chunks[0].end
        found += [event.id for c in chunks for event in events_of(c, offset)]
        offset = chunks[-1].end
    return found


async def test_offsets_are_dense_and_start_at_zero(log: BusLog) -> None:
    """Each partition counts by itself."""
    assert await log.append([(0, chunk("a", "b")), (1, chunk("c")), (0, chunk("d"))]) == [0, 0, 2]
    assert await log.append([(0, chunk("e"))]) == [3]
    assert (log.bounds(0), log.bounds(1)) == (Bounds(0, 4), Bounds(0, 1))
    assert await texts(log, 0) == ["a", "b", "d", "e"]


async def test_a_read_may_begin_inside_a_chunk(store: BusStore, log: BusLog) -> None:
    """Whole chunks come back, beginning with the one that holds the offset."""
    await log.append([(0, chunk("a", "b", "c"))])
    await log.append([(0, chunk("d"))])
    (first, *_) = await log.read(0, 1, 1)
    assert first.offset <= 1 < first.end
    if isinstance(store, CHUNKS):
        assert (first.offset, first.events) == (0, 3)
    assert await texts(log, 0, 1) == ["b", "c", "d"]
    assert await texts(log, 0, 3) == ["d"]
    assert await log.read(0, 4, 10) == []


async def test_a_read_stops_at_its_limit(store: BusStore, log: BusLog) -> None:
    """It gives at least one chunk, and none that begins behind the limit."""
    for name in "abcdef":
        await log.append([(0, chunk(name))])
    assert all(2 <= c.offset < 5 for c in await log.read(0, 2, 3))
    found = await texts(log, 0, 2, 3)
    assert found[:3] == ["c", "d", "e"]
    assert len(found) == 3 or not isinstance(store, CHUNKS)


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


async def test_a_read_of_large_events_ends_early_but_never_empty(log: BusLog) -> None:
    """Going on from where it ended finds everything."""
    large = Chunk(Format.PROTOBUF, 1, join_events(*_protobuf(event("large", b"x" * 3_000_000))))
    for _ in range(4):
        await log.append([(0, large)])
    offset = reads = 0
    while chunks := await log.read(0, offset, 1000):
        assert [c.offset for c in chunks] == list(range(offset, chunks[-1].end))
        offset = chunks[-1].end
        reads += 1
    assert offset == 4
    assert reads <= 4


async def test_nothing_and_nonsense_are_not_appended(log: BusLog) -> None:
    """No chunks are no offsets; unknown partitions and empty chunks are refused with all of their call."""
    assert await log.append([]) == []
    for partition in (-1, 2):
        with pytest.raises(NotFound, match=f"partition {partition}"):
            await log.append([(0, chunk("a")), (partition, chunk("b"))])
        with pytest.raises(NotFound):
            await log.read(partition, 0, 1)
        with pytest.raises(NotFound):
            await log.offset_at(partition, 0)
    with pytest.raises(ValueError, match="0 events"):
        await log.append([(0, chunk("a")), (0, Chunk(Format.JSON, 0, b""))])
    assert (log.bounds(0), log.bounds(1)) == (Bounds(0, 0), Bounds(0, 0))
    assert await log.append([(0, chunk("a"))]) == [0]


async def test_formats_are_kept_apart(store: BusStore, log: BusLog) -> None:
    """A chunk has one format; what was appended around it keeps its own."""
    binary = event("b", b"\xff")
    appended = [chunk("a"), Chunk(Format.PROTOBUF, 1, join_events(*_protobuf(binary))), chunk("c")]
    await log.append([(0, each) for each in appended])
    found: list[StoredChunk] = []
    while chunks := await log.read(0, found[-1].end if found else 0, 10):
        found += chunks
    assert [e for c in found for e in events_of(c)] == [event("a"), binary, event("c")]
    if isinstance(store, CHUNKS):
        assert [(c.offset, c.format, c.body) for c in found] == [(n, *each[::2]) for n, each in enumerate(appended)]


async def test_a_cancelled_append_harms_nobody(log: BusLog) -> None:
    """Whether it was stored is open; offsets stay dense and the others keep theirs."""
    appends = [asyncio.ensure_future(log.append([(0, chunk(f"e{n}"))])) for n in range(100)]
    await asyncio.sleep(0)
    for append in appends[::3]:
        append.cancel()
    results = await asyncio.gather(*appends, return_exceptions=True)
    await log.append([(0, chunk("last"))])
    stored = await texts(log, 0, 0, 5000)
    assert len(stored) == log.bounds(0).end
    for n, result in enumerate(results):
        if isinstance(result, list):
            assert stored[result[0]] == f"e{n}"
        else:
            assert n % 3 == 0


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


@pytest.mark.usefixtures("our_retention")
async def test_a_wait_is_not_over_because_something_was_deleted(log: BusLog, clock: Hands) -> None:
    """An empty partition has nothing at or behind any offset."""
    await log.append([(0, chunk("a", "b"))])
    await log.trim(before=clock.now + 1)
    waiting = asyncio.ensure_future(log.wait({0: 0}))
    await asyncio.sleep(0)
    assert not waiting.done()
    await log.append([(0, chunk("c"))])
    async with asyncio.timeout(5):
        await waiting
    assert await texts(log, 0, 0) == ["c"]


@pytest.mark.usefixtures("our_time")
async def test_positions_by_time(log: BusLog, clock: Hands) -> None:
    """The first chunk appended at or after the time; the end when there is none."""
    for name in "abc":
        await log.append([(0, chunk(name))])
        clock.now += 10
    assert [await log.offset_at(0, t) for t in (0, 1000, 1005, 1020, 1021)] == [0, 0, 1, 2, 3]


@pytest.mark.usefixtures("our_retention")
async def test_retention_by_age_and_by_size(log: BusLog, clock: Hands) -> None:
    """Whole chunks go from the front; offsets are never renumbered; the last chunk stays by size."""
    for name in ("aa", "bb", "cc", "dd"):
        await log.append([(0, chunk(name))])
        clock.now += 10
    assert await log.trim(before=1010) == 1
    assert await log.trim(keep_bytes=2 * len(chunk("aa").body)) == 1
    assert (log.bounds(0), await texts(log, 0)) == (Bounds(2, 4), ["cc", "dd"])
    assert await log.trim(keep_bytes=0) == 1
    assert await log.append([(0, chunk("ee"))]) == [4]
    assert await log.trim(before=clock.now + 1) == 2
    assert log.bounds(0) == Bounds(5, 5)


@pytest.mark.usefixtures("our_time")
async def test_positions_by_time_in_a_long_log(store: BusStore, log: BusLog, clock: Hands) -> None:
    """Chunks of many lengths, trimmed at the front, in both partitions."""
    begins: list[tuple[float, int]] = []
    for n in range(200):
        (offset, _) = await log.append([(0, chunk(*"abc"[: n % 3 + 1])), (1, chunk("other"))])
        begins.append((clock.now, offset))
        clock.now += n % 4
    await log.trim(before=1050)
    kept = [(time, offset) for time, offset in begins if time >= 1050 or store.retention != "ours"]
    for time in range(990, int(clock.now) + 3):
        wanted = next((offset for at, offset in kept if at >= time), log.bounds(0).end)
        assert await log.offset_at(0, time) == wanted
    assert await log.offset_at(1, clock.now) == 200


@pytest.mark.usefixtures("our_retention")
async def test_retention_by_size_takes_the_oldest_of_all_partitions(log: BusLog, clock: Hands) -> None:
    """Whichever partition they are in; each keeps its last chunk."""
    for n in range(10):
        await log.append([(n % 2, chunk(f"{n}"))])
        clock.now += 1
    size = (await log.usage()).size_bytes // 10
    assert await log.trim(keep_bytes=size * 5) == 5
    assert (log.bounds(0).first, log.bounds(1).first) == (3, 2)
    assert (await log.usage()).size_bytes == size * 5
    assert await log.trim(keep_bytes=0) == 3
    assert (await texts(log, 0), await texts(log, 1)) == (["8"], ["9"])
    assert await log.trim() == 0


@pytest.mark.usefixtures("our_retention")
async def test_a_long_trim_lets_appends_through(log: BusLog, clock: Hands) -> None:
    """Thousands of chunks go, while appends are answered; nothing new is lost."""
    for _ in range(20):
        await asyncio.gather(*(log.append([(0, chunk("old")), (1, chunk("old"))]) for _ in range(100)))
    clock.now += 10
    trimming = asyncio.ensure_future(log.trim(before=clock.now))
    for n in range(20):
        await log.append([(0, chunk(f"new{n}"))])
    assert await trimming == 4000
    assert log.bounds(0) == Bounds(2000, 2020)
    assert await texts(log, 0) == [f"new{n}" for n in range(20)]
    assert (await log.usage()).events == 20


@pytest.mark.usefixtures("our_time")
async def test_usage_counts_what_is_kept(store: BusStore, log: BusLog) -> None:
    """Events, bytes and the oldest time; nothing when empty."""
    assert (await log.usage()).oldest is None
    await log.append([(0, chunk("a", "b")), (1, chunk("c"))])
    usage = await log.usage()
    assert (usage.events, usage.oldest) == (3, 1000.0)
    assert usage.size_bytes >= len(chunk("a", "b").body) + len(chunk("c").body)
    if store.retention == "ours":
        await log.trim(before=2000)
        assert await log.usage() == (0, 0, None)


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
    await log.delete_cursor("live", [0])
    assert (await log.cursor("live"), await log.cursors()) == ({1: 1}, ["live"])
    await log.delete_cursor("live", [0, 1])
    assert (await log.cursor("live"), await log.cursors()) == ({}, [])


async def test_a_cursor_has_a_name_of_some_length(log: BusLog) -> None:
    """Any text of 1 to 400 bytes; the names of two logs do not meet."""
    for name in ("", "é" * 201):
        for call in (log.cursor(name), log.commit(name, {0: 1}), log.delete_cursor(name)):
            with pytest.raises(InvalidInput, match="400 bytes"):
                await call
    names = ["é" * 200, "\0", "a/b c", "live"]
    for number, name in enumerate(names):
        await log.commit(name, {0: number})
    assert await log.cursors() == sorted(names)
    assert [(await log.cursor(name))[0] for name in names] == [0, 1, 2, 3]


async def test_logs_know_nothing_of_each_other(store: BusStore, log: BusLog) -> None:
    """Events, cursors, retention and dropping of one leave the other alone, wherever its keys lie."""
    others = [await store.create(name, 2) for name in ("before", "zebra")]
    for each in (log, *others):
        await each.append([(0, chunk(each.name)), (1, chunk(each.name))])
        await each.commit("live", {0: 1})
    if store.retention == "ours":
        await log.trim(before=2000)
        assert await texts(log, 1) == []
    assert [await texts(each, 1) for each in others] == [["before"], ["zebra"]]
    await store.drop("before")
    assert store.logs() == ["traffic", "zebra"]
    assert (await texts(others[1], 0), await others[1].cursors()) == (["zebra"], ["live"])


async def test_creating_one_log_many_times_at_once_makes_one(store: BusStore) -> None:
    """All callers get the same log, with the most partitions that were asked for."""
    logs = await asyncio.gather(*(store.create("once", partitions) for partitions in (1, 1, 2, 3, 3)))
    assert len({id(log) for log in logs}) == 1
    await asyncio.gather(*(log.append([(2, chunk("a"))]) for log in logs))
    assert store.log("once").bounds(2) == Bounds(0, 5)


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


async def test_dropping_under_load(store: BusStore, log: BusLog) -> None:
    """Appends are answered or told that the log is gone; a new log of the name has none of them."""
    appends = [asyncio.ensure_future(log.append([(0, chunk(f"old{n}"))])) for n in range(200)]
    await asyncio.sleep(0)
    dropping = asyncio.ensure_future(store.drop("traffic"))
    await asyncio.sleep(0)
    appends += [asyncio.ensure_future(log.append([(0, chunk(f"late{n}"))])) for n in range(50)]
    again = asyncio.ensure_future(store.create("traffic", 1))
    results = await asyncio.gather(*appends, return_exceptions=True)
    await dropping
    assert all(isinstance(result, list | NotFound) for result in results)
    assert isinstance(results[-1], NotFound)
    new = await again
    assert new is not log
    assert await new.append([(0, chunk("new"))]) == [0]
    assert await texts(new, 0) == ["new"]


async def test_a_cancelled_change_is_whole(store: BusStore) -> None:
    """A log whose creation or dropping was cancelled is there or not, and can be made."""
    for name in ("made", "made", "dropped", "dropped"):
        change = asyncio.ensure_future(store.create(name, 1) if name == "made" else store.drop("made"))
        await asyncio.sleep(0)
        change.cancel()
        await asyncio.gather(change, return_exceptions=True)
    log = await store.create("made", 2)
    assert await log.append([(1, chunk("a"))]) == [0]
    assert store.logs() == ["made"]


async def test_closing_under_load_finishes_what_was_accepted(store: BusStore, log: BusLog) -> None:
    """Every append is answered; whoever waits or comes later is told."""
    appends = [asyncio.ensure_future(log.append([(n % 2, chunk(f"{n}"))])) for n in range(300)]
    waiting = asyncio.ensure_future(log.wait({0: 10_000}))
    trimming = asyncio.ensure_future(log.trim(keep_bytes=10**9))
    await asyncio.sleep(0)
    await store.close()
    offsets = await asyncio.gather(*appends)
    assert sorted(o for (o,) in offsets[::2]) == list(range(150))
    assert await asyncio.gather(trimming, return_exceptions=True) == [0]
    with pytest.raises(StoreUnavailable, match="closed"):
        await waiting
    for call in (log.read(0, 0, 1), log.usage(), log.cursor("live"), log.commit("live", {0: 1}), log.trim()):
        with pytest.raises(StoreUnavailable, match="closed"):
            await call
    for change in (store.create("more", 1), store.drop("traffic")):
        with pytest.raises(StoreUnavailable, match="closed"):
            await change


async def test_a_closed_store_is_unavailable(store: BusStore, log: BusLog) -> None:
    """Also for those who still hold a log."""
    await store.close()
    with pytest.raises(StoreUnavailable):
        await log.append([(0, chunk("a"))])
    with pytest.raises(StoreUnavailable):
        store.log("traffic")


def _protobuf(found: Event) -> tuple[Format, list[bytes]]:
    """Format and encoded events of a chunk in the protobuf format."""
    form, raw = encode_event(found)
    assert form is Format.PROTOBUF
    return form, [raw]


@given(st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_all_stores_agree(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """The same calls give the same answers; single-chunk appends, so that chunks are cut alike."""
    folder, clock = tmp_path_factory.mktemp("agree"), Hands()
    stores = [MemoryBusStore(clock), LmdbBusStore(folder / "log", clock)]
    for store in stores:
        await store.open()
    logs = [await store.create("traffic", 3) for store in stores]
    partitions, offsets = st.integers(0, 2), st.integers(0, 40)
    times = st.floats(990, 1100)
    calls = st.one_of(
        st.tuples(st.just("append"), partitions, st.integers(1, 5)),
        st.tuples(st.just("read"), partitions, offsets, st.integers(1, 10)),
        st.tuples(st.just("offset_at"), partitions, times),
        st.tuples(st.just("before"), times),
        st.tuples(st.just("keep_bytes"), st.integers(0, 200)),
        st.tuples(st.just("tick"), st.integers(0, 20)),
    )
    for name, *arguments in data.draw(st.lists(calls, max_size=40)):
        if name == "tick":
            clock.now += arguments[0]
            continue
        answers = [await _call(log, name, *arguments) for log in logs]
        assert answers[0] == answers[1], name
        usages = [await log.usage() for log in logs]
        assert usages[0] == usages[1]
        assert [logs[0].bounds(p) for p in range(3)] == [logs[1].bounds(p) for p in range(3)]
    for store in stores:
        await store.close()


async def _call(log: BusLog, name: str, *arguments: Any) -> object:
    if name == "append":
        partition, events = arguments
        return await log.append([(partition, chunk(*"abcde"[:events]))])
    if name in {"before", "keep_bytes"}:
        return await log.trim(**{name: arguments[0]})
    return await getattr(log, name)(*arguments)
