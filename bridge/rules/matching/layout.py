"""What is decoded of a JSON text: the paths that some pattern names, and nothing else.

A tree of structs is generated from the paths, one field for each name, called ``a0``, ``a1`` … in the order in which the
paths came up; msgspec skips every other member. A level with many names is decoded as a dict instead (a struct compares
an unknown name with each field), and everything below it too.
"""

from collections.abc import Callable, Iterator
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, Raw

WIDE = 35
"""A level with more names is a dict."""
SPELLINGS = 64
"""A level with more names that spell several of a path has no members for them: the text is searched for them."""

SCALARS = frozenset({str, int, float, bytes, bool, type(None)})
"""The classes of decoded scalars; bytes are the characters of a number with a fraction or exponent."""

_Scalar = str | int | float | bool | None
_PlainObject = dict[str, Any]
_Plain = _Scalar | _PlainObject | list[_Scalar | _PlainObject | list[_Scalar | _PlainObject | list[Any]]]
"""The type of a leaf where no condition looks at numbers."""
_Never = Annotated[int, Meta(gt=1, lt=0)]
"""No JSON value fits. The type of a member whose name spells several names of a path (``"a.b"``)."""


decode_raw = msgspec.json.Decoder(float_hook=str.encode).decode


class Place:
    """A path that some pattern names, or a part of one."""

    __slots__ = (
        "attribute",
        "children",
        "depth",
        "empty",
        "is_dict",
        "is_leaf",
        "name",
        "numbers",
        "parent",
        "spellings",
        "surprises",
        "unsteady",
        "values",
    )

    def __init__(self, parent: "Place | None", name: str, attribute: str, depth: int) -> None:
        self.parent = parent
        self.name = name
        self.attribute = attribute
        self.depth = depth
        """The number of names in its path, as patterns write it."""
        self.children: dict[str, Place] = {}
        self.spellings: dict[str, None] = {}
        """Names with dots that would be several of the names below: they are not followed, but noticed."""
        self.is_leaf = False
        self.numbers = False
        """Whether a condition on this leaf looks at numbers, so that their characters are wanted."""
        self.values = False
        """Whether a condition looks at more than whether the leaf is there."""
        self.is_dict = False
        self.surprises = 0
        """How often the slow way met an array here, or a scalar in place of an object."""
        self.unsteady = False
        """Whether that is so common that generated code should be ready for it."""
        self.empty: Any = UNSET
        """What stands here when the member is missing."""

    @property
    def is_object(self) -> bool:
        return bool(self.children)

    @property
    def is_loose(self) -> bool:
        """Whether spellings are to be searched for in the text."""
        return len(self.spellings) > SPELLINGS and not self.is_dict

    @property
    def is_raw(self) -> bool:
        """Whether it stays undecoded: often an array, of which nobody asks more than whether there is something in it."""
        return self.unsteady and self.is_leaf and not (self.values or self.children or self.is_dict)


