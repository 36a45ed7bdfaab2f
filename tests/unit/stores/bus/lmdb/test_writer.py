"""Group commit: who waits for whom, and that nothing a job does stops the thread."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.errors import StoreError
from bridge.model.log import Chunk, Format
from bridge.stores.bus.lmdb import writer
from bridge.stores.bus.lmdb.chunks import Meta
from bridge.stores.bus.lmdb.store import LmdbBusLog, LmdbBusStore
from bridge.stores.bus.lmdb.writer import Step

ONE = Chunk(Format.PROTOBUF, 1, b"x" * 100)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[LmdbBusStore]:
    made = LmdbBusStore(tmp_path, map_size=2**26)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def log(store: LmdbBusStore) -> LmdbBusLog:
    made = await store.create("traffic", 1)
    assert isinstance(made, LmdbBusLog)
    return made


def commits(store: LmdbBusStore) -> int:
    return int(store._tables.env.info()["last_txnid"])


async def call(log: LmdbBusLog, times: int, chunk: Chunk = ONE) -> None:
    for _ in range(times):
        await log.append([(0, chunk)])


async def test_a_lone_caller_does_not_wait(
    store: LmdbBusStore, log: LmdbBusLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of its appends is a commit, at once."""
    monkeypatch.setattr(writer, "GROUP_WAIT_S", 3600)
    before = commits(store)
    async with asyncio.timeout(10):
        await call(log, 20)
    assert commits(store) - before == 20


async def test_siblings_commit_together(store: LmdbBusStore, log: LmdbBusLog) -> None:
    """Half of those in flight are enough."""
    before = commits(store)
    await asyncio.gather(*(call(log, 10) for _ in range(64)))
    assert commits(store) - before <= 160


async def test_fewer_callers_than_before_wait_a_little_and_then_no_more(
    store: LmdbBusStore, log: LmdbBusLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each wait halves the peak."""
    store.writer._peak = 32
    monkeypatch.setattr(writer, "GROUP_WAIT_S", 0.0001)
    await call(log, 6)
    assert store.writer._peak <= 2
    monkeypatch.setattr(writer, "GROUP_WAIT_S", 3600)
    async with asyncio.timeout(10):
        await call(log, 5)


async def test_a_large_group_does_not_wait(
    store: LmdbBusStore, log: LmdbBusLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1 MiB is enough, however many callers there were."""
    store.writer._peak = 32
    monkeypatch.setattr(writer, "GROUP_WAIT_S", 3600)
    async with asyncio.timeout(10):
        await call(log, 2, Chunk(Format.PROTOBUF, 1, bytes(writer.GROUP_BYTES)))
        await asyncio.gather(*(call(log, 1, Chunk(Format.PROTOBUF, 1, bytes(2**19))) for _ in range(2)))


async def test_a_group_is_one_value_until_it_is_long(log: LmdbBusLog) -> None:
    """Chunks of a few hundred events, so that a reader's step stays short."""
    many = Chunk(Format.PROTOBUF, 100, bytes(100))
    await log.append([(0, many)] * 10 + [(0, Chunk(Format.PROTOBUF, 1000, b"x"))])
    assert [c.events for c in await log.read(0, 0, 10_000)] == [300, 300, 300, 1100]


async def test_whatever_a_job_does_the_thread_lives(store: LmdbBusStore, log: LmdbBusLog) -> None:
    """Its caller gets a StoreError, nothing of it is stored, others are served."""

    def work(step: Step) -> tuple[None, bool]:
        step.txn.put(b"half", b"done")
        raise ZeroDivisionError("a bug")

    running = store.writer.run(work)
    appending = asyncio.ensure_future(log.append([(0, ONE)]))
    with pytest.raises(StoreError, match="a bug"):
        await running
    assert await appending == [0]
    with store._tables.env.begin() as txn:
        assert txn.get(b"half") is None


async def test_a_failed_group_answers_each_caller_with_an_error_of_its_own(
    log: LmdbBusLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the next one is stored where the failed one would have been."""
    await log.append([(0, ONE)])
    with monkeypatch.context() as broken:
        broken.setattr(writer, "encode", lambda *_: None)
        results = await asyncio.gather(*(log.append([(0, ONE)]) for _ in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [StoreError] * 3
    assert len({id(result) for result in results}) == 3
    assert await log.append([(0, ONE)]) == [1]


async def test_what_is_stored_is_never_overwritten(log: LmdbBusLog) -> None:
    """Rather the append fails."""
    await log.append([(0, ONE)])
    log.stored = Meta(log.stored.id, [0], [0], [0])  # as if nobody knew of it
    with pytest.raises(StoreError, match="already"):
        await log.append([(0, ONE)])
    log.stored = log.meta
    assert await log.append([(0, ONE)]) == [1]


async def test_a_job_goes_on_although_its_caller_left(store: LmdbBusStore) -> None:
    """In as many transactions as it wants, others in between."""
    done: list[int] = []

    def work(_: Step) -> tuple[int, bool]:
        done.append(len(done))
        return done[-1], len(done) < 5

    gate = threading.Event()
    store.writer.run(lambda _: (gate.wait(5), False))
    store.writer.run(work).cancel()
    other = store.writer.run(lambda _: (len(done), False))
    gate.set()
    assert await other == [1]
    while len(done) < 5:
        await store.writer.run(lambda _: (None, False))
    assert await store.writer.run(work) == [5]
