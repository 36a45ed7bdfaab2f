"""`bridge tail`: a bus as it grows, or what it holds already."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import msgspec

from bridge.cli import output
from bridge.cli.options import examples, output_option, read_argument, server_option, until_interrupted

if TYPE_CHECKING:
    from bridge.client import Client, Entry

DATA_WIDTH = 120
_LINE = "{:<24}  {:>8}  {:<24}  {:<20}  {:<12}  {}"


class Wanted(NamedTuple):
    """What to show. ``limit`` 0 is no limit."""

    bus: str
    start: str
    pattern: str
    limit: int
    follow: bool


@click.command(
    epilog=examples(
        'bridge tail traffic --pattern \'{"type":[{"prefix":"light."}]}\'',
        "bridge tail traffic --from 2026-11-24T08:00:00Z --limit 10 -o json",
        "bridge tail traffic --no-follow",
    )
)
@click.argument("bus")
@click.option(
    "--pattern", default="", metavar="PATTERN", help="Only events that match: JSON text, @file, or - for stdin."
)
@click.option(
    "--from",
    "start",
    default="",
    metavar="WHEN",
    help="earliest, latest, an RFC 3339 time, or PARTITION:OFFSET [default: latest].",
)
@click.option("--limit", metavar="N", type=click.IntRange(min=1), default=None, help="Stop after so many events.")
@click.option("--no-follow", is_flag=True, help="Stop at the end of what is there; starts at the earliest.")
@output_option("table", "json")
@server_option
def tail(bus: str, pattern: str, start: str, limit: int | None, no_follow: bool, form: str, server: str) -> None:
    """Show the events of a bus as they come, until Ctrl-C."""
    start = start or ("earliest" if no_follow else "latest")
    wanted = Wanted(bus, start, read_argument(pattern).decode() if pattern else "", limit or 0, not no_follow)
    until_interrupted(server, lambda bridge: _show_all(bridge, wanted, form))


async def _show_all(bridge: "Client", wanted: Wanted, form: str) -> None:
    shown = 0
    entries = (
        bridge.tail(wanted.bus, start=wanted.start, pattern=wanted.pattern)
        if wanted.follow
        else _stored(bridge, wanted)
    )
    if form == "table":
        click.echo(click.style(_LINE.format("RECEIVED", "POSITION", "TYPE", "SOURCE", "SUBJECT", "DATA"), bold=True))
    async for entry in entries:
        click.echo(_line(entry) if form == "table" else msgspec.json.encode(entry))
        shown += 1
        if shown == wanted.limit:
            return


async def _stored(bridge: "Client", wanted: Wanted) -> "AsyncIterator[Entry]":
    start = wanted.start
    while True:
        page = await bridge.read(wanted.bus, start=start, pattern=wanted.pattern)
        for entry in page.events:
            yield entry
        if not page.next_page_token:
            return
        start = page.next_page_token


def _line(entry: "Entry") -> str:
    event: dict[str, Any] = msgspec.json.decode(entry.event, type=dict[str, Any])
    raw = msgspec.json.decode(entry.event, type=dict[str, msgspec.Raw])
    data = bytes(raw.get("data", raw.get("data_base64", b"-"))).decode("utf-8", "replace")
    if len(data) > DATA_WIDTH:
        data = data[: DATA_WIDTH - 1] + "…"
    place = f"{entry.partition}:{entry.offset}"
    cells = (output.printable(str(event.get(name, "-"))) for name in ("type", "source", "subject"))
    return _LINE.format(entry.received_time, place, *cells, output.printable(data))
