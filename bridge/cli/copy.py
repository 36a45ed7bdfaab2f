"""Copying buses from one store to another, with no bridge in between."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from bridge.cli import output
from bridge.cli.options import examples, output_option


@click.command(
    epilog=examples(
        "bridge copy --from lmdb:./data --to rocketmq://127.0.0.1:9876",
        "bridge copy --from lmdb:./data --to lmdb:/mnt/data --bus traffic -o json",
    )
)
@click.option(
    "--from", "source", metavar="URL", required=True, help="The store that has the events, as of `serve --store`."
)
@click.option("--to", "target", metavar="URL", required=True, help="The store that gets them.")
@click.option("--bus", "buses", metavar="NAME", multiple=True, help="Only this bus; may be repeated [default: all].")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Settings file, for catalog.url and [rocketmq] [default: ./bridge.toml if it exists].",
)
@click.option("--from-config", type=click.Path(path_type=Path), help="Another one for the store that has the events.")
@output_option("table", "json", "yaml")
def copy(
    source: str, target: str, buses: tuple[str, ...], config: Path | None, from_config: Path | None, form: str
) -> None:
    """Copy the events of buses from one store to another, and where their readers are.

    Order and partition stay; offsets begin at 0. If it is ended, the same command goes on. At the end both sides are
    compared. Nobody may put to these buses meanwhile: stop the bridge first. Rules and other definitions are not copied.
    """
    from bridge.app.copying import copy as run
    from bridge.settings.loading import load_settings

    if source == target and (from_config or config) == config:
        raise click.UsageError("--from and --to are the same store")
    one = load_settings(from_config or config, os.environ, {"store.url": source})
    other = load_settings(config, os.environ, {"store.url": target})
    with _progress() as begin:
        copied = asyncio.run(run(one, other, buses, begin))
    if not copied:
        click.echo("there are no buses", err=True)
    elif form == "table":
        rows = [(each.bus, each.partitions, f"{each.events:,}", each.digest) for each in copied]
        output.table(("BUS", "PARTITIONS", "EVENTS", "DIGEST"), rows)
    else:
        output.show([each._asdict() for each in copied], form)


@contextmanager
def _progress() -> Iterator[Callable[[str, int], Callable[[int], None]]]:
    """Called for each bus with how much there is to do, it gives what is called with how much more is done."""
    if not sys.stderr.isatty():
        yield lambda _bus, _total: lambda _done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:

        def begin(bus: str, total: int) -> Callable[[int], None]:
            task = shown.add_task(bus, total=total)
            return lambda done: shown.update(task, advance=done)

        yield begin
