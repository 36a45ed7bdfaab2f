"""decide(): a table of cases and the law that it always ends. failed(): what an error of a connector comes to."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.dataplane.retry import Again, Delivered, Done, Failed, GiveUp, Reason, decide, failed, hold_s
from bridge.errors import NotConnected, Rejected, Retryable, TargetError
from bridge.model.retry import resolve
from bridge.model.rule import Cap, Retry, Wait

POLICY = Retry(
    schedule=(Wait(1), Wait(10)), max_attempts=4, max_age=Wait(60), jitter=0.5, retry_after_max=Cap(45)
)  # fmt: skip
BUSY = Failed("busy")
NAMES = ("BACKOFF_RETRY", "EXPONENTIAL_DECAY_RETRY", "AWS", "AWS_BUS", "WEBHOOK")


def waits() -> st.SearchStrategy[Wait]:
    return st.floats(0.001, 366 * 86_400).map(Wait)


POLICIES = st.builds(
    Retry,
    policy=st.sampled_from((None, *NAMES)),
    schedule=st.none() | st.lists(waits(), min_size=1, max_size=5).map(tuple),
    max_attempts=st.none() | st.integers(1, 1000),
    max_age=st.none() | waits(),
    jitter=st.none() | st.floats(0, 1),
    retry_after_max=st.floats(0, 366 * 86_400).map(Cap),
)
WISHES = st.none() | st.floats(allow_nan=True, allow_infinity=True)
"""Connectors are not ours alone: a wish may be anything."""
FAILURES = st.builds(Failed, st.just("no"), st.just(False), WISHES)
JITTERS = st.floats(-1, 1)


@pytest.mark.parametrize(
    ("attempt", "age_s", "outcome", "jitter", "decision"),
    [
        (1, 0, Delivered(), 0, Done()),
        (4, 90, Delivered(), 0, Done()),
        (1, 0, BUSY, 0, Again(1)),
        (2, 1, BUSY, 0, Again(10)),
        (3, 11, BUSY, 0, Again(10)),
        (4, 21, BUSY, 0, GiveUp(Reason.EXHAUSTED_ATTEMPTS)),
        (5, 21, BUSY, 0, GiveUp(Reason.EXHAUSTED_ATTEMPTS)),
        (1, 0, Failed("no", permanent=True), 0, GiveUp(Reason.REJECTED)),
        (1, 0, Failed("no", permanent=True, kind=Reason.TARGET_RETIRED), 0, GiveUp(Reason.TARGET_RETIRED)),
        (4, 90, Failed("no", permanent=True, kind=Reason.TOO_LARGE), 0, GiveUp(Reason.TOO_LARGE)),
        (2, 50, BUSY, 0, Again(10)),
        (2, 50.1, BUSY, 0, GiveUp(Reason.EXHAUSTED_AGE)),
        (2, 1, BUSY, 1, Again(15)),
        (2, 1, BUSY, -1, Again(5)),
        (1, 0, BUSY._replace(after_s=30), 0, Again(30)),
        (1, 0, BUSY._replace(after_s=30), 1, Again(30)),
        (1, 0, BUSY._replace(after_s=0.1), 0, Again(1)),
        (1, 0, BUSY._replace(after_s=-5), 0, Again(1)),
        (1, 0, BUSY._replace(after_s=366 * 86_400), 0, Again(45)),
        (1, 20, BUSY._replace(after_s=3600), 0, GiveUp(Reason.EXHAUSTED_AGE)),
        (1, 0, BUSY._replace(after_s=math.inf), 0, Again(45)),
        (1, 0, BUSY._replace(after_s=math.nan), 0, Again(1)),
        (1, 0, BUSY._replace(hold_s=30), 0, Again(1)),
        (1, -1e9, BUSY, 0, Again(1)),
    ],
)
def test_decisions(attempt: int, age_s: float, outcome, jitter: float, decision) -> None:
    """Each row is one sentence of the policy."""
    assert decide(POLICY, attempt, age_s, outcome, jitter) == decision


def test_the_default_policy_lasts_a_day() -> None:
    """A target that is down over night loses nothing."""
    age_s, attempt = 0.0, 1
    while isinstance(decision := decide(Retry(), attempt, age_s, BUSY, 0), Again):
        age_s += decision.wait_s
        attempt += 1
    assert decision == GiveUp(Reason.EXHAUSTED_AGE)
    assert 23 * 3600 < age_s <= 24 * 3600


def test_a_target_may_not_wish_for_anything_where_it_is_not_heard() -> None:
    """``retryAfterMax: 0s``."""
    deaf = Retry(schedule=(Wait(1),), retry_after_max=Cap(0))
    assert decide(deaf, 1, 0, BUSY._replace(after_s=3600), 0) == Again(1)


@pytest.mark.parametrize(
    ("wish_s", "granted_s"),
    [(None, 0), (30, 30), (0, 0), (-5, 0), (366 * 86_400, 45), (math.inf, 45), (math.nan, 0)],
)
def test_a_hold_is_granted_as_far_as_the_policy_lets_it(wish_s: float | None, granted_s: float) -> None:
    """For all deliveries; what is wished for one of them holds none of the others."""
    assert hold_s(POLICY, BUSY._replace(hold_s=wish_s, after_s=7)) == granted_s


@given(POLICIES, st.lists(st.tuples(FAILURES, JITTERS), min_size=1, max_size=8), st.floats(0, 1000))
def test_a_delivery_always_ends(policy: Retry, outcomes: list[tuple[Failed, float]], took_s: float) -> None:
    """Any policy, failing forever in any way: a dead letter within the attempts and the age, and no wait beyond it."""
    age_s = 0.0
    limits = resolve(policy)
    for attempt in range(1, limits.max_attempts + 1):
        outcome, jitter = outcomes[attempt % len(outcomes)]
        age_s += took_s
        decision = decide(policy, attempt, age_s, outcome, jitter)
        if isinstance(decision, GiveUp):
            return
        assert isinstance(decision, Again)
        age_s += decision.wait_s
        assert age_s <= limits.max_age_s
    pytest.fail("it went on beyond the last attempt")


@given(POLICIES, st.integers(1, 1000), FAILURES, JITTERS)
def test_a_wait_keeps_within_its_bounds(policy: Retry, attempt: int, outcome: Failed, jitter: float) -> None:
    """The planned one within its jitter; a longer one only as the target wished, as far as the policy lets it."""
    decision = decide(policy, attempt, 0, outcome, jitter)
    if not isinstance(decision, Again):
        return
    limits = resolve(policy)
    planned = limits.waits_s[min(attempt, len(limits.waits_s)) - 1]
    least, most = planned * (1 - limits.jitter), planned * (1 + limits.jitter)
    wish_s = outcome.after_s if outcome.after_s is not None and not math.isnan(outcome.after_s) else 0
    wished = min(max(wish_s, 0), limits.retry_after_max_s)
    assert least * (1 - 1e-9) <= decision.wait_s
    assert decision.wait_s <= most * (1 + 1e-9) or decision.wait_s == wished


@given(POLICIES, FAILURES, JITTERS)
def test_it_decides_by_nothing_but_its_arguments(policy: Retry, outcome: Failed, jitter: float) -> None:
    """The same question has the same answer."""
    assert decide(policy, 1, 0, outcome, jitter) == decide(policy, 1, 0, outcome, jitter)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (Retryable("busy", after_s=7.0), Failed("busy", after_s=7.0)),
        (
            Retryable("busy", after_s=7.0, hold_s=7.0, overload=True, answer=b"later"),
            Failed("busy", after_s=7.0, hold_s=7.0, overload=True, answer=b"later"),
        ),
        (Retryable("enough", retire=True), Failed("enough", retire=True)),
        (Rejected("no"), Failed("no", permanent=True, counts=False)),
        (
            Rejected("big", kind="too-large", answer=b"no"),
            Failed("big", permanent=True, kind=Reason.TOO_LARGE, answer=b"no", counts=False),
        ),
        (
            Rejected("gone", kind="target-retired", retire=True),
            Failed("gone", permanent=True, kind=Reason.TARGET_RETIRED, retire=True, counts=False),
        ),
        (NotConnected("lost"), Failed("lost")),
        (TargetError("odd"), Failed("odd")),
        (TimeoutError(), Failed("no answer in time")),
    ],
)
def test_errors_become_values(error: TargetError | TimeoutError, outcome: Failed) -> None:
    """With everything that the target said; a refusal does not speak against its health."""
    assert failed(error) == outcome


def test_of_an_answer_only_the_beginning_is_kept() -> None:
    """1,024 bytes, whatever a connector hands on."""
    assert len(failed(Retryable("busy", answer=b"x" * 5000)).answer) == 1024


def test_a_kind_that_nobody_knows_is_a_plain_refusal() -> None:
    """A connector of somebody else may be newer."""
    odd = Rejected("no", kind="out-of-ink")  # type: ignore[arg-type]
    assert failed(odd).kind is Reason.REJECTED
