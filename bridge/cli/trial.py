"""`bridge pattern test` and `bridge transform test`: without effect, and without a server where none answers."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from bridge.cli import output
from bridge.cli.options import examples, output_option, read_argument, server_option, with_client
from bridge.errors import InvalidInput, InvalidPattern, InvalidTransform, Unreachable

if TYPE_CHECKING:
    from bridge.model.rule import Dialect

Json = dict[str, Any]

_event_option = click.option(
    "--event",
    required=True,
    metavar="EVENT",
    help="A CloudEvent in JSON, or any JSON object: text, @file, or - for stdin.",
)
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
    ),
)
@click.option("--pattern", "wanted", required=True, metavar="PATTERN", help="JSON text, @file, or - for stdin.")
@_event_option
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
def test_pattern(wanted: str, event: str, dialect: "Dialect", offline: bool, form: str, server: str) -> None:
    """Say whether a pattern matches an event and, field by field, why."""
    pattern_text, event_text = read_argument(wanted), read_argument(event)

    def here() -> Json:
        from bridge.rules.explain import test_pattern as judge

        return judge(pattern_text, event_text, dialect)

    def there() -> Json:
        return with_client(server, lambda bridge: bridge.test_pattern(pattern_text, event_text, dialect=dialect))

    answer = _ask(here, there, offline=offline)
    if form != "table":
        output.show(answer, form)
        return
    click.echo(click.style("matched", fg="green") if answer["matched"] else click.style("not matched", fg="red"))
    for field in answer["fields"]:
        mark = click.style("+", fg="green") if field["matched"] else click.style("-", fg="red")
        click.echo(f"  {mark} {field['reason']}")


@transform.command(
    "test",
    epilog=examples(
        """bridge transform test --transform '{"text":"${subject} went ${data.to}"}' --event @event.json""",
        """bridge transform test --transform @transform.json --event '{"data":{"to":"red"}}' --offline""",
    ),
)
@click.option("--transform", "wanted", required=True, metavar="TRANSFORM", help="JSON text, @file, or - for stdin.")
@_event_option
@_offline_option
@output_option("table", "json", "yaml")
@server_option
def test_transform(wanted: str, event: str, offline: bool, form: str, server: str) -> None:
    """Show the payload that a transform makes of an event; its variables and their values go to stderr."""
    transform_text, event_text = read_argument(wanted), read_argument(event)

    def here() -> Json:
        from bridge.rules.preview import test_transform as judge

        return judge(transform_text, event_text)

    def there() -> Json:
        return with_client(server, lambda bridge: bridge.test_transform(transform_text, event_text))

    answer = _ask(here, there, offline=offline)
    if form != "table":
        output.show(answer, form)
        return
    for name, value in answer["variables"].items():
        output.note(f"{name} = {output.one_line(value)}")
    payload = answer["payload"]
    click.echo(payload if isinstance(payload, str) else output.one_line(payload))


def _ask(here: Callable[[], Json], there: Callable[[], Json], *, offline: bool) -> Json:
    if not offline:
        try:
            return there()
        except Unreachable as error:
            output.note(f"{error.reason.partition('. ')[0]}: tested here instead")
    try:
        return here()
    except (InvalidPattern, InvalidTransform) as error:
        raise error.under("$.pattern" if isinstance(error, InvalidPattern) else "$.transform") from error
    except InvalidInput as error:
        raise error.under("$.event") from error
