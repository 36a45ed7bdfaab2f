"""Calls that wait: one timer for all of them, on a clock that the test moves."""

import asyncio
from collections.abc import Callable

import pytest

from bridge.rocketmq.errors import CallTimeout, ConnectionLost
from bridge.rocketmq.frames import Command
from bridge.rocketmq.waiting import Waiting


class Timer:
    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self._when, self.callback, self.cancelled = when, callback, False

    def when(self) -> float:
        return self._when

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """Time, timers and futures of an event loop, moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[Timer] = []
        self.set = 0

    def time(self) -> float:
        return self.now

    def create_future(self) -> asyncio.Future[Command]:
        return asyncio.get_running_loop().create_future()

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        self.timers.append(Timer(when, callback))
        self.set += 1
        return self.timers[-1]

    def advance(self, seconds: float) -> None:
        self.now += seconds
        due = [timer for timer in self.timers if timer.when() <= self.now]
        self.timers = [timer for timer in self.timers if timer.when() > self.now]
        for timer in due:
            if not timer.cancelled:
                timer.callback()


@pytest.fixture
def loop() -> Loop:
    return Loop()


@pytest.fixture
def waiting(loop: Loop) -> Waiting:
    return Waiting(loop)  # type: ignore[arg-type]


async def test_an_answer_settles_its_call(waiting: Waiting) -> None:
    """By opaque; others go on waiting."""
    first, second = waiting.add(1, 3), waiting.add(2, 3)
    waiting.settle(Command(0, 2))
    assert second.result() == Command(0, 2)
    assert not first.done()
    assert len(waiting) == 1


async def test_unexpected_answers_are_passed_over(waiting: Waiting) -> None:
    """Nobody asked, nobody waits any more, or it was cancelled."""
    dropped, cancelled = waiting.add(1, 3), waiting.add(2, 3)
    waiting.drop(1)
    cancelled.cancel()
    for opaque in (1, 2, 3):
        waiting.settle(Command(0, opaque))
    assert not dropped.done()
    assert len(waiting) == 0


async def test_each_call_has_its_own_deadline(waiting: Waiting, loop: Loop) -> None:
    """Whatever the order in which they were made."""
    slow, quick = waiting.add(1, 10), waiting.add(2, 3)
    loop.advance(2.9)
    assert not quick.done()
    loop.advance(0.1)
    with pytest.raises(CallTimeout, match="no answer within 3 s"):
        quick.result()
    assert not slow.done()
    loop.advance(7)
    assert isinstance(slow.exception(), CallTimeout)
    assert len(waiting) == 0


async def test_one_timer_serves_many_calls(waiting: Waiting, loop: Loop) -> None:
    """Calls that are answered in time set no timers of their own."""
    for opaque in range(1000):
        waiting.add(opaque, 3)
        waiting.settle(Command(0, opaque))
    assert loop.set == 1
    late = waiting.add(1000, 3.5)
    loop.advance(3)
    assert loop.set == 2
    assert not late.done()
    loop.advance(0.5)
    assert late.done()
    assert isinstance(late.exception(), CallTimeout)


async def test_a_cancelled_call_that_expires(waiting: Waiting, loop: Loop) -> None:
    """Is forgotten like any other."""
    waiting.add(1, 3).cancel()
    loop.advance(3)
    assert len(waiting) == 0


async def test_all_fail_at_once(waiting: Waiting, loop: Loop) -> None:
    """Each with an error of its own; the timer is gone, and later calls may be added."""
    calls = [waiting.add(1, 3), waiting.add(2, 3)]
    waiting.add(3, 3).cancel()
    waiting.fail(lambda: ConnectionLost("gone"))
    errors = [call.exception() for call in calls]
    assert all(isinstance(error, ConnectionLost) for error in errors)
    assert errors[0] is not errors[1]
    assert all(timer.cancelled for timer in loop.timers)
    waiting.fail(lambda: ConnectionLost("again"))
    later = waiting.add(4, 1)
    loop.advance(1)
    assert isinstance(later.exception(), CallTimeout)
