"""What only the log on disk has: it is there again after opening, one process at a time, and grows."""

import asyncio
from pathlib import Path

import pytest

from bridge.errors import StartError
from bridge.model.log import Chunk, Format
from bridge.stores.bus.base import Bounds
from bridge.stores.bus.lmdb import LmdbBusStore

ONE = Chunk(Format.PROTOBUF, 1, b"x" * 1000)


async def test_everything_is_there_after_opening_again(tmp_path: Path) -> None:
    """Events, ends and cursors."""
    store = LmdbBusStore(tmp_path)
    await store.open()
    log = await store.create("traffic", 2)
    await log.append([(1, ONE), (1, ONE)])
    await log.commit("live", {1: 1})
    await store.close()
    again = LmdbBusStore(tmp_path)
    await again.open()
    log = again.log("traffic")
    assert (log.bounds(1), await log.cursor("live")) == (Bounds(0, 2), {1: 1})
    assert [c.body for c in await log.read(1, 0, 10)] == [ONE.body * 2]
    await again.close()


async def test_a_second_process_is_refused(tmp_path: Path) -> None:
    """With the directory's name."""
    store = LmdbBusStore(tmp_path)
    await store.open()
    with pytest.raises(StartError, match="in use"):
        await LmdbBusStore(tmp_path).open()
    await store.close()


async def test_the_map_grows_by_itself(tmp_path: Path) -> None:
    """More events than the first map holds, from many callers; none is lost and none stored twice."""
    store = LmdbBusStore(tmp_path, map_size=64 * 1024)
    await store.open()
    log = await store.create("traffic", 1)
    offsets = await asyncio.gather(*(log.append([(0, ONE)]) for _ in range(2000)))
    assert sorted(o for (o,) in offsets) == list(range(2000))
    assert sum(c.events for c in await log.read(0, 0, 5000)) == 2000
    await store.close()


async def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    """With a sentence, not a traceback of the library."""
    (tmp_path / "events").mkdir()
    (tmp_path / "events" / "data.mdb").write_bytes(b"not a log" * 1000)
    with pytest.raises(StartError, match="damaged"):
        await LmdbBusStore(tmp_path).open()
