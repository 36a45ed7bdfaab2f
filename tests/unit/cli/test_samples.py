"""The event that something is tried on."""

from pathlib import Path

import click
import pytest

from bridge.cli.samples import read_sample


def test_an_event_is_a_text_or_a_file(tmp_path: Path) -> None:
    """As with every option that takes JSON."""
    (tmp_path / "e.json").write_text("{}", "utf-8")
    assert read_sample('{"a":1}', None) == b'{"a":1}'
    assert read_sample(f"@{tmp_path / 'e.json'}", None) == b"{}"


@pytest.mark.parametrize(
    ("place", "bus", "read"),
    [
        ("traffic/0:17", "", ("traffic", 0, 17)),
        ("0:17", "traffic", ("traffic", 0, 17)),
        ("other/3:0", "traffic", ("other", 3, 0)),
    ],
)
def test_a_stored_one_is_named_by_its_place(place: str, bus: str, read: tuple[str, int, int]) -> None:
    """As `bridge tail` shows positions; the bus only where the command has none."""
    assert read_sample(None, place, bus) == read


@pytest.mark.parametrize("place", ["0:17", "traffic/0", "traffic/0:-1", "traffic/x:1", "/0:1", "", "0:" + "9" * 30])
def test_what_is_no_place(place: str) -> None:
    """An example says how to write it."""
    with pytest.raises(click.BadParameter, match="traffic/0:17"):
        read_sample(None, place)


def test_exactly_one_event() -> None:
    """Neither none nor two."""
    for event, stored in ((None, None), ("{}", "traffic/0:1")):
        with pytest.raises(click.UsageError, match="either --event or --stored"):
            read_sample(event, stored)
