"""One answer for all who ask the same at the same time. Belongs to one event loop."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Together(Generic[T]):
    """Nobody gets the answer of a question that was begun before he asked: what was true by then, it tells."""

    def __init__(self, ask: Callable[[], Awaitable[T]]) -> None:
        self._ask = ask
        self._asking: asyncio.Future[T] | None = None
        self._next: asyncio.Future[T] | None = None

    async def answer(self) -> T:
        """Raises what the question raises."""
        if self._next is None:
            self._next = asyncio.ensure_future(self._ask_behind(self._asking))
        return await asyncio.shield(self._next)

    async def _ask_behind(self, before: "asyncio.Future[T] | None") -> T:
        if before is not None:
            await asyncio.wait((before,))
        self._asking, self._next = self._next, None
        return await self._ask()
