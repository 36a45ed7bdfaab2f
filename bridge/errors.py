"""Every error that bridge raises on purpose: whose fault is it, and is it worth another try?

::

    BridgeError
    ├── InvalidInput               the caller's       never      400 INVALID_ARGUMENT
    │   ├── InvalidEvent
    │   ├── InvalidPattern
    │   ├── InvalidFilter(position)
    │   ├── InvalidTransform
    │   ├── InvalidConfig          (resources, connector configs, settings)
    │   ├── TooLarge                                             413 INVALID_ARGUMENT
    │   ├── UnsupportedMediaType                                 415 INVALID_ARGUMENT
    │   └── MethodNotAllowed                                     405 INVALID_ARGUMENT
    ├── NotFound                   the caller's       never      404 NOT_FOUND
    ├── AlreadyExists              the caller's       never      409 ALREADY_EXISTS
    ├── Conflict                   the caller's       read first 409 ABORTED
    ├── InUse                      the caller's       never      409 FAILED_PRECONDITION
    ├── Overloaded(after_s)        ours: quota, queue later      429 RESOURCE_EXHAUSTED
    ├── StoreError                 ours               no         500 INTERNAL
    │   └── StoreUnavailable       ours               yes        503 UNAVAILABLE
    ├── StartError                 the operator's     no         (the process ends; nothing was served)
    ├── Unreachable                the network's      later      (raised by the client: no bridge answered)
    └── TargetError                theirs; raised by connectors, never shown to callers
        ├── Retryable(after_s)     again, by the target's policy
        ├── Rejected(kind)         never; to the dead letters
        ├── NotConnected           again, after ``open()``
        └── PartlyFailed(failures) some deliveries of a batch failed, each with its own TargetError

The class attributes ``code`` (stable, for programs), ``status`` (HTTP) and ``grpc`` (name of the gRPC status) are the
one table from class to wire; ``problem()`` is the one JSON shape (RFC 9457).
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

RejectedKind = Literal[
    "rejected", "too-large", "not-authorised", "target-missing", "aborted-by-target", "target-retired"
]
"""Why a target takes a delivery never: ``rejected`` where nothing finer is known."""


class BridgeError(Exception):
    """Something in bridge failed."""

    code: ClassVar[str] = "INTERNAL"
    status: ClassVar[int] = 500
    grpc: ClassVar[str] = "INTERNAL"

    def __init__(self, reason: str = "", *, path: str | None = None) -> None:
        """``reason`` is a sentence for people, ``path`` the JSONPath of the bad part (``$.spec.targets[0].kind``)."""
        self.reason = reason or (self.__doc__ or "").split("\n", 1)[0]
        self.path = path
        super().__init__(self.reason)

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self.path not in {None, "$"} else self.reason

    def under(self, prefix: str) -> "BridgeError":
        """Move the path below ``prefix`` (``$.spec.pattern``) and return this error, to be raised again."""
        self.path = prefix + (self.path or "$")[1:]
        return self


class InvalidInput(BridgeError):
    """The input is not valid."""

    code = "INVALID_INPUT"
    status = 400
    grpc = "INVALID_ARGUMENT"


class InvalidEvent(InvalidInput):
    """The event is not a valid CloudEvent."""

    code = "INVALID_EVENT"


class InvalidPattern(InvalidInput):
    """The pattern is not valid."""

    code = "INVALID_PATTERN"


class InvalidFilter(InvalidInput):
    """The filter is not valid."""

    code = "INVALID_FILTER"

    def __init__(self, reason: str = "", *, path: str | None = None, position: int | None = None) -> None:
        """``position`` counts the characters of an expression from 1; the reason names it."""
        super().__init__(reason if position is None else f"{reason} (at character {position})", path=path)
        self.position = position


class InvalidTransform(InvalidInput):
    """The transform is not valid."""

    code = "INVALID_TRANSFORM"


class InvalidConfig(InvalidInput):
    """The definition is not valid."""

    code = "INVALID_CONFIG"


class TooLarge(InvalidInput):
    """What was sent is larger than allowed."""

    code = "TOO_LARGE"
    status = 413


class UnsupportedMediaType(InvalidInput):
    """The content type is not one that is understood here."""

    code = "UNSUPPORTED_MEDIA_TYPE"
    status = 415


class MethodNotAllowed(InvalidInput):
    """This address does not take that method."""

    code = "METHOD_NOT_ALLOWED"
    status = 405


class NotFound(BridgeError):
    """There is no such thing."""

    code = "NOT_FOUND"
    status = 404
    grpc = "NOT_FOUND"


class AlreadyExists(BridgeError):
    """There is one already."""

    code = "ALREADY_EXISTS"
    status = 409
    grpc = "ALREADY_EXISTS"


class Conflict(BridgeError):
    """It was changed in between; read it again first."""

    code = "CONFLICT"
    status = 409
    grpc = "ABORTED"


class InUse(BridgeError):
    """Other definitions hang on it."""

    code = "IN_USE"
    status = 409
    grpc = "FAILED_PRECONDITION"


class Overloaded(BridgeError):
    """Too much is under way; try again later."""

    code = "OVERLOADED"
    status = 429
    grpc = "RESOURCE_EXHAUSTED"

    def __init__(self, reason: str = "", *, after_s: float = 1.0) -> None:
        super().__init__(reason)
        self.after_s = after_s


class StoreError(BridgeError):
    """The store failed in a way that another try will not mend."""

    code = "STORE_ERROR"


class StoreUnavailable(StoreError):
    """The store cannot answer now."""

    code = "STORE_UNAVAILABLE"
    status = 503
    grpc = "UNAVAILABLE"


class StartError(BridgeError):
    """The service cannot start."""

    code = "START_ERROR"


class Unreachable(BridgeError):
    """No bridge answers."""

    code = "UNREACHABLE"
    status = 503
    grpc = "UNAVAILABLE"


class TargetError(BridgeError):
    """A target did not take a delivery."""

    code = "TARGET_ERROR"

    def __init__(
        self,
        reason: str = "",
        *,
        answer: bytes = b"",
        hold_s: float | None = None,
        overload: bool = False,
        retire: bool = False,
    ) -> None:
        """``answer``: the beginning of what the target said, for the record. ``hold_s``: it wants nothing at all for so
        long. ``overload``: it has too much to do. ``retire``: it wants nothing any more, until somebody looks at it.
        """
        super().__init__(reason)
        self.answer = answer
        self.hold_s = hold_s
        self.overload = overload
        self.retire = retire


class Retryable(TargetError):
    """The target failed for now; ``after_s`` is its own wish when to come back with this delivery."""

    code = "RETRYABLE"

    def __init__(self, reason: str = "", *, after_s: float | None = None, **said: Any) -> None:
        """``said``: as for TargetError."""
        super().__init__(reason, **said)
        self.after_s = after_s


class Rejected(TargetError):
    """The target will never take this delivery."""

    code = "REJECTED"

    def __init__(self, reason: str = "", *, kind: RejectedKind = "rejected", **said: Any) -> None:
        """``kind`` is the class of the reason, as dead letters show it; ``said``: as for TargetError."""
        super().__init__(reason, **said)
        self.kind = kind


class NotConnected(TargetError):
    """The connection to the target is gone; open it again."""

    code = "NOT_CONNECTED"


class PartlyFailed(TargetError):
    """Some deliveries of the batch failed: ``failures`` maps their index to why.

    Those that failed together, perhaps for one of them, have one and the same error: they are sent apart next time.
    """

    code = "PARTLY_FAILED"

    def __init__(self, failures: Mapping[int, TargetError]) -> None:
        super().__init__(f"{len(failures)} deliveries of the batch failed")
        self.failures = failures


def problem(error: BridgeError) -> dict[str, Any]:
    """The error as an RFC 9457 problem; every door shows this shape."""
    body: dict[str, Any] = {
        "type": f"urn:bridge:error:{error.code.lower().replace('_', '-')}",
        "title": (type(error).__doc__ or "").split("\n", 1)[0].rstrip("."),
        "status": error.status,
        "detail": error.reason,
        "code": error.code,
    }
    if error.path is not None:
        body["path"] = error.path
    if isinstance(error, Overloaded):
        body["retryAfterSeconds"] = error.after_s
    return body
