"""How much may be on its way at a time."""

import asyncio

import pytest

from bridge.rocketmq.window import Window


async def waiting(window: Window, size: int = 0) -> "asyncio.Task[None]":
    """A task that wants in, after it has had its turn to try."""
    task = asyncio.ensure_future(window.enter(size))
    await asyncio.sleep(0)
    return task


async def test_a_number_of_calls_fits() -> None:
    """The next one waits until one leaves."""
    window = Window(2, 100)
    await window.enter(1)
    await window.enter(1)
    third = await waiting(window, 1)
    assert not third.done()
    window.leave(1)
    await third
    assert window.in_flight == 2


async def test_a_number_of_bytes_fits() -> None:
    """Large calls wait though there are few."""
    window = Window(10, 100)
    await window.enter(60)
    large = await waiting(window, 60)
    assert not large.done()
    window.leave(60)
    await large


async def test_something_larger_than_the_window_passes_alone() -> None:
    """It would wait for ever otherwise."""
    window = Window(10, 100)
    await window.enter(1000)
    assert not window.try_enter(0)
    window.leave(1000)
    assert window.try_enter(0)


async def test_first_come_first_served() -> None:
    """A small one does not overtake a large one that waits."""
    window = Window(10, 100)
    await window.enter(80)
    large = await waiting(window, 50)
    small = await waiting(window, 1)
    assert not window.try_enter(1)
    assert not small.done()
    window.leave(80)
    await asyncio.gather(large, small)


async def test_who_is_cancelled_while_waiting_takes_no_place() -> None:
    """And lets those behind in."""
    window = Window(2, 100)
    await window.enter(60)
    large = await waiting(window, 90)
    small = await waiting(window, 10)
    large.cancel()
    with pytest.raises(asyncio.CancelledError):
        await large
    await small
    assert window.in_flight == 2


async def test_who_is_cancelled_when_let_in_gives_the_place_back() -> None:
    """Let in and cancelled in the same turn of the loop."""
    window = Window(1, 100)
    await window.enter(0)
    second = await waiting(window)
    window.leave(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert window.in_flight == 0
    assert window.try_enter(0)
