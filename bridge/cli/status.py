"""`bridge status`: how the buses and each rule's targets are doing."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from bridge.cli import output
from bridge.cli.options import examples, output_option, server_option, until_interrupted, with_client
from bridge.model.clock import system_clock
from bridge.model.status import BusStatus, InstanceStatus, Status, TargetStatus
from bridge.model.times import parse_time

if TYPE_CHECKING:
    from bridge.client import Client

PERIOD_S = 2.0
NEAR = 0.8
"""From here on, retention may delete events before a target has them."""
STOPPED = {"paused": "paused", "blocked": "blocked", "open": "its circuit breaker is open"}
"""States in which a target gets nothing, in words."""


@click.command(epilog=examples("bridge status", "bridge status --watch", "bridge status -o json"))
@click.option("--watch", "-w", is_flag=True, help="Show it again every two seconds, until Ctrl-C.")
@output_option("table", "json", "yaml")
@server_option
def status(watch: bool, form: str, server: str) -> None:
    """Show buses and their rates, each rule's targets, which of them need a look and why, and the last errors.

    Lag is how many events of the bus a target has not settled yet. Of those, WAITING are under way or about to be; PARKED ones
    wait durably for their next attempt.
    """
    if watch:
        until_interrupted(server, lambda bridge: _watch(bridge, form))
    else:
        _show(with_client(server, lambda bridge: bridge.status()), form)


async def _watch(bridge: "Client", form: str) -> None:
    while True:
        found = await bridge.status()
        if form == "table":
            click.clear()
        _show(found, form)
        await asyncio.sleep(PERIOD_S)


def _show(status: Status, form: str) -> None:
    if form != "table":
        output.show(status, form)
        return
    now = system_clock()
    started = parse_time(status.started)
    up = f", up {output.span(now - started)}" if started is not None else ""
    several = f", {output.plural(len(status.instances), 'instance')}" if status.instances else ""
    click.echo(f"bridge {status.version}{up}{several}\n")
    if len(status.instances) > 1:
        output.table(
            ("INSTANCE", "ADDRESS", "VERSION", "PARTITIONS", "UP", "HEARD"),
            [_instance(i, now) for i in status.instances],
        )
        click.echo()
    if not status.buses:
        output.note("no buses yet: `bridge apply -f FILE` makes one")
        return
    output.table(
        ("BUS", "PARTITIONS", "EVENTS", "SIZE", "OLDEST", "RECEIVED", "RATE", "LAG"),
        [_bus(b, now) for b in status.buses],
    )
    targets = list(_targets(status))
    if targets:
        click.echo()
        output.table(
            ("TARGET", "KIND", "STATE", "LAG", "WAITING", "PARKED", "RATE", "DELIVERED", "FAILED", "DEAD"),
            [_target(n, t) for n, t in targets],
        )
    looks = [look for bus in status.buses for look in _unread(bus)]
    looks += [look for name, target in targets for look in _looks(name, target, now)]
    if looks:
        click.echo()
        output.table(("LOOK AT", "SINCE", "WHY"), looks)
    errors = [(name, output.ago(e.time, now), e.reason) for name, t in targets if (e := t.last_error) is not None]
    if errors:
        click.echo()
        output.table(("LAST ERROR OF", "WHEN", "REASON"), errors)


def _instance(one: InstanceStatus, now: float) -> tuple[object, ...]:
    started = parse_time(one.started)
    up = output.span(now - started) if started is not None else "-"
    return (one.id, one.address, one.version or "-", one.partitions, up, f"{output.span(one.heard)} ago")


def _bus(bus: BusStatus, now: float) -> tuple[object, ...]:
    counts = (f"{bus.events:,}", output.size(bus.size_bytes), output.ago(bus.oldest, now), f"{bus.received:,}")
    return (bus.name, bus.partitions, *counts, output.rate(bus.rate), f"{bus.lag:,}")


def _targets(status: Status) -> Iterator[tuple[str, TargetStatus]]:
    for bus in status.buses:
        for rule in bus.rules:
            yield from ((f"{bus.name}/{rule.name}/{target.name}", target) for target in rule.targets)


def _target(name: str, target: TargetStatus) -> tuple[object, ...]:
    left = (f"{target.lag:,}", f"{target.waiting:,}", f"{target.parked:,}")
    counts = (f"{target.delivered:,}", f"{target.failed:,}", f"{target.dead:,}")
    return (name, target.kind, target.state, *left, output.rate(target.rate), *counts)


def _unread(bus: BusStatus) -> Iterator[tuple[str, str, str]]:
    if bus.unread:
        numbers = ", ".join(map(str, bus.unread))
        yield bus.name, "-", f"no instance reads {output.plural(len(bus.unread), 'partition')} at the moment: {numbers}"


def _looks(name: str, target: TargetStatus, now: float) -> Iterator[tuple[str, str, str]]:
    """What an operator may have to do something about."""
    if target.state in STOPPED:
        reason = f": {output.printable(target.reason)}" if target.reason else ""
        yield name, output.ago(target.since, now), f"{STOPPED[target.state]}{reason}"
    if target.parked and target.next_attempt is not None:
        due = parse_time(target.next_attempt)
        left = f" in {output.span(due - now)}" if due is not None and due > now else " now"
        yield name, "-", f"{output.plural(target.parked, 'delivery', 'deliveries')} parked, the next attempt is{left}"
    if target.retention_used is not None and target.retention_used >= NEAR:
        yield name, "-", f"retention is {target.retention_used:.0%} of the way to its oldest event"
