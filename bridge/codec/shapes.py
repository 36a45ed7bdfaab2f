"""Like events in the JSON format, several times faster than one by one.

Producers repeat themselves: the same members, source, type, content type. A *shape* is a struct of the members that some
batch had, learned from one that was read the slow way (codec/json.py). What fits a shape needs few checks, made for a
whole column at a time. Whatever is in the least unusual, a bad event included, does not fit; the slow way then answers,
so results and errors never depend on what was learned.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import repeat
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Raw, UnsetType

from bridge.codec.attributes import (
    MEDIA_TYPES,
    NAME,
    SCHEMAS,
    SOURCES,
    TYPES,
    Known,
    are_plain,
    check_attribute,
    check_required,
    is_utf8,
)
from bridge.codec.delivertime import DELIVER_TIME
from bridge.codec.times import are_timestamps
from bridge.errors import InvalidEvent
from bridge.model.event import DataForm, Event, Value, is_json

ReadData = Callable[[Raw | None, Raw | None, str | None], tuple[bytes | None, DataForm]]
"""What the members ``data`` and ``data_base64`` hold under a content type. Raises InvalidEvent."""

_Mixed: Any = str | bool | int
_Text = Annotated[str, msgspec.Meta(min_length=1)]
_TYPES: dict[str, Any] = {
    "id": _Text,
    "source": _Text,
    "type": _Text,
    "specversion": Literal["1.0"],
    "subject": _Text,
    "time": str,
    "datacontenttype": str,
    "dataschema": str,
    "data": Raw,
    "data_base64": Raw,
}
_REPEATED: dict[str, Known] = {
    "source": SOURCES,
    "type": TYPES,
    "datacontenttype": MEDIA_TYPES,
    "dataschema": SCHEMAS,
}
_REQUIRED = ("id", "source", "type", "specversion")
_DATA = ("data", "data_base64")
_MOST_SHAPES, _MOST_MEMBERS = 4, 48
_LEARN_EVERY = 64  # a struct costs about as much to make as a hundred events to read
_members = msgspec.json.Decoder(list[dict[str, Raw]])


class Shape:
    """A struct of certain members; those in ``optional`` may be absent."""

    def __init__(self, members: Mapping[str, Any], optional: frozenset[str]) -> None:
        self.members, self.optional = members, optional
        fields = [
            (f"m_{name}", kind | UnsetType, UNSET) if name in optional else (f"m_{name}", kind)
            for name, kind in members.items()
        ]
        names = {f"m_{name}": name for name in members}
        row = msgspec.defstruct("Row", fields, rename=names, forbid_unknown_fields=True, kw_only=True, gc=False)
        self._decode = msgspec.json.Decoder(list[row]).decode  # type: ignore[valid-type]
        self.texts = [n for n, kind in members.items() if kind in {str, _Text} and n not in {*_REPEATED, "time"}]
        self.repeated = [(name, known) for name, known in _REPEATED.items() if name in members]
        self.mixed = [n for n, kind in members.items() if kind is _Mixed]
        self.attributes = [name for name in members if name not in _REQUIRED and name not in _DATA]
        # Generated code reads a column at half the cost of operator.attrgetter, and a dict's display costs half of
        # dict(zip()). The names in it are attributes', [a-z0-9]+ and data_base64.
        getters = ", ".join(f"{name!r}: lambda rows: [r.m_{name} for r in rows]" for name in members)
        self.getters: dict[str, Callable[[Sequence[Any]], list[Any]]] = eval(f"{{{getters}}}")  # noqa: S307
        self.make_attributes: Callable[..., list[dict[str, Value]]] = eval(self._maker(), {"UNSET": UNSET})  # noqa: S307

    def _maker(self) -> str:
        """Code that makes each event's attributes of their columns."""
        values = [f"v{i}" for i in range(len(self.attributes))]
        pairs = list(zip(self.attributes, values, strict=True))
        if self.optional.isdisjoint(self.attributes):
            made = ", ".join(f"{name!r}: {value}" for name, value in pairs)
        else:
            made = f"n: v for n, v in ({''.join(f'({name!r}, {value}),' for name, value in pairs)}) if v is not UNSET"
        return f"lambda ids, *columns: [{{{made}}} for {', '.join(['_', *values])}, in zip(ids, *columns)]"

    def decode(self, body: bytes) -> list[Any] | None:
        """One struct for each event; None when it is no array of such events, or an empty one."""
        try:
            return self._decode(body) or None
        except (msgspec.DecodeError, RecursionError):
            return None


