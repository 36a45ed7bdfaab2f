"""The bus log on local disk: LMDB, with appends of many callers grouped into one synced commit.

Two environments: ``events`` holds all logs, ``cursors`` the positions, so that saving one never waits for events.

- ``file``: opening them with care
- ``chunks``: how a log lies in LMDB, and how to find something in it
- ``writer``: group commit, the only thread that writes events
- ``removal``: retention and dropping, in short steps
- ``cursors``: the positions
- ``memory``: mapped pages are let go now and then

Reads run on the event loop: a few microseconds each, from the page cache.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from struct import error as StructError  # noqa: N812 - a class, by its lower-case name
from typing import Any, TypeVar

import lmdb
import msgspec

from bridge.errors import Conflict, StartError, StoreError, StoreUnavailable
from bridge.model.clock import Clock, system_clock
from bridge.model.log import Chunk, StoredChunk
from bridge.stores.bus.base import Bounds, BusLog, Offsets, Usage
from bridge.stores.bus.lifetime import EndingLog, NamedLogs, dropped
from bridge.stores.bus.lmdb import chunks, removal
from bridge.stores.bus.lmdb.chunks import Meta
from bridge.stores.bus.lmdb.cursors import Cursors
from bridge.stores.bus.lmdb.file import Tables, failure, open_environment
from bridge.stores.bus.lmdb.memory import MappedPages
from bridge.stores.bus.lmdb.writer import Step, Writer
from bridge.stores.heap import keep_freed_memory
from bridge.stores.lock import sole_user

T = TypeVar("T")

SCHEMA = 1


class LmdbBusLog(EndingLog):
    def __init__(self, store: "LmdbBusStore", name: str, meta: Meta) -> None:
        super().__init__(name)
        self.meta = meta  # what readers see
        self.stored = meta  # what the writer's thread has committed: never behind
        self._store = store
        self.is_leaving = False  # being dropped: takes no more appends

    @property
    def partitions(self) -> int:  # type: ignore[override]  # read-only here: it follows the stored list
        return len(self.meta.end)

    def show(self, meta: Meta) -> None:
        self.meta = meta
        self._waiters.wake()

    async def append(self, chunks: Sequence[tuple[int, Chunk]]) -> list[int]:
        self._check()
        if self.is_leaving:
            raise dropped(self.name)
        if not chunks:
            return []
        for partition, chunk in chunks:
            self._check_partition(partition)
            if chunk.events < 1:
                raise ValueError(f"a chunk of {chunk.events} events")
        return await self._store.writer.append(self, chunks)

    async def read(self, partition: int, offset: int, limit: int) -> list[StoredChunk]:
        self._check()
        self._check_partition(partition)
        meta = self.meta
        wanted = range(max(offset, meta.first[partition]), meta.end[partition])
        if not wanted:
            return []
        found = self._store.look(lambda cursor: chunks.read(cursor, meta.id, partition, wanted, limit))
        self._store.pages.was_read(sum([len(chunk.body) for chunk in found]))
        return found

    async def wait(self, offsets: Offsets) -> None:
        self._check()
        while not any(self.meta.end[p] > max(offset, self.meta.first[p]) for p, offset in offsets.items()):
            await self._waiters.turn()
            self._check()

    def bounds(self, partition: int) -> Bounds:
        return Bounds(self.meta.first[partition], self.meta.end[partition])

    async def offset_at(self, partition: int, time: float) -> int:
        self._check()
        self._check_partition(partition)
        meta = self.meta
        kept = range(meta.first[partition], meta.end[partition])
        return self._store.look(lambda cursor: chunks.find_time(cursor, meta.id, partition, kept, time))

    async def cursor(self, name: str) -> dict[int, int]:
        self._check()
        return await self._store.cursors.get(self.meta.id, name)

    async def commit(self, name: str, offsets: Offsets) -> None:
        self._check()
        await self._store.cursors.set(self.meta.id, name, offsets)

    async def cursors(self) -> list[str]:
        self._check()
        return await self._store.cursors.names(self.meta.id)

    async def delete_cursor(self, name: str, partitions: Iterable[int] | None = None) -> None:
        self._check()
        await self._store.cursors.delete(self.meta.id, name, partitions)

    async def trim(self, *, before: float | None = None, keep_bytes: int | None = None) -> int:
        self._check()
        oldest = float("-inf") if before is None else before
        most = float("inf") if keep_bytes is None else keep_bytes
        return sum(await self._store.writer.run(lambda step: removal.trim(step, self, oldest, most)))

    async def usage(self) -> Usage:
        self._check()
        meta = self.meta
        oldest = self._store.look(lambda cursor: chunks.oldest(cursor, meta))
        return Usage(sum(meta.end) - sum(meta.first), sum(meta.sizes), oldest)


class LmdbBusStore(NamedLogs[LmdbBusLog]):
    durable = True
    writer: Writer
    cursors: Cursors
    pages: MappedPages

    def __init__(self, path: Path, clock: Clock = system_clock, map_size: int = 2**30) -> None:
        """``path``: a directory, made if missing. ``map_size``: bytes mapped at first; grows by doubling."""
        super().__init__()
        self._path = path
        self._clock = clock
        self._map_size = map_size
        self._turn = asyncio.Lock()  # one change of the logs at a time
        self._changes: set[asyncio.Task[Any]] = set()
        self._stack = ExitStack()

    async def open(self) -> None:
        try:
            with ExitStack() as stack:
                self._take(stack)
                self._stack = stack.pop_all()
        except (OSError, lmdb.Error) as error:
            raise StartError(f"cannot use the data directory {self._path}: {error}") from error
        keep_freed_memory()
        self.pages = MappedPages(self._path / "events" / "data.mdb")
        self.writer = Writer(self._tables, self._clock, self._path, self.pages.moved)
        self._closed = False
        with suppress(StoreUnavailable):  # a full disk, say: the next start tries again
            await self._finish_drops()

    def _take(self, stack: ExitStack) -> None:
        """Hold the directory, open both environments, read what logs there are."""
        self._path.mkdir(parents=True, exist_ok=True)
        stack.enter_context(sole_user(self._path / "lock", f"the data directory {self._path}"))
        self._check_complete()
        env = stack.enter_context(open_environment(self._path / "events", self._map_size, 3))
        self._check_schema(env)
        self._tables = Tables(env, *(env.open_db(name) for name in (b"logs", b"events", b"dropped")))
        self._logs = self._read_logs()
        self.cursors = Cursors(self._path / "cursors")

    def _check_complete(self) -> None:
        """The cursors are made last, so events that are missing then were lost or taken away."""
        events, cursors = (self._path / name / "data.mdb" for name in ("events", "cursors"))
        if cursors.exists() and not (events.exists() and events.stat().st_size):
            raise StartError(f"{events} is missing or empty, but its cursors are there: the log was lost or moved")

    def _check_schema(self, env: Any) -> None:
        with env.begin() as txn:
            found = txn.get(b"schema")
        if found is None:
            with env.begin(write=True) as txn:
                txn.put(b"schema", str(SCHEMA).encode())
        elif not found.isdigit():
            raise StartError(f"the log in {self._path} is damaged: its schema version is {found!r}")
        elif int(found) > SCHEMA:
            raise StartError(
                f"the log in {self._path} was written by a newer version of bridge "
                f"(schema {int(found)}, this version knows {SCHEMA})"
            )

    def _read_logs(self) -> dict[str, LmdbBusLog]:
        found = {}
        with self._tables.env.begin() as txn:
            for key, value in txn.cursor(self._tables.logs):
                name = key.decode()
                try:
                    found[name] = LmdbBusLog(self, name, msgspec.json.decode(value, type=Meta))
                except msgspec.DecodeError as error:
                    raise StartError(f"the log of the bus {name} in {self._path} is damaged: {error}") from error
        return found

    async def close(self) -> None:
        if self._closed:
            return
        self._end_all()
        await self.writer.close()
        await asyncio.gather(*self._changes, return_exceptions=True)
        await self.cursors.close()
        self._stack.close()

    def look(self, work: Callable[[Any], T]) -> T:
        """Run ``work`` in a short read transaction on the events. On the loop, so that the map does not move."""
        self._check()
        try:
            with self._tables.env.begin(db=self._tables.events, buffers=True) as txn, txn.cursor() as cursor:
                return work(cursor)
        except (lmdb.Error, StructError) as error:
            raise failure(error, self._path) from error

    async def create(self, name: str, partitions: int) -> BusLog:
        self._check()
        return await self._whole(self._create(name, partitions))

    async def _create(self, name: str, partitions: int) -> BusLog:
        async with self._turn:
            log = self._logs.get(name)
            if log is None:
                (meta,) = await self.writer.run(lambda step: _found(step, name, partitions))
                log = self._logs[name] = LmdbBusLog(self, name, meta)
            elif partitions > log.partitions:
                await self.writer.run(lambda step: _widen(step, log, partitions))
            elif partitions < log.partitions:
                raise Conflict(f"the log {name} has {log.partitions} partitions; they cannot become {partitions}")
            return log

    async def _whole(self, change: Coroutine[Any, Any, T]) -> T:
        """Let a change of the logs finish although its caller leaves; ``close`` waits for it."""
        task = asyncio.ensure_future(change)
        self._changes.add(task)
        task.add_done_callback(self._changes.discard)
        return await asyncio.shield(task)

    async def drop(self, name: str) -> None:
        self._check()
        await self._whole(self._drop(name))

    async def _drop(self, name: str) -> None:
        async with self._turn:
            log = self._logs.get(name)
            if log is None:
                return
            log.is_leaving = True
            try:
                await self.writer.run(lambda step: removal.forget(step, log))
            except StoreError:
                log.is_leaving = False
                raise
            del self._logs[name]
            log.end(lambda: dropped(name))
        await self._clear(log.meta.id)

    async def _clear(self, number: int) -> None:
        await self.cursors.delete_all(number)
        await self.writer.run(lambda step: removal.clear(step, number))

    async def _finish_drops(self) -> None:
        """What a crash left of dropped logs."""
        with self._tables.env.begin(db=self._tables.dropped) as txn:
            left = [removal.NUMBER.unpack(key)[0] for key, _ in txn.cursor()]
        for number in left:
            await self._clear(number)


def _found(step: Step, name: str, partitions: int) -> tuple[Meta, bool]:
    """A new log, with a number that no log had before."""
    number = int(bytes(step.txn.get(b"next", b"1")))
    step.txn.put(b"next", str(number + 1).encode())
    meta = Meta(number, [], [], []).with_partitions(partitions)
    step.txn.put(name.encode(), msgspec.json.encode(meta), db=step.tables.logs)
    return meta, False


def _widen(step: Step, log: LmdbBusLog, partitions: int) -> tuple[None, bool]:
    step.save(log, step.meta(log).with_partitions(partitions))
    return None, False
