"""When an event wants to enter its bus."""

import pytest

from bridge.codec.delivertime import FURTHEST_S, find_due
from bridge.errors import InvalidEvent
from bridge.model.event import Event, Value

NOW = 1_790_000_000.0  # 2026-09-21T14:13:20Z


def event(value: Value) -> Event:
    return Event("1", "/s", "t", {"delivertime": value})


@pytest.mark.parametrize(
    ("text", "due"),
    [
        ("2026-09-21T14:13:21Z", NOW + 1),
        ("2026-09-21T14:13:20.25Z", NOW + 0.25),
        ("2026-09-21t16:13:21+02:00", NOW + 1),
        ("2026-09-21T14:13:60Z", NOW + 40),  # a leap second is the one behind it
        ("2027-09-22T14:13:20Z", NOW + FURTHEST_S),
        ("2026-09-21T14:13:20Z", None),
        ("1990-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00Z", None),
    ],
)
def test_a_time_ahead_is_when_it_enters(text: str, due: float | None) -> None:
    """One that is past, or now, changes nothing."""
    assert find_due(event(text), NOW) == due


def test_without_a_time_it_enters_at_once() -> None:
    """As nearly every event does."""
    assert find_due(Event("1", "/s", "t", {"time": "2999-01-01T00:00:00Z"}), NOW) is None


@pytest.mark.parametrize(
    "value",
    ["", "soon", "2026-09-21", "2026-09-21T14:13:21", "2026-02-30T00:00:00Z", "1790000001", 1790000001, True, b"x"],
)
def test_what_is_no_time_is_refused(value: Value) -> None:
    """With its path, also where the time would be past."""
    with pytest.raises(InvalidEvent, match="is not a time as in RFC 3339") as caught:
        find_due(event(value), NOW)
    assert caught.value.path == "$.delivertime"


@pytest.mark.parametrize("text", ["2027-09-22T14:13:20.001Z", "9999-12-31T23:59:59Z"])
def test_a_time_too_far_ahead_is_refused(text: str) -> None:
    """Rather than kept for somebody's grandchildren."""
    with pytest.raises(InvalidEvent, match="more than 366 days ahead") as caught:
        find_due(event(text), NOW)
    assert caught.value.path == "$.delivertime"


def test_without_a_clock_nothing_waits() -> None:
    """For whoever judges events and has nowhere to keep them."""
    assert find_due(event("2999-01-01T00:00:00Z"), float("inf")) is None
