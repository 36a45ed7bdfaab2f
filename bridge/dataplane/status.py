"""How the data plane is, in the nouns of ``bridge.model.status``."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from bridge.dataplane.buses import Buses
from bridge.dataplane.making import LaneEntry, RuleEntry
from bridge.dataplane.rules import LIVE
from bridge.dataplane.running import RunningBus
from bridge.model.status import BreakerStatus, BusStatus, RuleStatus, TargetStatus
from bridge.model.statuses import add_unread
from bridge.model.times import format_time
from bridge.rules.scope import Names
from bridge.stores.bus.base import Usage
from bridge.stores.timers.base import Load

NOTHING = Usage(0, 0, None)

Used = Callable[[str, str, str], float | None]
"""How near retention is to the oldest undelivered event of a target (bus, rule, target)."""


async def bus_status(bus: RunningBus, used: Used, *, whole: bool = True) -> BusStatus:
    """``whole``: with what is known only by asking the stores, the same for every instance that shares the bus.

    Raises StoreError when they cannot be read.
    """
    usage = await bus.log.usage() if whole else NOTHING
    parked = await bus.rules.parked() if whole else {}
    rules = [_rule_status(bus, name, entry, used, parked) for name, entry in sorted(bus.rules.entries.items())]
    return BusStatus(
        name=bus.name,
        partitions=bus.log.partitions,
        events=usage.events,
        size_bytes=usage.size_bytes,
        oldest=format_time(usage.oldest) if usage.oldest is not None else None,
        received=bus.stats.received.total,
        rate=bus.stats.received.rate,
        lag=bus.lag(),
        rules=tuple(rules),
        reading=tuple(sorted(bus.log.here)),
    )


async def with_unread(status: BusStatus, bus: RunningBus) -> BusStatus:
    """The status of a bus that instances share, with what waits in partitions that none of them reads at the moment.

    Raises StoreError.
    """
    unread = sorted(set(range(bus.log.partitions)) - set(status.reading))
    if not unread:
        return status
    lags = _lags(bus, unread, await bus.log.cursor(LIVE))
    own = {}
    for target in list(bus.rules.targets()):
        position = await bus.log.cursor(target.cursor)
        own[target.names.rule, target.names.target] = _lags(bus, [p for p in unread if p in position], position)
    return add_unread(status, lags, own)


def _lags(bus: RunningBus, partitions: Iterable[int], position: Mapping[int, int]) -> dict[int, int]:
    """By partition, the events behind a position."""
    held = {partition: bus.log.bounds(partition) for partition in partitions}
    return {partition: max(0, end - position.get(partition, first)) for partition, (first, end) in held.items()}


def _rule_status(bus: RunningBus, name: str, entry: RuleEntry, used: Used, parked: Mapping[Names, Load]) -> RuleStatus:
    targets = [
        _target_status(bus, lane, used(bus.name, name, target), parked.get(Names(name, target)))
        for target, lane in entry.lanes.items()
    ]
    return RuleStatus(
        name=name, enabled=entry.compiled is not None, matched=entry.matched.total, targets=tuple(targets)
    )


def _target_status(
    bus: RunningBus, entry: LaneEntry, retention_used: float | None, parked: Load | None
) -> TargetStatus:
    stats, lane = entry.stats, entry.lane
    breaker = lane.valve.breaker
    state, since, reason = _state(entry)
    return TargetStatus(
        name=entry.made_from.name,
        kind=entry.made_from.kind,
        state=state,
        since=since,
        reason=reason,
        lag=bus.lag(entry.target),
        delivered=stats.delivered_meter.total,
        failed=stats.failures,
        dead=stats.deaths,
        rate=stats.delivered_meter.rate,
        last_error=stats.last_error,
        breaker=BreakerStatus(state=breaker.state, since=_shown(breaker.since)),
        waiting=lane.size,
        parked=parked.timers if parked is not None else 0,
        next_attempt=_shown(parked.next_due) if parked is not None else None,
        retention_used=retention_used,
    )


def _state(entry: LaneEntry) -> tuple[str, str | None, str]:
    """The state that says most, since when, and why."""
    target, valve = entry.target, entry.lane.valve
    if target.paused is not None:
        return "paused", target.paused.since, target.paused.reason
    if valve.holds:
        holder, hold = next(iter(valve.holds.items()))
        return ("blocked" if holder == "blocked" else "paused"), _shown(hold.since), hold.reason
    last = entry.stats.last_error
    if valve.breaker.state != "closed":
        return "open", _shown(valve.breaker.since), last.reason if last is not None else ""
    if entry.stats.failing:
        since = valve.breaker.failing_since
        return "failing", _shown(since), last.reason if last is not None else ""
    return ("behind" if target.behind else "running"), None, ""


def _shown(time: float | None) -> str | None:
    return format_time(time) if time is not None else None


def lags(buses: Buses) -> Iterator[tuple[str, str, dict[str, str], float]]:
    """Gauges for the scrape: how far every target is behind."""
    for bus in buses.all():
        for rule, entry in bus.rules.entries.items():
            for target, lane in entry.lanes.items():
                labels = {"bus": bus.name, "rule": rule, "target": target}
                yield "lag", "Events behind the last settled one", labels, float(bus.lag(lane.target))
