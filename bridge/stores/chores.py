"""Tasks that a store owns: begun from anywhere, ended with it. Belongs to one event loop."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

T = TypeVar("T")
log = structlog.get_logger()


class Chores:
    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def begin(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Run ``work`` until it ends or ``close`` ends it. That it fails is told to who waits for it, if anybody does."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()

    def run(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """The same for work that nobody waits for: that it fails is a bug, and is logged."""
        task = self.begin(work)
        task.add_done_callback(_report)
        return task

    async def close(self) -> None:
        """End all of them, and wait for that."""
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)


def _report(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("a part of a store failed", exc_info=error)
