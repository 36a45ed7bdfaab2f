"""Group commit: appends of many callers become one synced transaction, in a thread of its own.

The event loop collects; the thread commits. A group closes when half the recent peak of callers waits, at 1 MiB, or when
the thread has been idle for 2 ms: eager commits would make groups of one, a fixed wait would ruin a lone caller. Those
who append in the same turn of the loop go along: callers that were answered together mostly come back together.

The next group collects, and may already be handed over, while one commits. The loop hears of a group by one callback.

Growth of the map runs on the loop while the thread waits for it: only these two read the log, so nobody is reading when
the map moves. (LMDB would end the process.)
"""

import asyncio
import mmap
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple, Protocol

import lmdb
import msgspec

from bridge.errors import StoreError, StoreUnavailable
from bridge.model.clock import Clock
from bridge.model.log import Chunk
from bridge.stores.bus.lmdb.chunks import HEAD, KEY, Meta, encode, lay_out
from bridge.stores.bus.lmdb.file import Tables, failure

GROUP_BYTES = 2**20
GROUP_WAIT_S = 0.002


class Stored(Protocol):
    """A log as the writer sees it: ``stored`` is what the thread has committed, ``show`` tells the loop."""

    name: str
    stored: Meta

    def show(self, meta: Meta) -> None: ...


class Append(NamedTuple):
    log: Stored
    chunks: Sequence[tuple[int, Chunk]]
    size: int
    answer: "asyncio.Future[list[int]]"


class Step:
    """One write transaction: ``meta`` and ``save`` are its view of the logs, in force once it has committed."""

    def __init__(self, txn: Any, tables: Tables) -> None:
        self.txn = txn
        self.tables = tables
        self.changed: dict[Stored, Meta] = {}

    def meta(self, log: Stored) -> Meta:
        return self.changed.get(log, log.stored)

    def save(self, log: Stored, meta: Meta) -> None:
        self.changed[log] = meta

    def holds(self, log: Stored) -> bool:
        """Whether the log is still there: it may have been dropped, and its name given to another."""
        stored = self.txn.get(log.name.encode(), db=self.tables.logs)
        return stored is not None and msgspec.json.decode(stored, type=Meta).id == log.stored.id

    def finish(self) -> None:
        for log, meta in self.changed.items():
            self.txn.put(log.name.encode(), msgspec.json.encode(meta), db=self.tables.logs)


Work = Callable[[Step], tuple[Any, bool]]
"""Writes in a transaction; returns a value and whether it wants another transaction, after whoever waits."""


class Group:
    """Appends that commit together."""

    def __init__(self, appends: list[Append], size: int) -> None:
        self.appends = appends
        self.size = size
        self.parts = 1  # groups of the loop that became this one
        self.offsets: list[list[int]] = []

    def join(self, other: "Group") -> None:
        self.appends += other.appends
        self.size += other.size
        self.parts += other.parts

    def finish(self, error: StoreError | None) -> None:
        for i, append in enumerate(self.appends):
            if append.answer.done():
                continue  # the caller was cancelled
            if error is None:
                append.answer.set_result(self.offsets[i])
            else:
                append.answer.set_exception(type(error)(error.reason))  # its own: each raise adds a traceback


class Job:
    """Anything else that writes, in as many transactions as ``work`` wants; the answer has the value of each."""

    def __init__(self, work: Work, answer: "asyncio.Future[list[Any]]") -> None:
        self.work = work
        self.answer = answer
        self.values: list[Any] = []

    def finish(self, error: StoreError | None) -> None:
        if self.answer.done():
            return
        if error is None:
            self.answer.set_result(self.values)
        else:
            self.answer.set_exception(error)


