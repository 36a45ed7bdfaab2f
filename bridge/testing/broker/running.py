"""A broker with its server, and the timer that lets time pass for it."""

import asyncio
from collections.abc import Callable

from bridge.testing.broker.dispatch import answer
from bridge.testing.broker.requests import Answer, Request
from bridge.testing.broker.server import Server
from bridge.testing.broker.state import Broker
from bridge.testing.broker.users import Users

_LOOK_AGAIN_S = 0.02


class RunningBroker:
    """``failed`` is told of bugs."""

    server: Server

    def __init__(self, broker: Broker, failed: Callable[[Exception], None]) -> None:
        self.broker = broker
        self._failed = failed
        self._timer: asyncio.TimerHandle | None = None

    def carry_out(self, users: Users, request: Request) -> Answer | None:
        try:
            return answer(self.broker, users, request)
        finally:
            self.plan()

    def tick(self) -> None:
        """Do what is due by the broker's clock."""
        self.cancel()
        try:
            self.broker.tick()
        except Exception as error:
            self._failed(error)
        self.plan()

    def plan(self) -> None:
        """Look again when something is due, or soon: the clock may be moved by hand."""
        due_ms = self.broker.next_ms
        if due_ms is None:
            return
        loop = asyncio.get_running_loop()
        delay_s = min(max((due_ms - self.broker.now_ms) / 1000, 0), _LOOK_AGAIN_S)
        when = loop.time() + delay_s
        if self._timer is not None and self._timer.when() <= when:
            return
        self.cancel()
        self._timer = loop.call_at(when, self.tick)

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
