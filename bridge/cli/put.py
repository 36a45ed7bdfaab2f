"""`bridge put`: one event from flags, or any number from files and pipes."""

import sys
import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, NamedTuple

import click
import msgspec

from bridge.cli import output
from bridge.cli.options import examples, output_option, read_argument, server_option, with_client
from bridge.cli.sources import Batch, Source
from bridge.errors import BridgeError, problem
from bridge.model.clock import system_clock
from bridge.model.event import is_json

if TYPE_CHECKING:
    from bridge.client import Client, PutResult

Mode = Literal["batched", "structured", "binary"]
_ATTRIBUTES = ("id", "source", "type", "subject", "time", "datacontenttype")


class Sending(NamedTuple):
    """Where events go and how."""

    server: str
    bus: str
    batch: int
    mode: Mode | None
    form: str


@click.command(
    epilog=examples(
        """bridge put traffic --type light.changed --source /junction/7 --data '{"to":"red","speed":61}'""",
        "bridge put traffic --file examples/events.ndjson",
        "producer | bridge put traffic --batch 500",
    )
)
@click.argument("bus")
@click.option("--type", "type_", metavar="TYPE", help="Type of the event, such as light.changed.")
@click.option("--source", metavar="URI", help="Where it happened, such as /junction/7.")
@click.option("--subject", metavar="TEXT", help="What it is about, such as light-3.")
@click.option("--id", "id_", metavar="TEXT", help="Its identity at this source. [default: a new UUID]")
@click.option("--time", metavar="TIME", help="When it happened, RFC 3339. [default: now]")
@click.option("--data", metavar="DATA", help="JSON or text as it stands, @file, or - for stdin.")
@click.option(
    "--datacontenttype",
    metavar="TYPE",
    help="Media type of the data. [default: application/json; text/plain for other text]",
)
@click.option("--ext", "extensions", multiple=True, metavar="NAME=TEXT", help="Another attribute; may be repeated.")
@click.option("--file", metavar="FILE", help="CloudEvents in JSON, one a line or one array; - for stdin.")
@click.option(
    "--batch",
    metavar="N",
    default=100,
    show_default=True,
    type=click.IntRange(1, 10_000),
    help="Events in one request.",
)
@click.option(
    "--mode",
    type=click.Choice(["batched", "structured", "binary"]),
    help="How to send. [default: batched; a single event: structured]",
)
@output_option("text", "json")
@server_option
def put(bus: str, file: str | None, batch: int, mode: Mode | None, form: str, server: str, **flags: Any) -> None:
    """Put events to a bus: one that the flags describe, or those of a file or of standard input, unaltered.

    Events that are refused are listed with their line; the others are put (exit code 3).
    """
    sending = Sending(server, bus, batch, mode, form)
    described = [name.rstrip("_") for name, value in flags.items() if value]
    if described and file is not None:
        raise click.UsageError(f"--file and --{described[0]} exclude each other: a file's events go as they stand")
    if described:
        _put_one(sending, _event(flags))
    elif file in {None, "-"}:
        if sys.stdin.isatty() and file is None:
            raise click.UsageError("say what to put: --type and --source, --file FILE, or events on standard input")
        _put_all(sending, sys.stdin.buffer)
    else:
        try:
            opened = Path(str(file)).open("rb")  # noqa: SIM115 - closed below; opening alone may be refused
        except OSError as error:
            raise click.UsageError(f"cannot read {file}: {error.strerror}") from error
        with opened:
            _put_all(sending, opened)


def _put_one(sending: Sending, event: dict[str, Any]) -> None:
    mode = sending.mode or "structured"
    result = with_client(sending.server, lambda bridge: bridge.put(sending.bus, event, mode=mode))
    if sending.form == "json":
        output.show_line(_shown(result))
    elif result.scheduled:
        output.note(f"put event {result.id}: it waits until {result.scheduled}")
    else:
        assert result.position is not None, "an event that is refused raises"
        output.note(f"put event {result.id}: partition {result.position.partition}, offset {result.position.offset}")


