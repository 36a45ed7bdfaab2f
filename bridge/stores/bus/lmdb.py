"""The bus log on local disk: LMDB, with appends of many callers grouped into one synced commit.

One environment holds all logs, a second one the cursors, so that saving a position never waits for events. A value holds
the chunks of one commit that share partition and format, joined; its key is (log, partition, first offset).

A writer thread commits while the next group collects on the loop. A group closes when half the recent peak of callers
waits, at 1 MiB, or after 2 ms: eager commits would make groups of one, a fixed wait would ruin a lone caller.

Traps of LMDB that shape this file: growing the map under an open reader ends the process, so readers and growth share a
lock; a view outlives its transaction only by luck, so bodies are copied; one environment may be opened once per process.
"""

import asyncio
import fcntl
import struct
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import lmdb
import msgspec

from bridge.errors import Conflict, NotFound, StartError, StoreError, StoreUnavailable
from bridge.model.clock import Clock, system_clock
from bridge.model.log import Chunk, Format, StoredChunk
from bridge.stores.bus.base import Bounds, BusLog, BusStore, Offsets, Usage

T = TypeVar("T")

SCHEMA = 1
KEY = struct.Struct(">IHQ")  # log, partition, first offset: big-endian, so that keys sort as numbers
HEAD = struct.Struct(">BxxxId")  # format, events, time
GROUP_BYTES = 2**20
GROUP_WAIT_S = 0.002


class _Meta(msgspec.Struct):
    """What is stored about a log: its id, and per partition the first kept and next free offset."""

    id: int
    first: list[int]
    end: list[int]


class _Append(NamedTuple):
    log: "LmdbBusLog"
    chunks: Sequence[tuple[int, Chunk]]
    size: int
    answer: "asyncio.Future[list[int]]"


