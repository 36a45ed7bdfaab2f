"""When a delayed message is due, and what becomes of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.rocketmq.records import StoredMessage
from bridge.testing.broker.config import Config
from bridge.testing.broker.requests import Refusal
from bridge.testing.broker.timers import Delay, Timers, plan_delay

NOW_MS = 1_000_500
LONGEST_MS = 259_200_000


def plan(**properties: object) -> Delay | None:
    message = StoredMessage("t", 3, 0, b"x", {name: str(value) for name, value in properties.items()})
    return plan_delay(message, Config(), NOW_MS)


def test_an_ordinary_message_does_not_wait() -> None:
    """Nor does one whose time has passed."""
    assert plan() is plan(DELAY="0") is plan(DELAY="-1") is plan(TIMER_DELIVER_MS=NOW_MS) is None


def test_a_timer_waits_in_the_brokers_own_topic() -> None:
    """It says where it belongs, and until when it waits."""
    delay = plan(TIMER_DELIVER_MS=1_003_376)
    assert delay is not None
    assert delay[:4] == ("rmq_sys_wheel_timer", 0, 1_004_000, 1_003_000)
    assert delay.properties == {
        "TIMER_OUT_MS": "1003000",
        "TIMER_DELIVER_MS": "1003376",
        "REAL_TOPIC": "t",
        "REAL_QID": "3",
    }


@given(st.integers(1, LONGEST_MS))
def test_a_timer_is_never_early_and_less_than_a_second_late(after_ms: int) -> None:
    """Whichever property says when."""
    delay = plan(TIMER_DELAY_MS=after_ms)
    assert delay is not None
    assert 0 <= delay.due_ms - (NOW_MS + after_ms) < 1000


def test_seconds_come_before_milliseconds_and_those_before_a_time() -> None:
    """The first of the three that is there counts."""
    by_seconds = plan(TIMER_DELAY_SEC=2, TIMER_DELAY_MS=60_000, TIMER_DELIVER_MS=1)
    by_ms = plan(TIMER_DELAY_MS=60_000, TIMER_DELIVER_MS=1)
    assert by_seconds is not None
    assert by_ms is not None
    assert (by_seconds.due_ms, by_ms.due_ms) == (1_003_000, 1_061_000)


@pytest.mark.parametrize("seconds", [LONGEST_MS // 1000 + 1, "soon", ""])
def test_a_timer_that_is_too_far_ahead_or_no_number_is_refused(seconds: object) -> None:
    """With 13; three days exactly are allowed."""
    assert plan(TIMER_DELAY_SEC=LONGEST_MS // 1000) is not None
    with pytest.raises(Refusal) as refused:
        plan(TIMER_DELAY_SEC=seconds)
    assert refused.value.answer.code == 13


def test_without_a_wheel_timers_are_refused() -> None:
    """With 1, after a setting."""
    message = StoredMessage("t", 0, 0, b"x", {"TIMER_DELAY_SEC": "1"})
    with pytest.raises(Refusal) as refused:
        plan_delay(message, Config({"timerWheelEnable": "false"}), NOW_MS)
    assert refused.value.answer.code == 1


def test_a_level_that_is_no_number_is_refused() -> None:
    """With 1: the broker fails on it."""
    with pytest.raises(Refusal) as refused:
        plan(DELAY="x")
    assert refused.value.answer.code == 1


def test_a_level_wins_over_a_timer() -> None:
    """18 levels, higher ones are as the last; the timer's property goes."""
    first, last = plan(DELAY=1, TIMER_DELIVER_MS=5), plan(DELAY=99)
    assert first is not None
    assert last is not None
    assert first[:4] == ("SCHEDULE_TOPIC_XXXX", 0, NOW_MS + 1000, None)
    assert "TIMER_DELIVER_MS" not in first.properties
    assert (last.queue_id, last.due_ms) == (17, NOW_MS + 7_200_000)


def waiting(number: int, **properties: str) -> StoredMessage:
    real = {"REAL_TOPIC": "t", "REAL_QID": "2", "UNIQ_KEY": f"u{number}"}
    return StoredMessage("rmq_sys_wheel_timer", 0, number, b"%d" % number, {**real, **properties}, born_time_ms=1)


def test_what_is_due_comes_in_order_of_its_time() -> None:
    """In its real topic, with the times that the broker notes."""
    timers = Timers()
    timers.add(waiting(1), 3000, 1500)
    timers.add(waiting(2), 2000, 1500)
    assert timers.next_ms == 2000
    assert timers.due(1999) == []
    second, first = timers.due(3000)
    assert (second.topic, second.queue_id, second.body, second.born_time_ms) == ("t", 2, b"2", 1)
    assert (first.properties["TIMER_ENQUEUE_MS"], first.properties["TIMER_DEQUEUE_MS"]) == ("1000", "3000")
    assert len(timers) == 0
    assert timers.next_ms is None


def test_a_recalled_message_never_comes() -> None:
    """Recalling is by topic and unique key; one more time does no harm."""
    timers = Timers()
    timers.add(waiting(1), 2000, 0)
    timers.add(waiting(2), 2000, 0)
    timers.recall("t", "u1")
    timers.recall("t", "u1")
    timers.recall("other", "u2")
    assert [message.body for message in timers.due(2000)] == [b"2"]


def test_stuck_timers_wait() -> None:
    """Until they are not stuck any more."""
    timers = Timers()
    timers.add(waiting(1), 2000, 0)
    timers.stuck = True
    assert timers.due(9000) == []
    assert timers.next_ms is None
    timers.stuck = False
    assert len(timers.due(9000)) == 1
