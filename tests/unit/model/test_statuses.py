"""Several instances are shown as one."""

from msgspec.structs import replace

from bridge.model.status import BreakerStatus, BusStatus, InstanceStatus, LastError, RuleStatus, Status, TargetStatus
from bridge.model.statuses import add_unread, merge_statuses

TARGET = TargetStatus(name="t", kind="file", state="running", lag=1, delivered=2, failed=3, dead=4, rate=0.5, waiting=5)
RULE = RuleStatus(name="r", enabled=True, matched=7, targets=(TARGET,))
BUS = BusStatus(
    name="b", partitions=4, events=100, size_bytes=999, oldest="2026-01-02T00:00:00.000Z",
    received=10, rate=1.5, lag=3, rules=(RULE,),
)  # fmt: skip
HERE = InstanceStatus(id="i", address="a", version="1", started="s", partitions=4, heard=0.0)
STATUS = Status(version="1", started="2026-01-02T00:00:00.000Z", buses=(BUS,), instances=(HERE,))


def status(target: TargetStatus = TARGET, **more: object) -> Status:
    bus = replace(BUS, rules=(replace(RULE, targets=(target,)),), **more)
    return replace(STATUS, buses=(bus,))


def target(*some: TargetStatus) -> TargetStatus:
    merged = merge_statuses(status(some[0]), [status(one) for one in some[1:]])
    return merged.buses[0].rules[0].targets[0]


def test_one_alone_stays_as_it_is() -> None:
    """Nothing is added."""
    assert merge_statuses(STATUS, []) == STATUS


def test_counts_and_rates_are_summed() -> None:
    """And lag; what a log holds is no sum."""
    told = status(events=0, size_bytes=0, oldest=None, received=5, lag=4)
    merged = merge_statuses(STATUS, [told, replace(told, started="2026-01-01T00:00:00.000Z")])
    (bus,) = merged.buses
    assert (bus.received, bus.rate, bus.lag) == (20, 4.5, 11)
    assert (bus.partitions, bus.events, bus.size_bytes, bus.oldest) == (4, 100, 999, BUS.oldest)
    (rule,) = bus.rules
    assert rule.matched == 21
    (one,) = rule.targets
    assert (one.lag, one.delivered, one.failed, one.dead, one.rate, one.waiting) == (3, 6, 9, 12, 1.5, 15)
    assert (merged.started, merged.instances) == ("2026-01-01T00:00:00.000Z", (HERE,))


def test_the_state_that_says_most_is_shown() -> None:
    """With its time and reason; of two alike the one that began first."""
    blocked = replace(TARGET, state="blocked", since="2026-01-02T00:00:00.000Z", reason="no")
    longer = replace(blocked, since="2026-01-01T00:00:00.000Z", reason="before")
    failing = replace(TARGET, state="failing", since="2025-01-01T00:00:00.000Z", reason="x")
    found = target(TARGET, failing, blocked, longer)
    assert (found.state, found.since, found.reason) == ("blocked", longer.since, "before")
    assert target(TARGET, replace(TARGET, state="behind")).state == "behind"
    assert target(replace(TARGET, state="paused", since="2026-01-03T00:00:00.000Z"), blocked).state == "paused"
    assert target(TARGET, replace(TARGET, state="levitating")).state == "levitating"


def test_the_last_error_is_the_newest() -> None:
    """Of all instances."""
    old, new = (
        LastError(time="2026-01-01T00:00:00.000Z", reason="a"),
        LastError(time="2026-01-02T00:00:00.000Z", reason="b"),
    )
    assert target(replace(TARGET, last_error=new), TARGET, replace(TARGET, last_error=old)).last_error == new


def test_the_worst_breaker_is_shown() -> None:
    """Open before half-open before closed."""
    closed, half, opened = (BreakerStatus(state=state) for state in ("closed", "half-open", "open"))
    assert target(*(replace(TARGET, breaker=one) for one in (closed, opened, half))).breaker == opened
    assert target(replace(TARGET, breaker=closed), TARGET, replace(TARGET, breaker=half)).breaker == half


def test_what_is_parked_and_due_is_told_by_who_knows() -> None:
    """Others tell nothing of it."""
    knows = replace(TARGET, parked=7, next_attempt="2026-01-01T00:00:00.000Z", retention_used=0.25)
    found = target(knows, TARGET, replace(TARGET, retention_used=0.5))
    assert (found.parked, found.next_attempt, found.retention_used) == (7, knows.next_attempt, 0.5)


def test_partitions_that_nobody_reads_are_told() -> None:
    """With what waits in them: of the bus, and of targets that have a cursor of their own there."""
    mine = status(reading=(0, 2), lag=0)
    other = status(replace(TARGET, lag=0), reading=(3,), lag=0, partitions=5)
    merged = merge_statuses(mine, [other]).buses[0]
    assert (merged.reading, merged.unread) == ((0, 2, 3), ())
    found = add_unread(merged, {1: 10, 4: 5}, {("r", "t"): {4: 7}, ("r", "u"): {1: 99}})
    assert (found.unread, found.lag, found.rules[0].targets[0].lag) == ((1, 4), 15, 1 + 17)


def test_what_only_one_has_is_there() -> None:
    """A bus or rule that the others do not know yet; names are sorted."""
    other = replace(STATUS, buses=(replace(BUS, name="a"), replace(BUS, rules=(replace(RULE, name="q"),))))
    merged = merge_statuses(STATUS, [other])
    assert [bus.name for bus in merged.buses] == ["a", "b"]
    assert [rule.name for rule in merged.buses[1].rules] == ["q", "r"]
