"""An event as the pattern language sees it: leaves, each with its path, its value and the array elements it lies in."""

import base64
from collections.abc import Iterator
from typing import NamedTuple

from bridge.errors import InvalidEvent, InvalidInput
from bridge.model.event import Event, Value
from bridge.rules.jsontext import Json, Members, Scalar, read_json
from bridge.rules.numbers import parse_number

MAX_DEPTH = 500
"""Levels of nesting that are read; a text that has more counts as no JSON."""

MAX_PATHS_LENGTH = 2**24
"""Characters of the paths of all leaves: a long name around many members would count for each."""

Element = tuple[int, int]
"""(array, index): arrays of one document are numbered in the order in which they open."""


class Leaf(NamedTuple):
    """A scalar of the event.

    ``elements`` has one entry for each array around it, the outermost first, except that a scalar which is itself an
    element of an array is not tied to its own index: only objects and arrays inside an array are.
    """

    path: str
    value: Scalar
    elements: tuple[Element, ...]


class Document:
    """All leaves of an event, by path. ``broken_data``: its data claims to be JSON and is not, so it has no leaves."""

    def __init__(self, root: Members, *, broken_data: bool = False) -> None:
        self.leaves = tuple(_leaves(root))
        self.broken_data = broken_data
        self._by_path: dict[str, list[Leaf]] = {}
        for leaf in self.leaves:
            self._by_path.setdefault(leaf.path, []).append(leaf)

    def at(self, path: str) -> list[Leaf]:
        """The leaves at exactly this path, in document order."""
        return self._by_path.get(path, [])

    def paths(self) -> list[str]:
        """Every path that has a leaf, in document order."""
        return list(self._by_path)


def read_document(text: bytes | str) -> Document:
    """Any JSON object as a document; raises InvalidInput when the text is none."""
    root = read_json(text, depth=MAX_DEPTH, error=InvalidInput)
    if not isinstance(root, Members):
        raise InvalidInput("the event must be a JSON object")
    return Document(root)


def event_document(event: Event) -> Document:
    """An event: its attributes by name, and ``data`` where its media type is JSON."""
    members: list[tuple[str, Json]] = [
        ("specversion", "1.0"),
        ("id", event.id),
        ("source", event.source),
        ("type", event.type),
        *((name, _attribute(value)) for name, value in event.attributes.items()),
    ]
    if event.data is None or not event.has_json_data:
        return Document(Members(members))
    try:
        data = read_json(event.data, depth=MAX_DEPTH, error=InvalidEvent)
    except InvalidEvent:
        return Document(Members(members), broken_data=True)
    return Document(Members([*members, ("data", data)]))


def _attribute(value: Value) -> Scalar:
    """As in the JSON format: bytes are Base64 text."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, int) and not isinstance(value, bool):
        return parse_number(str(value))
    return value


def _leaves(root: Members) -> Iterator[Leaf]:
    """Without recursion: an event may nest more deeply than the stack of a caller has room for."""
    arrays = length = 0
    waiting: list[tuple[str, Json, tuple[Element, ...]]] = [("", root, ())]
    while waiting:
        path, value, elements = waiting.pop()
        if isinstance(value, Members):
            prefix = "" if value is root else f"{path}."
            length += len(prefix) * len(value)
            if length > MAX_PATHS_LENGTH:
                raise InvalidInput(f"the names that lead to its values have more than {MAX_PATHS_LENGTH:,} characters")
            waiting += [(prefix + name, part, elements) for name, part in reversed(value)]
        elif isinstance(value, list):
            array, arrays = arrays, arrays + 1
            for index in reversed(range(len(value))):
                part = value[index]
                tied = (*elements, (array, index)) if isinstance(part, Members | list) else elements
                waiting.append((path, part, tied))
        else:
            yield Leaf(path, value, elements)
