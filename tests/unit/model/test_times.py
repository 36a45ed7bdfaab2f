"""Times as text and back."""

import pytest

from bridge.model.times import format_time, parse_time


def test_times_are_rfc_3339_in_utc() -> None:
    """To the millisecond, always with three digits; or to the second."""
    assert format_time(1_000_000) == "1970-01-12T13:46:40.000Z"
    assert format_time(1.75) == "1970-01-01T00:00:01.750Z"
    assert format_time(1.75, "seconds") == "1970-01-01T00:00:01Z"


def test_texts_sort_as_their_times() -> None:
    """A time without a fraction stands before the next one with one."""
    assert format_time(5) < format_time(5.001) < format_time(5.5) < format_time(6)


@pytest.mark.parametrize("text", ["1970-01-01T00:00:01.750Z", "1970-01-01T02:00:01.750+02:00"])
def test_what_was_written_is_read_back(text: str) -> None:
    """In any zone."""
    assert parse_time(text) == 1.75


@pytest.mark.parametrize("text", ["", "now", "1970-01-01T00:00:01", "1970-13-01T00:00:01Z"])
def test_what_is_no_time(text: str) -> None:
    """Also a time without a zone: nobody knows when it is."""
    assert parse_time(text) is None
