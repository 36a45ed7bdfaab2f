"""The spec of a Rule: which events, which targets, in which shape, how persistently."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from bridge.model.documents import Document
from bridge.model.resource import NAME
from bridge.model.units import Duration, Rate, Size

Name = Annotated[str, Meta(pattern=rf"^{NAME.pattern}\Z")]
OWN_CURSORS = "target/"
Dialect = Literal["bridge", "aws", "aliyun"]
PolicyName = Literal["BACKOFF_RETRY", "EXPONENTIAL_DECAY_RETRY", "AWS", "AWS_BUS", "WEBHOOK"]
"""Held by bridge.model.retry."""


class Wait(Duration):
    """A duration that is none of nothing and none of years."""

    least, most = "1ms", "366d"


class Cap(Duration):
    """A duration that may be nothing."""

    most = "366d"


class Pace(Rate):
    """A rate that lets something through."""

    least = "1/h"


class Bytes(Size):
    """A size that has room for something."""

    least = "1B"


class Linger(Duration):
    """A wait for company."""

    most = "1h"


class Retry(Document, frozen=True, kw_only=True):
    """When a failed delivery is tried again, and when it is given up.

    Either ``policy`` names one of the known policies, or ``schedule`` lists the waits between attempts, of which the last
    one repeats; with neither, the default is in force: 200ms, 1s, 5s, 30s, 2m, 10m, 30m, then each hour, for 24h or 40
    attempts. ``maxAttempts``, ``maxAge`` and ``jitter`` replace those of the policy; a jitter of 0.2 spreads each wait by
    up to 20 % either way. ``retryAfterMax`` is the longest wait that an answer of the target may ask for; 0s: none.
    """

    policy: PolicyName | None = None
    schedule: Annotated[tuple[Wait, ...], Meta(min_length=1, max_length=32)] | None = None
    max_attempts: Annotated[int, Meta(ge=1, le=1000)] | None = None
    max_age: Wait | None = None
    jitter: Annotated[float, Meta(ge=0, le=1)] | None = None
    retry_after_max: Cap = Cap(3600)


class Batching(Document, frozen=True, kw_only=True):
    """How many deliveries one send may carry, where the connector takes several, and how long it waits to be full."""

    count: Annotated[int, Meta(ge=1, le=10_000)] = 1_000
    size: Size = Size(1024 * 1024)
    wait: Linger = Linger(0)


class DeadLetterPlace(Document, frozen=True, kw_only=True):
    """Where a target's dead letters go instead of the dead-letter store."""

    bus: Name


class TargetSpec(Document, frozen=True, kw_only=True):
    """Where matching events go. ``config`` is the connector's own struct, ``transform`` a form of bridge.rules.

    ``errorsTolerance``: at an event that is given up, go on with the next one (``ALL``) or stop there (``NONE``).
    ``order: key``: deliveries of one partition key go out one after the other, and a failing one holds back its key alone.
    ``rate``: events per second that are sent at most; absent: as many as the target takes. ``inFlight``: how many bytes of
    events may be on their way to the target, of which one event may always be.
    """

    name: Name
    kind: str
    config: msgspec.Raw = msgspec.Raw(b"{}")
    transform: msgspec.Raw = msgspec.Raw(b'{"original":true}')
    retry: Retry = Retry()
    errors_tolerance: Literal["ALL", "NONE"] = "ALL"
    dead_letters: DeadLetterPlace | None = None
    order: Literal["key", "none"] = "none"
    concurrency: Annotated[int, Meta(ge=1, le=1_000)] = 8
    rate: Pace | None = None
    timeout: Wait = Wait(15)
    batch: Batching = Batching()
    in_flight: Bytes = Bytes(16 * 1024 * 1024)
    start: str = "latest"
    """Where a target that is new begins: ``latest``, ``earliest``, or a time (RFC 3339) of reception."""
    paused: bool = False


class RuleSpec(Document, frozen=True, kw_only=True):
    """``pattern`` is JSON text in the language of bridge.rules; absent or ``{}`` matches every event.

    ``filter`` is JSON text too: a filter of the CloudEvents Subscriptions API, or a list of them that must all pass. An
    event must pass both.
    """

    enabled: bool = True
    dialect: Dialect = "bridge"
    pattern: msgspec.Raw = msgspec.Raw(b"{}")
    filter: msgspec.Raw = msgspec.Raw(b"[]")
    targets: Annotated[tuple[TargetSpec, ...], Meta(min_length=1, max_length=100)]


def own_cursor(rule: str, target: str) -> str:
    """The name of a target's own cursor in its bus's log. That it is there says that the target is behind."""
    return f"{OWN_CURSORS}{rule}/{target}"
