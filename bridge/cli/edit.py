"""`bridge edit`: a definition in the editor, written back only if nobody changed it meanwhile."""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from bridge.cli import output
from bridge.cli.options import bus_option, examples, kind_argument, server_option, split_name, with_client
from bridge.errors import BridgeError, Conflict

if TYPE_CHECKING:
    from bridge.client import Definition

HEAD = "# These first lines are left aside. Save to apply; close without a change to leave everything as it is.\n"
_SERVERS = ("created", "updated", "status")
"""Members that only the server writes."""


@click.command(epilog=examples("EDITOR=nano bridge edit rule red-lights --bus traffic"))
@kind_argument
@click.argument("name")
@bus_option
@server_option
def edit(kind: str, name: str, bus: str, server: str) -> None:
    """Change a bus or rule in your editor ($VISUAL or $EDITOR).

    The change is refused if somebody else made one meanwhile. What the server refuses is opened again, with the reason.
    """
    kind, name, bus = split_name(kind, name, bus)
    found = with_client(server, lambda bridge: bridge.get(kind, name, bus=bus))
    original = text = _text(found)
    head = HEAD
    while (edited := _edit(head, text)) != text:
        text = edited
        try:
            [done] = with_client(server, lambda bridge: bridge.apply(text))  # noqa: B023 - called at once
        except BridgeError as error:
            head = HEAD + _remark(error)
        else:
            for warning in done.warnings:
                output.warn(f"{done.resource}: {warning}")
            click.echo(f"{done.action}  {done.resource}")
            return
    if text != original:
        raise BridgeError(f"nothing was changed; your text is kept in {_keep(text, found.name)}")
    click.echo(f"unchanged  {found}")


def _text(definition: "Definition") -> str:
    from bridge.cli.yaml import yaml_of

    members = msgspec.json.decode(msgspec.json.encode(definition), type=dict[str, msgspec.Raw])
    return yaml_of(msgspec.json.encode({name: raw for name, raw in members.items() if name not in _SERVERS}))


def _edit(head: str, text: str) -> str:
    """What somebody made of the text; the same when it was not saved."""
    saved = click.edit(head + text, extension=".yaml")
    if saved is None:
        return text
    lines = saved.splitlines(keepends=True)
    while lines and lines[0].startswith("#"):
        lines.pop(0)
    return "".join(lines)


def _remark(error: BridgeError) -> str:
    hint = "\nTo overwrite it, write the revision that it has now." if isinstance(error, Conflict) else ""
    return "".join(f"# {line}\n" for line in f"REFUSED: {error}{hint}".splitlines())


def _keep(text: str, name: str) -> Path:
    handle, path = tempfile.mkstemp(prefix=f"bridge-{name}-", suffix=".yaml")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return Path(path)
