"""How the running bridge is: the answer of ``GET /v1/status``. Counts are since the start of the process, times RFC 3339."""

import msgspec


class _Shown(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class LastError(_Shown, frozen=True, kw_only=True):
    """When and why a delivery failed last."""

    time: str
    reason: str


class TargetStatus(_Shown, frozen=True, kw_only=True):
    """``lag``: events of the bus behind the last settled one; ``rate``: deliveries per second, lately."""

    name: str
    kind: str
    state: str
    lag: int
    delivered: int
    failed: int
    dead: int
    rate: float
    last_error: LastError | None = None


class RuleStatus(_Shown, frozen=True, kw_only=True):
    name: str
    enabled: bool
    matched: int
    targets: tuple[TargetStatus, ...]


class BusStatus(_Shown, frozen=True, kw_only=True):
    """``events``, ``size_bytes`` and ``oldest`` are what the log holds now."""

    name: str
    partitions: int
    events: int
    size_bytes: int
    oldest: str | None
    received: int
    rate: float
    lag: int
    rules: tuple[RuleStatus, ...]


class Status(_Shown, frozen=True, kw_only=True):
    version: str
    started: str
    buses: tuple[BusStatus, ...]
