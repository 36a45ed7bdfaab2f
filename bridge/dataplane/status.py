"""How the data plane is, in the nouns of ``bridge.model.status``."""

from collections.abc import Iterator

from bridge.dataplane.buses import Buses
from bridge.dataplane.rules import LaneEntry, RuleEntry
from bridge.dataplane.running import RunningBus
from bridge.model.status import BusStatus, RuleStatus, TargetStatus
from bridge.model.times import format_time


async def bus_status(bus: RunningBus) -> BusStatus:
    usage = await bus.log.usage()
    return BusStatus(
        name=bus.name,
        partitions=bus.log.partitions,
        events=usage.events,
        size_bytes=usage.size_bytes,
        oldest=format_time(usage.oldest) if usage.oldest is not None else None,
        received=bus.stats.received.total,
        rate=bus.stats.received.rate,
        lag=bus.lag(),
        rules=tuple(_rule_status(bus, name, entry) for name, entry in sorted(bus.rules.entries.items())),
    )


def _rule_status(bus: RunningBus, name: str, entry: RuleEntry) -> RuleStatus:
    return RuleStatus(
        name=name,
        enabled=entry.compiled is not None,
        matched=entry.matched.total,
        targets=tuple(target_status(bus, target, lane) for target, lane in entry.lanes.items()),
    )


def target_status(bus: RunningBus, name: str, entry: LaneEntry) -> TargetStatus:
    stats = entry.stats
    return TargetStatus(
        name=name,
        kind=entry.made_from.kind,
        state="failing" if stats.failing else "behind" if entry.target.behind else "running",
        lag=bus.lag(entry.target),
        delivered=stats.delivered_meter.total,
        failed=stats.failures,
        dead=stats.deaths,
        rate=stats.delivered_meter.rate,
        last_error=stats.last_error,
    )


def lags(buses: Buses) -> Iterator[tuple[str, str, dict[str, str], float]]:
    """Gauges for the scrape: how far every target is behind."""
    for bus in buses.all():
        for rule, entry in bus.rules.entries.items():
            for target, lane in entry.lanes.items():
                labels = {"bus": bus.name, "rule": rule, "target": target}
                yield "lag", "Events behind the last settled one", labels, float(bus.lag(lane.target))
