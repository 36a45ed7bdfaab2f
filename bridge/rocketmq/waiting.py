"""Calls whose answer is due: found by ``opaque``, each with its deadline, all with one timer.

A timer of its own for every call would cost more than the rest of a call. The one timer stands at the earliest deadline
it was set for; what was answered in the meantime it simply does not find any more.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from bridge.rocketmq.errors import CallTimeout, RocketMQError
from bridge.rocketmq.frames import Command


class _Call(NamedTuple):
    answer: "asyncio.Future[Command]"
    deadline: float
    timeout_s: float


class Waiting:
    """Belongs to one connection. ``loop`` gives time, timers and futures."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._calls: dict[int, _Call] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, opaque: int, timeout_s: float) -> "asyncio.Future[Command]":
        """The answer to the request ``opaque``; the future fails with CallTimeout after ``timeout_s``."""
        deadline = self._loop.time() + timeout_s
        call = _Call(self._loop.create_future(), deadline, timeout_s)
        self._calls[opaque] = call
        if self._timer is None or deadline < self._timer.when():
            self._set_timer(deadline)
        return call.answer

    def settle(self, answer: Command) -> None:
        """An answer came. One that nobody waits for any more is passed over."""
        call = self._calls.pop(answer.opaque, None)
        if call is not None and not call.answer.done():
            call.answer.set_result(answer)

    def drop(self, opaque: int) -> None:
        """Nobody waits for this answer any more."""
        self._calls.pop(opaque, None)

    def fail(self, error: Callable[[], RocketMQError]) -> None:
        """No answer will come: all calls fail, each with an ``error()`` of its own."""
        calls, self._calls = self._calls, {}
        for call in calls.values():
            if not call.answer.done():
                call.answer.set_exception(error())
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(deadline, self._expire)

    def _expire(self) -> None:
        self._timer = None
        now = self._loop.time()
        for opaque, call in list(self._calls.items()):
            if call.deadline <= now:
                del self._calls[opaque]
                if not call.answer.done():
                    call.answer.set_exception(CallTimeout(f"no answer within {call.timeout_s:g} s"))
        if self._calls:
            self._set_timer(min(call.deadline for call in self._calls.values()))
