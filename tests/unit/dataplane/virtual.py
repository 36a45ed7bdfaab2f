"""Time that passes only when nobody has anything else to do."""

import asyncio
import heapq
from collections.abc import Callable
from itertools import count


class VirtualTime:
    """``now`` in seconds; ``sleep`` ends when the test lets time pass."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        self.now = now
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._numbers), future))
        await future

    async def settle(self) -> None:
        """Let everybody do what can be done now."""
        for _ in range(50):
            await asyncio.sleep(0)

    async def until(self, holds: Callable[[], bool], longest_s: float = 1e9) -> None:
        """Let time pass until something holds; fails when nothing could change any more."""
        end = self.now + longest_s
        await self.settle()
        while not holds():
            assert await self._next(end) or holds(), "nobody waits for anything"

    async def advance(self, seconds: float) -> None:
        """Let so much time pass."""
        end = self.now + seconds
        await self.settle()
        while await self._next(end):
            pass
        self.now = end

    async def _next(self, end: float) -> bool:
        """Wake the next sleeper, if there is one by then; those who are busy may still become one."""
        for _ in range(40):
            while self._sleepers and self._sleepers[0][2].done():
                heapq.heappop(self._sleepers)
            if self._sleepers:
                break
            await self.settle()
        if not self._sleepers or self._sleepers[0][0] > end:
            return False
        due, _, future = heapq.heappop(self._sleepers)
        self.now = max(self.now, due)
        future.set_result(None)
        await self.settle()
        return True
