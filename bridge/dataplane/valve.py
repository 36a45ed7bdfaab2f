"""Whether a lane may send now: its rate, what its target asked for, its breaker, and who holds it.

Only one worker of a lane waits at the valve; the others end and are called when it opens.
"""

from typing import Literal, NamedTuple

from bridge.dataplane.breaker import Breaker
from bridge.dataplane.judging import Result
from bridge.dataplane.retry import hold_s
from bridge.dataplane.throttle import Throttle
from bridge.model.rule import TargetSpec

SICK_FOR_S = 120 * 3600.0
"""After so long of nothing but failures a target is paused (Standard Webhooks; Svix)."""

Holder = Literal["paused", "blocked", "retired"]


class Hold(NamedTuple):
    """Nothing is sent until it is released. ``since``: seconds since the epoch."""

    since: float
    reason: str


class Valve:
    """Made with each lane; what it knows of the target's health ends with the lane."""

    def __init__(self, spec: TargetSpec) -> None:
        self._spec = spec
        self._throttle = Throttle(spec.rate, spec.concurrency)
        self.breaker = Breaker()
        self.holds: dict[Holder, Hold] = {}
        self.taken_at = float("-inf")
        """When the target last took anything."""

    @property
    def held(self) -> bool:
        return bool(self.holds)

    @property
    def concurrency(self) -> int:
        """How many sends may be under way: fewer than asked for while the target says that it is overloaded."""
        return self._throttle.concurrency

    def wait_s(self, now: float) -> float:
        """How long nothing may be sent; 0 when it may."""
        return max(self._throttle.wait_s(now), self.breaker.wait_s(now))

    def began(self, events: int, now: float) -> None:
        """So many deliveries go out."""
        self._throttle.spend(now, events)
        self.breaker.began(now)

    @property
    def probing(self) -> bool:
        """Whether the next send is a probe: one delivery is enough."""
        return self.breaker.state != "closed"

    def ended(self, deliveries: int, result: Result) -> None:
        """Learn from an attempt."""
        now = result.ended
        if len(result.failures) < deliveries:
            self.taken_at = now
            self._throttle.succeeded()
        failures = result.failures.values()
        longest_s = max((hold_s(self._spec.retry, failure) for failure in failures), default=0.0)
        if longest_s:
            self._throttle.hold_until(now + longest_s)
        if any(failure.overload for failure in failures):
            self._throttle.overloaded()
        ill = len(failures) == deliveries and any(failure.counts for failure in failures)
        if ill or len(failures) < deliveries or self.breaker.probing:
            self.breaker.record(not ill, now)  # a refusal alone is an answer of a target that is well

    @property
    def sick(self) -> bool:
        """Whether nothing but failures came for too long."""
        return self.breaker.failing_s > SICK_FOR_S

    def reset(self) -> None:
        """Begin as with a target that is well."""
        self.breaker = Breaker()
        self._throttle = Throttle(self._spec.rate, self._spec.concurrency)