class Rows:
    """Events that fit a shape."""

    def __init__(self, shape: Shape, rows: Sequence[Any], read_data: ReadData) -> None:
        self._shape, self._rows, self._read_data = shape, rows, read_data
        self._columns: dict[str, list[Any]] = {}
        # Decoding found data to be JSON; where JSON is what it shall be, there is nothing more to judge.
        self._simple = "data_base64" not in shape.members and (
            "data" not in shape.members or ("data" not in shape.optional and self._has_only_json())
        )

    def __len__(self) -> int:
        return len(self._rows)

    def _has_only_json(self) -> bool:
        return "datacontenttype" not in self._shape.members or all(map(is_json, self._distinct("datacontenttype")))

    def _column(self, name: str) -> list[Any]:
        """A member of all events, UNSET where it is absent."""
        column = self._columns.get(name)
        if column is None:
            column = self._columns[name] = self._shape.getters[name](self._rows)
        return column

    def _given(self, name: str) -> list[Any]:
        """A member of the events that have it."""
        column = self._column(name)
        return [value for value in column if value is not UNSET] if name in self._shape.optional else column

    def _distinct(self, name: str) -> Collection[str]:
        """The values of a member. Mostly there is one, and comparing is cheaper than hashing."""
        column = self._given(name)
        return column[:1] if not column or column.count(column[0]) == len(column) else set(column)

    def check(self, clean: bool) -> None:
        """Judge them. ``clean``: no text has a character beyond printable ASCII.

        Raises InvalidEvent, also when one may have to wait: that is judged alone.
        """
        if DELIVER_TIME in self._shape.members and self._given(DELIVER_TIME):
            raise InvalidEvent("to be judged alone", path=f"$.{DELIVER_TIME}")
        for name, known in self._shape.repeated:
            known.check(self._distinct(name))
        if "time" in self._shape.members and not are_timestamps(self._given("time")):
            raise InvalidEvent(path="$.time")
        for name in self._shape.mixed if clean else (*self._shape.texts, *self._shape.mixed):
            values = self._given(name)
            if name in self._shape.mixed or not are_plain(values):
                check = check_required if name == "id" else check_attribute
                for value in values:
                    check(name, value)
        if not self._simple:
            self._data()

    def ids(self) -> list[str]:
        return self._column("id")

    def keys(self) -> list[str]:
        """What decides each event's partition, as Event.key."""
        if "partitionkey" in self._shape.members:
            return [event.key for event in self.events()]
        sources = self._column("source")
        if "subject" not in self._shape.members:
            return sources
        subjects = zip(self._column("subject"), sources, strict=True)
        return [source if subject is UNSET else subject for subject, source in subjects]

    def events(self) -> list[Event]:
        ids, sources, types = (self._column(name) for name in ("id", "source", "type"))
        attributes = self._shape.make_attributes(ids, *map(self._column, self._shape.attributes))
        if not self._simple:
            data, forms = zip(*self._data(), strict=True)
            return list(map(Event, ids, sources, types, attributes, data, forms))
        if "data" not in self._shape.members:
            return list(map(Event, ids, sources, types, attributes))
        return list(
            map(Event, ids, sources, types, attributes, map(bytes, self._column("data")), repeat(DataForm.JSON))
        )

    def _data(self) -> list[tuple[bytes | None, DataForm]]:
        """Data and form of each event. Raises InvalidEvent when data does not suit its content type."""
        members = (*_DATA, "datacontenttype")
        columns = [self._column(n) if n in self._shape.members else [UNSET] * len(self) for n in members]
        return [
            self._read_data(*(None if value is UNSET else value for value in row)) for row in zip(*columns, strict=True)
        ]


class Shapes:
    """The shapes learned so far, the last used one first."""

    def __init__(self, read_data: ReadData) -> None:
        self._read_data = read_data
        self._shapes: tuple[Shape, ...] = ()
        self._missed = 0

    def read(self, body: bytes) -> Rows | None:
        """The events of a JSON array, judged. None when the slow way has to answer."""
        ascii_only = body.isascii()
        if not (ascii_only or is_utf8(body)):
            return None
        found = self.trust(body)
        if found is not None:
            try:
                found.check(clean=ascii_only and b"\\" not in body and b"\x7f" not in body)
            except InvalidEvent:
                return None
        return found

    def trust(self, body: bytes) -> Rows | None:
        """The events of a JSON array that was judged before."""
        for shape in self._shapes:
            rows = shape.decode(body)
            if rows is not None:
                if shape is not self._shapes[0]:
                    self._shapes = (shape, *(s for s in self._shapes if s is not shape))
                return Rows(shape, rows, self._read_data)
        return None

    def learn(self, body: bytes) -> None:
        """Make a shape of the events of a JSON array, all of them valid; now and then, since that is not cheap."""
        self._missed += 1
        if self._missed % _LEARN_EVERY != 1:
            return
        try:
            members, optional = _survey(_members.decode(body))
        except (msgspec.DecodeError, RecursionError):
            return
        if len(self._shapes) == _MOST_SHAPES:
            # Many kinds of events: widen the one least used, so that few shapes end up taking them all.
            oldest = self._shapes[-1]
            optional |= oldest.optional | (members.keys() ^ oldest.members.keys())
            members = {n: _common(members.get(n), oldest.members.get(n)) for n in (*members, *oldest.members)}
        # Names go into generated code: that they are attributes' was judged elsewhere, and is made certain here.
        legal = all(name in _TYPES or NAME.fullmatch(name) for name in members)
        if legal and len(members) <= _MOST_MEMBERS and set(_REQUIRED) <= members.keys() - optional:
            shape = Shape(members, optional)
            self._shapes = (shape, *self._shapes[: _MOST_SHAPES - 1])


def _survey(events: Sequence[Mapping[str, Raw]]) -> tuple[dict[str, Any], frozenset[str]]:
    """The members of events with their types, and those that not all events have."""
    members: dict[str, Any] = {}
    for event in events:
        for name, raw in event.items():
            kind = _TYPES.get(name) or (str if bytes(raw).startswith(b'"') else _Mixed)
            members[name] = _common(members.get(name), kind)
    return members, frozenset(name for name in members if any(name not in event for event in events))


def _common(one: Any, other: Any) -> Any:
    """The type that takes the values of both."""
    return one or other if one is None or other is None or one is other else _Mixed
