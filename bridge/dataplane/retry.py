"""What becomes of a delivery after an attempt: a pure function from facts to a decision.

Here is also the one place where what a connector raises becomes a value (``failed``).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from bridge.errors import Rejected, Retryable, TargetError
from bridge.model.retry import resolve
from bridge.model.rule import Retry

ANSWER_BYTES = 1024
"""How much of a target's answer is kept."""


class Reason(StrEnum):
    """Why a delivery became a dead letter: the first six as a target or its connector says, see ``errors.Rejected``."""

    REJECTED = "rejected"
    TOO_LARGE = "too-large"
    NOT_AUTHORISED = "not-authorised"
    TARGET_MISSING = "target-missing"
    ABORTED_BY_TARGET = "aborted-by-target"
    TARGET_RETIRED = "target-retired"
    EXHAUSTED_ATTEMPTS = "exhausted-attempts"
    EXHAUSTED_AGE = "exhausted-age"
    TRANSFORM_ERROR = "transform-error"


class Delivered(NamedTuple):
    """The target has taken it."""


class Failed(NamedTuple):
    """The target has not taken it.

    ``kind`` says why it never will, where it is ``permanent``. ``after_s`` is its own wish when to come back with this
    delivery, ``hold_s`` with any (see ``hold_s()``). ``overload``: send it less at a time. ``retire``: pause the target.
    ``counts``: it speaks against the target's health. ``shared``: several deliveries failed as one, so perhaps for one of
    them.
    """

    reason: str
    permanent: bool = False
    after_s: float | None = None
    kind: Reason = Reason.REJECTED
    answer: bytes = b""
    hold_s: float | None = None
    overload: bool = False
    retire: bool = False
    counts: bool = True
    shared: bool = False


Failures = Mapping[int, Failed]
"""Which deliveries of a send failed, by index, and how."""


class Done(NamedTuple):
    """Nothing more to do."""


class Again(NamedTuple):
    """Try again after this wait."""

    wait_s: float


class GiveUp(NamedTuple):
    """Store it as a dead letter."""

    reason: Reason


def failed(error: TargetError | TimeoutError) -> Failed:
    """What an attempt that raised came to. A target that refuses one delivery may be well: that does not count."""
    if not isinstance(error, TargetError):
        return Failed("no answer in time")
    outcome = Failed(
        error.reason,
        answer=error.answer[:ANSWER_BYTES],
        hold_s=error.hold_s,
        overload=error.overload,
        retire=error.retire,
    )
    match error:
        case Rejected():
            return outcome._replace(permanent=True, kind=_kind(error.kind), counts=False)
        case Retryable():
            return outcome._replace(after_s=error.after_s)
        case _:
            return outcome


def _kind(text: str) -> Reason:
    """A connector that invents a kind has still rejected the delivery."""
    try:
        return Reason(text)
    except ValueError:
        return Reason.REJECTED


def decide(
    retry: Retry, attempt: int, age_s: float, outcome: Delivered | Failed, jitter: float
) -> Done | Again | GiveUp:
    """Decide after attempt number ``attempt`` (1, 2, ...), ``age_s`` after the first one began.

    ``jitter`` in [-1, 1] picks the point within the policy's spread. The wait is the schedule's or the target's wish (as
    far as the policy lets it), whichever is longer; one that would end beyond the maximum age is not begun.
    """
    if isinstance(outcome, Delivered):
        return Done()
    if outcome.permanent:
        return GiveUp(outcome.kind)
    policy = resolve(retry)
    if attempt >= policy.max_attempts:
        return GiveUp(Reason.EXHAUSTED_ATTEMPTS)
    wait_s = max(policy.wait_s(attempt, jitter), _bounded(outcome.after_s, policy.retry_after_max_s))
    if age_s + wait_s > policy.max_age_s:
        return GiveUp(Reason.EXHAUSTED_AGE)
    return Again(wait_s)


def hold_s(retry: Retry, outcome: Failed) -> float:
    """For how long all deliveries to the target wait, as it asked for and its policy lets it; 0: they do not."""
    return _bounded(outcome.hold_s, resolve(retry).retry_after_max_s)


def _bounded(wish_s: float | None, most_s: float) -> float:
    return max(0.0, min(wish_s, most_s)) if wish_s is not None else 0.0
