"""`bridge pause` and `bridge resume`: stop deliveries to a target, and let it go on."""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import click
import msgspec

from bridge.cli import output
from bridge.cli.options import examples, server_option, with_client
from bridge.errors import BridgeError

F = TypeVar("F", bound=Callable[..., Any])
COMPLETION_S = 2.0
"""How long a shell waits for names."""


class Place(NamedTuple):
    """BUS/RULE/TARGET."""

    bus: str
    rule: str
    target: str

    def __str__(self) -> str:
        return "/".join(self)


def _parse(ctx: click.Context, parameter: click.Parameter, text: str) -> Place:
    parts = text.split("/")
    if len(parts) != len(Place._fields) or not all(parts):
        raise click.BadParameter(f"{text!r} is not BUS/RULE/TARGET", ctx, parameter)
    return Place(*parts)


def _complete(ctx: click.Context, _: click.Parameter, start: str) -> list[str]:
    """The targets that the server's rules have; nothing when it cannot be asked."""
    server = ctx.params.get("server") or ""
    bus, slash, _rest = start.partition("/")
    try:
        return [name for name in asyncio.run(_targets(server, bus if slash else "")) if name.startswith(start)]
    except BridgeError:
        return []


async def _targets(server: str, bus: str) -> list[str]:
    from bridge.client import Client

    async with Client(server, timeout_s=COMPLETION_S) if server else Client(timeout_s=COMPLETION_S) as bridge:
        rules = [rule async for rule in bridge.list("Rule", bus=bus)]
    return [f"{r.bus}/{r.name}/{t['name']}" for r in rules for t in msgspec.json.decode(r.spec).get("targets", ())]


def _target_argument(command: F) -> F:
    return click.argument("place", metavar="BUS/RULE/TARGET", callback=_parse, shell_complete=_complete)(command)


@click.command(
    epilog=examples("bridge pause traffic/red-lights/city-hall --reason 'their move to the new data centre'")
)
@_target_argument
@click.option("--reason", metavar="TEXT", default="", help="Why, for those who look at its status.")
@server_option
def pause(place: Place, reason: str, server: str) -> None:
    """Stop deliveries to a target. Its events are kept in the bus, as long as retention lets them.

    It stays paused across restarts and changes of its rule. A target that is paused already stays as it is.
    """
    stands = with_client(server, lambda bridge: bridge.pause(*place, reason=reason))
    why = f": {output.printable(stands.reason)}" if stands.reason else ""
    click.echo(f"paused  {place}  since {stands.since} by the {stands.by}{why}")


@click.command(
    epilog=examples("bridge resume traffic/red-lights/city-hall", "bridge resume traffic/red-lights/ledger --skip")
)
@_target_argument
@click.option("--skip", is_flag=True, help="Make the event at which a blocked target waits a dead letter.")
@server_option
def resume(place: Place, skip: bool, server: str) -> None:
    """Let a target go on: a paused one with what it has missed, a blocked one with the event that blocks it."""
    with_client(server, lambda bridge: bridge.resume(*place, skip=skip))
    click.echo(f"resumed  {place}")
