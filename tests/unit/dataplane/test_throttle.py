"""A target's rate, the holds it asks for, and how many sends at a time it bears."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge.dataplane.throttle import BURST_S, Throttle

NOW = 1_790_000_000.0


def drain(throttle: Throttle, now: float, sends: int, events: int = 1) -> list[float]:
    """Send as soon as it may be; returns when that was."""
    times = []
    for _ in range(sends):
        while wait_s := throttle.wait_s(now):
            now += wait_s
        throttle.spend(now, events)
        times.append(now)
    return times


def test_without_a_rate_nothing_waits() -> None:
    """However much is sent."""
    throttle = Throttle(None, 8)
    throttle.spend(NOW, 1_000_000)
    assert throttle.wait_s(NOW) == 0


def test_a_rate_spaces_what_is_sent() -> None:
    """Ten a second: one each 100 ms."""
    times = drain(Throttle(10, 8), NOW, 21)
    assert times[-1] - times[0] == pytest.approx(2)
    assert min(b - a for a, b in pairwise(times)) == pytest.approx(0.1)


def test_a_high_rate_goes_out_in_bursts_of_a_tenth_of_a_second() -> None:
    """So that no timer is asked for microseconds."""
    times = drain(Throttle(10_000, 8), NOW, 2000)
    assert times[999] == times[0]
    assert times[-1] - times[0] == pytest.approx(0.1, rel=0.02)


def test_a_batch_is_paid_for_afterwards() -> None:
    """A hundred events at once, at ten a second: the next ones ten seconds later."""
    times = drain(Throttle(10, 8), NOW, 3, events=100)
    assert [time - NOW for time in times] == pytest.approx([0, 10, 20])


def test_a_pause_gives_no_more_than_a_burst() -> None:
    """A night without events is not made up for."""
    throttle = Throttle(100, 8)
    drain(throttle, NOW, 50)
    times = drain(throttle, NOW + 36_000, 100)
    assert sum(1 for time in times if time == times[0]) == 10


def test_a_very_low_rate_waits_long() -> None:
    """One an hour."""
    throttle = Throttle(1 / 3600, 1)
    throttle.spend(NOW, 1)
    assert throttle.wait_s(NOW) == pytest.approx(3600)


def test_a_hold_holds_everything() -> None:
    """Until its time; the last of several counts, and none makes another shorter."""
    throttle = Throttle(None, 8)
    throttle.hold_until(NOW + 60)
    throttle.hold_until(NOW + 5)
    assert throttle.wait_s(NOW) == 60
    assert throttle.wait_s(NOW + 59) == 1
    assert throttle.wait_s(NOW + 60) == 0


def test_rate_and_hold_count_both() -> None:
    """The longer one."""
    throttle = Throttle(1, 8)
    throttle.wait_s(NOW)
    throttle.spend(NOW, 100)
    throttle.hold_until(NOW + 5)
    assert throttle.wait_s(NOW) == pytest.approx(100)
    throttle.hold_until(NOW + 500)
    assert throttle.wait_s(NOW) == 500


def test_a_clock_that_is_set_back_makes_no_wait_longer() -> None:
    """Neither a hold nor the rate."""
    throttle = Throttle(10, 8)
    throttle.wait_s(NOW)
    throttle.hold_until(NOW + 60)
    throttle.spend(NOW, 2)
    assert throttle.wait_s(NOW - 86_400) == 60
    assert throttle.wait_s(NOW - 86_400 + 60) == 0


def test_a_clock_that_is_set_forward_gives_one_burst() -> None:
    """And ends a hold."""
    throttle = Throttle(100, 8)
    throttle.wait_s(NOW)
    throttle.hold_until(NOW + 60)
    times = drain(throttle, NOW + 1e9, 30)
    assert sum(1 for time in times if time == times[0]) == 10


@given(
    st.floats(1 / 3600, 100_000),
    st.lists(st.tuples(st.floats(0, 100), st.integers(1, 500)), min_size=1, max_size=60),
)
def test_no_window_has_more_than_the_rate_and_one_burst(rate: float, sends: list[tuple[float, int]]) -> None:
    """From any send to any later one: the rate times the time between, a burst, and the last send itself."""
    throttle = Throttle(rate, 8)
    now, sent = NOW, []
    for pause_s, events in sends:
        now += pause_s
        while wait_s := throttle.wait_s(now):
            now += wait_s
        throttle.spend(now, events)
        sent.append((now, events))
    burst = max(1.0, rate * BURST_S)
    for first in range(len(sent)):
        before_last = 0
        for time, events in sent[first:]:
            allowed = rate * (time - sent[first][0] + 2e-6) + burst
            assert before_last <= allowed * (1 + 1e-9)
            before_last += events


@given(st.floats(0.1, 1000), st.lists(st.tuples(st.floats(-1e6, 1e6), st.integers(0, 50)), max_size=50))
def test_whatever_the_clock_does_it_goes_on(rate: float, steps: list[tuple[float, int]]) -> None:
    """No jump makes a wait longer than what was overdrawn."""
    throttle = Throttle(rate, 8)
    now, spent = NOW, 0
    for jump_s, events in steps:
        now += jump_s
        throttle.spend(now, events)
        spent += events
        assert 0 <= throttle.wait_s(now) <= (spent + 1) / rate * (1 + 1e-9)


def test_an_overload_halves_and_success_brings_back() -> None:
    """Down at once, up an eighth for each round that was taken."""
    throttle = Throttle(None, 16)
    throttle.overloaded()
    assert throttle.concurrency == 8
    for _ in range(8):
        throttle.succeeded()
    assert throttle.concurrency == 10
    for _ in range(100):
        throttle.succeeded()
    assert throttle.concurrency == 16


def test_what_was_under_way_halves_it_once() -> None:
    """Eight sends that are all refused are one overload; a ninth one is another."""
    throttle = Throttle(None, 8)
    for _ in range(8):
        throttle.overloaded()
    assert throttle.concurrency == 4
    for _ in range(4):
        throttle.overloaded()
    assert throttle.concurrency == 2


def test_what_is_taken_after_an_overload_makes_the_next_one_count() -> None:
    """Seven others were under way: two of them were taken, five refused; the eighth refusal is a new one."""
    throttle = Throttle(None, 8)
    for ok in (False, True, True, False, False, False, False, False):
        throttle.succeeded() if ok else throttle.overloaded()
    assert throttle.concurrency == 4
    throttle.overloaded()
    assert throttle.concurrency == 2


@example(1, [False])
@given(st.integers(1, 1000), st.lists(st.booleans(), max_size=300))
def test_the_number_of_sends_keeps_within_its_bounds(most: int, answers: list[bool]) -> None:
    """At least one, at most what its user said."""
    throttle = Throttle(None, most)
    for ok in answers:
        throttle.succeeded() if ok else throttle.overloaded()
        assert 1 <= throttle.concurrency <= most


@given(st.integers(1, 1000), st.lists(st.booleans(), max_size=100))
def test_success_always_brings_all_back(most: int, answers: list[bool]) -> None:
    """Within nine rounds of it."""
    throttle = Throttle(None, most)
    for ok in answers:
        throttle.succeeded() if ok else throttle.overloaded()
    for _ in range(9 * most):
        throttle.succeeded()
    assert throttle.concurrency == most
