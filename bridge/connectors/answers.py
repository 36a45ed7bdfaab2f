"""What an HTTP answer means for a delivery: taken, to be tried again, or never. Pure.

After Knative's table, completed: a redirect is never followed, 404 may be a server that is still starting, 410 says that
the target is retired, and the header ``webhook-delivery: abort-message`` that this delivery shall not come again.
"""

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from bridge.errors import Rejected, Retryable, TargetError

AGAIN = {404, 408, 409, 429}
"""The only statuses of the 4xx that may pass."""
HOUR_S = 3600.0


class Answer(NamedTuple):
    """What a server said; ``text`` is the beginning of the body. ``headers`` finds names in any case."""

    status: int
    headers: Mapping[str, str]
    text: bytes = b""


def judge(answer: Answer, now: float, cap_s: float = HOUR_S, *, authentic: bool = False) -> TargetError | None:
    """Why the delivery failed; None when it is done.

    ``now``: seconds since the epoch, for a Retry-After date; ``cap_s``: the longest wait that it may ask for;
    ``authentic``: surely the target's own words, and not those of somebody in between, so it may give orders.
    """
    status = answer.status
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        where = one_line(answer.headers.get("Location", "nowhere"))
        return Rejected(f"status {status}: redirects are not followed (to {where})")
    text = one_line(answer.text.decode("utf-8", "replace"))
    reason = f"status {status}: {text}" if text else f"status {status}"
    if authentic and answer.headers.get("Webhook-Delivery", "").strip().lower() == "abort-message":
        return Rejected(f"aborted by the target: {reason}")
    if status == 410:
        return Rejected(f"the target is retired: {reason}")
    if 400 <= status < 500 and status not in AGAIN:
        return Rejected(reason)
    return Retryable(reason, after_s=parse_retry_after(answer.headers.get("Retry-After"), now, cap_s))


def parse_retry_after(value: str | None, now: float, cap_s: float = HOUR_S) -> float | None:
    """Seconds to wait, at most ``cap_s``, from seconds or an HTTP date (RFC 9110, 10.2.3).

    None when there is none or it is not valid.
    """
    if value is None:
        return None
    value = value.strip()
    if re.fullmatch(r"[0-9]{1,9}", value):
        return min(float(value), cap_s)
    try:
        when = parsedate_to_datetime(value)
        # Of the three forms of an HTTP date one names no zone; all are UTC.
        wait_s = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - now
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, wait_s), cap_s)


def one_line(text: str, longest: int = 1024) -> str:
    """Text from outside, fit for a log line: no line breaks, no control characters."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(text.split()))[:longest]
