"""The event that something is tried on: a text, or the place of one that is stored in a bus."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from bridge.cli.options import read_argument

F = TypeVar("F", bound=Callable[..., Any])
Subject = bytes | tuple[str, int, int]
"""As bridge.client takes it."""
_PLACE = re.compile(r"(?:([^/]+)/)?([0-9]{1,9}):([0-9]{1,18})")


def sample_options(place: str) -> Callable[[F], F]:
    """``--event`` and ``--stored``; ``place`` is how the latter is written."""

    def add(command: F) -> F:
        stored = click.option(
            "--stored", metavar=place, help="Instead: an event that a bus holds, by its position in `bridge tail`."
        )
        event = click.option(
            "--event", metavar="EVENT", help="A CloudEvent in JSON, or any JSON object: text, @file, or - for stdin."
        )
        return event(stored(command))

    return add


def read_sample(event: str | None, stored: str | None, bus: str = "") -> Subject:
    """``bus`` is for places that name none."""
    if (event is None) == (stored is None):
        raise click.UsageError("say which event: either --event or --stored")
    if event is not None:
        return read_argument(event)
    found = _PLACE.fullmatch(stored or "")
    if found is None or not (found[1] or bus):
        example = "0:17" if bus else "traffic/0:17"
        raise click.BadParameter(f"{stored!r} is no place such as {example}", param_hint="--stored")
    return found[1] or bus, int(found[2]), int(found[3])
