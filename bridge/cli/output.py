"""How answers look: plain tables for people, JSON, YAML and names for scripts; numbers and times in words."""

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

import click
import msgspec

from bridge.model.times import parse_time

_SIZES = ("B", "KiB", "MiB", "GiB", "TiB")
_SPANS = ((86400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns as wide as they must be and never cut: what is on a screen can also be piped to grep."""
    cells = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(width, column)) for column in zip(head, *cells, strict=True)]
    click.echo(click.style(_row(head, widths), bold=True))
    for row in cells:
        click.echo(_row(row, widths))


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(map(padded, cells, widths)).rstrip()


def padded(text: str, columns: int) -> str:
    return text + " " * (columns - width(text))


def hit() -> str:
    return click.style("+", fg="green")


def miss() -> str:
    return click.style("-", fg="red")


def width(text: str) -> int:
    """Columns on a terminal: East Asian characters take two."""
    return len(text) if text.isascii() else sum(1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def printable(text: str) -> str:
    """Text from events on one line, without anything that would steer the terminal."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in text)


def show(value: Any, form: str) -> None:
    """One value as pretty JSON or as YAML."""
    text = msgspec.json.encode(value)
    if form == "yaml":
        from bridge.cli.yaml import yaml_of

        click.echo(yaml_of(text), nl=False)
    else:
        click.echo(msgspec.json.format(text, indent=2))


def one_line(value: Any) -> str:
    """A value as JSON on one line."""
    return msgspec.json.encode(value).decode()


def show_line(value: Any) -> None:
    click.echo(one_line(value))


def show_each(values: Sequence[Any], form: str) -> None:
    """Several values: a JSON array, or YAML documents that `bridge apply` takes back."""
    if form == "json":
        show(values, form)
        return
    for number, value in enumerate(values):
        if number:
            click.echo("---")
        show(value, form)


def note(text: str) -> None:
    """A word to people, beside the data."""
    click.echo(text, err=True)


def complain(error: Exception) -> None:
    """What went wrong, where the command goes on all the same."""
    click.echo(f"{click.style('error:', fg='red', bold=True)} {error}", err=True)


def warn(text: str) -> None:
    click.echo(f"{click.style('warning:', fg='yellow', bold=True)} {text}", err=True)


def size(count: float) -> str:
    """Bytes in words: ``3.1 MiB``."""
    power = 0
    while count >= 1024 and power < len(_SIZES) - 1:
        count, power = count / 1024, power + 1
    return f"{count:.1f} {_SIZES[power]}" if power else f"{count:.0f} B"


def span(seconds: float) -> str:
    """A length of time in words, two units at most: ``3h 12m``."""
    left, parts = max(round(seconds), 0), []
    for length, unit in _SPANS:
        if left >= length:
            parts.append(f"{left // length}{unit}")
            left %= length
    return " ".join(parts[:2]) or "0s"


def ago(then: str | None, now: float) -> str:
    """How long ago an RFC 3339 time was; a dash where there is none."""
    seconds = parse_time(then) if then else None
    return "-" if seconds is None else f"{span(now - seconds)} ago"


def rate(per_second: float) -> str:
    return f"{per_second:,.0f}/s" if per_second >= 100 or not per_second else f"{per_second:.2g}/s"


def plural(count: int, noun: str, nouns: str = "") -> str:
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"
