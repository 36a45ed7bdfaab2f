"""What becomes of each delivery of a send after an attempt. Pure.

When several deliveries fail as one, a bad one among them may be the reason. Then they are halved and tried again, until
the bad one stands alone: at once and without counting the attempt where the target refused them for good, or where the
policy has ended though the target takes others; by the policy, one half after the other, where it may pass. Not where the
target wants nothing at all for a while: that is about itself.
"""

from collections.abc import Sequence
from typing import NamedTuple

from bridge.dataplane.retry import Again, Done, Failed, Failures, GiveUp, decide
from bridge.dataplane.sending import GivenUp, Past, Send, Waiting
from bridge.model.delivery import Delivery
from bridge.model.rule import Retry
from bridge.stores.deadletters.base import Attempt


class Result(NamedTuple):
    """How one attempt went: what failed, by index."""

    failures: Failures
    started: float
    ended: float


class Case(NamedTuple):
    """What is the same for all deliveries of an attempt. ``taken_at``: when the target last took anything."""

    policy: Retry
    result: Result
    jitter: float
    taken_at: float


class Verdict(NamedTuple):
    """``halve``: of those that go out again, fewer together."""

    delivered: list[Delivery]
    again: list[Waiting]
    given_up: list[GivenUp]
    halve: bool


def judge(send: Send, first: int, case: Case) -> Verdict:
    """``first``: the index of the send's first delivery among all that went out together."""
    result = case.result
    verdict = Verdict([], [], [], halve=False)
    pasts: Sequence[Past] = send.pasts or (Past(result.started),) * len(send.deliveries)
    for index, (delivery, past) in enumerate(zip(send.deliveries, pasts, strict=True), first):
        failure = result.failures.get(index)
        if failure is None:
            verdict.delivered.append(delivery)
            continue
        found, halve = _judge_one(delivery, past if past.tries else Past(result.started), failure, case)
        if isinstance(found, Waiting):
            verdict.again.append(found)
        else:
            verdict.given_up.append(found)
        verdict = verdict._replace(halve=verdict.halve or halve)
    return verdict


def _judge_one(delivery: Delivery, past: Past, failure: Failed, case: Case) -> tuple[Waiting | GivenUp, bool]:
    """What becomes of it, and whether it is to go out again with fewer others."""
    result = case.result
    apart = Waiting(delivery, past, result.ended)
    if failure.shared and failure.permanent:
        return apart, True
    attempt = Attempt(
        started=result.started,
        duration_s=result.ended - result.started,
        outcome=failure.reason,
        answer=failure.answer,
    )
    tried = past.after(attempt)
    match decide(case.policy, tried.tries, result.ended - tried.began, failure, case.jitter):
        case Again(wait_s):
            return Waiting(delivery, tried, result.ended + wait_s), failure.shared and failure.hold_s is None
        case GiveUp() if failure.shared and case.taken_at > tried.began:
            return apart, True
        case GiveUp() as decision:
            return GivenUp(delivery, decision, failure.reason, tried.attempts, tried.tries), False
        case Done():
            raise AssertionError("a failure is not done with")
