"""Whether a lane may send: what its target said and did decides, and who holds it."""

from bridge.dataplane.judging import Result
from bridge.dataplane.retry import Failed
from bridge.dataplane.valve import SICK_FOR_S, Hold, Valve
from bridge.model.rule import Retry, TargetSpec
from bridge.model.units import Duration, Rate

NOW = 1_000_000.0
FAILED, REFUSED = Failed("down"), Failed("no", permanent=True, counts=False)


def valve(**spec: object) -> Valve:
    return Valve(TargetSpec(name="t", kind="k", **spec))


def attempt(made: Valve, *failures: Failed | None, at: float = NOW) -> None:
    """A send of so many deliveries, and what came of each."""
    made.began(len(failures), at)
    failed = {index: failure for index, failure in enumerate(failures) if failure is not None}
    made.ended(len(failures), Result(failed, at, at))


def test_at_first_everything_may_go() -> None:
    """As many sends at a time as the target's definition says."""
    made = valve(concurrency=5)
    assert (made.wait_s(NOW), made.concurrency, made.held, made.probing, made.sick) == (0, 5, False, False, False)


def test_a_rate_is_waited_for() -> None:
    """Counted in deliveries, not in sends."""
    made = valve(rate=Rate(10))
    attempt(made, None, None, None, None)
    assert 0.39 < made.wait_s(NOW) < 0.41


def test_a_wish_holds_everything_as_far_as_the_policy_lets_it() -> None:
    """Of several the longest; a year becomes an hour."""
    made = valve()
    attempt(made, Failed("429", hold_s=5), Failed("429", hold_s=366 * 86_400), None)
    assert made.wait_s(NOW) == 3600
    made = valve(retry=Retry(retry_after_max=Duration(0)))
    attempt(made, Failed("429", hold_s=60))
    assert made.wait_s(NOW) == 0


def test_an_overloaded_target_gets_half_as_many_sends_at_a_time() -> None:
    """And more again once it takes them."""
    made = valve(concurrency=8)
    attempt(made, Failed("502", overload=True))
    assert made.concurrency == 4
    for _ in range(40):
        attempt(made, None)
    assert made.concurrency == 8


def test_failures_open_the_breaker_and_a_probe_closes_it() -> None:
    """One delivery is enough for a probe; while it is under way nobody else sends."""
    made = valve()
    for second in range(10):
        attempt(made, FAILED, at=NOW + second)
    assert made.breaker.state == "open"
    assert (made.probing, 0 < made.wait_s(NOW + 10) <= 30) == (True, True)
    assert made.wait_s(NOW + 40) == 0
    made.began(1, NOW + 40)
    assert made.wait_s(NOW + 40) > 0
    made.ended(1, Result({}, NOW + 40, NOW + 41))
    assert (made.breaker.state, made.probing, made.wait_s(NOW + 41), made.taken_at) == ("closed", False, 0, NOW + 41)


def test_a_refusal_is_no_sign_of_illness() -> None:
    """A target that says no to one delivery is well; nor does a batch count as failed of which some were taken."""
    made = valve()
    for second in range(50):
        attempt(made, REFUSED, at=NOW + second)
        attempt(made, FAILED, None, at=NOW + second)
    assert (made.breaker.state, made.sick) == ("closed", False)


def test_a_probe_that_is_refused_shows_that_the_target_is_well() -> None:
    """It answers."""
    made = valve()
    for second in range(10):
        attempt(made, FAILED, at=NOW + second)
    assert made.wait_s(NOW + 50) == 0
    attempt(made, REFUSED, at=NOW + 50)
    assert made.breaker.state == "closed"


def test_five_days_of_nothing_but_failures_make_it_sick() -> None:
    """One success, and it is well."""
    made = valve()
    for hour in range(122):
        attempt(made, FAILED, at=NOW + 3600.0 * hour)
        assert made.sick is (3600.0 * hour > SICK_FOR_S)
    attempt(made, None, at=NOW + 3600.0 * 122)
    assert not made.sick


def test_whoever_holds_it_must_release_it() -> None:
    """Each for himself."""
    made = valve()
    made.holds["paused"] = Hold(NOW, "because")
    made.holds["blocked"] = Hold(NOW, "event 7")
    del made.holds["paused"]
    assert made.held
    del made.holds["blocked"]
    assert not made.held


def test_a_fresh_start_forgets_what_the_target_did() -> None:
    """After a pause it is tried at once."""
    made = valve(concurrency=8)
    for second in range(20):
        attempt(made, Failed("502", overload=True, hold_s=600), at=NOW + second)
    made.reset()
    assert (made.wait_s(NOW + 20), made.concurrency, made.breaker.state) == (0, 8, "closed")
