"""The contract of a bus log.

A *bus log* is an append-only sequence of events in each of its partitions. The log never looks inside an event: it
keeps chunks of encoded bytes and counts them. Offsets of a partition start at 0 and are dense; retention removes from
the front and never renumbers.

**Durability.** ``append`` returns when the events survive a crash of the process (and, as far as the disk keeps its
word, of the machine). Appends of many callers may be grouped into one commit; all of a caller's chunks commit together
or not at all. A crash leaves a prefix of what was appended that covers everything acknowledged.

**Order.** Two appends to one partition, the second started after the first returned, keep that order. Concurrent ones
are ordered somehow. Chunks given in one call keep their order within a partition. Neighbours of one format may come
back joined into one chunk.

**Reading.** Readers never block writers. A read returns whole chunks as stored, so its first chunk may begin before the
offset asked for and the last may end past the limit; it never returns an empty list when there is something to read.
Nothing is parsed. Events appear to readers once durable, never before.

**Waiting.** Readers are woken, not polled: ``wait`` returns as soon as a partition holds something at or behind the
given offset.

**Sharing.** Several processes may share a log, where the store says so (``is_shared``): its partitions are divided among
them, each is read by one process, and ``divide`` moves them when a process comes or goes. Appends go to any partition
from anywhere.

**Cursors.** A cursor is a named set of positions, one per partition, each the offset of the next event to read. The
store keeps them; it does not judge them. Commits of cursors may be lost by a crash of the machine for up to a second
(the reader then sees events again), but never run ahead of what was committed.

**Errors.** StoreUnavailable: not now (full disk, closing): nothing of the call was stored, try again. StoreError: the
log is damaged or in use by another process; the message says what and what to do. NotFound: no such log. Errors of one
log never harm another. Cancelling an ``append`` leaves open whether it was stored, as losing the answer would.

All methods belong to one event loop. Implementations: ``memory.MemoryBusStore``, ``lmdb.LmdbBusStore``,
``rocketmq.RocketMqBusStore``; one contract suite (tests/contract/test_bus_store.py) runs on each.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from bridge.errors import InvalidInput
from bridge.model.log import Chunk, StoredChunk

CURSOR_NAME_BYTES = 400

Offsets = Mapping[int, int]
"""Partition to offset."""


def check_cursor_name(name: str) -> None:
    """Raises InvalidInput."""
    if not 0 < len(name.encode()) <= CURSOR_NAME_BYTES:
        raise InvalidInput(f"the name of a cursor has 1 to {CURSOR_NAME_BYTES} bytes, not {len(name.encode())}")


class Bounds(NamedTuple):
    """What a partition holds: offsets ``first`` to ``end`` - 1. ``first == end`` when it is empty."""

    first: int
    end: int


class Usage(NamedTuple):
    """What a log takes: events kept, their encoded bytes, and the time of the oldest (None when empty)."""

    events: int
    size_bytes: int
    oldest: float | None


class BusLog(ABC):
    """The log of one bus. Got from BusStore; valid until the store closes or the log is dropped."""

    name: str
    partitions: int
    is_shared: bool = False
    """Whether other processes may read this log, too: then each reads its own partitions, see ``here``."""

    @property
    def here(self) -> frozenset[int]:
        """The partitions that this process reads. Where a log is shared it changes in ``divide`` alone."""
        return frozenset(range(self.partitions))

    async def until_divided(self) -> None:
        """Of a log that is shared: return once the partitions are to be divided anew, so that ``divide`` is due."""
        await asyncio.Event().wait()

    async def divide(self) -> None:  # noqa: B027 - a hook with a default
        """Give back the partitions that others shall read and take those that are this process's now.

        Call it while nothing reads here and every cursor is committed. Raises StoreUnavailable.
        """

    @abstractmethod
    async def append(self, chunks: Sequence[tuple[int, Chunk]]) -> list[int]:
        """Append chunks (partition, chunk) as one whole; returns the offset of each chunk's first event.

        Durable when it returns. Raises StoreUnavailable, StoreError, NotFound (dropped meanwhile, or no such partition).
        """

    @abstractmethod
    async def read(self, partition: int, offset: int, limit: int) -> list[StoredChunk]:
        """Chunks from the one that holds ``offset`` on, until ``limit`` events (at least one chunk if there is any).

        Below the first kept offset it starts at the first kept one; at the end it returns an empty list. It may return
        fewer where events are large: some megabytes are enough at a time.
        """

    @abstractmethod
    async def wait(self, offsets: Offsets) -> None:
        """Return once some partition of ``offsets`` holds an event at or behind its offset (at once if it does)."""

    @abstractmethod
    def bounds(self, partition: int) -> Bounds:
        """First kept and next free offset; immediate, never blocks."""

    @abstractmethod
    async def offset_at(self, partition: int, time: float) -> int:
        """The lowest offset whose chunk was appended at or after ``time`` (epoch seconds); the end if there is none."""

    @abstractmethod
    async def cursor(self, name: str) -> dict[int, int]:
        """The committed positions of a cursor; empty if it was never committed."""

    @abstractmethod
    async def commit(self, name: str, offsets: Offsets) -> None:
        """Set positions of a cursor; partitions that are not named keep theirs."""

    @abstractmethod
    async def cursors(self) -> list[str]:
        """The names of the log's cursors, sorted."""

    @abstractmethod
    async def delete_cursor(self, name: str, partitions: Iterable[int] | None = None) -> None:
        """Forget a cursor, or its positions in these partitions; no error if there is none. Without any, it is gone."""

    @abstractmethod
    async def trim(self, *, before: float | None = None, keep_bytes: int | None = None) -> int:
        """Delete whole chunks from the front: appended before that time, or until at most ``keep_bytes`` are kept.

        Returns the number of events deleted. Never deletes a part of a chunk, never the last chunk of a partition by
        size. Appends go on meanwhile.
        """

    @abstractmethod
    async def usage(self) -> Usage:
        """What the log takes now."""


class BusStore(ABC):
    """Keeps the logs of all buses. ``open`` before anything else; ``close`` ends it and lets appends under way finish."""

    durable: bool
    """Whether events survive the process."""

    retention: Literal["ours", "broker"] = "ours"
    """Whether ``trim`` deletes events, or somebody else does, by rules of his own."""

    @abstractmethod
    async def open(self) -> None:
        """Take hold of the store. Raises StartError: in use by another process, damaged, read-only, newer version."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what was accepted and let go. Further calls raise StoreUnavailable."""

    def problems(self) -> Mapping[str, str]:
        """What does not work at the moment, and why; empty when all is well."""
        return {}

    @abstractmethod
    async def create(self, name: str, partitions: int) -> BusLog:
        """Make a log, or return the existing one; more partitions than before are added, fewer raise Conflict."""

    @abstractmethod
    def log(self, name: str) -> BusLog:
        """The log of that name; immediate. Raises NotFound."""

    @abstractmethod
    def logs(self) -> list[str]:
        """The names of all logs, sorted."""

    @abstractmethod
    async def drop(self, name: str) -> None:
        """Delete a log with its events and cursors; no error if there is none. Waiting readers get NotFound."""
