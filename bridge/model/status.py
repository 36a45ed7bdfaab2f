"""How the running bridge is: the answer of ``GET /v1/status``. Counts are since the start of the process, times RFC 3339.

Where several instances share their buses, it is what all of them are together: see ``bridge.model.statuses``.
"""

import msgspec


class _Shown(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class LastError(_Shown, frozen=True, kw_only=True):
    """When and why a delivery failed last."""

    time: str
    reason: str


class BreakerStatus(_Shown, frozen=True, kw_only=True):
    """``state``: ``closed`` (deliveries flow), ``open`` (none are tried), ``half-open`` (one at a time is)."""

    state: str
    since: str | None = None


class TargetStatus(_Shown, frozen=True, kw_only=True):
    """``lag``: events of the bus behind the last settled one; ``rate``: deliveries per second, lately.

    ``state`` is ``running``; ``behind`` (reads on its own what it has missed); ``failing`` (the last attempt did);
    ``open`` (its breaker is: nothing is tried for a while); ``blocked`` (at an event that may not be skipped, by
    ``errorsTolerance: NONE``); ``paused``. ``since`` and ``reason`` say more about it. ``waiting``: deliveries in its lane;
    ``parked``: those that wait durably for their next attempt, the first of which comes at ``nextAttempt``.
    ``retentionUsed``: how near retention is to its oldest undelivered event, from 0 to 1 (that one is being deleted); null
    where the bus keeps everything.
    """

    name: str
    kind: str
    state: str
    lag: int
    delivered: int
    failed: int
    dead: int
    rate: float
    last_error: LastError | None = None
    since: str | None = None
    reason: str = ""
    breaker: BreakerStatus | None = None
    waiting: int = 0
    parked: int = 0
    next_attempt: str | None = None
    retention_used: float | None = None


class RuleStatus(_Shown, frozen=True, kw_only=True):
    name: str
    enabled: bool
    matched: int
    targets: tuple[TargetStatus, ...]


class BusStatus(_Shown, frozen=True, kw_only=True):
    """``events``, ``size_bytes`` and ``oldest`` are what the log holds now. ``unread``: partitions that no instance reads at
    the moment, as they are moving from one to another; ``reading``: all others.
    """

    name: str
    partitions: int
    events: int
    size_bytes: int
    oldest: str | None
    received: int
    rate: float
    lag: int
    rules: tuple[RuleStatus, ...]
    reading: tuple[int, ...] = ()
    unread: tuple[int, ...] = ()


class InstanceStatus(_Shown, frozen=True, kw_only=True):
    """One process of several that share buses. ``address``: of its HTTP listener; ``partitions``: how many it reads, of all
    buses; ``heard``: seconds since its last sign of life.
    """

    id: str
    address: str
    version: str
    started: str
    partitions: int
    heard: float


class Status(_Shown, frozen=True, kw_only=True):
    """``instances``: those that live, the oldest first; empty where a bridge does not share its buses."""

    version: str
    started: str
    buses: tuple[BusStatus, ...]
    instances: tuple[InstanceStatus, ...] = ()
