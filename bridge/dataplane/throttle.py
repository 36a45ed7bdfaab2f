"""How much a target may be sent: a rate, a hold that it asked for, and how many sends at a time it can bear. Pure.

Ask ``wait_s``; when it is 0, ``spend`` before anything else is done, so that two workers do not spend the same right.
Times are seconds since the epoch. A clock that is set back makes no wait longer.
"""

from math import ceil

RESOLUTION_S = 1e-6
"""No wait is shorter: a clock of seconds since the epoch is no finer."""
BURST_S = 0.1
"""So much of the rate may go out at once after a pause."""


class Throttle:
    """Over any time, at most ``rate`` times that time is sent, plus one burst and the last send's own events.

    A send may have more events than a burst: what it overdraws is waited for afterwards.
    """

    def __init__(self, rate: float | None, concurrency: int) -> None:
        """``rate`` in events per second; None: any. ``concurrency``: sends at a time that the target is given at most."""
        self.concurrency = concurrency
        self._most = concurrency
        self._rate = rate
        self._burst = max(1.0, rate * BURST_S) if rate is not None else 0.0
        self._rights = self._burst
        self._now = float("-inf")
        self._held_until = float("-inf")
        self._unheard = 0
        self._taken = 0

    def wait_s(self, now: float) -> float:
        """How long until something may be sent; 0: now."""
        self._see(now)
        wait_s = self._held_until - now
        if self._rate is not None and self._rights < 1:
            wait_s = max(wait_s, (1 - self._rights) / self._rate)
        return wait_s if wait_s > RESOLUTION_S else 0.0

    def spend(self, now: float, events: int) -> None:
        """So many events are sent now."""
        self._see(now)
        if self._rate is not None:
            self._rights -= events

    def hold_until(self, time: float) -> None:
        """Nothing is to be sent before; of several holds the last to end counts."""
        self._held_until = max(self._held_until, time)

    def overloaded(self) -> None:
        """The target has too much to do: half as many sends at a time. What was under way by then says it only once."""
        if self._unheard > 0:
            self._unheard -= 1
            return
        self._unheard = self.concurrency - 1
        self._taken = 0
        self.concurrency = max(1, self.concurrency // 2)

    def succeeded(self) -> None:
        """A send was taken: after as many as may be under way, an eighth of all comes back."""
        self._unheard = max(0, self._unheard - 1)
        self._taken += 1
        if self._taken >= self.concurrency:
            self._taken = 0
            self.concurrency = min(self._most, self.concurrency + ceil(self._most / 8))

    def _see(self, now: float) -> None:
        passed = now - self._now
        self._now = now
        if passed < 0:
            self._held_until += passed  # the clock was set back: what is left of a hold stays as long as it was
        elif self._rate is not None:
            self._rights = min(self._burst, self._rights + passed * self._rate)
