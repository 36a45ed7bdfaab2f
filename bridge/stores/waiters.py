"""Readers that wait for something new, woken instead of polling. Belongs to one event loop."""

import asyncio


class Waiters:
    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()

    async def turn(self) -> None:
        """Return at the next ``wake``; the caller looks again whether it is what it waits for."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiting.add(waiter)
        try:
            await waiter
        finally:
            self._waiting.discard(waiter)

    def wake(self) -> None:
        for waiter in self._waiting:
            if not waiter.done():
                waiter.set_result(None)
