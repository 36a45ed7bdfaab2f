"""Times as RFC 3339 text and as seconds and nanoseconds since the epoch. The text is what an event keeps."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache

import msgspec

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII)
_EPOCH = date(1970, 1, 1)
_TWO_DIGITS = tuple(f"{number:02}" for number in range(60))
_DATES = list[datetime]
_convert = msgspec.convert
FIRST, LAST = -62_135_596_800, 253_402_300_799
"""Seconds that a google.protobuf.Timestamp may have: the years 1 to 9999."""


def is_timestamp(value: str) -> bool:
    """RFC 3339, section 5.6: seconds and offset are required, the date must exist; leap seconds are allowed."""
    return _split(value) is not None


def parse_time(text: str) -> tuple[int, int] | None:
    """Seconds and nanoseconds since the epoch; None for what is no time or lies outside the years 1 to 9999.

    Digits beyond nanoseconds are cut; a leap second becomes the second behind it, as it has no number of its own.
    """
    parts = _split(text)
    if parts is None:
        return None
    seconds, fraction = parts
    return (seconds, int(f"{fraction[:9]:0<9}")) if FIRST <= seconds <= LAST else None


def _split(text: str) -> tuple[int, str] | None:
    """Seconds since the epoch and the digits of the fraction; None if it is no time."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    day, hour, minute, second, fraction, sign, offset_hour, offset_minute = found.groups()
    days, hours, minutes, seconds = _days(day), int(hour), int(minute), int(second)
    if days is None or hours > 23 or minutes > 59 or seconds > 60:
        return None
    total = days * 86_400 + hours * 3600 + minutes * 60 + seconds
    if sign:
        hours, minutes = int(offset_hour), int(offset_minute)
        if hours > 23 or minutes > 59:
            return None
        total += (hours * 3600 + minutes * 60) * (1 if sign == "-" else -1)
    return total, fraction or ""


@lru_cache(maxsize=1024)
def _days(day: str) -> int | None:
    """Days since the epoch of a date; None if there is no such date."""
    try:
        return (date.fromisoformat(day) - _EPOCH).days
    except ValueError:
        return None


def format_time(seconds: int, nanos: int) -> str:
    """The canonical text: UTC, and as many digits as needed out of 0, 3, 6 or 9. ``seconds`` from FIRST to LAST."""
    return format_seconds(seconds) + format_fraction(nanos)


def format_seconds(seconds: int) -> str:
    """The canonical text as far as the seconds."""
    return _minute(seconds // 60) + _TWO_DIGITS[seconds % 60]


def format_fraction(nanos: int) -> str:
    """The rest of the canonical text."""
    if nanos == 0:
        return "Z"
    end = 10 if nanos % 1000 else 7 if nanos % 1_000_000 else 4
    return f".{str(1_000_000_000 + nanos)[1:end]}Z"  # half the cost of a format with leading zeros


@lru_cache(maxsize=4096)
def _minute(minutes: int) -> str:
    days, rest = divmod(minutes, 1440)
    return f"{(_EPOCH + timedelta(days=days)).isoformat()}T{rest // 60:02}:{rest % 60:02}:"


def are_timestamps(texts: Sequence[str]) -> bool:
    """Whether all are RFC 3339 times. Where all are in UTC, msgspec's parser answers at a tenth of the cost.

    What that takes beyond RFC 3339 is a space for the T and an offset without colon; it refuses leap seconds.
    """
    joined = "".join(texts)
    if " " not in joined and joined.count("Z") == len(texts):
        try:
            _convert(texts, _DATES)
        except msgspec.ValidationError:
            pass
        else:
            return True
    return all(map(is_timestamp, texts))
