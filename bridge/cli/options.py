"""What several commands share: where the server is, how to say what goes out, arguments that may be files."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from bridge.client import Client  # slow to import

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
KIND_WORDS = ["buses", "rules"]


def server_option(command: F) -> F:
    """``--server`` of a command; the same option of `bridge` itself, BRIDGE_SERVER and the default stand behind it."""
    return click.option(
        "--server",
        metavar="ADDRESS",
        callback=_find_server,
        help="The bridge to talk to [env: BRIDGE_SERVER; default: 127.0.0.1:8080].",
    )(command)


def _find_server(ctx: click.Context, _: click.Parameter, value: str | None) -> str:
    return value or ctx.find_root().params.get("server") or os.environ.get("BRIDGE_SERVER") or ""


def output_option(*forms: str) -> Callable[[F], F]:
    """``-o``, the first form being the default."""
    return click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice(forms),
        default=forms[0],
        show_default=True,
        help="Form of the output.",
    )


def kind_argument(command: F) -> F:
    return click.argument(
        "kind", shell_complete=lambda _ctx, _param, start: [word for word in KIND_WORDS if word.startswith(start)]
    )(command)


def examples(*lines: str) -> str:
    """How a command is used, for the end of its help."""
    return "\b\nExample:\n" + "".join(f"  {line}\n" for line in lines)


bus_option = click.option("--bus", default="", metavar="BUS", help="The bus a rule belongs to (or write BUS/NAME).")


def with_client(server: str, work: "Callable[[Client], Coroutine[Any, Any, T]]") -> T:
    """Run a coroutine with a client of this server."""
    from bridge.client import Client

    async def run() -> T:
        async with Client(server) if server else Client() as bridge:
            return await work(bridge)

    return asyncio.run(run())


def until_interrupted(server: str, work: "Callable[[Client], Coroutine[Any, Any, None]]") -> None:
    """Run something that follows for ever: Ctrl-C is its proper end."""
    try:
        with_client(server, work)
    except KeyboardInterrupt:
        click.echo(err=True)


def split_name(kind: str, name: str, bus: str) -> tuple[str, str, str]:
    """(kind, name, bus) of what KIND NAME --bus name; ``traffic/red-lights`` says both in one word."""
    from bridge.client.kinds import kind_of
    from bridge.errors import InvalidInput

    try:
        found = kind_of(kind)
    except InvalidInput as error:
        raise click.BadParameter(error.reason, param_hint="KIND") from error
    if found.in_bus and "/" in name:
        bus, _, name = name.partition("/")
    if found.in_bus and name and not bus:
        raise click.UsageError(f"a {found.name.lower()} is named within its bus: add --bus BUS, or write BUS/{name}")
    return found.name, name, bus if found.in_bus else ""


def read_argument(text: str) -> bytes:
    """An argument as it stands, ``@file``, or ``-`` for standard input."""
    if text in {"-", "@-"}:
        return sys.stdin.buffer.read()
    if not text.startswith("@"):
        return text.encode("utf-8", "surrogateescape")
    try:
        return Path(text[1:]).read_bytes()
    except OSError as error:
        raise click.UsageError(f"cannot read {text[1:]}: {error.strerror}") from error
