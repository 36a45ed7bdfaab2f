"""How much may be on its way at a time: a number of calls and of bytes. Who comes when it is full waits in order."""

import asyncio
from collections import deque


class Window:
    """Entered before a call, left after it. Something larger than the whole window passes when it is empty."""

    def __init__(self, calls: int, size_bytes: int) -> None:
        self._calls = calls
        self._bytes = size_bytes
        self._in_flight = 0
        self._in_flight_bytes = 0
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()

    @property
    def in_flight(self) -> int:
        return self._in_flight

    def try_enter(self, size: int) -> bool:
        """Enter if there is room and nobody waits."""
        if self._waiting or not self._fits(size):
            return False
        self._take(size)
        return True

    async def enter(self, size: int) -> None:
        """Enter, as soon as there is room and all who came before are in."""
        if self.try_enter(size):
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, size))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave(size)
            else:
                self._admit()  # who waits behind may fit
            raise

    def leave(self, size: int) -> None:
        self._in_flight -= 1
        self._in_flight_bytes -= size
        if self._waiting:
            self._admit()

    def _fits(self, size: int) -> bool:
        if not self._in_flight:
            return True
        return self._in_flight < self._calls and self._in_flight_bytes + size <= self._bytes

    def _take(self, size: int) -> None:
        self._in_flight += 1
        self._in_flight_bytes += size

    def _admit(self) -> None:
        while self._waiting:
            turn, size = self._waiting[0]
            if turn.done():  # was cancelled while it waited
                self._waiting.popleft()
            elif self._fits(size):
                self._waiting.popleft()
                self._take(size)
                turn.set_result(None)
            else:
                return
