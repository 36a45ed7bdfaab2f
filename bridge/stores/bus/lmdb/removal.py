"""Taking chunks out of a log, in steps so short that appends go in between.

Retention takes the oldest chunk over all partitions first; a dropped log goes from its front. A log that is being
dropped is noted before its first chunk goes, so that the next start finishes what a crash left.
"""

from collections.abc import Iterator
from heapq import heapify, heappop, heappush
from struct import Struct
from time import monotonic
from typing import Any

from bridge.stores.bus.lmdb.chunks import Head, Meta, find
from bridge.stores.bus.lmdb.writer import Step, Stored

STEP_CHUNKS = 512
STEP_S = 0.005
"""A step ends at either bound."""
NUMBER = Struct(">I")  # of a log: how its keys begin


def _budget() -> Iterator[None]:
    """One turn for each chunk that a step may take."""
    end = monotonic() + STEP_S
    for chunk in range(STEP_CHUNKS):
        if chunk % 16 == 15 and monotonic() > end:
            return
        yield


def trim(step: Step, log: Stored, before: float, keep_bytes: float) -> tuple[int, bool]:
    """One step of BusLog.trim: how many events went, and whether there are more to take."""
    if not step.holds(log):
        return 0, False
    meta = step.meta(log)
    first, sizes = list(meta.first), list(meta.sizes)
    total = sum(sizes)
    events, more = 0, True
    with step.txn.cursor(db=step.tables.events) as cursor:
        heap = _fronts(cursor, meta)
        for _ in _budget():
            while heap and heap[0][0] >= before and heap[0][2].end == meta.end[heap[0][1]]:
                heappop(heap)  # a partition's last chunk goes by age only
            if not heap or (heap[0][0] >= before and total <= keep_bytes):
                more = False
                break
            _, partition, head = heappop(heap)
            find(cursor, meta.id, partition, head.first)
            cursor.delete()
            first[partition] = head.end
            sizes[partition] -= head.size
            total -= head.size
            events += head.end - head.first
            if following := find(cursor, meta.id, partition, head.end):
                heappush(heap, (following.time, partition, following))
    if events:
        step.save(log, Meta(meta.id, first, meta.end, sizes))
    return events, more


def _fronts(cursor: Any, meta: Meta) -> list[tuple[float, int, Head]]:
    """A heap of each partition's oldest chunk: time, partition, head."""
    found = ((partition, find(cursor, meta.id, partition, first)) for partition, first in enumerate(meta.first))
    heap = [(head.time, partition, head) for partition, head in found if head is not None]
    heapify(heap)
    return heap


def forget(step: Step, log: Stored) -> tuple[None, bool]:
    """The log's name is free again; its chunks are noted as waste."""
    step.txn.delete(log.name.encode(), db=step.tables.logs)
    step.txn.put(NUMBER.pack(log.stored.id), b"", db=step.tables.dropped)
    return None, False


def clear(step: Step, number: int) -> tuple[None, bool]:
    """One step of deleting what a dropped log holds, its note last."""
    prefix = NUMBER.pack(number)
    with step.txn.cursor(db=step.tables.events) as cursor:
        alive = cursor.set_range(prefix)
        for _ in _budget():
            if not alive or bytes(cursor.key()[: NUMBER.size]) != prefix:
                step.txn.delete(prefix, db=step.tables.dropped)
                return None, False
            alive = cursor.delete()
    return None, True
