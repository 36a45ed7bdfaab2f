"""Timers in memory: forgotten with the process. For tests, and for buses that may."""

from bisect import bisect_right, insort
from collections.abc import Iterable, Sequence
from itertools import islice

from msgspec.structs import replace

from bridge.errors import NotFound, StoreUnavailable
from bridge.stores.timers.base import Load, Place, Timer, Timers


class _Queue:
    """Timers by id, and their places in order."""

    def __init__(self) -> None:
        self.timers: dict[str, Timer] = {}
        self._places: list[Place] = []

    def put(self, timer: Timer) -> None:
        self.remove(timer.id)
        self.timers[timer.id] = timer
        insort(self._places, timer.place)

    def remove(self, timer_id: str) -> bool:
        timer = self.timers.pop(timer_id, None)
        if timer is not None:
            del self._places[bisect_right(self._places, timer.place) - 1]
        return timer is not None

    def behind(self, after: Place | None) -> Iterable[Timer]:
        start = 0 if after is None else bisect_right(self._places, after)
        return (self.timers[timer_id] for _, timer_id in islice(self._places, start, None))


class MemoryTimers(Timers):
    def __init__(self) -> None:
        self._queues: dict[str, _Queue] = {}
        self._closed = False

    async def open(self) -> None:
        self._closed = False

    async def close(self) -> None:
        self._closed = True

    async def add(self, timers: Sequence[Timer]) -> None:
        self._check()
        for timer in timers:
            self._queues.setdefault(timer.queue, _Queue()).put(timer)

    async def due(self, queue: str, now: float, limit: int, after: Place | None = None) -> list[Timer]:
        return [timer for timer in islice(self._find(queue).behind(after), limit) if timer.due <= now]

    async def next_due(self, queue: str) -> float | None:
        first = next(iter(self._find(queue).behind(None)), None)
        return None if first is None else first.due

    async def get(self, queue: str, timer_id: str) -> Timer:
        found = self._find(queue).timers.get(timer_id)
        if found is None:
            raise NotFound(f"nothing with the id {timer_id} waits in {queue}")
        return found

    async def count(self, queue: str) -> int:
        return len(self._find(queue).timers)

    async def loads(self, prefix: str) -> dict[str, Load]:
        found = {}
        for name in await self.queues(prefix):
            first = await self.next_due(name)
            if first is not None:
                found[name] = Load(await self.count(name), first)
        return found

    async def remove(self, queue: str, ids: Sequence[str]) -> int:
        found = self._find(queue)
        return sum(found.remove(timer_id) for timer_id in ids)

    async def move(self, queue: str, group: str, due: float) -> int:
        found = self._find(queue)
        moved = [timer for timer in found.timers.values() if timer.group == group]
        for timer in moved:
            found.put(replace(timer, due=due))
        return len(moved)

    async def drop(self, queue: str) -> int:
        self._check()
        return len(self._queues.pop(queue, _Queue()).timers)

    async def tidy(self) -> bool:
        self._check()
        return False

    async def queues(self, prefix: str = "") -> list[str]:
        self._check()
        return sorted(name for name in self._queues if name.startswith(prefix))

    async def groups(self, queue: str) -> list[str]:
        return list({timer.group for timer in self._find(queue).timers.values()} - {""})

    async def list(
        self, queue: str, limit: int, after: Place | None = None, *, group: str | None = None
    ) -> list[Timer]:
        found = (timer for timer in self._find(queue).behind(after) if group in {None, timer.group})
        return list(islice(found, limit))

    def _find(self, queue: str) -> _Queue:
        self._check()
        return self._queues.get(queue) or _Queue()

    def _check(self) -> None:
        if self._closed:
            raise StoreUnavailable("the store of timers is closed")