class LmdbBusLog(BusLog):
    def __init__(self, store: "LmdbBusStore", name: str, meta: _Meta) -> None:
        self.name = name
        self.meta = meta
        self.tail = list(meta.end)  # the writer's own view of the ends: it runs ahead of the loop's
        self._store = store
        self._waiters: set[asyncio.Future[None]] = set()
        self._gone: Exception | None = None

    @property
    def partitions(self) -> int:  # type: ignore[override]  # read-only here: it follows the stored list
        return len(self.meta.end)

    def end(self, why: Exception) -> None:
        self._gone = why
        self.wake()

    def check(self) -> None:
        if self._gone is not None:
            raise self._gone

    def wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def append(self, chunks: Sequence[tuple[int, Chunk]]) -> list[int]:
        self.check()
        return await self._store.submit(self, chunks)

    async def read(self, partition: int, offset: int, limit: int) -> list[StoredChunk]:
        self.check()
        offset = max(offset, self.meta.first[partition])
        end = self.meta.end[partition]
        found: list[StoredChunk] = []
        if offset >= end:
            return found
        with self._store.reading() as txn, txn.cursor() as cursor:
            key = KEY.pack(self.meta.id, partition, offset)
            if not cursor.set_range(key) or bytes(cursor.key()) != key:
                cursor.prev()  # the chunk that holds the offset began before it
            while True:
                log, at, first = KEY.unpack(cursor.key())
                if (log, at) != (self.meta.id, partition) or first >= min(offset + limit, end):
                    break
                found.append(_stored(first, cursor.value()))
                if not cursor.next():
                    break
        return found

    async def wait(self, offsets: Offsets) -> None:
        self.check()
        while not any(self.meta.end[p] > max(offset, self.meta.first[p]) for p, offset in offsets.items()):
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)
            self.check()

    def bounds(self, partition: int) -> Bounds:
        return Bounds(self.meta.first[partition], self.meta.end[partition])

    async def offset_at(self, partition: int, time: float) -> int:
        self.check()
        for first, head, _ in self._heads(partition):
            if head[2] >= time:
                return first
        return self.meta.end[partition]

    def _heads(self, partition: int) -> list[tuple[int, tuple[int, int, float], int]]:
        """First offset, header and body size of every chunk of a partition."""
        found = []
        with self._store.reading() as txn, txn.cursor() as cursor:
            alive = cursor.set_range(KEY.pack(self.meta.id, partition, 0))
            while alive:
                log, at, first = KEY.unpack(cursor.key())
                if (log, at) != (self.meta.id, partition) or first >= self.meta.end[partition]:
                    break
                value = cursor.value()
                found.append((first, HEAD.unpack_from(value), len(value) - HEAD.size))
                alive = cursor.next()
        return found

    async def cursor(self, name: str) -> dict[int, int]:
        self.check()
        return await self._store.aside(self._store.load_cursor, self.meta.id, name)

    async def commit(self, name: str, offsets: Offsets) -> None:
        self.check()
        await self._store.aside(self._store.save_cursor, self.meta.id, name, dict(offsets))

    async def cursors(self) -> list[str]:
        self.check()
        return await self._store.aside(self._store.list_cursors, self.meta.id)

    async def delete_cursor(self, name: str) -> None:
        self.check()
        await self._store.aside(self._store.forget_cursor, self.meta.id, name)

    async def trim(self, *, before: float | None = None, keep_bytes: int | None = None) -> int:
        self.check()
        doomed: list[tuple[int, int, int]] = []  # partition, first offset, events
        kept: list[tuple[float, int, int, int, int]] = []
        for partition in range(self.partitions):
            chunks = self._heads(partition)
            old = 0
            while before is not None and old < len(chunks) and chunks[old][1][2] < before:
                old += 1
            doomed += [(partition, first, head[1]) for first, head, _ in chunks[:old]]
            kept += [(head[2], partition, first, head[1], size) for first, head, size in chunks[old:]]
        if keep_bytes is not None:
            total = sum(size for *_, size in kept)
            left = {p: sum(1 for entry in kept if entry[1] == p) for p in range(self.partitions)}
            for _, partition, first, events, size in sorted(kept):
                if total <= keep_bytes:
                    break
                if left[partition] > 1:
                    left[partition] -= 1
                    total -= size
                    doomed.append((partition, first, events))
        if doomed:
            await self._store.remove(self, doomed)
        return sum(events for *_, events in doomed)

    async def usage(self) -> Usage:
        self.check()
        heads = [entry for partition in range(self.partitions) for entry in self._heads(partition)]
        oldest = min((head[2] for _, head, _ in heads), default=None)
        return Usage(sum(head[1] for _, head, _ in heads), sum(size for *_, size in heads), oldest)


