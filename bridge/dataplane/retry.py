"""What becomes of a delivery after an attempt: a pure function from facts to a decision."""

from enum import StrEnum
from typing import NamedTuple

from bridge.model.rule import Retry


class Delivered(NamedTuple):
    """The target has taken it."""


class Failed(NamedTuple):
    """The target has not taken it. ``after_s`` is the target's own wish when to come back."""

    reason: str
    permanent: bool = False
    after_s: float | None = None


class Done(NamedTuple):
    """Nothing more to do."""


class Again(NamedTuple):
    """Try again after this wait."""

    wait_s: float


class Reason(StrEnum):
    """Why a delivery became a dead letter."""

    REJECTED = "rejected"
    EXHAUSTED_ATTEMPTS = "exhausted-attempts"
    EXHAUSTED_AGE = "exhausted-age"
    TRANSFORM_ERROR = "transform-error"


class GiveUp(NamedTuple):
    """Store it as a dead letter."""

    reason: Reason


def decide(
    policy: Retry, attempt: int, age_s: float, outcome: Delivered | Failed, jitter: float
) -> Done | Again | GiveUp:
    """Decide after attempt number ``attempt`` (1, 2, ...), ``age_s`` after the first one began.

    ``jitter`` in [-1, 1] picks the point within the policy's spread. The wait is the schedule's or the target's wish,
    whichever is longer; one that would end beyond the maximum age is not begun.
    """
    if isinstance(outcome, Delivered):
        return Done()
    if outcome.permanent:
        return GiveUp(Reason.REJECTED)
    if attempt >= policy.max_attempts:
        return GiveUp(Reason.EXHAUSTED_ATTEMPTS)
    planned = policy.schedule[min(attempt, len(policy.schedule)) - 1] * (1 + policy.jitter * jitter)
    wait_s = max(planned, outcome.after_s or 0.0)
    if age_s + wait_s > policy.max_age:
        return GiveUp(Reason.EXHAUSTED_AGE)
    return Again(wait_s)
