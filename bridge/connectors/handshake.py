"""Consent to be pushed to: the validation handshake of the CloudEvents webhook specification (1.0.2, section 4). Pure.

Before anything is delivered, the target is asked by OPTIONS whether it wants to be. Only the header WebHook-Allowed-Origin
is consent; a status proves nothing.
"""

import re
from typing import Annotated

from bridge.connectors.answers import Answer, one_line, parse_retry_after
from bridge.connectors.base import field
from bridge.errors import Retryable
from bridge.model.documents import Document

ORIGIN = "webhook-request-origin"
HEADERS = {ORIGIN, "webhook-request-rate", "webhook-request-callback"}


class Handshake(Document, frozen=True, kw_only=True):
    origin: Annotated[
        str,
        field(
            "The DNS name under which bridge asks.", pattern=r"^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9_])?\Z"
        ),
    ]
    rate: Annotated[int, field("Requests per minute to ask for; 0: no rate is asked for.", ge=0)] = 0


def ask(handshake: Handshake) -> dict[str, str]:
    """The headers of the question."""
    headers = {ORIGIN: handshake.origin}
    if handshake.rate:
        headers["webhook-request-rate"] = str(handshake.rate)
    return headers


def judge_consent(handshake: Handshake, answer: Answer, now: float) -> Retryable | None:
    """Why there is no consent, which may be given later; None when there is. Until then nothing at all can be sent."""
    reason = _find_refusal(handshake, answer)
    if not reason:
        return None
    wish_s = parse_retry_after(answer.headers.get("Retry-After"), now)
    return Retryable(reason, after_s=wish_s, hold_s=wish_s, answer=answer.text)


def _find_refusal(handshake: Handshake, answer: Answer) -> str:
    allowed = answer.headers.get("WebHook-Allowed-Origin", "").strip()
    said = f"(status {answer.status})"
    if not allowed:
        return f"no consent: its answer to OPTIONS {said} has no WebHook-Allowed-Origin"
    if allowed != "*" and allowed.lower() != handshake.origin.lower():
        return f"no consent: it allows the origin {one_line(allowed, 100)}, not {handshake.origin} {said}"
    rate = answer.headers.get("WebHook-Allowed-Rate", "").strip()
    if handshake.rate and re.fullmatch(r"[0-9]{1,9}", rate) and int(rate) < handshake.rate:
        return (
            f"no consent to {handshake.rate} requests a minute: it allows {int(rate)}; ask for no more and send no more"
        )
    return ""
