"""The retry policy that a target's ``retry`` comes to: the named ones, and the default.

Users name a policy or write a schedule of their own; either way it comes to a list of waits, ended by whichever comes
first: attempts or age. What they leave out is the policy's own, or else the default's.
"""

from functools import lru_cache
from typing import NamedTuple

from bridge.errors import InvalidConfig
from bridge.model.rule import Retry
from bridge.model.units import Duration

MINUTE_S, HOUR_S, DAY_S = 60.0, 3600.0, 86400.0


class Policy(NamedTuple):
    """A policy as it is carried out; seconds. Attempts count the first one, waits begin when an attempt has ended."""

    waits_s: tuple[float, ...]
    """Of which the last repeats."""
    max_attempts: int
    max_age_s: float
    jitter: float
    retry_after_max_s: float = HOUR_S

    def wait_s(self, attempt: int, jitter: float) -> float:
        """The planned wait after attempt number ``attempt`` (1, 2, ...); ``jitter`` in [-1, 1]."""
        return self.waits_s[min(attempt, len(self.waits_s)) - 1] * (1 + self.jitter * jitter)


DEFAULT = Policy((0.2, 1, 5, 30, 2 * MINUTE_S, 10 * MINUTE_S, 30 * MINUTE_S, HOUR_S), 40, DAY_S, 0.2)

_DOUBLING = tuple(float(2**n) for n in range(10))
"""1 s, 2 s ... 512 s."""

NAMED: dict[str, Policy] = {
    # Three more attempts, each after 10 to 20 s.
    "BACKOFF_RETRY": Policy((15,), 4, DAY_S, 1 / 3),
    # 176 more attempts, 86,015 s of waits: the attempts end it, not the age.
    "EXPONENTIAL_DECAY_RETRY": Policy(_DOUBLING, 177, 7 * DAY_S, 0),
    # 185 more attempts within a day. AWS does not publish its waits, only that they grow and are jittered.
    "AWS": Policy(_DOUBLING, 186, DAY_S, 0.2),
    "AWS_BUS": Policy(_DOUBLING, 6, 300, 0.2),
    # The example of the Standard Webhooks specification: ten attempts over 75 h 35 min.
    "WEBHOOK": Policy(
        (5, 5 * MINUTE_S, 30 * MINUTE_S, *(hours * HOUR_S for hours in (2, 5, 10, 14, 20, 24))), 10, 7 * DAY_S, 0.2
    ),
}


class Bounds(NamedTuple):
    """What a policy lets its users choose, where that is less than anything."""

    max_attempts: tuple[int, int]
    max_age: tuple[Duration, Duration]


_AWS = Bounds((1, 186), (Duration(MINUTE_S), Duration(DAY_S)))
BOUNDS: dict[str, Bounds] = {"AWS": _AWS, "AWS_BUS": _AWS}
"""AWS takes 0 to 185 retries and 60 to 86,400 s."""


@lru_cache(maxsize=1024)
def resolve(retry: Retry) -> Policy:
    """The policy that is in force."""
    policy = NAMED[retry.policy] if retry.policy is not None else DEFAULT
    return Policy(
        retry.schedule if retry.schedule is not None else policy.waits_s,
        retry.max_attempts if retry.max_attempts is not None else policy.max_attempts,
        retry.max_age if retry.max_age is not None else policy.max_age_s,
        retry.jitter if retry.jitter is not None else policy.jitter,
        retry.retry_after_max,
    )


def check_retry(retry: Retry) -> None:
    """Refuse what the types cannot: raise InvalidConfig with the path below the retry (``$.schedule``)."""
    if retry.policy is None:
        return
    if retry.schedule is not None:
        raise InvalidConfig(
            f"the policy {retry.policy} has a schedule of its own; give one or the other", path="$.schedule"
        )
    bounds = BOUNDS.get(retry.policy)
    if bounds is None:
        return
    least, most = bounds.max_attempts
    if retry.max_attempts is not None and not least <= retry.max_attempts <= most:
        raise InvalidConfig(f"the policy {retry.policy} takes {least} to {most}", path="$.maxAttempts")
    if retry.max_age is not None and not bounds.max_age[0] <= retry.max_age <= bounds.max_age[1]:
        raise InvalidConfig(f"the policy {retry.policy} takes 60s to 24h", path="$.maxAge")
