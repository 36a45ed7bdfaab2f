"""Readers are woken once for each wake, and one that left is forgotten."""

import asyncio

from bridge.stores.waiters import Waiters


async def test_all_who_wait_are_woken_and_late_ones_wait() -> None:
    """A wake is for those that wait then."""
    waiters = Waiters()
    waiters.wake()
    waiting = [asyncio.ensure_future(waiters.turn()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[1].cancel()
    waiters.wake()
    waiters.wake()
    late = asyncio.ensure_future(waiters.turn())
    await asyncio.gather(*waiting, return_exceptions=True)
    assert [w.cancelled() for w in waiting] == [False, True, False]
    assert not late.done()
    waiters.wake()
    await late
    assert not waiters._waiting
