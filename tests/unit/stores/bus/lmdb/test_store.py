"""What only the log on disk has: it is there again after opening, one process at a time, and grows."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.errors import NotFound, StartError, StoreError, StoreUnavailable
from bridge.model.log import Chunk, Format
from bridge.stores.bus.base import Bounds, Usage
from bridge.stores.bus.lmdb import removal
from bridge.stores.bus.lmdb.chunks import KEY
from bridge.stores.bus.lmdb.store import LmdbBusStore

ONE = Chunk(Format.PROTOBUF, 1, b"x" * 1000)


async def opened(folder: Path, map_size: int = 2**24) -> LmdbBusStore:
    store = LmdbBusStore(folder, lambda: 1000.0, map_size)
    await store.open()
    return store


async def test_everything_is_there_after_opening_again(tmp_path: Path) -> None:
    """Events, bounds, usage and cursors."""
    store = await opened(tmp_path)
    log = await store.create("traffic", 2)
    await log.append([(1, ONE), (1, ONE)])
    await log.append([(0, ONE)])
    await log.commit("live", {1: 1})
    await log.trim(before=2000)
    await log.append([(1, ONE)])
    await store.close()
    again = await opened(tmp_path)
    log = again.log("traffic")
    assert (log.bounds(0), log.bounds(1), await log.cursor("live")) == (Bounds(1, 1), Bounds(2, 3), {1: 1})
    assert await log.usage() == Usage(1, 1000, 1000.0)
    assert [c.body for c in await log.read(1, 0, 10)] == [ONE.body]
    assert await log.append([(0, ONE)]) == [1]
    await again.close()


async def test_a_second_process_is_refused(tmp_path: Path) -> None:
    """With the directory's name and the process that has it; its log is unharmed."""
    program = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom bridge.stores.bus.lmdb.store import LmdbBusStore\n"
        "async def main():\n    store = LmdbBusStore(Path(sys.argv[1]))\n    await store.open()\n"
        "    log = await store.create('traffic', 1)\n    print('open', flush=True)\n    sys.stdin.read()\n"
        "asyncio.run(main())"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(StartError, match=rf"{tmp_path} is in use by another process \(pid {other.pid}\)"):
            await opened(tmp_path)
        other.kill()
    store = await opened(tmp_path)
    assert store.logs() == ["traffic"]
    with pytest.raises(StartError, match="in use"):
        await opened(tmp_path)
    await store.close()


async def test_the_map_grows_by_itself(tmp_path: Path) -> None:
    """More events than the first map holds, from many callers; none is lost and none stored twice."""
    store = await opened(tmp_path, 64 * 1024)
    log = await store.create("traffic", 1)
    offsets = await asyncio.gather(*(log.append([(0, ONE)]) for _ in range(2000)))
    assert sorted(o for (o,) in offsets) == list(range(2000))
    assert sum(c.events for c in await log.read(0, 0, 5000)) == 2000
    assert await log.usage() == Usage(2000, 2_000_000, 1000.0)
    await store.close()


async def test_everything_else_grows_the_map_too(tmp_path: Path) -> None:
    """Many partitions, many logs, many cursors, trims and drops in a map that is too small for them."""
    store = await opened(tmp_path, 64 * 1024)
    for number in range(20):
        log = await store.create(f"bus-{number}", 1)
        await log.append([(0, ONE)])
        log = await store.create(f"bus-{number}", 200)
        assert (log.partitions, log.bounds(199)) == (200, Bounds(0, 0))
        await log.append([(0, ONE), (199, ONE)])
    assert await log.trim(before=2000) == 3
    for number in range(0, 20, 2):
        await store.drop(f"bus-{number}")
    await store.close()
    again = await opened(tmp_path)
    assert len(again.logs()) == 10
    assert [again.log(name).bounds(199).end for name in again.logs()] == [1] * 10
    await again.close()


