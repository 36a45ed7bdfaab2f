"""`bridge pattern test` and `bridge transform test`: without effect, and without a server where none answers."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import click

from bridge.cli import output
from bridge.cli.options import examples, output_option, read_argument, server_option, with_client
from bridge.cli.samples import Subject, read_sample, sample_options
from bridge.errors import InvalidFilter, InvalidInput, InvalidPattern, InvalidTransform, Unreachable

if TYPE_CHECKING:
    from bridge.model.rule import Dialect

Json = dict[str, Any]

_sample_options = sample_options("BUS/PARTITION:OFFSET")
_offline_option = click.option("--offline", is_flag=True, help="Do not ask a server.")


@click.group()
def pattern() -> None:
    """Try a pattern on an event."""


@click.group()
def transform() -> None:
    """Try a transform on an event."""


@pattern.command(
    "test",
    epilog=examples(
        """bridge pattern test --pattern '{"data":{"speed":[{"numeric":[">",50]}]}}' --event @event.json""",
        """head -1 examples/events.ndjson | bridge pattern test --pattern '{"type":["light.changed"]}' --event -""",
        """bridge pattern test --filter '{"sql":"type LIKE \\'light.%\\'"}' --stored traffic/0:17""",
    ),
)
@click.option("--pattern", "wanted", metavar="PATTERN", help="JSON text, @file, or - for stdin.")
@click.option(
    "--filter", "filter_", metavar="FILTER", help="A filter, beside the pattern or instead: JSON, @file, or -."
)
@_sample_options
@click.option(
    "--dialect",
    type=click.Choice(["bridge", "aws", "aliyun"]),
    default="bridge",
    show_default=True,
    help="Which patterns are legal.",
)
@_offline_option
@output_option("table", "json", "yaml")
@server_option
def test_pattern(
    wanted: str | None,
    filter_: str | None,
    event: str | None,
    stored: str | None,
    dialect: "Dialect",
    offline: bool,
    form: str,
    server: str,
) -> None:
    """Say whether a pattern matches an event and, field by field, why."""
    if wanted is None and filter_ is None:
        raise click.UsageError("say what to try: --pattern, --filter, or both")
    pattern_text = b"{}" if wanted is None else read_argument(wanted)
    filter_text = None if filter_ is None else read_argument(filter_)
    sample = read_sample(event, stored)

    def here(text: bytes) -> Json:
        from bridge.rules.explain import test_pattern as judge

        return judge(pattern_text, text, dialect, filter_=filter_text)

    def there() -> Json:
        return with_client(
            server, lambda bridge: bridge.test_pattern(pattern_text, sample, dialect=dialect, filter_=filter_text)
        )

    answer = _ask(here, there, sample, offline=offline)
    if form == "table":
        _show_verdict(answer)
    else:
        output.show(answer, form)


def _show_verdict(answer: Json) -> None:
    """The verdict, then a line for each field: what was seen, what was wanted or nearest to it."""
    lines = list(_lines(answer))
    missed = sum(not hit for hit, _, _ in lines)
    shown = click.style("matched", fg="green", bold=True)
    if not answer["matched"]:
        are = "is" if missed == 1 else "are"
        shown = click.style("not matched", fg="red", bold=True) + f": {missed} of {len(lines)} {are} not as wanted"
    click.echo(shown if lines else f"{shown}: every event does")
    width = max((output.width(name) for _, name, _ in lines), default=0)
    for hit, name, reason in lines:
        mark = output.hit() if hit else output.miss()
        click.echo(f"  {mark} {output.padded(name, width)}  {output.printable(reason)}")
    if answer.get("omitted"):
        click.echo(f"  and {output.plural(answer['omitted'], 'field')} more")


def _lines(answer: Json) -> Iterator[tuple[bool, str, str]]:
    """(matched, name, reason); the name that begins a reason becomes a column of its own."""
    for field in answer["fields"]:
        yield field["matched"], output.printable(field["path"]), field["reason"].removeprefix(f"`{field['path']}` ")
    if "filter" in answer:
        yield answer["filter"]["matched"], "(filter)", answer["filter"]["reason"]


@transform.command(
    "test",
    epilog=examples(
        """bridge transform test --transform '{"text":"${subject} went ${data.to}"}' --event @event.json""",
        """bridge transform test --transform @transform.json --event '{"data":{"to":"red"}}' --offline""",
        """bridge transform test --transform @transform.json --stored traffic/0:17""",
    ),
)
@click.option("--transform", "wanted", required=True, metavar="TRANSFORM", help="JSON text, @file, or - for stdin.")
@_sample_options
@_offline_option
@output_option("table", "json", "yaml")
@server_option
def test_transform(wanted: str, event: str | None, stored: str | None, offline: bool, form: str, server: str) -> None:
    """Show the payload that a transform makes of an event; its variables and their values go to stderr."""
    transform_text, sample = read_argument(wanted), read_sample(event, stored)

    def here(text: bytes) -> Json:
        from bridge.rules.preview import test_transform as judge

        return judge(transform_text, text)

    def there() -> Json:
        return with_client(server, lambda bridge: bridge.test_transform(transform_text, sample))

    answer = _ask(here, there, sample, offline=offline)
    if form == "table":
        _show_payload(answer)
    else:
        output.show(answer, form)


def _show_payload(answer: Json) -> None:
    variables, missing = answer["variables"], answer.get("missing", ())
    width = max(map(output.width, variables), default=0)
    for name, value in variables.items():
        shown = "is missing" if name in missing else f"= {output.one_line(value)}"
        output.note(f"{output.padded(name, width)} {shown}")
    output.note(f"payload, {answer['contentType']}:")
    payload = answer["payload"]
    click.echo(payload if isinstance(payload, str) else output.one_line(payload))


def _ask(here: Callable[[bytes], Json], there: Callable[[], Json], sample: Subject, *, offline: bool) -> Json:
    """A stored event is known to the server only; another one can be tried on here."""
    if not isinstance(sample, bytes):
        if offline:
            raise click.UsageError("--stored needs the server that holds the event; leave out --offline")
        return there()
    if not offline:
        try:
            return there()
        except Unreachable as error:
            output.note(f"{error.reason.partition('. ')[0]}: tested here instead")
    try:
        return here(sample)
    except InvalidInput as error:
        parts = {InvalidPattern: "$.pattern", InvalidFilter: "$.filter", InvalidTransform: "$.transform"}
        raise error.under(parts.get(type(error), "$.event")) from error
