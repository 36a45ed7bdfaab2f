"""The named cursors of all logs: an environment and a thread of their own, so that a position never waits for events."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from struct import Struct
from typing import Any, TypeVar

import lmdb
import msgspec

from bridge.errors import StoreUnavailable
from bridge.stores.bus.base import check_cursor_name
from bridge.stores.bus.lmdb.file import failure, open_environment

T = TypeVar("T")

NUMBER = Struct(">I")  # of the log: how a key begins; the cursor's name follows


class Cursors:
    def __init__(self, folder: Path, map_size: int = 2**26) -> None:
        """Opens the environment in ``folder``; raises as ``open_environment`` does."""
        self._folder = folder
        self._env = open_environment(folder, map_size, 0)
        self._thread = ThreadPoolExecutor(1, "bus-cursors")
        self._open = True

    async def close(self) -> None:
        """Let commits under way finish."""
        self._open = False
        await asyncio.get_running_loop().run_in_executor(self._thread, self._env.close)
        self._thread.shutdown()

    async def get(self, log: int, name: str) -> dict[int, int]:
        key = _key(log, name)
        return await self._run(lambda txn: _decode(txn.get(key)), write=False)

    async def set(self, log: int, name: str, offsets: Mapping[int, int]) -> None:
        """Partitions that are not named keep theirs."""
        key = _key(log, name)
        given = dict(offsets)

        def work(txn: Any) -> None:
            txn.put(key, msgspec.json.encode(_decode(txn.get(key)) | given))

        await self._run(work)

    async def names(self, log: int) -> list[str]:
        return await self._run(lambda txn: [key[NUMBER.size :].decode() for key in _keys(txn, log)], write=False)

    async def delete(self, log: int, name: str, partitions: Iterable[int] | None = None) -> None:
        """All of it, or its positions in these partitions."""
        key = _key(log, name)
        gone = None if partitions is None else set(partitions)

        def work(txn: Any) -> None:
            known = _decode(txn.get(key)) if gone is not None else {}
            left = {partition: offset for partition, offset in known.items() if partition not in (gone or ())}
            if left:
                txn.put(key, msgspec.json.encode(left))
            else:
                txn.delete(key)

        await self._run(work)

    async def delete_all(self, log: int) -> None:
        await self._run(lambda txn: [txn.delete(key) for key in _keys(txn, log)])

    async def _run(self, work: Callable[[Any], T], *, write: bool = True) -> T:
        if not self._open:
            raise StoreUnavailable("the store is closed")
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._transact, work, write)

    def _transact(self, work: Callable[[Any], T], write: bool) -> T:
        """In the thread; grows the map and does it again when it is full."""
        while True:
            try:
                with self._env.begin(write=write) as txn:
                    return work(txn)
            except lmdb.MapFullError:
                self._env.set_mapsize(self._env.info()["map_size"] * 2)  # nobody else reads this environment
            except (lmdb.Error, msgspec.DecodeError, OSError) as error:
                raise failure(error, self._folder) from error


def _key(log: int, name: str) -> bytes:
    check_cursor_name(name)  # LMDB's keys end at 511 bytes
    return NUMBER.pack(log) + name.encode()


def _keys(txn: Any, log: int) -> list[bytes]:
    """Keys of one log's cursors; they sort by name."""
    prefix = NUMBER.pack(log)
    found = []
    with txn.cursor() as cursor:
        alive = cursor.set_range(prefix)
        while alive and cursor.key().startswith(prefix):
            found.append(cursor.key())
            alive = cursor.next()
    return found


def _decode(value: bytes | None) -> dict[int, int]:
    return msgspec.json.decode(value, type=dict[int, int]) if value else {}
