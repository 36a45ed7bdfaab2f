"""Times as people and programs read them: RFC 3339 with zone. Inside they are seconds since the epoch."""

from datetime import UTC, datetime
from typing import Literal


def format_time(seconds: float, timespec: Literal["milliseconds", "seconds"] = "milliseconds") -> str:
    """RFC 3339 in UTC; what is finer is cut. Always as many digits, so that texts sort as their times do."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def parse_time(text: str) -> float | None:
    """Seconds since the epoch; None for what is no RFC 3339 time with a zone."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time.timestamp() if time.tzinfo is not None else None
