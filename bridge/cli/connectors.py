"""`bridge connectors`: which kinds of target there are, and what their config may say."""

from collections.abc import Iterator
from typing import Any

import click
import msgspec

from bridge.cli import output
from bridge.cli.options import examples, output_option, server_option, with_client


@click.group()
def connectors() -> None:
    """Kinds of targets and their settings."""


@connectors.command("list", epilog=examples("bridge connectors list"))
@output_option("table", "json", "yaml", "name")
@server_option
def list_(form: str, server: str) -> None:
    """List the kinds of target that a rule can name."""
    found = with_client(server, lambda bridge: bridge.connectors())
    if form == "table":
        rows = [(c["kind"], "yes" if c["available"] else f"pip install '{c['install']}'", c["summary"]) for c in found]
        output.table(("KIND", "AVAILABLE", "SUMMARY"), rows)
    elif form == "name":
        for connector in found:
            click.echo(connector["kind"])
    else:
        output.show_each(found, form)


@connectors.command(epilog=examples("bridge connectors show http", "bridge connectors show file -o json"))
@click.argument("kind")
@output_option("table", "json", "yaml")
@server_option
def show(kind: str, form: str, server: str) -> None:
    """Show what a kind of target does, what it guarantees, and each member of its config."""
    found = with_client(server, lambda bridge: bridge.connector(kind))
    if form != "table":
        output.show(found, form)
        return
    click.echo(f"{click.style(found['kind'], bold=True)}: {found['summary']}")
    for title, member in (("Guarantee", "guarantee"), ("Retried", "retried")):
        if found.get(member):
            click.echo(f"\n{title}: {found[member]}")
    if not found.get("available", True):
        click.echo(f"\nNot available here; install it by: pip install '{found['install']}'")
    rows = list(_members(found.get("schema") or {}))
    if rows:
        click.echo()
        output.table(("CONFIG", "TYPE", "DEFAULT", "MEANING"), rows)


def _members(schema: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    required = schema.get("required", ())
    for name, member in schema.get("properties", {}).items():
        default = "required" if name in required else msgspec.json.encode(member.get("default")).decode()
        marks = ["may hold ${…}"] * bool(member.get("x-expression")) + ["secret"] * bool(member.get("writeOnly"))
        meaning = member.get("description", "") + (f" ({', '.join(marks)})" if marks else "")
        yield name, _type(member), default, meaning


def _type(member: dict[str, Any]) -> str:
    """A schema's type in a word or two."""
    if "enum" in member:
        return "|".join(map(str, member["enum"]))
    if "anyOf" in member:
        return " or ".join(dict.fromkeys(_type(one) for one in member["anyOf"]))
    if "examples" in member:
        return f"such as {member['examples'][0]}"
    return "object" if "$ref" in member else str(member.get("type", "any"))
