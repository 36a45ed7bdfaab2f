"""Times as text and as numbers."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.codec.times import FIRST, LAST, are_timestamps, format_time, is_timestamp, parse_time
from tests.unit.codec.strategies import TIMES


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1970-01-01T00:00:00Z", (0, 0)),
        ("1969-12-31T23:59:59.5Z", (-1, 500_000_000)),
        ("2026-11-24T08:30:00.000000001+05:30", (1795489200, 1)),
        ("2026-11-24T08:30:00-05:30", (1795528800, 0)),
        ("1990-12-31T23:59:60Z", (662688000, 0)),
        ("2026-11-24T08:30:00.1234567899Z", (1795509000, 123_456_789)),
        ("0001-01-01T00:00:00+01:00", None),
        ("2026-11-24T08:30Z", None),
    ],
)
def test_a_time_is_a_number_of_seconds_and_nanoseconds(text: str, moment: tuple | None) -> None:
    """Offsets are added up, digits beyond nanoseconds cut; None where a Timestamp has no room."""
    assert parse_time(text) == moment


@pytest.mark.parametrize(
    ("seconds", "nanos", "text"),
    [
        (0, 0, "1970-01-01T00:00:00Z"),
        (FIRST, 0, "0001-01-01T00:00:00Z"),
        (LAST, 999_999_999, "9999-12-31T23:59:59.999999999Z"),
        (1795509000, 120_000_000, "2026-11-24T08:30:00.120Z"),
        (1795509000, 120_000, "2026-11-24T08:30:00.000120Z"),
        (1795509000, 120, "2026-11-24T08:30:00.000000120Z"),
    ],
)
def test_the_canonical_text(seconds: int, nanos: int, text: str) -> None:
    """UTC and 0, 3, 6 or 9 digits."""
    assert format_time(seconds, nanos) == text


@given(st.integers(FIRST, LAST), st.integers(0, 999_999_999))
def test_canonical_text_reads_back(seconds: int, nanos: int) -> None:
    """To the nanosecond, over the whole range."""
    assert parse_time(format_time(seconds, nanos)) == (seconds, nanos)


@given(st.datetimes())
def test_dates_are_pythons(moment: datetime) -> None:
    """Days, hours, minutes and seconds are the calendar's."""
    text = format_time((moment - datetime(1970, 1, 1)) // timedelta(seconds=1), 0)
    assert text == moment.replace(microsecond=0).isoformat() + "Z"


ODD = st.sampled_from(
    ["", "Z", "2026-11-24 08:30:00Z", "2026-11-24T08:30:00+0530", "2026-11-24T08:30:00", "2026-11-24T08:30:00Z\n",
     "٢026-11-24T08:30:00Z", "2023-02-29T00:00:00Z", "2026-11-24T24:00:00Z", "2026-11-24T08:30:00.Z", "ZZ"]
)  # fmt: skip


@given(st.lists(TIMES | ODD | st.text(max_size=5), max_size=5))
def test_many_at_once_are_judged_as_one_by_one(texts: list[str]) -> None:
    """The quick look at a column never says anything else."""
    assert are_timestamps(texts) == all(map(is_timestamp, texts))