def _event(flags: dict[str, Any]) -> dict[str, Any]:
    """The event that flags describe."""
    given = {name.rstrip("_"): value for name, value in flags.items() if value is not None}
    missing = [f"--{name}" for name in ("type", "source") if not given.get(name)]
    if missing:
        raise click.UsageError(f"an event needs {' and '.join(missing)}")
    now = datetime.fromtimestamp(system_clock(), UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    given = {"id": str(uuid.uuid4()), "time": now} | given
    event: dict[str, Any] = {"specversion": "1.0"} | {n: given[n] for n in _ATTRIBUTES if n in given}
    for text in given["extensions"]:
        name, sign, value = text.partition("=")
        if not sign:
            raise click.BadParameter(f"{text!r} is not NAME=TEXT", param_hint="--ext")
        event[name] = value
    if "data" in given:
        event |= _data(read_argument(given["data"]), given.get("datacontenttype"))
    return event


def _data(content: bytes, kind: str | None) -> dict[str, Any]:
    """The members that carry the data: JSON as JSON, text as text, everything else in Base64."""
    text, json = _text(content), _is_json(content)
    if kind is None:
        kind = "application/json" if json else "application/octet-stream" if text is None else "text/plain"
    if is_json(kind):
        if not json:
            raise click.BadParameter(f"this is not JSON, as {kind} would be", param_hint="--data")
        return {"datacontenttype": kind, "data": msgspec.Raw(content)}
    # msgspec writes bytes as Base64
    return {"datacontenttype": kind} | ({"data_base64": content} if text is None else {"data": text})


def _text(content: bytes) -> str | None:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return None


def _is_json(content: bytes) -> bool:
    try:
        msgspec.json.decode(content, type=msgspec.Raw)
    except msgspec.DecodeError:
        return False
    return _text(content) is not None


class _Tally:
    """What became of the events so far; lists each that was refused."""

    def __init__(self, source: Source, form: str, advance: Callable[[int, int], None]) -> None:
        self._source, self._form, self._advance = source, form, advance
        self.put = self.refused = self.waiting = 0
        self.started = monotonic()

    def add(self, batch: Sequence[Any], results: "Sequence[PutResult]") -> None:
        assert isinstance(batch, Batch), "it comes from our source"
        noun = self._source.noun
        for number, result in zip(batch.numbers, results, strict=True):
            if self._form == "json":
                output.show_line({noun: number} | _shown(result))
            elif result.error is not None:
                output.note(f"{noun} {number}{f' (id {result.id})' if result.id else ''}: {result.error}")
        failed = sum(result.error is not None for result in results)
        self.refused += failed
        self.waiting += sum(bool(result.scheduled) for result in results)
        self.put += len(results) - failed
        self._advance(batch.size_bytes + len(batch), self.put)


def _put_all(sending: Sending, file: BinaryIO) -> None:
    source, broken = Source(file), False
    with _progress(source.size_bytes) as advance:
        tally = _Tally(source, sending.form, advance)

        async def work(bridge: "Client") -> None:
            tally.started = monotonic()  # not while it was being imported
            batches = source.batches(sending.batch)
            await bridge.put_stream(sending.bus, batches, tally.add, mode=sending.mode or "batched")

        try:
            with_client(sending.server, work)
        except BridgeError as error:
            if not tally.put:
                raise
            output.complain(error)
            broken = True
        except KeyboardInterrupt:
            output.note("interrupted; what was under way may be put or not")
            broken = True
    took = monotonic() - tally.started
    refused = f", {tally.refused:,} refused" if tally.refused else ""
    waiting = f" ({tally.waiting:,} for later)" if tally.waiting else ""
    output.note(
        f"put {output.plural(tally.put, 'event')}{waiting}{refused} in {took:.2f} s ({output.rate(tally.put / took)})"
    )
    if tally.refused or broken:
        sys.exit(3 if tally.put else 1)


def _shown(result: "PutResult") -> dict[str, Any]:
    if result.error is not None:
        return ({"id": result.id} if result.id else {}) | {"error": problem(result.error)}
    if result.scheduled:
        return {"id": result.id, "scheduled": result.scheduled}
    assert result.position is not None, "one of the three"
    return {"id": result.id} | result.position._asdict()


def _progress(size_bytes: int | None) -> AbstractContextManager[Callable[[int, int], None]]:
    """A bar on stderr where somebody watches it."""
    if not sys.stderr.isatty():
        return nullcontext(lambda _size, _count: None)
    from bridge.cli.progress import progress

    return progress(size_bytes)
