"""A clock that tests move."""

import asyncio


class ManualClock:
    """Stands still until it is moved; ``sleep`` moves it and lets others run, but takes no time."""

    def __init__(self, now: float = 1_000_000.0) -> None:
        """``now``: seconds since the epoch."""
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)
