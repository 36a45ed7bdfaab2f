"""What transforms see of one event: values by path, cut out of the data's own text.

For a path to one value the data is never turned into Python values. Each level on the way is split into its members,
still as JSON text, and kept for the next path, rule and target. So numbers keep every digit and strings their escapes.
Of members with the same name the last one counts.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import Raw

from bridge.codec.json import format_event
from bridge.errors import InvalidEvent, InvalidTransform
from bridge.model.event import DataForm, Event, is_json
from bridge.model.times import format_time
from bridge.rules.jsonpath import Path, Step, Steps

T = TypeVar("T")
Level = dict[str, Raw] | list[Raw]
_split: Callable[[bytes | Raw], Level] = msgspec.json.Decoder(Level).decode
_raw = msgspec.json.Decoder(Raw).decode
_string = msgspec.json.Decoder(str).decode
_decode = msgspec.json.Decoder(float_hook=float).decode  # without the hook, numbers beyond doubles are refused
encode = msgspec.json.Encoder().encode
_CONTAINERS = b"{["
MAX_PAYLOAD_SIZE = 16 * 2**20
"""Bytes, or characters of a text."""
FEW = 64
"""Up to so many parts are put together without a look at their size."""
DATA: Steps = ("data",)
_JSON_FORM = DataForm.JSON
_REQUIRED = ("id", "source", "type")
_UNSET: Any = object()


class Names(NamedTuple):
    """Which delivery a payload is for."""

    rule: str
    target: str
    attempt: int = 1


class Scope:
    """One event as transforms see it. Cheap to make; what one rule looked up, the next one finds.

    The root's members are the context attributes by name and ``data``. Data that is not JSON is a string: the text
    itself, or Base64 where the data is binary (see ``text_of``).
    """

    __slots__ = ("_kept", "bus", "event", "received")

    def __init__(self, event: Event, bus: str, received: float) -> None:
        """``received``: when the bus took the event, in seconds since the epoch."""
        self.event = event
        self.bus = bus
        self.received = received
        self._kept: dict[Any, Any] = {}  # values by Path, levels by their steps, and the like: one dict is cheapest

    def json(self, path: Path) -> bytes | None:
        """The value at a path as compact JSON text, None when there is none; several results are an array.

        Raises InvalidTransform when the path leads into data that claims to be JSON and is not.
        """
        value: bytes | None = self._kept.get(path, _UNSET)
        if value is _UNSET:
            value = self.raw(path)
            if value is not None and value[0] in _CONTAINERS:
                value = compact(value)
            self._kept[path] = value
        return value

    def text(self, path: Path) -> str | None:
        """The value at a path as text: a string itself, anything else as compact JSON; None when there is none."""
        if not path.parent and type(path.last) is str:  # attributes are text already
            attribute = self.event.attributes.get(path.last)
            if type(attribute) is str:
                return attribute
        value = self.json(path)
        return None if value is None else json_to_text(value)

    def raw(self, path: Path) -> bytes | None:
        """As ``json``, but in the spelling of the event: space inside stays."""
        step = path.last
        if path.parent:
            level: Level | None = self._kept.get(path.parent)
            if type(level) is dict and type(step) is str:  # noqa: SIM108 - the common case, without another call
                child = level.get(step)
            else:
                child = self._child(path.parent, step)
            return None if child is None else bytes(child)
        if type(step) is str:
            member = self.member(step)
            return None if member is None else bytes(member)
        if path.steps is None:
            return self._several(path)
        return None if path.steps else self.whole()

    def whole(self) -> bytes:
        """The whole event as JSON text, on one line."""
        try:
            return self.keep("whole", lambda: format_event(self.event))
        except RecursionError as error:
            raise _no_json(error) from error

    def member(self, name: str) -> bytes | Raw | None:
        """A member of the root as JSON text."""
        event = self.event
        value = event.attributes.get(name)
        if value is not None:
            return encode(value)  # bytes become Base64, as in the JSON format
        if name == "data":
            return self._data()
        if name in _REQUIRED:
            return encode(getattr(event, name))
        return b'"1.0"' if name == "specversion" else None

    def names(self) -> Iterator[str]:
        """The names of the root's members."""
        yield from ("specversion", *_REQUIRED, *self.event.attributes)
        if self.event.data is not None:
            yield "data"

    def decoded(self) -> Any:
        """The root as Python values, for paths that need an engine. Floats beyond doubles are infinite in it."""
        try:
            return self.keep("decoded", lambda: {name: _decode(self.member(name) or b"null") for name in self.names()})
        except RecursionError as error:
            raise _no_json(error) from error

    def keep(self, name: str, make: Callable[[], T]) -> T:
        """What ``make`` made for this event the first time it was asked for under this name."""
        kept: T = self._kept.get(name, _UNSET)
        if kept is _UNSET:
            kept = self._kept[name] = make()
        return kept

    @property
    def received_time(self) -> str:
        return format_time(self.received)

    def _several(self, path: Path) -> bytes | None:
        found = [bytes(self._cut(steps) or b"null") for steps in path.locate(self.decoded())]
        check_total(found)
        return b"[" + b",".join(found) + b"]" if found else None

    def _cut(self, steps: Steps) -> bytes | Raw | None:
        *parent, last = steps
        return self._child(tuple(parent), last) if parent else self.member(str(last))

    def _child(self, parent: Steps, step: Step | None) -> Raw | None:
        """Cut the text of one value out of its parent's."""
        level = self.level(parent)
        if type(step) is str:
            return level.get(step) if type(level) is dict else None
        assert type(step) is int
        return level[step] if type(level) is list and -len(level) <= step < len(level) else None

    def level(self, steps: Steps) -> Level:
        """The members of a value, kept for the next path."""
        level: Level | None = self._kept.get(steps)
        if level is None:
            level = self._kept[steps] = self.open(steps)
        return level

    def open(self, steps: Steps) -> Level:
        """The members of a value; a scalar has none."""
        if steps == DATA:
            return self._open_data()
        value = self._cut(steps)
        return {} if value is None else split(value)

    def _open_data(self) -> Level:
        """As of any value, but checked while it is opened, not before: it costs as much as decoding."""
        event = self.event
        data = event.data
        if data is None or not _claims_json(event):
            return {}
        try:
            _check_encoding(event, data)
            return split(data)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _no_json(error) from error

    def _data(self) -> bytes | Raw | None:
        event = self.event
        data = event.data
        if data is None:
            return None
        if not _claims_json(event):
            text = text_of(event, data)
            return encode(data if text is None else text)
        try:
            _check_encoding(event, data)
            return _raw(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _no_json(error) from error


def _claims_json(event: Event) -> bool:
    """``event.has_json_data`` for an event that has data, on the hot path."""
    kind = event.attributes.get("datacontenttype")
    return is_json(kind) if type(kind) is str else event.data_form is _JSON_FORM


def _check_encoding(event: Event, data: bytes) -> None:
    """Msgspec looks at the encoding of the parts only that it decodes; the JSON format has been checked on the way in."""
    if event.data_form is not _JSON_FORM and not data.isascii():
        str(data, "utf-8")


def split(text: bytes | Raw) -> Level:
    """The members of an object or array, as JSON text; none for a scalar. Raises DecodeError when it is no JSON."""
    try:
        return _split(text)
    except msgspec.ValidationError:
        _raw(text)  # it was refused for its type, perhaps before its end was seen
        return {}
    except RecursionError as error:
        raise _no_json(error) from error


def _no_json(error: Exception) -> InvalidTransform:
    return InvalidTransform(f"the event's data claims to be JSON and is not: {error}")


class DocumentScope(Scope):
    """Any JSON object in the place of an event, to try things with."""

    __slots__ = ("_members", "_text")

    def __init__(self, text: bytes, bus: str, received: float) -> None:
        """Raises InvalidEvent when ``text`` is no JSON object."""
        super().__init__(Event("", "", "", {}), bus, received)
        try:
            str(text, "utf-8")
            self._members = msgspec.json.decode(text, type=dict[str, Raw])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidEvent(f"not a JSON object: {error}") from error
        self._text = text

    def whole(self) -> bytes:
        return compact(self._text.strip())

    def member(self, name: str) -> bytes | Raw | None:
        return self._members.get(name)

    def _open_data(self) -> Level:
        data = self._members.get("data")
        return {} if data is None else split(data)

    def names(self) -> Iterator[str]:
        yield from self._members


def check_total(parts: Sequence[bytes] | Sequence[str]) -> None:
    """A small transform can repeat a large event without end: refuse before the parts are put together."""
    if sum(map(len, parts)) > MAX_PAYLOAD_SIZE:
        raise InvalidTransform(f"the payload would be larger than {MAX_PAYLOAD_SIZE // 2**20} MiB")


def compact(value: bytes) -> bytes:
    """JSON text without space between its parts; numbers and strings keep their spelling."""
    if len(value.split(None, 1)) == 1:
        return value
    try:
        return msgspec.json.format(value, indent=-1)
    except RecursionError:
        return value


def json_to_text(value: bytes) -> str:
    """What compact JSON is inside a text: a string without its quotes and escapes, anything else as it stands."""
    return _string(value) if value[0] == 34 else value.decode()


def text_of(event: Event, data: bytes) -> str | None:
    """Data that is not JSON, as text: where it came as text or its media type says text or XML, and it is UTF-8."""
    if event.data_form is not DataForm.TEXT and not _is_text(event.content_type or ""):
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


@lru_cache(maxsize=1024)
def _is_text(content_type: str) -> bool:
    kind, _, subtype = content_type.partition(";")[0].strip().lower().partition("/")
    return kind == "text" or subtype == "xml" or subtype.endswith("+xml")
