"""A bus log in memory: forgets with the process. For tests, and for buses that may."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from bridge.errors import Conflict
from bridge.model.clock import Clock, system_clock
from bridge.model.log import Chunk, StoredChunk
from bridge.stores.bus.base import Bounds, BusLog, Offsets, Usage, check_cursor_name
from bridge.stores.bus.lifetime import EndingLog, NamedLogs, dropped


class _Partition:
    """Chunks in order; ``first`` is the first kept offset, ``end`` the next free one."""

    def __init__(self) -> None:
        self.chunks: list[StoredChunk] = []
        self.end = 0

    @property
    def first(self) -> int:
        return self.chunks[0].offset if self.chunks else self.end

    @property
    def size_bytes(self) -> int:
        return sum(len(chunk.body) for chunk in self.chunks)


class MemoryBusLog(EndingLog):
    def __init__(self, name: str, partitions: int, clock: Clock) -> None:
        super().__init__(name)
        self._clock = clock
        self._kept: list[_Partition] = []
        self._cursors: dict[str, dict[int, int]] = {}
        self.grow(partitions)

    def grow(self, partitions: int) -> None:
        self._kept += [_Partition() for _ in range(partitions - len(self._kept))]
        self.partitions = len(self._kept)

    async def append(self, chunks: Sequence[tuple[int, Chunk]]) -> list[int]:
        self._check()
        for partition, chunk in chunks:
            self._check_partition(partition)
            if chunk.events < 1:
                raise ValueError(f"a chunk of {chunk.events} events")
        now = self._clock()
        offsets = []
        for partition, chunk in chunks:
            kept = self._kept[partition]
            offsets.append(kept.end)
            kept.chunks.append(StoredChunk(kept.end, now, *chunk))
            kept.end += chunk.events
        self._waiters.wake()
        return offsets

    async def read(self, partition: int, offset: int, limit: int) -> list[StoredChunk]:
        self._check()
        self._check_partition(partition)
        kept = self._kept[partition]
        start = max(bisect_right(kept.chunks, offset, key=lambda chunk: chunk.offset) - 1, 0)
        found: list[StoredChunk] = []
        for chunk in kept.chunks[start:]:
            if chunk.end <= offset:
                continue
            if found and chunk.offset >= max(offset, found[0].offset) + limit:
                break
            found.append(chunk)
        return found

    async def wait(self, offsets: Offsets) -> None:
        self._check()
        while not any(self._kept[p].end > max(offset, self._kept[p].first) for p, offset in offsets.items()):
            await self._waiters.turn()
            self._check()

    def bounds(self, partition: int) -> Bounds:
        kept = self._kept[partition]
        return Bounds(kept.first, kept.end)

    async def offset_at(self, partition: int, time: float) -> int:
        self._check()
        self._check_partition(partition)
        kept = self._kept[partition]
        found = bisect_left(kept.chunks, time, key=lambda chunk: chunk.time)
        return kept.chunks[found].offset if found < len(kept.chunks) else kept.end

    async def cursor(self, name: str) -> dict[int, int]:
        self._check()
        check_cursor_name(name)
        return dict(self._cursors.get(name, {}))

    async def commit(self, name: str, offsets: Offsets) -> None:
        self._check()
        check_cursor_name(name)
        self._cursors.setdefault(name, {}).update(offsets)

    async def cursors(self) -> list[str]:
        self._check()
        return sorted(self._cursors)

    async def delete_cursor(self, name: str, partitions: Iterable[int] | None = None) -> None:
        self._check()
        check_cursor_name(name)
        known = self._cursors.pop(name, {})
        left = known.keys() - set(known if partitions is None else partitions)
        if left:
            self._cursors[name] = {partition: known[partition] for partition in left}

    async def trim(self, *, before: float | None = None, keep_bytes: int | None = None) -> int:
        self._check()
        deleted = 0
        for kept in self._kept:
            while kept.chunks and before is not None and kept.chunks[0].time < before:
                deleted += kept.chunks.pop(0).events
        if keep_bytes is not None:
            deleted += self._trim_to(keep_bytes)
        return deleted

    def _trim_to(self, keep_bytes: int) -> int:
        """Oldest chunks first, over all partitions; the last chunk of each stays."""
        deleted = 0
        size = sum(kept.size_bytes for kept in self._kept)
        while size > keep_bytes:
            long = [kept for kept in self._kept if len(kept.chunks) > 1]
            if not long:
                break
            chunk = min(long, key=lambda kept: kept.chunks[0].time).chunks.pop(0)
            size -= len(chunk.body)
            deleted += chunk.events
        return deleted

    async def usage(self) -> Usage:
        self._check()
        times = [kept.chunks[0].time for kept in self._kept if kept.chunks]
        events = sum(kept.end - kept.first for kept in self._kept)
        return Usage(events, sum(kept.size_bytes for kept in self._kept), min(times, default=None))


class MemoryBusStore(NamedLogs[MemoryBusLog]):
    durable = False

    def __init__(self, clock: Clock = system_clock) -> None:
        super().__init__()
        self._clock = clock
        self._closed = False  # there is nothing to open

    async def open(self) -> None:
        """Nothing to take hold of."""

    async def close(self) -> None:
        self._end_all()

    async def create(self, name: str, partitions: int) -> BusLog:
        self._check()
        log = self._logs.get(name)
        if log is None:
            log = self._logs[name] = MemoryBusLog(name, partitions, self._clock)
        elif partitions < log.partitions:
            raise Conflict(f"the log {name} has {log.partitions} partitions; they cannot become {partitions}")
        log.grow(partitions)
        return log

    async def drop(self, name: str) -> None:
        self._check()
        log = self._logs.pop(name, None)
        if log is not None:
            log.end(lambda: dropped(name))
