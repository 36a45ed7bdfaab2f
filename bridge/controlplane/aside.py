"""Long work beside the event loop: one piece after the other, so that however many ask, events keep flowing."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from bridge.errors import Overloaded

T = TypeVar("T")


class Aside:
    """One thread. Work must end by itself: who stops waiting does not stop it."""

    def __init__(self, most: int = 32) -> None:
        """``most``: how many may wait at once."""
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="aside")
        self._free = most

    async def do(self, work: Callable[[], T]) -> T:
        """What ``work`` returns or raises. Raises Overloaded when too many wait already."""
        if not self._free:
            raise Overloaded("too many questions wait for their answer already", after_s=2)
        self._free -= 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self._free += 1