class Writer:
    def __init__(self, tables: Tables, clock: Clock, place: Path, remapped: Callable[[], None]) -> None:
        """``remapped`` is called on the loop when the map has grown."""
        self._tables = tables
        self._clock = clock
        self._place = place
        self._remapped = remapped
        self._loop = asyncio.get_running_loop()
        self._waiting: list[Append] = []
        self._waiting_bytes = 0
        self._in_flight = 0  # appends not answered yet
        self._peak = 1
        self._groups = 0  # handed over and not answered yet
        self._timer: asyncio.TimerHandle | None = None
        self._is_due = False  # to be handed over at the end of this turn
        self._closed = False
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._queue: SimpleQueue[Group | Job | None] = SimpleQueue()
        self._ahead: list[Group | Job | None] = []  # the thread's own: taken from the queue too early
        threading.Thread(target=self._run, name="bus-log", daemon=True).start()

    # On the loop

    def append(self, log: Stored, chunks: Sequence[tuple[int, Chunk]]) -> "asyncio.Future[list[int]]":
        """The first offsets of the chunks, once they are durable."""
        answer = self._promise()
        size = sum([len(chunk.body) for _, chunk in chunks])
        self._waiting.append(Append(log, chunks, size, answer))
        self._waiting_bytes += size
        self._in_flight += 1
        self._consider()
        return answer

    def run(self, work: Work) -> "asyncio.Future[list[Any]]":
        """Run ``work`` after what was appended so far; the values of its transactions.

        It goes on when the caller does not wait for it any more. Closing ends it between two transactions.
        """
        answer = self._promise()
        self._hand_over()
        self._queue.put(Job(work, answer))
        return answer

    def _promise(self) -> "asyncio.Future[Any]":
        if self._closed:
            raise StoreUnavailable(f"{self._place} is closed")
        return self._loop.create_future()

    async def close(self) -> None:
        """Commit what was appended, then end the thread."""
        self._closed = True
        self._hand_over()
        self._queue.put(None)
        await asyncio.shield(self._ended)

    def _consider(self) -> None:
        """Hand the group over if it is large enough; else see that it does not wait for an idle thread for long."""
        if self._waiting_bytes >= GROUP_BYTES:
            self._hand_over()
        elif len(self._waiting) * 2 >= self._peak:
            if not self._is_due:
                self._is_due = True
                self._loop.call_soon(self._end_turn)
        elif not self._groups and self._timer is None:
            self._timer = self._loop.call_later(GROUP_WAIT_S, self._waited)

    def _end_turn(self) -> None:
        if self._is_due:
            self._hand_over()

    def _waited(self) -> None:
        """Fewer callers than there were: the next group waits for fewer."""
        self._peak = max(self._peak // 2, 1)
        self._hand_over()

    def _hand_over(self) -> None:
        self._is_due = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            self._peak = max(self._peak, self._in_flight)
            self._groups += 1
            self._queue.put(Group(self._waiting, self._waiting_bytes))
            self._waiting = []
            self._waiting_bytes = 0

    def _answer(self, item: Group | Job, changed: dict[Stored, Meta], error: StoreError | None, more: bool) -> None:
        """One call per transaction."""
        for log, meta in changed.items():
            log.show(meta)
        if isinstance(item, Group):
            self._groups -= item.parts
            self._in_flight -= len(item.appends)
        if not more:
            item.finish(error)
        if self._waiting:
            self._consider()

    def _enlarge(self, grown: "Future[None]") -> None:
        """Nobody reads: this is the loop, and the thread waits."""
        env = self._tables.env
        size = env.info()["map_size"]
        try:
            # LMDB could not go back if the system had no room for the new map: ask first
            mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=mmap.PROT_READ).close()
            env.set_mapsize(size * 2)
        except (OSError, ValueError, OverflowError, lmdb.Error) as error:
            grown.set_exception(StoreUnavailable(f"{self._place} cannot grow beyond {size} bytes: {error}"))
        else:
            self._remapped()
            grown.set_result(None)

    # In the thread

    def _run(self) -> None:
        with suppress(RuntimeError):  # the loop was closed under us: nobody is left to answer to
            while (item := self._take()) is not None:
                self._tell(item, *self._commit(item))
            while not self._queue.empty():
                if left := self._queue.get():
                    self._tell(left, {}, StoreUnavailable(f"{self._place} was closed before this was done"), False)
            self._loop.call_soon_threadsafe(self._ended.set_result, None)

    def _take(self) -> Group | Job | None:
        """The next thing to do; groups that have queued up meanwhile become one."""
        item = self._ahead.pop() if self._ahead else self._queue.get()
        while isinstance(item, Group) and not self._queue.empty():
            following = self._queue.get()
            if isinstance(following, Group) and item.size + following.size <= GROUP_BYTES:
                item.join(following)
            else:
                self._ahead.append(following)
                break
        return item

    def _tell(self, item: Group | Job, changed: dict[Stored, Meta], error: StoreError | None, more: bool) -> None:
        self._loop.call_soon_threadsafe(self._answer, item, changed, error, more)

    def _commit(self, item: Group | Job) -> tuple[dict[Stored, Meta], StoreError | None, bool]:
        """One synced transaction; grows the map and does it again when it is full."""
        while True:
            try:
                with self._tables.env.begin(write=True, buffers=True) as txn:
                    step = Step(txn, self._tables)
                    if isinstance(item, Group):
                        item.offsets, more = self._write(step, item.appends), False
                    else:
                        value, more = item.work(step)
                    step.finish()
            except lmdb.MapFullError:
                try:
                    self._grow()
                except StoreError as error:
                    return {}, error, False
            except Exception as error:  # whatever it is, the thread must live for the other callers
                return {}, failure(error, self._place), False
            else:
                for log, meta in step.changed.items():
                    log.stored = meta
                if isinstance(item, Job):
                    item.values.append(value)
                if more:
                    self._queue.put(item)
                return step.changed, None, more

    def _grow(self) -> None:
        grown: Future[None] = Future()
        self._loop.call_soon_threadsafe(self._enlarge, grown)
        grown.result()

    def _write(self, step: Step, appends: Sequence[Append]) -> list[list[int]]:
        """Lay the group out by log and partition; the first offsets of each append's chunks."""
        answers = []
        ends: dict[Stored, list[int]] = {}
        parts: dict[tuple[Stored, int], list[Chunk]] = {}
        for log, chunks, _, _ in appends:
            end = ends.get(log)
            if end is None:
                end = ends[log] = list(step.meta(log).end)
            answer = []
            for partition, chunk in chunks:
                answer.append(end[partition])
                end[partition] += chunk.events
                parts.setdefault((log, partition), []).append(chunk)
            answers.append(answer)
        now = self._clock()
        sizes = {log: list(step.meta(log).sizes) for log in ends}
        for (log, partition), added in parts.items():
            meta = step.meta(log)
            for value in lay_out(added, meta.end[partition]):
                sizes[log][partition] += _put(step, KEY.pack(meta.id, partition, value.last), encode(value, now))
        for log, end in ends.items():
            meta = step.meta(log)
            step.save(log, Meta(meta.id, meta.first, end, sizes[log]))
        return answers


def _put(step: Step, key: bytes, value: bytes) -> int:
    """Store a chunk and return the size of its body.

    At the end of the table LMDB fills its pages instead of leaving each half empty; elsewhere it says no and stores
    nothing. What is stored is never overwritten.
    """
    db = step.tables.events
    if not step.txn.put(key, value, append=True, db=db) and not step.txn.put(key, value, overwrite=False, db=db):
        raise StoreError("there is a chunk already where the next one belongs: the log is damaged")
    return len(value) - HEAD.size
