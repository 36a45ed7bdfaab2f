"""When a target is not worth trying, and when it is again."""

import sys
from math import inf, nextafter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.dataplane.breaker import LONGEST_GAP_S, Breaker, BreakerSettings

NOW = 1_790_000_000.0


def fed(*outcomes: bool, breaker: Breaker | None = None, start: float = NOW, every_s: float = 0.1) -> Breaker:
    """A breaker that has recorded these."""
    breaker = breaker or Breaker()
    for step, ok in enumerate(outcomes):
        breaker.record(ok, start + step * every_s)
    return breaker


def opened() -> Breaker:
    """It opened at NOW."""
    return fed(*[False] * 10, start=NOW - 0.9)


def test_it_begins_closed() -> None:
    """Everything may be tried."""
    breaker = Breaker()
    assert (breaker.state, breaker.since, breaker.failing_since) == ("closed", None, None)
    assert breaker.wait_s(NOW) == 0
    assert not breaker.probing


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        ([False] * 9, "closed"),
        ([False] * 10, "open"),
        ([True] * 3 + [False] * 7, "open"),
        ([True] * 4 + [False] * 6, "closed"),
        ([True] * 30 + [False] * 69, "closed"),
        ([True] * 30 + [False] * 70, "open"),
        ([True] * 100, "closed"),
        ([False] * 9 + [True], "closed"),
        ([False] * 9 + [True, False], "open"),
    ],
)
def test_it_opens_when_seven_in_ten_of_ten_or_more_failed(outcomes: list[bool], state: str) -> None:
    """Not before there were ten requests, and never at one that was taken."""
    breaker = fed(*outcomes)
    assert breaker.state == state
    assert breaker.wait_s(NOW + len(outcomes) * 0.1) == 0 or state == "open"


def test_what_is_older_than_five_minutes_is_forgotten() -> None:
    """To half a minute."""
    breaker = fed(*[False] * 9)
    assert fed(False, breaker=breaker, start=NOW + 301).state == "closed"
    breaker = fed(*[False] * 9)
    assert fed(False, breaker=breaker, start=NOW + 269).state == "open"


def test_open_it_waits_for_half_a_minute() -> None:
    """Then one delivery may try."""
    breaker = opened()
    assert (breaker.state, breaker.since) == ("open", pytest.approx(NOW))
    assert breaker.wait_s(NOW) == pytest.approx(30)
    assert breaker.wait_s(NOW + 20) == pytest.approx(10)
    assert breaker.wait_s(NOW + 30) == 0
    assert (breaker.state, breaker.since) == ("half-open", NOW + 30)


def test_half_open_one_probe_at_a_time() -> None:
    """The others wait for its end."""
    breaker = opened()
    assert breaker.wait_s(NOW + 30) == 0
    breaker.began(NOW + 30)
    assert breaker.probing
    assert breaker.wait_s(NOW + 31) > 0
    breaker.record(ok=True, now=NOW + 32)
    assert (breaker.state, breaker.since, breaker.probing) == ("closed", NOW + 32, False)
    assert breaker.wait_s(NOW + 32) == 0


def test_a_probe_that_fails_opens_it_again() -> None:
    """For another half a minute."""
    breaker = opened()
    breaker.wait_s(NOW + 30)
    breaker.began(NOW + 30)
    breaker.record(ok=False, now=NOW + 35)
    assert (breaker.state, breaker.since, breaker.probing) == ("open", NOW + 35, False)
    assert breaker.wait_s(NOW + 35) == 30


def test_a_probe_that_was_cancelled_lets_another_one_try() -> None:
    """It said nothing."""
    breaker = opened()
    breaker.wait_s(NOW + 30)
    breaker.began(NOW + 30)
    breaker.abandoned()
    assert breaker.wait_s(NOW + 31) == 0
    assert breaker.state == "half-open"


def test_closed_it_knows_of_no_probes() -> None:
    """As many as the lane sends."""
    breaker = Breaker()
    breaker.began(NOW)
    breaker.began(NOW)
    assert not breaker.probing
    assert breaker.wait_s(NOW) == 0


def test_what_was_sent_before_it_opened_does_not_close_it() -> None:
    """But says that the target lives."""
    breaker = opened()
    breaker.record(ok=True, now=NOW + 1)
    assert breaker.state == "open"
    assert breaker.failing_since is None
    assert breaker.wait_s(NOW + 1) == pytest.approx(29)


def test_after_it_closed_it_counts_anew() -> None:
    """What had opened it is forgotten."""
    breaker = opened()
    breaker.wait_s(NOW + 30)
    breaker.began(NOW + 30)
    breaker.record(ok=True, now=NOW + 30)
    assert fed(*[False] * 9, breaker=breaker, start=NOW + 31).state == "closed"
    assert fed(False, breaker=breaker, start=NOW + 33).state == "open"


