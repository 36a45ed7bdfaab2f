"""How several instances are together: one status. Pure.

Counts and rates are summed; so is lag, as each instance knows that of the partitions it reads. What is true of a bus as a
whole (its events, its size, what is parked) is told by one instance, and others tell nothing or the same of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from msgspec.structs import replace

from bridge.model.status import BreakerStatus, BusStatus, LastError, RuleStatus, Status, TargetStatus

STATES = ("paused", "blocked", "open", "failing", "behind", "running")
"""Of a target; what says most comes first."""
Lags = Mapping[int, int]
"""Partition to events."""
BREAKERS = ("open", "half-open", "closed")


class _Named(Protocol):
    @property
    def name(self) -> str: ...


Thing = TypeVar("Thing", bound=_Named)


def merge_statuses(mine: Status, others: Iterable[Status]) -> Status:
    """``mine`` knows the whole of each bus; ``others`` add what happens at them. ``instances`` stay those of ``mine``."""
    every = (mine, *others)
    buses = [_bus(some) for some in _together(status.buses for status in every)]
    return replace(mine, started=min(status.started for status in every), buses=tuple(buses))


def add_unread(bus: BusStatus, lags: Lags, own: Mapping[tuple[str, str], Lags]) -> BusStatus:
    """With the lag of partitions that nobody reads, told by partition: of the bus and, where that differs, of targets
    (rule, target).
    """

    def lag(rule: str, target: str) -> int:
        return sum({**lags, **own.get((rule, target), {})}.values())

    def with_lag(rule: RuleStatus) -> RuleStatus:
        targets = (replace(target, lag=target.lag + lag(rule.name, target.name)) for target in rule.targets)
        return replace(rule, targets=tuple(targets))

    rules = tuple(map(with_lag, bus.rules))
    return replace(bus, unread=tuple(sorted(lags)), lag=bus.lag + sum(lags.values()), rules=rules)


def _together(lists: Iterable[Sequence[Thing]]) -> list[list[Thing]]:
    """Things of one name, the names sorted."""
    found: dict[str, list[Thing]] = {}
    for things in lists:
        for thing in things:
            found.setdefault(thing.name, []).append(thing)
    return [found[name] for name in sorted(found)]


def _bus(some: Sequence[BusStatus]) -> BusStatus:
    return replace(
        some[0],
        partitions=max(bus.partitions for bus in some),
        events=max(bus.events for bus in some),
        size_bytes=max(bus.size_bytes for bus in some),
        oldest=_least(bus.oldest for bus in some),
        received=sum(bus.received for bus in some),
        rate=sum(bus.rate for bus in some),
        lag=sum(bus.lag for bus in some),
        rules=tuple(_rule(rules) for rules in _together(bus.rules for bus in some)),
        reading=tuple(sorted({partition for bus in some for partition in bus.reading})),
    )


def _rule(some: Sequence[RuleStatus]) -> RuleStatus:
    targets = tuple(_target(targets) for targets in _together(rule.targets for rule in some))
    return replace(some[0], matched=sum(rule.matched for rule in some), targets=targets)


def _target(some: Sequence[TargetStatus]) -> TargetStatus:
    worst = min(some, key=lambda target: (_rank(STATES, target.state), target.since or "~"))
    used = [target.retention_used for target in some if target.retention_used is not None]
    return replace(
        some[0],
        state=worst.state,
        since=worst.since,
        reason=worst.reason,
        lag=sum(target.lag for target in some),
        delivered=sum(target.delivered for target in some),
        failed=sum(target.failed for target in some),
        dead=sum(target.dead for target in some),
        rate=sum(target.rate for target in some),
        last_error=_latest(target.last_error for target in some),
        breaker=_worst(target.breaker for target in some),
        waiting=sum(target.waiting for target in some),
        parked=sum(target.parked for target in some),
        next_attempt=_least(target.next_attempt for target in some),
        retention_used=max(used, default=None),
    )


def _rank(order: Sequence[str], state: str) -> int:
    """One that only a newer version knows comes first: it says something that this one cannot judge."""
    return order.index(state) if state in order else -1


def _latest(errors: Iterable[LastError | None]) -> LastError | None:
    return max((error for error in errors if error is not None), key=lambda error: error.time, default=None)


def _worst(breakers: Iterable[BreakerStatus | None]) -> BreakerStatus | None:
    known = (breaker for breaker in breakers if breaker is not None)
    return min(known, key=lambda breaker: (_rank(BREAKERS, breaker.state), breaker.since or "~"), default=None)


def _least(texts: Iterable[str | None]) -> str | None:
    return min((text for text in texts if text is not None), default=None)
