"""Where a field's value comes from: two kinds of input, JSON documents and events.

Everything behind a side (groups, plan) knows a field only by its slot: code for its value, and how to read it.
"""

import base64
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from msgspec import UNSET

from bridge.model.event import Event
from bridge.rules.matching.layout import Layout, Place

_ALWAYS_TEXT = frozenset({"subject", "time", "datacontenttype", "dataschema"})
"""Optional attributes that can hold nothing but text."""


class Slot(NamedTuple):
    """A field: exactly one of ``place`` (in the decoded JSON) and ``read`` (of the event) says where it is."""

    source: str
    """Code: ``e`` is the document or event, ``d`` the decoded data of an event."""
    place: Place | None
    read: Callable[[Any], Any] | None
    plain: bool
    """Whether the value is a scalar or absent, whatever the event."""

    @property
    def in_data(self) -> bool:
        return self.place is not None and self.source.startswith("d")


class Side(Protocol):
    """One kind of input."""

    layout: Layout
    root: str
    """The name of the decoded root in code."""

    def add(self, path: str, *, values: bool, numbers: bool) -> None:
        """Take up a field; what conditions look at there beside whether it exists."""

    def slot(self, path: str) -> Slot:
        """A field that was taken up."""
        raise NotImplementedError

    def is_crowded(self, path: str) -> bool:
        """Whether a field lies in an object of which so many members are named that it is decoded as a dict."""
        place = self.slot(path).place
        return place is not None and place.parent is not None and place.parent.is_dict


class DocumentSide(Side):
    """JSON objects: every path lies in the text."""

    root = "e"

    def __init__(self) -> None:
        self.layout = Layout(root_is_object=True)

    def add(self, path: str, *, values: bool, numbers: bool) -> None:
        self.layout.add(path, values=values, numbers=numbers)

    def slot(self, path: str) -> Slot:
        place = self.layout.place(path)
        return Slot(self.layout.source(place, "e"), place, None, plain=False)


class EventSide(Side):
    """Events: attributes by name, and ``data`` decoded from its bytes."""

    root = "d"

    def __init__(self) -> None:
        self.layout = Layout(root_is_object=False, depth=1)

    def add(self, path: str, *, values: bool, numbers: bool) -> None:
        name, dot, inside = path.partition(".")
        if name == "data":
            self.layout.add(inside if dot else None, values=values, numbers=numbers)

    def slot(self, path: str) -> Slot:
        name, dot, inside = path.partition(".")
        if name == "data":
            place = self.layout.place(inside if dot else None)
            return Slot(self.layout.source(place, "d"), place, None, plain=False)
        if dot or not name:
            return Slot("U", None, lambda _: UNSET, plain=True)
        return Slot(_attribute_source(name), None, lambda event: attribute(event, name), plain=True)


def attribute(event: Event, name: str) -> Any:
    """An attribute as a scalar, UNSET when the event has none of that name. Bytes are Base64 text."""
    if name in {"id", "source", "type"}:
        return getattr(event, name)
    if name == "specversion":
        return "1.0"
    value = event.attributes.get(name, UNSET)
    return as_text(value) if value.__class__ is bytes else value


def as_text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _attribute_source(name: str) -> str:
    if name in {"id", "source", "type"}:
        return f"e.{name}"
    if name == "specversion":
        return "'1.0'"
    value = f"e.attributes.get({name!r}, U)"
    return value if name in _ALWAYS_TEXT else f"(w if (w := {value}).__class__ is not bytes else as_text(w))"
