"""A circuit breaker: whether a target is worth trying at all. Pure; its memory does not grow.

It is *closed* while deliveries flow. When most of what was tried lately failed it *opens*: nothing is tried for a while.
Then it is *half-open*: one delivery at a time is a probe. One that is taken closes it, one that fails opens it again.

Ask ``wait_s``; when it is 0, call ``began`` before anything else is done and ``record`` when the send has ended, or
``abandoned`` when it came to no end. Times are seconds since the epoch. A clock that is set back makes no wait longer.
"""

from typing import Literal, NamedTuple

State = Literal["closed", "open", "half-open"]

BUCKETS = 10
"""The window is counted in so many parts; the oldest one is forgotten as a whole."""
RESOLUTION_S = 1e-6
"""No wait is shorter: a clock of seconds since the epoch is no finer."""
PROBE_S = 1.0
"""How long to wait before asking again while a probe is under way."""
LONGEST_GAP_S = 86_400.0
"""Between two failures no more counts as time of failing: a target that is hardly used, or a clock that jumps."""


class BreakerSettings(NamedTuple):
    """When a breaker opens: of at least ``requests`` in the last ``window_s``, the share ``failures`` failed."""

    window_s: float = 300.0
    requests: int = 10
    failures: float = 0.7
    half_open_s: float = 30.0
    """How long it stays open before a probe."""


USUAL = BreakerSettings()


class Breaker:
    """``since``: when it came to its state; None while it never changed.

    ``failing_since``: when the first of nothing but failures was recorded; None after a success.
    """

    def __init__(self, settings: BreakerSettings = USUAL) -> None:
        self._settings = settings
        self._window = _Window(settings.window_s / BUCKETS)
        self._now = float("-inf")
        self._opened = 0.0
        self._last_failure = 0.0
        self.state: State = "closed"
        self.since: float | None = None
        self.probing = False
        self.failing_since: float | None = None
        self.failing_s = 0.0
        """For how long there was nothing but failures, from the first to the last; a gap counts for a day at most."""

    def wait_s(self, now: float) -> float:
        """How long until something may be tried; 0: now."""
        self._see(now)
        if self.state == "open":
            left_s = self._opened + self._settings.half_open_s - now
            if left_s > RESOLUTION_S:
                return left_s
            self._become("half-open", now)
        return PROBE_S if self.probing else 0.0

    def began(self, now: float) -> None:
        """A send begins. While half-open it is the probe, and the only one."""
        self._see(now)
        self.probing = self.state == "half-open"

    def abandoned(self) -> None:
        """A send came to no end: it was cancelled. If it was the probe, another one may be."""
        self.probing = False

    def record(self, ok: bool, now: float) -> None:
        """A send has ended."""
        self._see(now)
        self._count_failing(ok, now)
        match self.state:
            case "closed":
                self._window.add(ok, now)
                if not ok and self._most_failed():
                    self._open(now)
            case "half-open":
                if ok:
                    self._window.clear()
                    self._become("closed", now)
                else:
                    self._open(now)
            case "open":
                pass  # it was begun before

    def _most_failed(self) -> bool:
        tried, failures = self._window.total()
        return tried >= self._settings.requests and failures >= self._settings.failures * tried

    def _count_failing(self, ok: bool, now: float) -> None:
        if ok:
            self.failing_since, self.failing_s = None, 0.0
            return
        if self.failing_since is None:
            self.failing_since = now
        else:
            self.failing_s += min(max(0.0, now - self._last_failure), LONGEST_GAP_S)
        self._last_failure = now

    def _open(self, now: float) -> None:
        self._opened = now
        self._become("open", now)

    def _become(self, state: State, now: float) -> None:
        self.state, self.since, self.probing = state, now, False

    def _see(self, now: float) -> None:
        """Where the clock was set back, what it said before is set back with it."""
        back_s = self._now - now
        self._now = now
        if 0 < back_s < float("inf"):
            self._opened -= back_s
            self._last_failure -= back_s
            self._window.set_back(back_s)
            self.since = self.since - back_s if self.since is not None else None
            self.failing_since = self.failing_since - back_s if self.failing_since is not None else None


class _Window:
    """How many were tried lately, and how many of them failed: counts in a ring, each for a part of the time."""

    def __init__(self, part_s: float) -> None:
        self._part_s = part_s
        self._parts = [(0, 0)] * BUCKETS
        self._end = 0.0
        """When the newest part ends."""

    def add(self, ok: bool, now: float) -> None:
        self._turn(now)
        tried, failures = self._parts[-1]
        self._parts[-1] = (tried + 1, failures + (not ok))

    def total(self) -> tuple[int, int]:
        """Tried and failed, until what was added last."""
        return sum(tried for tried, _ in self._parts), sum(failures for _, failures in self._parts)

    def clear(self) -> None:
        self._parts = [(0, 0)] * BUCKETS

    def set_back(self, back_s: float) -> None:
        self._end -= back_s

    def _turn(self, now: float) -> None:
        if now < self._end:
            return
        passed = int((now - self._end) // self._part_s) + 1
        self._parts = self._parts[min(passed, BUCKETS) :] + [(0, 0)] * min(passed, BUCKETS)
        self._end += passed * self._part_s
