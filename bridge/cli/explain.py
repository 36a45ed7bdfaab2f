"""`bridge explain`: which rules of a bus match an event, and which nearly."""

from collections.abc import Iterator
from typing import Any

import click

from bridge.cli import output
from bridge.cli.options import examples, output_option, server_option, with_client
from bridge.cli.samples import read_sample, sample_options

Json = dict[str, Any]


@click.command(epilog=examples("bridge explain traffic --stored 0:17", "bridge explain traffic --event @event.json"))
@click.argument("bus")
@sample_options("PARTITION:OFFSET")
@output_option("table", "json", "yaml", "name")
@server_option
def explain(bus: str, event: str | None, stored: str | None, form: str, server: str) -> None:
    """Show which rules of a bus match an event, and what kept the nearest others from it."""
    sample = read_sample(event, stored, bus)
    found = with_client(server, lambda bridge: bridge.test_rules(bus, sample))
    if form == "table":
        _show(found)
    elif form == "name":
        for name in found["matched"]:
            click.echo(name)
    else:
        output.show(found, form)


def _show(found: Json) -> None:
    matched, count = found["matched"], found["rules"]
    click.echo(click.style(f"{len(matched):,} of {output.plural(count, 'rule')} match{'es' * (count == 1)}", bold=True))
    for name in matched:
        click.echo(f"  {output.hit()} {name}")
    _section("nearly", output.miss(), [line for one in found["nearly"] for line in _near(one)])
    _section("would match if enabled", " ", [(name, "") for name in found.get("disabled", ())])
    _section("not understood", " ", list(found.get("broken", {}).items()))


def _near(one: Json) -> Iterator[tuple[str, str]]:
    """One line for each thing that is not as the rule wants it."""
    name = f"{one['rule']} (disabled)" if one.get("disabled") else one["rule"]
    verdicts = [*one["fields"], *([one["filter"]] if "filter" in one else [])]
    reasons = [verdict["reason"] for verdict in verdicts]
    more = one["missed"] - len(reasons)
    for reason in reasons + [f"and {more:,} more"] * (more > 0):
        yield name, reason
        name = ""


def _section(title: str, mark: str, lines: list[tuple[str, str]]) -> None:
    if not lines:
        return
    click.echo(click.style(title, bold=True))
    width = max(output.width(name) for name, _ in lines)
    for name, text in lines:
        click.echo(f"  {mark if name else ' '} {output.padded(name, width)}  {output.printable(text)}".rstrip())
