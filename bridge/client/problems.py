"""From an HTTP answer that is no success back to the error that the server raised."""

from typing import Any

import msgspec

from bridge import errors
from bridge.errors import BridgeError, Overloaded

_CLASSES: dict[str, type[BridgeError]] = {
    kind.code: kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, BridgeError)
}


def error_of(problem: dict[str, Any]) -> BridgeError:
    """The error that an RFC 9457 problem stands for; a BridgeError when its code is not known here."""
    kind = _CLASSES.get(str(problem.get("code")), BridgeError)
    reason = str(problem.get("detail") or problem.get("title") or "")
    if kind is Overloaded:
        return Overloaded(reason, after_s=float(problem.get("retryAfterSeconds") or 1.0))
    path = problem.get("path")
    if issubclass(kind, errors.TargetError):
        return BridgeError(reason)
    return kind(reason, path=str(path) if path is not None else None)


def error_in(status: int, body: bytes, server: str) -> BridgeError:
    """The error in an answer; one that is no problem came from something else than a bridge."""
    try:
        return error_of(msgspec.json.decode(body, type=dict[str, Any]))
    except msgspec.DecodeError:
        text = body[:200].decode("utf-8", "replace").strip()
        return BridgeError(f"{server} answered {status}, not as a bridge would: {text or 'without a word'}")
