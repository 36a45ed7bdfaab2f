"""`bridge get` and `bridge delete`: one grammar for every kind, KIND [NAME]."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import msgspec

from bridge.cli import output
from bridge.cli.options import (
    bus_option,
    examples,
    kind_argument,
    output_option,
    server_option,
    split_name,
    until_interrupted,
    with_client,
)
from bridge.model.clock import system_clock

if TYPE_CHECKING:
    from bridge.client import Change, Client, Definition

Column = Callable[["Definition", dict[str, Any]], object]


def _age(definition: "Definition", _: dict[str, Any]) -> str:
    when = definition.updated or definition.created
    return output.ago(when, system_clock())


def _retention(spec: dict[str, Any]) -> str:
    kept = spec.get("retention") or {}
    return ", ".join(str(kept[bound]) for bound in ("age", "size") if bound in kept) or "for ever"


_END: dict[str, Column] = {"REVISION": lambda d, _: d.revision, "CHANGED": _age}
COLUMNS: dict[str, dict[str, Column]] = {
    "Bus": {
        "NAME": lambda d, _: d.name,
        "PARTITIONS": lambda _, spec: spec.get("partitions", 1),
        "KEPT": lambda _, spec: _retention(spec),
    }
    | _END,
    "Rule": {
        "BUS": lambda d, _: d.bus,
        "NAME": lambda d, _: d.name,
        "ENABLED": lambda _, spec: "yes" if spec.get("enabled", True) else "no",
        "TARGETS": lambda _, spec: ", ".join(f"{t.get('name')} ({t.get('kind')})" for t in spec.get("targets", ())),
    }
    | _END,
}
"""What a table shows of each kind, from the definition and its decoded spec."""


class Wanted(NamedTuple):
    """Which definitions; empty members stand for all."""

    kind: str
    name: str
    bus: str
    labels: dict[str, str]


@click.command(
    epilog=examples(
        "bridge get buses", "bridge get rules --bus traffic -l team=roads", "bridge get rule traffic/red-lights -o yaml"
    )
)
@kind_argument
@click.argument("name", default="")
@bus_option
@click.option(
    "-l", "--label", "labels", multiple=True, metavar="KEY=VALUE", help="Only those with this label; may be repeated."
)
@click.option("-w", "--watch", is_flag=True, help="Go on and show each change, until Ctrl-C.")
@output_option("table", "json", "yaml", "name")
@server_option
def get(kind: str, name: str, bus: str, labels: Sequence[str], watch: bool, form: str, server: str) -> None:
    """Show buses or rules: all, those of a bus, or one by name."""
    wanted = Wanted(*split_name(kind, name, bus), dict(_label(text) for text in labels))
    if watch:
        until_interrupted(server, lambda bridge: _watch(bridge, wanted, form))
        return
    found = with_client(server, lambda bridge: _find(bridge, wanted))
    if wanted.name and form in {"json", "yaml"}:
        output.show(found[0], form)
    elif form in {"json", "yaml"}:
        output.show_each(found, form)
    elif form == "name":
        for definition in found:
            click.echo(definition.name_in_full)
    elif found:
        output.table([*COLUMNS[wanted.kind]], [_row(definition) for definition in found])
    else:
        output.note("there are none")


def _label(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise click.BadParameter(f"{text!r} is not KEY=VALUE", param_hint="--label")
    return name, value


async def _find(bridge: "Client", wanted: Wanted) -> "list[Definition]":
    if wanted.name:
        return [await bridge.get(wanted.kind, wanted.name, bus=wanted.bus)]
    return [definition async for definition in bridge.list(wanted.kind, bus=wanted.bus, labels=wanted.labels)]


def _row(definition: "Definition") -> list[object]:
    spec = msgspec.json.decode(definition.spec)
    return [column(definition, spec) for column in COLUMNS[definition.kind].values()]


async def _watch(bridge: "Client", wanted: Wanted, form: str) -> None:
    async for change in bridge.watch(wanted.kind, bus=wanted.bus):
        found = change.resource
        # A deleted resource comes with its name alone.
        labelled = change.action == "delete" or wanted.labels.items() <= found.labels.items()
        if labelled and wanted.name in {"", found.name}:
            _show_change(change, form)


def _show_change(change: "Change", form: str) -> None:
    found = change.resource
    if form == "table":
        revision = f"  revision {found.revision}" if found.revision else ""
        click.echo(f"{change.action:<6}  {found}{revision}")
    elif form == "name":
        click.echo(found.name_in_full)
    elif form == "json":
        output.show_line({"action": change.action, "version": change.version, "resource": found})
    else:
        click.echo(f"---\n# {change.action}")
        output.show(found, form)


@click.command(epilog=examples("bridge delete rule red-lights --bus traffic", "bridge delete bus traffic --cascade"))
@kind_argument
@click.argument("name")
@bus_option
@click.option("--cascade", is_flag=True, help="Also delete what hangs on it.")
@output_option("table", "json", "yaml", "name")
@server_option
def delete(kind: str, name: str, bus: str, cascade: bool, form: str, server: str) -> None:
    """Delete a bus or a rule. A bus that has rules is only deleted with --cascade; its events go with it."""
    kind, name, bus = split_name(kind, name, bus)
    gone = with_client(server, lambda bridge: bridge.delete(kind, name, bus=bus, cascade=cascade))
    if form in {"json", "yaml"}:
        output.show_each(gone, form)
        return
    for definition in gone:
        click.echo(definition.name_in_full if form == "name" else f"deleted  {definition}")
