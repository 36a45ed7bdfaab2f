"""Storing what must not be lost: a store that fails is asked again until it answers."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from bridge.errors import StoreError

log = structlog.get_logger()

T = TypeVar("T")

FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0


async def until_stored(store: Callable[[], Awaitable[T]], what: str, where: str) -> T:
    """Call until it does not fail; each failure is logged. Nothing that depends on it is settled meanwhile."""
    wait_s = FIRST_WAIT_S
    while True:
        try:
            return await store()
        except StoreError as error:
            log.error("a store failed and is asked again", what=what, where=where, reason=str(error))
        await asyncio.sleep(wait_s)
        wait_s = min(2 * wait_s, LONGEST_WAIT_S)
