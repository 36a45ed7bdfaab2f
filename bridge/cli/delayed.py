"""`bridge delayed`: events that wait for the time that their `delivertime` names."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from bridge.cli import output
from bridge.cli.options import examples, output_option, server_option, with_client
from bridge.errors import NotFound

if TYPE_CHECKING:
    from bridge.client import Client, DelayedView


@click.group()
def delayed() -> None:
    """Events that wait for their time.

    An event waits when its extension `delivertime` names a time ahead:

    bridge put traffic --type light.check --source /junction/7 --ext delivertime=2026-12-24T18:00:00Z
    """


@delayed.command("list", epilog=examples("bridge delayed list traffic", "bridge delayed list traffic -o json"))
@click.argument("bus")
@click.option(
    "--limit", metavar="N", type=click.IntRange(min=1), default=100, show_default=True, help="How many, at most."
)
@output_option("table", "json", "yaml", "name")
@server_option
def list_(bus: str, limit: int, form: str, server: str) -> None:
    """List the events that wait, the next one first."""
    found = with_client(server, lambda bridge: _first(bridge, bus, limit))
    if form in {"json", "yaml"}:
        output.show_each(found, form)
    elif form == "name":
        for event in found:
            click.echo(event.id)
    elif found:
        rows = [[output.printable(x) for x in (e.scheduled, e.id, e.source, e.type, e.subject)] for e in found]
        output.table(("SCHEDULED", "ID", "SOURCE", "TYPE", "SUBJECT"), rows)
    else:
        output.note("there are none")


async def _first(bridge: "Client", bus: str, limit: int) -> "list[DelayedView]":
    found: list[DelayedView] = []
    async for event in bridge.delayed_events(bus, page=min(limit, 1000)):
        found.append(event)
        if len(found) == limit:
            break
    return found


@delayed.command(
    epilog=examples("bridge delayed cancel traffic 0a1b2c", "bridge delayed cancel traffic 17 18 --source /junction/7")
)
@click.argument("bus")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@click.option("--source", metavar="URI", default="", help="Only events of this source; ids are unique within one.")
@server_option
def cancel(bus: str, ids: Sequence[str], source: str, server: str) -> None:
    """Cancel events that wait, by their ids: they never enter the bus.

    Ids with which nothing waits (any more) are listed; the others are cancelled (exit code 3).
    """
    cancelled, missing = with_client(server, lambda bridge: _cancel(bridge, bus, ids, source))
    for error in missing:
        output.complain(error)
    output.note(f"cancelled {output.plural(cancelled, 'event')}")
    if missing:
        sys.exit(3 if cancelled else 1)


async def _cancel(bridge: "Client", bus: str, ids: Sequence[str], source: str) -> tuple[int, list[NotFound]]:
    cancelled, missing = 0, list[NotFound]()
    for event_id in ids:
        try:
            cancelled += await bridge.cancel_delayed(bus, event_id, source=source)
        except NotFound as error:
            missing.append(error)
    return cancelled, missing