async def test_many_cursors_grow_their_map(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit never fails because there are many."""
    store = await opened(tmp_path)
    log = await store.create("traffic", 1)
    store.cursors._env.set_mapsize(2**16)
    await asyncio.gather(*(log.commit(f"{n:0390}", {0: n}) for n in range(100)))
    assert [(await log.cursor(f"{n:0390}"))[0] for n in range(100)] == list(range(100))
    await store.close()


async def test_a_drop_that_a_crash_cut_off_is_finished(tmp_path: Path) -> None:
    """The log was gone already; its chunks and cursors go at the next start, others stay."""
    store = await opened(tmp_path)
    log, other = await store.create("old", 2), await store.create("other", 1)
    for each in (log, other):
        await asyncio.gather(*(each.append([(0, ONE)]) for _ in range(600)))
        await each.commit("live", {0: 1})
    await store.writer.run(lambda step: removal.forget(step, store._logs["old"]))
    await store.close()
    again = await opened(tmp_path)
    assert again.logs() == ["other"]
    assert again._tables.env.stat()["entries"] == 5  # three tables, schema, the next number
    with again._tables.env.begin() as txn:
        assert txn.stat(again._tables.dropped)["entries"] == 0
        assert {key[:4] for key, _ in txn.cursor(again._tables.events)} == {b"\0\0\0\2"}
    assert await again.cursors.names(1) == []
    assert ((await again.log("other").usage()).events, await again.log("other").cursors()) == (600, ["live"])
    new = await again.create("old", 1)
    assert (new.bounds(0), await new.cursors()) == (Bounds(0, 0), [])
    await again.close()


async def test_a_long_drop_lets_appends_through(tmp_path: Path) -> None:
    """Thousands of chunks of one log go while another is written."""
    store = await opened(tmp_path)
    old, busy = await store.create("old", 1), await store.create("busy", 1)
    for _ in range(20):
        await asyncio.gather(*(old.append([(0, ONE)] * 300) for _ in range(5)))
    dropping = asyncio.ensure_future(store.drop("old"))
    for number in range(20):
        assert await busy.append([(0, ONE)]) == [number]
    await dropping
    with pytest.raises(NotFound):
        await old.append([(0, ONE)])
    await store.close()


async def test_a_drop_ends_a_long_trim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And its last step does not touch the new log of the same name."""
    monkeypatch.setattr(removal, "STEP_CHUNKS", 3)
    store = await opened(tmp_path)
    log = await store.create("traffic", 1)
    for _ in range(20):
        await log.append([(0, ONE)])
    trimming = asyncio.ensure_future(log.trim(before=2000))
    await asyncio.sleep(0)
    await store.drop("traffic")
    new = await store.create("traffic", 2)
    assert await trimming < 20
    await new.append([(1, ONE)])
    await store.close()
    again = await opened(tmp_path)
    assert (again.log("traffic").partitions, again.log("traffic").bounds(1)) == (2, Bounds(0, 1))
    assert again._tables.env.stat()["entries"] == 5
    await again.close()


async def test_closing_ends_a_long_trim_between_two_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its caller is told; what it deleted is deleted, what it did not is there."""
    monkeypatch.setattr(removal, "STEP_CHUNKS", 3)
    store = await opened(tmp_path)
    log = await store.create("traffic", 1)
    for _ in range(20):
        await log.append([(0, ONE)])
    trimming = asyncio.ensure_future(log.trim(before=2000))
    await asyncio.sleep(0)
    await store.close()
    with pytest.raises(StoreUnavailable, match="closed before"):
        await trimming
    again = await opened(tmp_path)
    first, end = again.log("traffic").bounds(0)
    assert (end, (await again.log("traffic").usage()).events) == (20, 20 - first)
    assert sum(c.events for c in await again.log("traffic").read(0, 0, 100)) == 20 - first
    await again.close()


@pytest.mark.parametrize(
    ("schema", "reason"), [(b"9", "newer version of bridge .schema 9, this version knows 1"), (b"x", "damaged")]
)
async def test_a_log_of_a_newer_version_is_refused(tmp_path: Path, schema: bytes, reason: str) -> None:
    """With path and reason, and it is not touched."""
    store = await opened(tmp_path)
    with store._tables.env.begin(write=True) as txn:
        txn.put(b"schema", schema)
    await store.close()
    before = (tmp_path / "events" / "data.mdb").read_bytes()
    with pytest.raises(StartError, match=f"{tmp_path}.*{reason}"):
        await opened(tmp_path)
    assert (tmp_path / "events" / "data.mdb").read_bytes() == before


async def test_a_damaged_record_or_chunk_says_where(tmp_path: Path) -> None:
    """A chunk is a StoreError of its log alone; a log's record keeps the store from starting."""
    store = await opened(tmp_path)
    log, other = await store.create("traffic", 2), await store.create("other", 1)
    await log.append([(0, ONE), (1, ONE)])
    await other.append([(0, ONE)])
    with store._tables.env.begin(write=True, db=store._tables.events) as txn:
        txn.replace(next(txn.cursor().iternext(values=False)), b"\xff" * 50)
        txn.put(KEY.pack(1, 1, 0), b"short")
    for call in (log.read(0, 0, 1), log.usage(), log.offset_at(0, 0), log.trim(before=2000)):
        with pytest.raises(StoreError, match="damaged at partition 0, offset 0"):
            await call
    with pytest.raises(StoreError, match="bytes"):
        await log.read(1, 0, 1)
    assert len(await other.read(0, 0, 1)) == 1
    assert await log.append([(0, ONE)]) == [1]
    with store._tables.env.begin(write=True, db=store._tables.logs) as txn:
        txn.put(b"traffic", b"nonsense")
    await store.close()
    with pytest.raises(StartError, match="the log of the bus traffic"):
        await opened(tmp_path)


async def test_events_that_are_gone_are_missed(tmp_path: Path) -> None:
    """An empty or missing file is no new log when there are cursors."""
    store = await opened(tmp_path)
    await store.close()
    file = tmp_path / "events" / "data.mdb"
    file.write_bytes(b"")
    with pytest.raises(StartError, match=r"data\.mdb is missing or empty"):
        await opened(tmp_path)
    file.unlink()
    with pytest.raises(StartError, match=r"data\.mdb is missing or empty"):
        await opened(tmp_path)


async def test_a_failed_opening_leaves_the_directory_free(tmp_path: Path) -> None:
    """Once the reason is gone it opens, in the same process too."""
    (tmp_path / "cursors").mkdir()
    (tmp_path / "cursors" / "data.mdb").write_bytes(b"no log" * 1000)
    (tmp_path / "events").mkdir()
    with pytest.raises(StartError):
        await opened(tmp_path)
    (tmp_path / "cursors" / "data.mdb").unlink()
    store = await opened(tmp_path)
    await store.close()
