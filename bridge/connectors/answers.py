"""What an HTTP answer means for a delivery: taken, to be tried again, or never; and for its target. Pure.

After Knative's table, completed: a redirect is never followed, 404 may be a server that is still starting, 410 says that
the target is retired (CloudEvents webhook specification, 2.2). The header ``webhook-delivery`` (after Svix) says
``abort-message``: this delivery shall not come again; or ``disable``: no other shall come.
"""

import re
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from bridge.errors import Rejected, RejectedKind, Retryable, TargetError

AGAIN = {404, 408, 409, 429}
"""The only statuses of the 4xx that may pass."""
OVERLOAD = {429, 502, 504}
"""Less at a time may help."""
KINDS: dict[int, RejectedKind] = {
    401: "not-authorised",
    403: "not-authorised",
    407: "not-authorised",
    413: "too-large",
}
DISABLED = "the target asked to be sent nothing more (webhook-delivery: disable)"
YEAR_S = 366 * 86_400.0
"""The longest wait that a Retry-After is read as. How long a target's wish is obeyed, its retry policy says."""


class Answer(NamedTuple):
    """What a server said; ``text`` is the beginning of the body. ``headers`` finds names in any case."""

    status: int
    headers: Mapping[str, str]
    text: bytes = b""


def judge(answer: Answer, now: float, *, authentic: bool = False) -> TargetError | None:
    """Why the delivery failed; None when it is done.

    ``now``: seconds since the epoch, for a Retry-After date. ``authentic``: surely the target's own words, and not those
    of somebody in between, so it may give orders.
    """
    status = answer.status
    if 200 <= status < 300:
        return None
    order = _order(answer) if authentic else ""
    disable = order == "disable"
    reason = f"{DISABLED}: {_reason(answer)}" if disable else _reason(answer)
    if order == "abort-message":
        return Rejected(f"aborted by the target: {reason}", kind="aborted-by-target", answer=answer.text)
    if status == 410:
        return Rejected(f"the target is retired: {reason}", kind="target-retired", answer=answer.text, retire=True)
    if 300 <= status < 500 and status not in AGAIN:
        return Rejected(reason, kind=KINDS.get(status, "rejected"), answer=answer.text, retire=disable)
    wish = answer.headers.get("Retry-After")
    wish_s = parse_retry_after(wish, now)
    if wish is not None:
        reason += f" (Retry-After: {one_line(wish, 100)}{', which is no time' if wish_s is None else ''})"
    overload = status in OVERLOAD
    return Retryable(reason, after_s=wish_s, hold_s=wish_s, overload=overload, answer=answer.text, retire=disable)


def wants_no_more(answer: Answer) -> bool:
    """Whether it says so, be the delivery done or not. Only a target that surely said it is to be obeyed."""
    return _order(answer) == "disable"


def _order(answer: Answer) -> str:
    return answer.headers.get("Webhook-Delivery", "").strip().lower()


def _reason(answer: Answer) -> str:
    if 300 <= answer.status < 400:
        where = one_line(answer.headers.get("Location", "nowhere"))
        return f"status {answer.status}: redirects are not followed (to {where})"
    text = one_line(answer.text.decode("utf-8", "replace"))
    return f"status {answer.status}: {text}" if text else f"status {answer.status}"


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Seconds to wait, at most a year, from seconds or an HTTP date (RFC 9110, 10.2.3).

    None when there is none or it is not valid.
    """
    if value is None:
        return None
    value = value.strip()
    if re.fullmatch(r"[0-9]{1,9}", value):
        return min(float(value), YEAR_S)
    try:
        when = parsedate_to_datetime(value)
        # Of the three forms of an HTTP date one names no zone; all are UTC.
        wait_s = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() - now
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, wait_s), YEAR_S)


def one_line(text: str, longest: int = 1024) -> str:
    """Text from outside, fit for a log line: no line breaks, no control characters."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in " ".join(text.split()))[:longest]
