"""Work beside the event loop."""

import asyncio
import threading

import pytest

from bridge.controlplane.aside import Aside
from bridge.errors import InvalidInput, Overloaded


async def test_it_returns_or_raises_what_the_work_does() -> None:
    """In a thread that is not the event loop's."""
    aside = Aside()
    assert await aside.do(threading.get_ident) != threading.get_ident()

    def fail() -> None:
        raise InvalidInput("no")

    with pytest.raises(InvalidInput, match="no"):
        await aside.do(fail)


async def test_one_after_the_other() -> None:
    """However many ask, one thread works."""
    aside, gate, order = Aside(), threading.Event(), []

    def first() -> None:
        gate.wait(10)
        order.append(1)

    asked = [asyncio.ensure_future(aside.do(work)) for work in (first, lambda: order.append(2))]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(*asked)
    assert order == [1, 2]


async def test_too_many_are_told_to_come_back() -> None:
    """The next one is taken again once one is done, or does not wait any more."""
    aside, gate = Aside(most=2), threading.Event()
    waiting = [asyncio.ensure_future(aside.do(lambda: gate.wait(10))) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded) as caught:
        await aside.do(lambda: None)
    assert caught.value.after_s > 0
    waiting[1].cancel()
    await asyncio.wait(waiting[1:])
    gate.set()
    assert await aside.do(lambda: 7) == 7
    assert await waiting[0]
