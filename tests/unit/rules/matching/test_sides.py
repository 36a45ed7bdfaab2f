"""Where a field's value comes from."""

from typing import Any

import pytest
from msgspec import UNSET

from bridge.model.event import Event
from bridge.rules.matching.layout import WIDE
from bridge.rules.matching.sides import DocumentSide, EventSide, Side, as_text

EVENT = Event("1", "/s", "t", {"subject": "x", "ext": b"\x00\x01", "flag": True})


def slot(side: Side, path: str) -> Any:
    side.add(path, values=True, numbers=False)
    return side.slot(path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("id", "1"), ("source", "/s"), ("type", "t"), ("specversion", "1.0"), ("subject", "x"), ("ext", "AAE="),
        ("flag", True), ("missing", UNSET), ("source.x", UNSET), ("", UNSET),
    ],
)  # fmt: skip
def test_attributes_are_read_by_name(path: str, expected: object) -> None:
    """By the slot's function and by its code alike; bytes are Base64 text."""
    found = slot(EventSide(), path)
    assert found.place is None
    assert found.read(EVENT) == expected
    assert eval(found.source, {"U": UNSET, "as_text": as_text}, {"e": EVENT}) == expected


def test_data_is_decoded_apart() -> None:
    """Its fields lie below it, it may be a field itself."""
    side = EventSide()
    assert slot(side, "data.a").in_data
    assert slot(side, "data").place is side.layout.root
    assert slot(side, "data.a").place.depth == 2
    assert not slot(side, "source").in_data


def test_everything_of_a_document_is_in_its_text() -> None:
    """Also a member that is called data."""
    found = slot(DocumentSide(), "data.a")
    assert (found.read, found.in_data, found.place.depth) == (None, False, 2)


def test_a_crowded_object_is_known() -> None:
    """One that is decoded as a dict."""
    side = DocumentSide()
    for number in range(WIDE + 1):
        side.add(f"w.f{number}", values=True, numbers=False)
    side.add("x", values=True, numbers=False)
    assert side.is_crowded("w.f0")
    assert not side.is_crowded("x")
    assert not EventSide().is_crowded("source")
