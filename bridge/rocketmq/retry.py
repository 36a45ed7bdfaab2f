"""When a call is tried again: a pure decision from what failed, how often and for how long.

An error says itself whether the call may have been done and whether another try is worth it (``errors``). What was
perhaps done is never tried again here: the message might be stored twice, and only the caller knows whether its readers
mind.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from bridge.rocketmq.errors import NoRoute, RocketMQError, TopicNotFound

_ROUTE_FAILURES = 1
"""An unknown topic is looked up once more: its route may have changed. After that it is gone, and waiting is no help."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Waits between tries, in seconds: the first one, doubling up to the last one, each shortened by up to a half at
    random; none is begun that would end after ``budget_s`` since the call.
    """

    first_s: float = 0.05
    last_s: float = 1.0
    budget_s: float = 10.0
    jitter: Callable[[], float] = random.random  # 0 up to 1


PATIENT = Retry()
"""Outlasts a broker's restart."""
NEVER = Retry(budget_s=0.0)
"""Each call is tried once."""


def is_worth_it(error: RocketMQError, failures: int) -> bool:
    """Whether a call that failed ``failures`` times, last with ``error``, may be tried again at all."""
    if isinstance(error, NoRoute | TopicNotFound) and failures > _ROUTE_FAILURES:
        return False
    return error.again and not error.maybe_done


def pause_s(failures: int, policy: Retry, jitter: float) -> float:
    """Seconds to wait after so many failures in a row; ``jitter`` is 0 up to 1."""
    longest = min(policy.last_s, policy.first_s * 2.0 ** min(failures - 1, 30))
    return longest * (1 - jitter / 2)


def decide(error: RocketMQError, failures: int, elapsed_s: float, policy: Retry, jitter: float) -> float | None:
    """Seconds to wait before the next try; None: give up.

    ``failures`` counts from 1 and includes this one; ``elapsed_s`` is the time since the call began.
    """
    if not is_worth_it(error, failures):
        return None
    pause = pause_s(failures, policy, jitter)
    return pause if elapsed_s + pause <= policy.budget_s else None