class Layout:
    """The places of a set of paths, and the decoder for them. Only grows."""

    def __init__(self, *, root_is_object: bool, depth: int = 0) -> None:
        """``root_is_object``: the text must hold an object, else any JSON value (the data of an event).

        ``depth``: how many names lead to the root.
        """
        self.root = Place(None, "", "", depth)
        self.root_is_object = root_is_object
        self.version = 0
        """Changes with every place."""
        self._named = 0
        self._decoder: tuple[int, Callable[[bytes], Any]] | None = None

    def add(self, path: str | None, *, values: bool, numbers: bool) -> None:
        """Take up the leaf at a path (None: the root itself); what conditions look at there beside whether it exists."""
        place = self.root
        names = [] if path is None else path.split(".")
        for index, name in enumerate(names):
            for end in range(index + 2, len(names) + 1):
                place.spellings.setdefault(".".join(names[index:end]))
            child = place.children.get(name)
            if child is None:
                child = place.children[name] = Place(place, name, f"a{self._named}", place.depth + 1)
                self._named += 1
                self.version += 1
            place = child
        if not place.is_leaf or values > place.values or numbers > place.numbers:
            place.is_leaf = True
            place.values |= values
            place.numbers |= numbers
            self.version += 1
        self._review(names)

    def place(self, path: str | None) -> Place:
        """The place of a path that was added."""
        place = self.root
        for name in [] if path is None else path.split("."):
            place = place.children[name]
        return place

    def learn(self, other: "Layout") -> None:
        """Take over what is known of the shape of events."""
        for place in places(other.root):
            if place.unsteady:
                here: Place | None = self.root
                for step in path_to(place):
                    here = here and here.children.get(step.name)
                if here is not None:
                    here.unsteady = True
        self.version += 1

    def _review(self, names: list[str]) -> None:
        """Turn the levels along a path into dicts where they must be."""
        place, inside = self.root, False
        for name in [*names, None]:
            inside = inside or place.is_dict or len(place.children) > WIDE
            inside = inside or (place.is_object and place.is_leaf and place.numbers)
            if inside and not place.is_dict:
                for below in places(place):
                    below.is_dict = True
            if name is not None:
                place = place.children[name]

    def decoder(self) -> Callable[[bytes], Any]:
        """Decodes a text into the places' values; raises msgspec's errors, and RecursionError."""
        if self._decoder is None or self._decoder[0] != self.version:
            kind: Any = _kind(self.root)
            if self.root_is_object:
                kind = _PlainObject if self.root.is_dict else _struct(self.root)
            self._decoder = self.version, msgspec.json.Decoder(kind, float_hook=str.encode).decode
        return self._decoder[1]

    def source(self, place: Place, variable: str, root: Place | None = None) -> str:
        """Code for the value at a place, given the name of the value at ``root``. Raises where an object is none.

        ``U`` stands for UNSET, ``Z`` for an empty dict.
        """
        if place is (root or self.root):
            return variable
        assert place.parent is not None
        outer = self.source(place.parent, variable, root)
        if not place.parent.is_dict:
            return f"{outer}.{place.attribute}"
        return f"{outer}.get({place.name!r}, {'Z' if place.is_object else 'U'})"


def read_child(value: Any, place: Place) -> Any:
    """The value at a place, given that of its parent: UNSET where the parent is no object or has no such member."""
    assert place.parent is not None
    if place.parent.is_dict:
        return value.get(place.name, UNSET) if value.__class__ is dict else UNSET
    return getattr(value, place.attribute) if isinstance(value, msgspec.Struct) else UNSET


def path_to(place: Place) -> tuple[Place, ...]:
    """The places from the one below the root down to this one."""
    found: list[Place] = []
    at: Place | None = place
    while at is not None and at.parent is not None:
        found.append(at)
        at = at.parent
    return tuple(reversed(found))


def places(place: Place) -> Iterator[Place]:
    """A place and all below it."""
    waiting = [place]
    while waiting:
        place = waiting.pop()
        yield place
        waiting += place.children.values()


def _struct(place: Place) -> type[msgspec.Struct]:
    """The struct of an object; its ``empty`` is set by the way."""
    fields: list[tuple[str, Any, Any]] = []
    for name, child in place.children.items():
        kind = _kind(child)
        default = {"default_factory": dict} if child.empty == {} else {"default": child.empty}
        fields.append((child.attribute, kind, msgspec.field(name=name, **default)))
    for number, name in enumerate(() if place.is_loose else place.spellings):
        fields.append((f"z{number}", _Never, msgspec.field(name=name, default=UNSET)))
    struct = msgspec.defstruct("Named", fields, frozen=True, gc=False, eq=False)
    place.empty = struct()
    return struct


def _kind(place: Place) -> Any:
    """The type of what may stand at a place: every JSON value, lists in lists to a depth."""
    if place.is_dict:
        place.empty = {} if place.is_object else UNSET
        return Any
    if not place.is_object:
        place.empty = UNSET
        return Any if place.numbers else Raw if place.is_raw else _Plain
    element = _struct(place) | _Scalar
    return element | list[element | list[element | list[element | list[element]]]]  # type: ignore[valid-type]
