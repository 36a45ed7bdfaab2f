"""Wakes whoever waits for the time to come."""

import asyncio

from bridge.rocketmq.bell import Bell


async def test_a_ring_wakes() -> None:
    """Long before the time."""
    bell = Bell()
    waiting = asyncio.ensure_future(bell.wait(3600))
    await asyncio.sleep(0)
    bell.ring()
    assert await waiting


async def test_a_ring_is_kept_for_the_next_wait() -> None:
    """Several are one."""
    bell = Bell()
    bell.ring()
    bell.ring()
    assert await bell.wait(3600)
    assert not await bell.wait(0)


async def test_the_time_comes() -> None:
    """Without a ring."""
    assert not await Bell().wait(0)
