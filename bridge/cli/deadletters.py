"""`bridge deadletters`: the events that a target did not take, each with its reason; purged, or given back."""

import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bridge.cli import output
from bridge.cli.options import examples, output_option, server_option, with_client

if TYPE_CHECKING:
    from bridge.client import Client, DeadLetter, Redrive

F = TypeVar("F", bound=Callable[..., Any])
FIRST_LOOK_S, LOOK_EVERY_S = 0.05, 1.0
FILTERS = {
    "rule": "Only of this rule.",
    "target": "Only of this target.",
    "reason": "Only with this reason, such as rejected or exhausted-attempts.",
    "since": "Only from this RFC 3339 time on.",
    "until": "Only before this RFC 3339 time.",
}


def _filters(command: F) -> F:
    for name, text in reversed(FILTERS.items()):
        command = click.option(f"--{name}", metavar=name.upper(), help=text)(command)
    return command


def _given(where: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in where.items() if value}


@click.group()
def deadletters() -> None:
    """Events that a target did not take."""


@deadletters.command(
    "list",
    epilog=examples(
        "bridge deadletters list traffic --rule red-lights", "bridge deadletters list traffic --reason rejected -o json"
    ),
)
@click.argument("bus")
@_filters
@click.option(
    "--limit", metavar="N", type=click.IntRange(min=1), default=100, show_default=True, help="How many, at most."
)
@output_option("table", "json", "yaml", "name")
@server_option
def list_(bus: str, limit: int, form: str, server: str, **where: str | None) -> None:
    """List the dead letters of a bus, newest last."""
    found = with_client(server, lambda bridge: _first(bridge, bus, limit, _given(where)))
    if form in {"json", "yaml"}:
        output.show_each(found, form)
    elif form == "name":
        for letter in found:
            click.echo(letter.id)
    elif found:
        rows = [
            (x.id, x.time, f"{x.rule}/{x.target}", x.reason, output.printable(x.event_id), output.printable(x.detail))
            for x in found
        ]
        output.table(("ID", "TIME", "TARGET", "REASON", "EVENT", "DETAIL"), rows)
    else:
        output.note("there are none")


async def _first(bridge: "Client", bus: str, limit: int, where: dict[str, str]) -> "list[DeadLetter]":
    found: list[DeadLetter] = []
    async for letter in bridge.dead_letters(bus, page=min(limit, 1000), **where):
        found.append(letter)
        if len(found) == limit:
            break
    return found


@deadletters.command(epilog=examples("bridge deadletters show traffic 0000000000000017"))
@click.argument("bus")
@click.argument("letter_id", metavar="ID")
@output_option("yaml", "json")
@server_option
def show(bus: str, letter_id: str, form: str, server: str) -> None:
    """Show one dead letter: why, each attempt, and the unchanged event."""
    output.show(with_client(server, lambda bridge: bridge.dead_letter(bus, letter_id)), form)


@deadletters.command(
    epilog=examples(
        "bridge deadletters purge traffic --id 0000000000000017",
        "bridge deadletters purge traffic --rule red-lights --until 2026-11-01T00:00:00Z",
    )
)
@click.argument("bus")
@click.option("--id", "ids", multiple=True, metavar="ID", help="This one; may be repeated.")
@_filters
@click.option("--all", "everything", is_flag=True, help="All of the bus.")
@server_option
def purge(bus: str, ids: Sequence[str], everything: bool, server: str, **where: str | None) -> None:
    """Delete dead letters for good: by id, by a filter, or all of a bus."""
    which = _given(where)
    if not (ids or which or everything):
        raise click.UsageError("say which: --id, a filter such as --rule, or --all")
    count = with_client(server, lambda bridge: bridge.purge(bus, ids=ids, everything=everything, **which))
    output.note(f"purged {output.plural(count, 'dead letter')}")


@deadletters.command(
    epilog=examples(
        "bridge deadletters redrive traffic 0000000000000017",
        "bridge deadletters redrive traffic --rule red-lights --rate 50/s",
        "bridge deadletters redrive traffic --all --dry-run",
    )
)
@click.argument("bus")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@_filters
@click.option("--all", "everything", is_flag=True, help="All of the bus.")
@click.option("--rate", metavar="RATE", help="At most so many, such as 100/s or 6000/m.")
@click.option("--dry-run", is_flag=True, help="Only say how many there are.")
@server_option
def redrive(
    bus: str, ids: Sequence[str], everything: bool, rate: str | None, dry_run: bool, server: str, **where: str | None
) -> None:
    """Give dead letters back to their targets: by id, by a filter, or all of a bus.

    Waits until each was delivered, is parked for another attempt, or is a dead letter again. Ctrl-C sends no more.
    """
    which: dict[str, Any] = {"ids": ids, "everything": everything, **_given(where)}
    if not any(which.values()):
        raise click.UsageError("say which: an ID, a filter such as --rule, or --all")
    if dry_run:
        count = with_client(server, lambda bridge: bridge.count_redrive(bus, **which))
        output.note(f"would redrive {output.plural(count, 'dead letter')}")
        return
    _conclude(with_client(server, lambda bridge: _redrive(bridge, bus, which | {"rate": rate or ""})))


async def _redrive(bridge: "Client", bus: str, which: dict[str, Any]) -> "Redrive":
    """The redrive as it has ended: by itself, or cancelled because somebody is tired of waiting."""
    begun = await bridge.redrive(bus, **which)
    try:
        with _progress(begun.matched) as tell:
            return await _follow(bridge, begun, tell)
    except asyncio.CancelledError:  # Ctrl-C; a second one ends the command at once
        output.note("cancelled; what targets have been given already goes on")
        return await bridge.cancel_redrive(bus, begun.id)


async def _follow(bridge: "Client", found: "Redrive", tell: Callable[[int], None]) -> "Redrive":
    wait_s = FIRST_LOOK_S
    while found.state == "running":
        await asyncio.sleep(wait_s)
        wait_s = min(2 * wait_s, LOOK_EVERY_S)
        found = await bridge.get_redrive(found.bus, found.id)
        tell(found.settled)
    return found


def _progress(total: int) -> AbstractContextManager[Callable[[int], None]]:
    """A bar on stderr where somebody watches it."""
    if not sys.stderr.isatty():
        return nullcontext(lambda _: None)
    from bridge.cli.progress import counting

    return counting(total)


def _conclude(ended: "Redrive") -> None:
    """Say what became of it; exit code 0 when all of it went well, 3 when some did, 1 when none did."""
    if not ended.matched:
        output.note("there are none")
        return
    parts = [f"{ended.delivered:,} delivered"]
    parts += [f"{ended.parked:,} parked"] if ended.parked else []
    parts += [f"{ended.failed:,} failed"] if ended.failed else []
    left = ended.matched - ended.settled
    parts += [f"{left:,} left"] if left else []
    output.note(f"redrive of {output.plural(ended.matched, 'dead letter')}: {', '.join(parts)}")
    if ended.reason:
        output.note(f"reason: {output.printable(ended.reason)}")
    if ended.state != "done" or ended.failed:
        sys.exit(3 if ended.delivered or ended.parked or ended.sent > ended.failed else 1)
