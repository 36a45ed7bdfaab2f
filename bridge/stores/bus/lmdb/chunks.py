"""How a log lies in LMDB, and how to find something in it.

A value is a chunk: a head, then the bytes of one or more appended chunks of one format, joined. Its key is (log,
partition, offset of its last event), so that one seek finds the chunk that holds an offset. What is known about a whole
log (``Meta``) is one small record, written with each commit, so that neither opening nor ``usage`` counts chunks.

The functions here run inside a transaction of the caller with ``buffers=True``; they copy what they return, because a
view outlives its transaction only by luck.
"""

import struct
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from bridge.errors import StoreError
from bridge.model.log import Chunk, Format, StoredChunk

KEY = struct.Struct(">IHQ")  # log, partition, last offset: big-endian, so that keys sort as numbers
HEAD = struct.Struct(">BxxxId")  # format, events, time
VALUE_EVENTS = 256
"""A value is closed once it has this many events: a reader's step stays short, however large a commit was."""
READ_BYTES = 4 * 2**20
"""A read ends here, whatever its limit: large events must not fill the memory."""
FORMATS = {int(form): form for form in Format}

Cursor = Any
"""LMDB's word for a place in a table: an ``lmdb.Cursor``, nothing to do with the cursors of a bus."""


class Meta(msgspec.Struct, frozen=True):
    """What is stored about a log: its number, and per partition the first kept and next free offset and the bytes."""

    id: int
    first: list[int]
    end: list[int]
    sizes: list[int]

    def with_partitions(self, count: int) -> "Meta":
        added = [0] * (count - len(self.end))
        return Meta(self.id, self.first + added, self.end + added, self.sizes + added)


class Value(NamedTuple):
    """Chunks of one commit that share partition and format, on their way to become one value."""

    first: int
    format: Format
    bodies: list[bytes]
    events: int

    @property
    def last(self) -> int:
        return self.first + self.events - 1


def lay_out(chunks: Iterable[Chunk], offset: int) -> list[Value]:
    """Join neighbours of one format; ``offset`` is that of the first event."""
    values: list[Value] = []
    for form, events, body in chunks:
        if values and values[-1].format is form and values[-1].events < VALUE_EVENTS:
            first, _, bodies, before = values[-1]
            bodies.append(body)
            values[-1] = Value(first, form, bodies, before + events)
        else:
            values.append(Value(offset, form, [body], events))
        offset += events
    return values


def encode(value: Value, time: float) -> bytes:
    """In one copy: bodies may be long."""
    head = HEAD.pack(value.format, value.events, time)
    joint = value.format.joint
    if not joint or len(value.bodies) == 1:
        return b"".join((head, *value.bodies))
    return head + joint.join(value.bodies)


class Head(NamedTuple):
    """What a chunk is, without its body. ``size`` is that of the body."""

    first: int
    end: int
    time: float
    size: int


def _damaged(partition: int, offset: int) -> StoreError:
    return StoreError(f"the log is damaged at partition {partition}, offset {offset}")


def find(cursor: Cursor, log: int, partition: int, offset: int) -> Head | None:
    """The chunk that holds an offset, or the next kept one; the LMDB cursor then stands on it."""
    if not cursor.set_range(KEY.pack(log, partition, offset)):
        return None
    at_log, at_partition, last = KEY.unpack(cursor.key())
    if (at_log, at_partition) != (log, partition):
        return None
    value = cursor.value()
    _, events, time = HEAD.unpack_from(value)
    if not 0 < events <= last + 1:
        raise _damaged(partition, last)
    return Head(last + 1 - events, last + 1, time, len(value) - HEAD.size)


def read(cursor: Cursor, log: int, partition: int, offsets: range, limit: int) -> list[StoredChunk]:
    """Chunks from the one that holds the first of ``offsets`` on; see BusLog.read."""
    found: list[StoredChunk] = []
    if not cursor.set_range(KEY.pack(log, partition, offsets.start)):
        return found
    until = size = 0
    for key, value in cursor.iternext():
        at_log, at_partition, last = KEY.unpack(key)
        if at_log != log or at_partition != partition or last >= offsets.stop:
            break
        form, events, time = HEAD.unpack_from(value)
        first = last + 1 - events
        if not found:
            until = max(first, offsets.start) + limit
        elif first >= until or size >= READ_BYTES:
            break
        if form not in FORMATS or first < 0 or events == 0:
            raise _damaged(partition, last)
        found.append(StoredChunk(first, time, FORMATS[form], events, bytes(value[HEAD.size :])))
        size += len(value)
    return found


def find_time(cursor: Cursor, log: int, partition: int, offsets: range, time: float) -> int:
    """The lowest of ``offsets`` whose chunk was appended at or after ``time``, else their end: by halves.

    A clock that was set back leaves a stretch where the answer is one of several that are right.
    """
    head = find(cursor, log, partition, offsets.start)
    if head is None or head.first >= offsets.stop:
        return offsets.stop
    low, high = head.first, offsets.stop
    while low < high:
        middle = (low + high) // 2
        head = find(cursor, log, partition, middle)
        if head is None or head.first > middle:
            raise _damaged(partition, middle)
        low, high = (low, head.first) if head.time >= time else (head.end, high)
    return low


def oldest(cursor: Cursor, meta: Meta) -> float | None:
    """The time of the oldest chunk of a log; None when it is empty."""
    heads = (find(cursor, meta.id, p, first) for p, first in enumerate(meta.first) if first < meta.end[p])
    return min((head.time for head in heads if head is not None), default=None)
