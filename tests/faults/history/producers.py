"""Who puts events: a few at a time, one call after the other, each event once, and what became of each is recorded first.

What was answered is known; what was not, may be stored or not. Events of one key come from one producer, and the next
ones only when it is clear what became of the last: so their order is known.
"""

import asyncio
import random
import time
from collections.abc import Sequence

from tests.faults.history.clock import MovedClock
from tests.faults.history.doors import FLAWS, Doors, Parcel, Result
from tests.faults.history.record import History, Numbered, Put
from tests.faults.history.scene import CALM, ROUGH, TYPES

FAR_S = 40 * 86_400.0


class Numbers:
    """Gives each event of a story a number of its own."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> int:
        self._last += 1
        return self._last


class Producer:
    """``name`` tells its keys from those of others; ``pause_s``: how long it rests between two calls, on average."""

    def __init__(
        self, name: str, history: History, numbers: Numbers, clock: MovedClock, dice: random.Random, pause_s: float
    ) -> None:
        self._name = name
        self._history = history
        self._numbers = numbers
        self._clock = clock
        self._dice = dice
        self._pause_s = pause_s

    async def work(self, doors: Doors) -> None:
        """Put events until cancelled; then those that are on their way are not known."""
        while True:
            await asyncio.sleep(self._dice.uniform(0, 2 * self._pause_s))
            await self._put_some(doors)

    async def _put_some(self, doors: Doors) -> None:
        parcels = self._make()
        started = time.monotonic()
        puts = [Put(parcel.event, started) for parcel in parcels]
        self._history.puts |= {put.event.number: put for put in puts}
        results: Sequence[Result] = ()
        try:
            results = await doors.put(parcels, self._dice)
        finally:
            ended = time.monotonic()
            for put in puts:
                put.ended = ended
            for put, result in zip(puts, results, strict=bool(results)):
                put.outcome, put.place = result

    def _make(self) -> list[Parcel]:
        bus = CALM if self._dice.random() < 0.3 else ROUGH
        count = 1 if self._dice.random() < 0.5 else self._dice.randint(2, 9)
        return [self._parcel(bus) for _ in range(count)]

    def _parcel(self, bus: str) -> Parcel:
        dice = self._dice
        kind, key = dice.choice(TYPES[bus]), f"{self._name}{dice.randrange(3)}"
        due = None
        if dice.random() < 0.04:
            due = self._clock.now() + (FAR_S if dice.random() < 0.1 else dice.uniform(0.1, 2.5))
            due, key = int(due * 1000) / 1000, "delayed"  # they come in no order that a test would know
        flaw = dice.choice(FLAWS) if dice.random() < 0.03 else ""
        return Parcel(Numbered(self._numbers.next(), bus, kind, key, due), flaw)
