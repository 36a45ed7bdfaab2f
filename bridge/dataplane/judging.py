"""What becomes of each delivery of a send after an attempt. Pure.

When a batch fails as a whole, one bad delivery may be the reason. Then the batch is halved and tried again, until the bad
one stands alone: at once and without counting the attempt where the target refused the batch for good, or where the
policy has ended though the target takes others; by the policy, one half after the other, where it may pass.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bridge.dataplane.retry import Again, Failed, GiveUp, decide
from bridge.dataplane.sending import GivenUp, Past, Send, Waiting
from bridge.model.delivery import Delivery
from bridge.model.rule import Retry
from bridge.stores.deadletters.base import Attempt


class Result(NamedTuple):
    """How one attempt went: what failed, by index; ``whole`` when the batch failed as one."""

    failures: Mapping[int, Failed]
    whole: bool
    started: float
    ended: float


class Case(NamedTuple):
    """What is the same for all deliveries of an attempt. ``taken_at``: when the target last took anything."""

    policy: Retry
    result: Result
    together: int
    jitter: float
    taken_at: float


class Verdict(NamedTuple):
    delivered: list[Delivery]
    again: list[Waiting]
    given_up: list[GivenUp]
    halve: bool


def judge(send: Send, first: int, case: Case) -> Verdict:
    """``first``: the index of the send's first delivery among all that went out together."""
    result = case.result
    verdict = Verdict([], [], [], halve=result.whole and case.together > 1)
    pasts: Sequence[Past] = send.pasts or (Past(result.started),) * len(send.deliveries)
    for index, (delivery, past) in enumerate(zip(send.deliveries, pasts, strict=True), first):
        failure = result.failures.get(index)
        if failure is None:
            verdict.delivered.append(delivery)
        else:
            _judge_one(verdict, delivery, past if past.tries else Past(result.started), failure, case)
    return verdict


def _judge_one(verdict: Verdict, delivery: Delivery, past: Past, failure: Failed, case: Case) -> None:
    result = case.result
    if verdict.halve and failure.permanent:
        verdict.again.append(Waiting(delivery, past, result.ended))
        return
    attempt = Attempt(
        started=result.started,
        duration_s=result.ended - result.started,
        outcome=failure.reason,
        answer=failure.answer,
    )
    tried = past.after(attempt)
    match decide(case.policy, tried.tries, result.ended - tried.began, failure, case.jitter):
        case Again(wait_s):
            verdict.again.append(Waiting(delivery, tried, result.ended + wait_s))
        case GiveUp() if verdict.halve and case.taken_at > tried.began:
            verdict.again.append(Waiting(delivery, past, result.ended))
        case GiveUp() as decision:
            verdict.given_up.append(GivenUp(delivery, decision, failure.reason, tried.attempts, tried.tries))
