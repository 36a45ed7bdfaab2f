"""decide(): a table of cases and the law that it always ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.dataplane.retry import Again, Delivered, Done, Failed, GiveUp, Reason, decide
from bridge.model.rule import Retry
from bridge.model.units import Duration

POLICY = Retry(schedule=(Duration(1), Duration(10)), max_attempts=4, max_age=Duration(60), jitter=0.5)


@pytest.mark.parametrize(
    ("attempt", "age_s", "outcome", "jitter", "decision"),
    [
        (1, 0, Delivered(), 0, Done()),
        (1, 0, Failed("busy"), 0, Again(1)),
        (2, 1, Failed("busy"), 0, Again(10)),
        (3, 11, Failed("busy"), 0, Again(10)),
        (4, 21, Failed("busy"), 0, GiveUp(Reason.EXHAUSTED_ATTEMPTS)),
        (1, 0, Failed("no", permanent=True), 0, GiveUp(Reason.REJECTED)),
        (2, 55, Failed("busy"), 0, GiveUp(Reason.EXHAUSTED_AGE)),
        (2, 1, Failed("busy"), 1, Again(15)),
        (2, 1, Failed("busy"), -1, Again(5)),
        (1, 0, Failed("busy", after_s=30), 0, Again(30)),
        (1, 0, Failed("busy", after_s=0.1), 0, Again(1)),
        (1, 0, Failed("busy", after_s=3600), 0, GiveUp(Reason.EXHAUSTED_AGE)),
    ],
)
def test_decisions(attempt: int, age_s: float, outcome, jitter: float, decision) -> None:
    """Each row is one sentence of the policy."""
    assert decide(POLICY, attempt, age_s, outcome, jitter) == decision


@given(st.floats(-1, 1), st.one_of(st.none(), st.floats(0, 1e6)), st.integers(1, 20))
def test_a_delivery_always_ends(jitter: float, after_s: float | None, attempts: int) -> None:
    """Failing forever leads to a dead letter within the attempts and the age of the policy."""
    policy = Retry(schedule=(Duration(0),), max_attempts=attempts, max_age=Duration(60))
    age = 0.0
    for attempt in range(1, attempts + 1):
        decision = decide(policy, attempt, age, Failed("busy", after_s=after_s), jitter)
        if isinstance(decision, GiveUp):
            return
        assert isinstance(decision, Again)
        age += decision.wait_s
        assert age <= policy.max_age
    pytest.fail("it went on beyond the last attempt")