def test_it_knows_how_long_there_was_nothing_but_failures() -> None:
    """From the first one on; one success ends it."""
    breaker = fed(True, False, False, False, every_s=3600)
    assert breaker.failing_since == NOW + 3600
    assert breaker.failing_s == 7200
    breaker.record(ok=True, now=NOW + 10**6)
    assert (breaker.failing_since, breaker.failing_s) == (None, 0)


def test_a_clock_that_jumps_ahead_is_no_year_of_failures() -> None:
    """A gap counts for a day at most."""
    breaker = fed(False, False, every_s=366 * 86_400)
    assert breaker.failing_s == LONGEST_GAP_S


def test_a_clock_that_is_set_back_makes_no_wait_longer() -> None:
    """It stays open as long as it would have; what it says of the past is moved along."""
    breaker = opened()
    assert breaker.wait_s(NOW + 10) == pytest.approx(20)
    assert breaker.wait_s(NOW + 10 - 86_400) == pytest.approx(20)
    assert breaker.since == pytest.approx(NOW - 86_400)
    assert breaker.failing_since == pytest.approx(NOW - 0.9 - 86_400)
    assert breaker.wait_s(NOW + 30 - 86_400) == 0


def test_a_clock_that_is_set_back_forgets_nothing() -> None:
    """Nine failures before, one after."""
    breaker = fed(*[False] * 9)
    assert fed(False, breaker=breaker, start=NOW - 86_400).state == "open"


def test_a_clock_that_is_set_back_does_not_make_old_failures_stay() -> None:
    """Six minutes later they are forgotten, as they would have been."""
    breaker = fed(*[False] * 9)
    breaker.wait_s(NOW - 86_400)
    assert fed(False, breaker=breaker, start=NOW - 86_400 + 360).state == "closed"


def test_a_clock_that_is_set_back_does_not_shorten_the_time_of_failing() -> None:
    """It goes on from there."""
    breaker = fed(False)
    breaker.wait_s(NOW - 86_400)
    breaker.record(ok=False, now=NOW - 86_400 + 3600)
    assert breaker.failing_s == 3600


def test_own_numbers() -> None:
    """Of two, all must fail."""
    breaker = Breaker(BreakerSettings(window_s=10, requests=2, failures=1.0, half_open_s=5))
    breaker.record(ok=False, now=NOW)
    assert breaker.state == "closed"
    breaker.record(ok=False, now=NOW)
    assert breaker.wait_s(NOW) == 5


STEPS = st.lists(st.tuples(st.floats(-1e5, 1e5), st.sampled_from(["ok", "failed", "cancelled"])), max_size=80)


@given(STEPS)
def test_whatever_happens_it_lets_something_through_within_half_a_minute(steps: list[tuple[float, str]]) -> None:
    """Any outcomes, any clock: nobody who asks again is kept waiting for ever, and at most one probe is under way."""
    breaker = Breaker()
    now = NOW
    for jump_s, outcome in steps:
        now += jump_s
        wait_s = breaker.wait_s(now)
        assert 0 <= wait_s <= 30
        if wait_s:
            now += wait_s
            assert breaker.wait_s(now) == 0
        breaker.began(now)
        assert breaker.probing == (breaker.state == "half-open")
        assert (breaker.wait_s(now) > 0) == breaker.probing
        if outcome == "cancelled":
            breaker.abandoned()
        else:
            breaker.record(outcome == "ok", now)
        assert not breaker.probing
        assert (breaker.state == "open") <= (outcome == "failed")


@given(st.lists(st.tuples(st.floats(0, 40), st.booleans()), min_size=1, max_size=200))
def test_it_opens_when_most_of_the_window_failed_and_only_then(steps: list[tuple[float, bool]]) -> None:
    """Held against a list of everything: the window begins somewhere between four and a half and five minutes ago."""
    breaker = Breaker()
    now = NOW
    tried: list[tuple[float, bool]] = []
    for pause_s, ok in steps:
        now += pause_s
        breaker.record(ok, now)
        tried.append((now, ok))
        old = [time for time, _ in tried if now - 300 <= time <= now - 270]
        begins = [now - 300, now - 270, *old, *(nextafter(time, inf) for time in old)]
        if breaker.state == "open":
            assert any(_most_failed(tried, begin) for begin in begins)
            return
        assert ok or not all(_most_failed(tried, begin) for begin in begins)


def _most_failed(tried: list[tuple[float, bool]], begin: float) -> bool:
    counted = [ok for time, ok in tried if time >= begin]
    return len(counted) >= 10 and counted.count(False) >= 0.7 * len(counted)


def test_its_memory_does_not_grow() -> None:
    """A hundred thousand requests are as many numbers as ten."""
    breaker = fed(*[True] * 10)
    before = _size(breaker)
    fed(*[True, True, False] * 33_333, breaker=breaker, start=NOW + 1)
    assert _size(breaker) <= before + 200


def _size(thing: object) -> int:
    """Of everything that hangs on it."""
    parts: list[object] = list(vars(thing).values()) if hasattr(thing, "__dict__") else []
    if isinstance(thing, list | tuple):
        parts = list(thing)
    return sys.getsizeof(thing) + sum(_size(part) for part in parts)
