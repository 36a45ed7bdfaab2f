"""When a call is tried again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.rocketmq.errors import (
    Busy,
    CallTimeout,
    CannotConnect,
    ConnectionLost,
    NoPermission,
    NoRoute,
    NotRocketMQ,
    Refused,
    RocketMQError,
    StoredWeakly,
    TooLarge,
    TopicNotFound,
    Unavailable,
)
from bridge.rocketmq.retry import NEVER, Retry, decide, is_worth_it, pause_s

POLICY = Retry(first_s=1.0, last_s=8.0, budget_s=100.0)


@pytest.mark.parametrize("error", [Busy(), Unavailable(), CannotConnect()])
def test_what_was_not_stored_is_tried_again(error: RocketMQError) -> None:
    """Flow control, a full disk and a broker that is down are waited for."""
    assert decide(error, 1, 0.0, POLICY, 0.0) == 1.0


@pytest.mark.parametrize("error", [CallTimeout(), ConnectionLost(), NotRocketMQ(), StoredWeakly()])
def test_what_may_be_stored_is_not_tried_again(error: RocketMQError) -> None:
    """A second try could store it twice."""
    assert decide(error, 1, 0.0, POLICY, 0.0) is None


@pytest.mark.parametrize("error", [NoPermission(), Refused(), TooLarge()])
def test_what_will_never_work_is_not_tried_again(error: RocketMQError) -> None:
    """A bad request stays bad."""
    assert decide(error, 1, 0.0, POLICY, 0.0) is None


@pytest.mark.parametrize("error", [NoRoute(), TopicNotFound()])
def test_an_unknown_topic_is_looked_up_once_more(error: RocketMQError) -> None:
    """Its route may have changed; after that it is gone."""
    assert is_worth_it(error, 1)
    assert not is_worth_it(error, 2)


def test_pauses_double_up_to_the_last_one() -> None:
    """1, 2, 4, 8, 8 seconds, each shortened by up to a half."""
    assert [pause_s(n, POLICY, 0.0) for n in range(1, 6)] == [1, 2, 4, 8, 8]
    assert pause_s(3, POLICY, 1.0) == 2


def test_none_begins_beyond_the_budget() -> None:
    """A pause that would end after the budget is none."""
    assert decide(Busy(), 4, 92.0, POLICY, 0.0) == 8.0
    assert decide(Busy(), 4, 92.1, POLICY, 0.0) is None
    assert decide(Busy(), 1, 0.0, NEVER, 0.5) is None


@given(st.floats(0, 1), st.integers(1, 3))
def test_tries_end(jitter: float, first: int) -> None:
    """Whatever the jitter, a busy broker is given up after the budget and a bounded number of tries."""
    elapsed, failures = 0.0, 0
    while (pause := decide(Busy(), failures + 1, elapsed, Retry(first_s=first, budget_s=20.0), jitter)) is not None:
        elapsed += pause
        failures += 1
        assert failures < 100
    assert elapsed <= 20.0
