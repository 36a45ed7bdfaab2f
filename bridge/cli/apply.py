"""`bridge apply`: definitions from files to the server, all YAML in one request that happens whole or not at all."""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from bridge.cli import output
from bridge.cli.options import examples, output_option, server_option, with_client
from bridge.errors import BridgeError, InvalidConfig, Unreachable

if TYPE_CHECKING:
    from bridge.client import Applied, Client

ENDINGS = {".yaml", ".yml", ".json"}
_EMPTY = {"", "~", "null", "Null", "NULL"}
_COLOURS = {"created": "green", "changed": "yellow", "+": "green", "-": "red", "@": "cyan"}


class Source(NamedTuple):
    """A text with definitions and what people call it."""

    name: str
    text: bytes

    @property
    def is_json(self) -> bool:
        return self.name.endswith(".json")


@click.command(
    epilog=examples("bridge apply -f examples/traffic-lights.yaml --dry-run", "bridge apply -f buses/ -f rules/")
)
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    required=True,
    metavar="FILE",
    help="File, folder, or - for stdin; may be repeated.",
)
@click.option("--dry-run", is_flag=True, help="Change nothing; show what would change.")
@output_option("table", "json", "yaml", "name")
@server_option
def apply(files: Sequence[str], dry_run: bool, form: str, server: str) -> None:
    """Create or change the buses and rules that files define. What is there already stays as it is.

    YAML files are applied together: all of it or nothing. Folders stand for their *.yaml, *.yml and *.json files.
    """
    sources = [source for name in files for source in _read(name)]
    done, failed = with_client(server, lambda bridge: _apply(bridge, sources, dry_run))
    _show(done, form, dry_run)
    if failed and not done and len(failed) == 1:
        raise failed[0]
    for error in failed:
        output.complain(error)
    if failed:
        sys.exit(3 if done else 1)


def _read(name: str) -> Iterator[Source]:
    path = Path(name)
    try:
        if name == "-":
            yield _source("stdin", sys.stdin.buffer.read())
        elif path.is_dir():
            found = sorted(p for p in path.iterdir() if p.suffix in ENDINGS and p.is_file())
            if not found:
                raise click.UsageError(f"{name} holds no *.yaml, *.yml or *.json files")
            yield from (_source(str(p), p.read_bytes()) for p in found)
        else:
            yield _source(name, path.read_bytes())
    except OSError as error:
        raise click.UsageError(f"cannot read {name}: {error.strerror}") from error


def _source(name: str, text: bytes) -> Source:
    """A byte order mark begins a file, but not the second document of several."""
    return Source(name, text.removeprefix(b"\xef\xbb\xbf"))


async def _apply(
    bridge: "Client", sources: Sequence[Source], dry_run: bool
) -> "tuple[list[Applied], list[BridgeError]]":
    done: list[Applied] = []
    failed: list[BridgeError] = []
    for group in _requests(sources):
        try:
            done += await _send(bridge, group, dry_run)
        except BridgeError as error:
            failed.append(error)
    return done, failed


def _requests(sources: Sequence[Source]) -> Iterator[list[Source]]:
    """All YAML first and together; JSON is not quite YAML, so each such file goes alone."""
    together = [source for source in sources if not source.is_json]
    if together:
        yield together
    yield from ([source] for source in sources if source.is_json)


async def _send(bridge: "Client", group: Sequence[Source], dry_run: bool) -> "list[Applied]":
    counts = [1 if source.is_json else _count(source) for source in group]
    text = b"\n---\n".join(source.text for source in group)
    try:
        return await bridge.apply(text, dry_run=dry_run, json=group[0].is_json)
    except Unreachable:
        raise
    except BridgeError as error:
        raise _located(error, group, counts) from error


def _count(source: Source) -> int:
    """How many documents a YAML text holds; empty ones do not count. Raises InvalidConfig where it is no YAML."""
    import yaml

    count = 0
    try:
        events = yaml.parse(source.text, Loader=yaml.CSafeLoader)
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                root = next(events)
                count += not (isinstance(root, yaml.ScalarEvent) and root.implicit[0] and root.value in _EMPTY)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        reason = getattr(error, "problem", None) or str(error).split("\n", 1)[0]
        raise InvalidConfig(f"not valid YAML: {reason} ({source.name}{place})") from error
    return count


def _located(error: BridgeError, group: Sequence[Source], counts: Sequence[int]) -> BridgeError:
    """Say which file: a document's number in the request becomes a file and the number there."""
    found = re.match(r"\$\[(\d+)\](.*)", error.path or "")
    names = [source.name for source in group]
    if found and len(group) > 1:
        number, place = int(found[1]), 0
        while number >= counts[place] and place < len(group) - 1:
            number, place = number - counts[place], place + 1
        names = [group[place].name]
        error.path = f"$[{number}]{found[2]}" if counts[place] > 1 else f"${found[2]}"
    error.reason = f"{error.reason} ({', '.join(names)})"
    return error


def _show(done: "Sequence[Applied]", form: str, dry_run: bool) -> None:
    for one in done:
        for text in one.warnings:
            output.warn(f"{one.resource}: {text}")
    if form in {"json", "yaml"}:
        output.show_each(done, form)
        return
    for one in done:
        if form == "name":
            click.echo(one.resource.name_in_full)
        else:
            _show_one(one, dry_run)


def _show_one(one: "Applied", dry_run: bool) -> None:
    action = f"would be {one.action}" if dry_run and one.action != "unchanged" else one.action
    click.echo(f"{click.style(f'{action:<{16 if dry_run else 9}}', fg=_COLOURS.get(one.action))}  {one.resource}")
    for line in one.diff.splitlines() if dry_run else ():
        click.echo("    " + click.style(line, fg=_COLOURS.get(line[:1])))
