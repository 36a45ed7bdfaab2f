"""What a target's ``retry`` comes to: named policies, own schedules, what may be changed about each."""

import math
from typing import get_args

import pytest

from bridge.errors import InvalidConfig
from bridge.model.documents import parse
from bridge.model.retry import BOUNDS, DEFAULT, NAMED, Policy, check_retry, resolve
from bridge.model.rule import PolicyName, Retry


def waits(policy: Policy) -> list[float]:
    """All of them, without jitter."""
    return [policy.wait_s(attempt, 0) for attempt in range(1, policy.max_attempts)]


def checked(**members: object) -> Policy:
    retry = parse(members, Retry)
    check_retry(retry)
    return resolve(retry)


def test_every_name_has_its_policy() -> None:
    """No more and no less."""
    assert set(get_args(PolicyName)) == set(NAMED)
    assert set(BOUNDS) <= set(NAMED)


def test_retries_are_on_by_default_for_a_day() -> None:
    """Soon at first, each hour later."""
    policy = resolve(Retry())
    assert policy == DEFAULT
    assert waits(policy)[:9] == [0.2, 1, 5, 30, 120, 600, 1800, 3600, 3600]
    assert (policy.max_attempts, policy.max_age_s, policy.jitter) == (40, 86_400, 0.2)
    assert sum(waits(policy)) > policy.max_age_s


def test_backoff_retry_tries_three_times_more() -> None:
    """Each after a random 10 to 20 seconds."""
    policy = checked(policy="BACKOFF_RETRY")
    assert waits(policy) == [15, 15, 15]
    assert [policy.wait_s(2, jitter) for jitter in (-1, 0, 1)] == pytest.approx([10, 15, 20])


def test_exponential_decay_retry_lasts_a_day() -> None:
    """176 retries: doubling to 512 seconds, which comes 167 times; 86,015 seconds in all."""
    policy = checked(policy="EXPONENTIAL_DECAY_RETRY")
    assert waits(policy)[:10] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert len(waits(policy)) == 176
    assert waits(policy).count(512) == 167
    assert sum(waits(policy)) == 86_015
    assert policy.max_age_s > 86_015 + 177 * 60, "time-outs of a minute must not cut it short"


def test_the_webhook_policy_is_the_example_of_the_specification() -> None:
    """Ten attempts within 75 hours and 35 minutes, and the jitter does not cut them short."""
    policy = checked(policy="WEBHOOK")
    assert len(waits(policy)) == 9
    assert sum(waits(policy)) == 75 * 3600 + 35 * 60 + 5
    assert policy.max_age_s > sum(policy.wait_s(attempt, 1) for attempt in range(1, 10))


@pytest.mark.parametrize(("name", "retries", "age_s"), [("AWS", 185, 86_400), ("AWS_BUS", 5, 300)])
def test_the_two_of_aws(name: str, retries: int, age_s: float) -> None:
    """Growing waits, with jitter, ended by retries or age."""
    policy = checked(policy=name)
    found = waits(policy)
    assert len(found) == retries
    assert found == sorted(found)
    assert policy.jitter > 0
    assert policy.max_age_s == age_s


def test_each_part_can_be_replaced() -> None:
    """The rest stays the policy's."""
    policy = checked(policy="BACKOFF_RETRY", maxAttempts=7, maxAge="2m", jitter=0, retryAfterMax="0s")
    assert policy == Policy((15,), 7, 120, 0, 0)
    assert checked(maxAttempts=3) == DEFAULT._replace(max_attempts=3)


def test_an_own_schedule_repeats_its_last_wait() -> None:
    """What it leaves out is the default's."""
    policy = checked(schedule=["5s", "5m", "30m"], maxAttempts=5)
    assert waits(policy) == [5, 300, 1800, 1800]
    assert (policy.max_age_s, policy.jitter) == (DEFAULT.max_age_s, DEFAULT.jitter)


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"schedule": ["1s", "0s"]}, "$.schedule[1]"),
        ({"schedule": ["-1s"]}, "$.schedule[0]"),
        ({"schedule": ["367d"]}, "$.schedule[0]"),
        ({"schedule": ["soon"]}, "$.schedule[0]"),
        ({"schedule": ["9" * 400 + "d"]}, "$.schedule[0]"),
        ({"schedule": [5]}, "$.schedule[0]"),
        ({"schedule": []}, "$.schedule"),
        ({"schedule": ["1s"] * 33}, "$.schedule"),
        ({"maxAttempts": 0}, "$.maxAttempts"),
        ({"maxAttempts": -1}, "$.maxAttempts"),
        ({"maxAttempts": 1001}, "$.maxAttempts"),
        ({"maxAttempts": 10**9}, "$.maxAttempts"),
        ({"maxAttempts": 10**40}, "$.maxAttempts"),
        ({"maxAttempts": 1.5}, "$.maxAttempts"),
        ({"maxAge": "0s"}, "$.maxAge"),
        ({"maxAge": "8785h"}, "$.maxAge"),
        ({"jitter": 1.1}, "$.jitter"),
        ({"jitter": -0.1}, "$.jitter"),
        ({"retryAfterMax": "367d"}, "$.retryAfterMax"),
        ({"policy": "OFTEN"}, "$.policy"),
        ({"policy": "backoff_retry"}, "$.policy"),
        ({"policy": "WEBHOOK", "schedule": ["1s"]}, "$.schedule"),
        ({"policy": "AWS", "maxAttempts": 187}, "$.maxAttempts"),
        ({"policy": "AWS", "maxAge": "59s"}, "$.maxAge"),
        ({"policy": "AWS_BUS", "maxAge": "25h"}, "$.maxAge"),
        ({"attempts": 5}, "$.attempts"),
    ],
)
def test_bad_policies_are_refused_with_their_path(members: dict[str, object], path: str) -> None:
    """Nothing is cut to fit."""
    with pytest.raises(InvalidConfig) as caught:
        checked(**members)
    assert caught.value.path == path


def test_what_is_at_the_edge_is_taken() -> None:
    """A wait of a year, and one of a millisecond."""
    policy = checked(schedule=["366d", "1ms"], maxAttempts=1000, maxAge="366d", jitter=1, retryAfterMax="366d")
    assert waits(policy)[0] == 366 * 86_400
    assert checked(policy="AWS", maxAttempts=186, maxAge="24h") == NAMED["AWS"]
    assert checked(policy="AWS_BUS", maxAttempts=1, maxAge="60s").max_age_s == 60


@pytest.mark.parametrize("name", sorted(NAMED))
def test_policies_are_finite(name: str) -> None:
    """Every number is."""
    policy = NAMED[name]
    assert all(0 < wait_s <= 86_400 for wait_s in policy.waits_s)
    assert math.isfinite(policy.max_age_s)
    assert 0 <= policy.jitter <= 1
