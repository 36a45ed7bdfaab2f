"""Tasks that live as long as a block."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import structlog

log = structlog.get_logger()


@asynccontextmanager
async def background(work: Coroutine[Any, Any, None], failed: asyncio.Event) -> AsyncIterator["asyncio.Task[None]"]:
    """A task that lives as long as the block. ``failed`` is set when it fails."""
    task = asyncio.ensure_future(work)

    def ended(_: "asyncio.Task[None]") -> None:
        if not task.cancelled() and task.exception() is not None:
            log.error("a part of the service failed", exc_info=task.exception())
            failed.set()

    task.add_done_callback(ended)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait((task,))
