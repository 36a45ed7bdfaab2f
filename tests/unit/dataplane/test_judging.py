"""After an attempt: every delivery becomes exactly one thing, and a batch that fails as one comes to an end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.dataplane.judging import Case, Result, Verdict, judge
from bridge.dataplane.retry import Failed, Reason
from bridge.dataplane.sending import Past, Send
from bridge.model.rule import Retry, Wait
from tests.unit.dataplane.sends import offsets, send

LATER = Retry(schedule=(Wait(10),), jitter=0, max_attempts=3)
NEVER_TOOK = float("-inf")

FAILURES = st.builds(
    Failed,
    reason=st.sampled_from(["no", "busy"]),
    permanent=st.booleans(),
    after_s=st.none() | st.floats(0, 1e9),
    kind=st.sampled_from([Reason.REJECTED, Reason.TOO_LARGE]),
    hold_s=st.none() | st.floats(0, 1e9),
    shared=st.booleans(),
)


def verdict_on(one: Send, failures: dict[int, Failed], *, first: int = 0, taken_at: float = NEVER_TOOK) -> Verdict:
    return judge(one, first, Case(LATER, Result(failures, 100.0, 101.0), 0.0, taken_at))


def outcome(verdict: Verdict) -> tuple[list[int], list[int], list[int]]:
    """Offsets: delivered, again, given up."""
    return (
        [delivery.position.offset for delivery in verdict.delivered],
        [waiting.delivery.position.offset for waiting in verdict.again],
        [one.delivery.position.offset for one in verdict.given_up],
    )


@given(
    count=st.integers(1, 12),
    first=st.integers(0, 5),
    failures=st.dictionaries(st.integers(0, 20), FAILURES),
    tries=st.integers(0, 4),
    taken_at=st.floats(0, 200),
)
def test_every_delivery_becomes_exactly_one_thing(
    count: int, first: int, failures: dict[int, Failed], tries: int, taken_at: float
) -> None:
    """Delivered if it did not fail; else it goes out again or is given up. Nothing is doubled, nothing forgotten."""
    one = send(0, count)
    if tries:
        one.pasts = [Past(90.0, tries)] * count
    verdict = verdict_on(one, failures, first=first, taken_at=taken_at)
    delivered, again, given_up = outcome(verdict)
    assert sorted(delivered + again + given_up) == list(range(count))
    assert delivered == [n for n in range(count) if n + first not in failures]
    for waiting in verdict.again:
        assert waiting.due >= 101.0
        assert waiting.past.tries in {tries, tries + 1}
        assert waiting.past.tries == tries + 1 or verdict.halve
    assert all(gone.tries == tries + 1 for gone in verdict.given_up)
    assert not any(failures[gone.delivery.position.offset + first].shared and gone.decision.reason is Reason.REJECTED
                   for gone in verdict.given_up)  # fmt: skip


def test_a_lone_refusal_is_final_and_one_of_several_is_not() -> None:
    """Nobody knows whom a shared one means: all go out again, at once, in halves, and no attempt is counted."""
    no = Failed("no", permanent=True)
    assert outcome(verdict_on(send(0), {0: no})) == ([], [], [0])
    verdict = verdict_on(send(0, 4), dict.fromkeys(range(4), no._replace(shared=True)))
    assert (outcome(verdict), verdict.halve) == (([], [0, 1, 2, 3], []), True)
    assert {(waiting.due, waiting.past.tries) for waiting in verdict.again} == {(101.0, 0)}


def test_what_may_pass_is_tried_by_the_policy_in_halves() -> None:
    """Each try counts; it may be that one of them is the reason all the same."""
    verdict = verdict_on(send(0, 2), dict.fromkeys(range(2), Failed("busy", shared=True)))
    assert verdict.halve
    assert {(waiting.due, waiting.past.tries) for waiting in verdict.again} == {(111.0, 1)}


def test_a_target_that_wants_nothing_for_a_while_speaks_of_itself() -> None:
    """Smaller batches would be no better."""
    verdict = verdict_on(send(0, 2), dict.fromkeys(range(2), Failed("429", hold_s=60.0, after_s=60.0, shared=True)))
    assert not verdict.halve
    assert {waiting.due for waiting in verdict.again} == {161.0}


@pytest.mark.parametrize(("taken_at", "again"), [(NEVER_TOOK, []), (89.0, []), (95.0, [0, 1])])
def test_when_the_policy_ends_a_batch_is_given_up_with_a_target_that_takes_nothing(
    taken_at: float, again: list[int]
) -> None:
    """But where it took something since the first attempt, it is the batch: then the bad one is found first."""
    one = send(0, 2)
    one.pasts = [Past(90.0, 2)] * 2
    verdict = verdict_on(one, dict.fromkeys(range(2), Failed("busy", shared=True)), taken_at=taken_at)
    assert outcome(verdict)[1] == again
    assert verdict.halve is bool(again)


def test_what_is_given_up_tells_what_was_tried() -> None:
    """The attempts and their answers."""
    one = send(0)
    for tries in range(3):
        verdict = verdict_on(one, {0: Failed("status 503: busy", answer=b"busy")})
        if verdict.again:
            assert verdict.again[0].past.tries == tries + 1
            one.pasts = [verdict.again[0].past]
    (gone,) = verdict.given_up
    assert (gone.tries, gone.decision.reason, gone.detail) == (3, Reason.EXHAUSTED_ATTEMPTS, "status 503: busy")
    assert [(tried.started, tried.duration_s, tried.answer) for tried in gone.attempts] == [(100.0, 1.0, b"busy")] * 3


@given(
    count=st.integers(1, 64),
    bad=st.sets(st.integers(0, 63), max_size=6),
    permanent=st.booleans(),
    others_taken=st.booleans(),
)
def test_a_batch_that_fails_for_a_bad_one_ends(count: int, bad: set[int], permanent: bool, others_taken: bool) -> None:
    """The bad ones are given up, each alone, and all others taken, with few sends for each bad one."""
    now, sends, taken, buried = 0.0, [send(0, count)], [], []
    taken_at, requests = NEVER_TOOK, 0
    while sends:
        one = sends.pop(0)
        requests += 1
        here = offsets([one])
        failed = Failed("no", permanent=permanent, shared=len(here) > 1)
        failures = dict.fromkeys(range(len(here)), failed) if bad.intersection(here) else {}
        taken_at = now if not failures or others_taken else taken_at
        verdict = judge(one, 0, Case(LATER, Result(failures, now, now), 0.0, taken_at))
        now = max([now, *(waiting.due for waiting in verdict.again)])
        taken += [delivery.position.offset for delivery in verdict.delivered]
        buried += outcome(verdict)[2]
        if verdict.again:
            one.pasts = [waiting.past for waiting in verdict.again]
            sends += one.split(max(1, len(here) // 2)) if verdict.halve else [one]
    assert sorted(taken + buried) == list(range(count))
    if permanent or others_taken:
        assert sorted(buried) == sorted(bad.intersection(range(count)))
    most = max(1, len(bad)) * (2 * count.bit_length() + 4)
    assert requests <= (most if permanent else 3 * most)