class LmdbBusStore(BusStore):
    durable = True

    def __init__(self, path: Path, clock: Clock = system_clock, map_size: int = 2**30) -> None:
        """``path``: a directory, made if missing. ``map_size``: bytes mapped at first; grows by doubling."""
        self._path = path
        self._clock = clock
        self._map_size = map_size
        self._logs: dict[str, LmdbBusLog] = {}
        self._stack = ExitStack()
        self._closed = True
        self._turn = threading.Condition()
        self._queue: deque[_Append | Callable[[Any], None]] = deque()
        self._queued_bytes = 0
        self._under_way = 0
        self._peak = 1
        self._growing = threading.Lock()

    async def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            with ExitStack() as stack:
                self._take(stack)
                self._stack = stack.pop_all()
        except OSError as error:
            raise StartError(f"cannot use the data directory {self._path}: {error.strerror or error}") from error
        except (lmdb.Error, msgspec.DecodeError, struct.error) as error:
            raise StartError(f"the log in {self._path} is damaged or not a log: {error}") from error
        self._closed = False
        self._aside = ThreadPoolExecutor(1, "cursors")
        self._writer = threading.Thread(target=self._write, name="bus-log", daemon=True)
        self._writer.start()

    def _take(self, stack: ExitStack) -> None:
        """Lock the directory, open both environments, read what logs there are."""
        self._path.mkdir(parents=True, exist_ok=True)
        lock = stack.enter_context((self._path / "lock").open("w"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StartError(f"the data directory {self._path} is in use by another process") from error
        self._env = stack.enter_context(
            lmdb.open(str(self._path / "events"), map_size=self._map_size, max_dbs=4, max_spare_txns=4)
        )
        self._map_size = max(self._map_size, self._env.info()["map_size"])
        self._positions = stack.enter_context(lmdb.open(str(self._path / "cursors"), map_size=2**26, max_dbs=1))
        self._metas = self._env.open_db(b"logs")
        self._events = self._env.open_db(b"events")
        with self._env.begin(write=True) as txn:
            schema = int(bytes(txn.get(b"schema", str(SCHEMA).encode())))
            if schema > SCHEMA:
                raise StartError(f"the log in {self._path} was written by a newer version (schema {schema})")
            txn.put(b"schema", str(SCHEMA).encode())
            for name, value in txn.cursor(self._metas):
                meta = msgspec.json.decode(bytes(value), type=_Meta)
                self._logs[bytes(name).decode()] = LmdbBusLog(self, bytes(name).decode(), meta)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        with self._turn:
            self._turn.notify()
        await asyncio.to_thread(self._writer.join)
        await asyncio.to_thread(self._aside.shutdown)
        await asyncio.sleep(0)  # let the last group's answers arrive
        for log in self._logs.values():
            log.end(StoreUnavailable("the store is closed"))
        self._stack.close()

    def _check(self) -> None:
        if self._closed:
            raise StoreUnavailable("the store is closed")

    async def create(self, name: str, partitions: int) -> BusLog:
        self._check()
        log = self._logs.get(name)
        if log is not None and partitions < log.partitions:
            raise Conflict(f"the log {name} has {log.partitions} partitions; they cannot become {partitions}")
        if log is None or partitions > log.partitions:

            def write(txn: Any) -> None:
                if log is None:
                    number = int(bytes(txn.get(b"next", b"1")))
                    txn.put(b"next", str(number + 1).encode())
                    meta = _Meta(number, [], [])
                else:
                    meta = _Meta(log.meta.id, log.meta.first, log.tail)
                grown = [0] * (partitions - len(meta.end))
                made = _Meta(meta.id, meta.first + grown, meta.end + grown)
                txn.put(name.encode(), msgspec.json.encode(made), db=self._metas)
                if log is not None:
                    log.tail = made.end  # in the writer's thread, before the next group
                done.append(made)

            done: list[_Meta] = []
            await self._between_groups(write)
            if log is None:
                log = self._logs[name] = LmdbBusLog(self, name, done[-1])
            else:
                meta = log.meta  # groups may have been answered since: only add what is missing
                meta.first += [0] * (partitions - len(meta.first))
                meta.end += [0] * (partitions - len(meta.end))
        return log

    def log(self, name: str) -> BusLog:
        self._check()
        try:
            return self._logs[name]
        except KeyError:
            raise NotFound(f"there is no log of a bus {name}") from None

    def logs(self) -> list[str]:
        self._check()
        return sorted(self._logs)

    async def drop(self, name: str) -> None:
        self._check()
        log = self._logs.pop(name, None)
        if log is None:
            return
        log.end(NotFound(f"the log of the bus {name} was dropped"))

        def write(txn: Any) -> None:
            txn.delete(name.encode(), db=self._metas)
            prefix = struct.pack(">I", log.meta.id)
            with txn.cursor(db=self._events) as cursor:
                alive = cursor.set_range(prefix)
                while alive and bytes(cursor.key())[:4] == prefix:
                    alive = cursor.delete()

        await self._between_groups(write)
        for cursor in await self.aside(self.list_cursors, log.meta.id):
            await self.aside(self.forget_cursor, log.meta.id, cursor)

    async def remove(self, log: LmdbBusLog, doomed: Sequence[tuple[int, int, int]]) -> None:
        """Delete chunks (partition, first offset, events) and move the first kept offsets."""
        first = list(log.meta.first)

        def write(txn: Any) -> None:
            for partition, offset, events in doomed:
                txn.delete(KEY.pack(log.meta.id, partition, offset), db=self._events)
                first[partition] = max(first[partition], offset + events)
            self._save(txn, log, first, log.tail)

        await self._between_groups(write)
        log.meta.first = first

    def _save(self, txn: Any, log: LmdbBusLog, first: list[int], end: list[int]) -> None:
        txn.put(log.name.encode(), msgspec.json.encode(_Meta(log.meta.id, first, end)), db=self._metas)

    # Reading

    def reading(self) -> "_Reading":
        """A short read transaction on the events; the map does not grow meanwhile."""
        return _Reading(self._growing, self._env, self._events)

    # Writing: the loop's side

    async def submit(self, log: LmdbBusLog, chunks: Sequence[tuple[int, Chunk]]) -> list[int]:
        self._check()
        answer: asyncio.Future[list[int]] = self._loop.create_future()
        size = sum(len(chunk.body) for _, chunk in chunks)
        with self._turn:
            self._queue.append(_Append(log, chunks, size, answer))
            self._queued_bytes += size
            self._under_way += 1
            self._turn.notify()
        return await answer

    async def _between_groups(self, write: Callable[[Any], None]) -> None:
        """Run a write of its own in the writer thread, in the order of submission."""
        answer: asyncio.Future[None] = self._loop.create_future()

        def run(_: Any) -> None:
            error = self._commit(write)
            self._loop.call_soon_threadsafe(_answer, answer, error)

        with self._turn:
            self._queue.append(run)
            self._turn.notify()
        await answer

    # Writing: the thread's side

    def _write(self) -> None:
        ends: dict[LmdbBusLog, list[int]] = {}
        while True:
            group = self._collect()
            if group is None:
                return
            if callable(group):
                group(None)
                continue
            ends.clear()
            answers: list[list[int]] = []

            def write(txn: Any, group: list[_Append] = group, answers: list[list[int]] = answers) -> None:
                ends.clear()
                answers.clear()
                self._put(txn, group, ends, answers)

            error = self._commit(write)
            if error is None:
                for log, end in ends.items():
                    log.tail = end
            self._loop.call_soon_threadsafe(self._answer, group, list(answers), dict(ends), error)

    def _collect(self) -> "list[_Append] | Callable[[Any], None] | None":
        """The next group, closed by siblings, size or time; a write of its own; or None when closed and empty."""
        with self._turn:
            while not self._queue:
                if self._closed:
                    return None
                self._turn.wait()
            enough = lambda: (  # noqa: E731 - a predicate, used here alone
                len(self._queue) * 2 >= self._peak or self._queued_bytes >= GROUP_BYTES or self._closed
            )
            if not self._turn.wait_for(enough, GROUP_WAIT_S):
                self._peak = max(1, self._peak // 2)
            self._peak = max(self._peak, self._under_way)
            if not isinstance(self._queue[0], _Append):
                alone = self._queue.popleft()
                assert callable(alone)
                return alone
            group: list[_Append] = []
            size = 0
            while self._queue and isinstance(self._queue[0], _Append) and size < GROUP_BYTES:
                append = self._queue.popleft()
                assert isinstance(append, _Append)
                group.append(append)
                size += append.size
            self._queued_bytes -= size
            return group

    def _put(self, txn: Any, group: list[_Append], ends: dict[LmdbBusLog, list[int]], answers: list[list[int]]) -> None:
        """Join the chunks of the group by log, partition and format, and write one value for each run."""
        now = self._clock()
        runs: dict[tuple[LmdbBusLog, int], list[tuple[int, Format, int, list[bytes]]]] = {}
        for append in group:
            end = ends.setdefault(append.log, list(append.log.tail))
            answer = []
            for partition, chunk in append.chunks:
                answer.append(end[partition])
                run = runs.setdefault((append.log, partition), [])
                if run and run[-1][1] is chunk.format:
                    first, form, events, bodies = run[-1]
                    bodies.append(chunk.body)
                    run[-1] = (first, form, events + chunk.events, bodies)
                else:
                    run.append((end[partition], chunk.format, chunk.events, [chunk.body]))
                end[partition] += chunk.events
            answers.append(answer)
        for (log, partition), run in runs.items():
            for first, form, events, bodies in run:
                value = HEAD.pack(form, events, now) + form.joint.join(bodies)
                txn.put(KEY.pack(log.meta.id, partition, first), value, db=self._events)
        for log, end in ends.items():
            self._save(txn, log, log.meta.first, end)

    def _commit(self, write: Callable[[Any], None]) -> StoreError | None:
        """One synced transaction; grows the map and does it again when it is full."""
        while True:
            try:
                with self._env.begin(write=True) as txn:
                    write(txn)
                return None
            except lmdb.MapFullError:
                with self._growing:
                    self._map_size *= 2
                    self._env.set_mapsize(self._map_size)
            except (lmdb.Error, OSError) as error:
                return StoreUnavailable(f"the log in {self._path} cannot be written: {error}")

    def _answer(
        self,
        group: list[_Append],
        answers: list[list[int]],
        ends: dict[LmdbBusLog, list[int]],
        error: StoreError | None,
    ) -> None:
        """On the loop: one call per group."""
        with self._turn:
            self._under_way -= len(group)
        if error is None:
            for log, end in ends.items():
                log.meta.end = end
                log.wake()
        for i, append in enumerate(group):
            if not append.answer.done():
                if error is None:
                    append.answer.set_result(answers[i])
                else:
                    append.answer.set_exception(error)

    # Cursors: their own environment and thread

    async def aside(self, call: Callable[..., T], *args: Any) -> T:
        self._check()
        try:
            return await self._loop.run_in_executor(self._aside, call, *args)
        except lmdb.Error as error:
            raise StoreUnavailable(f"the cursors in {self._path} cannot be used: {error}") from error

    def load_cursor(self, log: int, name: str) -> dict[int, int]:
        with self._positions.begin() as txn:
            value = txn.get(_cursor_key(log, name))
        return msgspec.json.decode(bytes(value), type=dict[int, int]) if value else {}

    def save_cursor(self, log: int, name: str, offsets: dict[int, int]) -> None:
        with self._positions.begin(write=True) as txn:
            value = txn.get(_cursor_key(log, name))
            before = msgspec.json.decode(bytes(value), type=dict[int, int]) if value else {}
            txn.put(_cursor_key(log, name), msgspec.json.encode(before | offsets))

    def list_cursors(self, log: int) -> list[str]:
        prefix = struct.pack(">I", log)
        with self._positions.begin() as txn:
            return sorted(bytes(key)[4:].decode() for key, _ in txn.cursor() if bytes(key)[:4] == prefix)

    def forget_cursor(self, log: int, name: str) -> None:
        with self._positions.begin(write=True) as txn:
            txn.delete(_cursor_key(log, name))


class _Reading:
    """Holds the lock that growth of the map takes, and one read transaction."""

    def __init__(self, lock: threading.Lock, env: Any, db: Any) -> None:
        self._lock = lock
        self._env = env
        self._db = db

    def __enter__(self) -> Any:
        self._lock.acquire()
        self._txn = self._env.begin(db=self._db, buffers=True)
        return self._txn

    def __exit__(self, *_: object) -> None:
        self._txn.abort()
        self._lock.release()


def _cursor_key(log: int, name: str) -> bytes:
    return struct.pack(">I", log) + name.encode()


def _stored(first: int, value: memoryview) -> StoredChunk:
    form, events, time = HEAD.unpack_from(value)
    return StoredChunk(first, time, Format(form), events, bytes(value[HEAD.size :]))


def _answer(answer: "asyncio.Future[None]", error: StoreError | None) -> None:
    if not answer.done():
        if error is None:
            answer.set_result(None)
        else:
            answer.set_exception(error)
