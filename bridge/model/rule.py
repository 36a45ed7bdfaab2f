"""The spec of a Rule: which events, which targets, in which shape, how persistently."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from bridge.model.documents import Document
from bridge.model.resource import NAME
from bridge.model.units import Duration, Size

Name = Annotated[str, Meta(pattern=rf"^{NAME.pattern}\Z")]
OWN_CURSORS = "target/"
Dialect = Literal["bridge", "aws", "aliyun"]


class Retry(Document, frozen=True, kw_only=True):
    """The waits between attempts, ended by whichever comes first: attempts or age.

    The last wait of ``schedule`` repeats. ``jitter`` 0.2 spreads each wait by up to 20 % either way.
    """

    schedule: Annotated[tuple[Duration, ...], Meta(min_length=1, max_length=32)] = (
        Duration(0.2),
        Duration(1),
        Duration(5),
    )
    max_attempts: Annotated[int, Meta(ge=1, le=20)] = 4
    max_age: Duration = Duration(60)
    jitter: Annotated[float, Meta(ge=0, le=1)] = 0.2


class Batching(Document, frozen=True, kw_only=True):
    """How many deliveries one send may carry, where the connector takes several."""

    count: Annotated[int, Meta(ge=1, le=10_000)] = 1_000
    size: Size = Size(1024 * 1024)


class TargetSpec(Document, frozen=True, kw_only=True):
    """Where matching events go. ``config`` is the connector's own struct, ``transform`` a form of bridge.rules."""

    name: Name
    kind: str
    config: msgspec.Raw = msgspec.Raw(b"{}")
    transform: msgspec.Raw = msgspec.Raw(b'{"original":true}')
    retry: Retry = Retry()
    concurrency: Annotated[int, Meta(ge=1, le=1_000)] = 8
    timeout: Duration = Duration(15)
    batch: Batching = Batching()
    start: str = "latest"
    """Where a target that is new begins: ``latest``, ``earliest``, or a time (RFC 3339) of reception."""


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
