"""The CloudEvents JSON format, single and batch. ``data`` stays the bytes that were received.

Events that are like others before take a fast way (codec/shapes.py); what stands here says what is right. Of members
with one name the last counts, as in most parsers; RFC 8259 leaves it open.
"""

import base64
from collections.abc import Iterable, Sequence
from typing import cast

import msgspec

from bridge.codec.attributes import check_event, check_version, is_utf8, path_of, shown
from bridge.codec.pieces import is_well_formed, split, split_member
from bridge.codec.shapes import Rows, Shapes
from bridge.errors import InvalidEvent, InvalidInput
from bridge.model.event import DataForm, Event, Value, is_json

_Members = dict[str, msgspec.Raw]
_single = msgspec.json.Decoder(_Members)
_batch = msgspec.json.Decoder(list[msgspec.Raw])
_raw = msgspec.json.Decoder(msgspec.Raw)
_value = msgspec.json.Decoder(str | bool | int | None)
_text = msgspec.json.Decoder(str)
_encoder = msgspec.json.Encoder()
_JSON, _TEXT = DataForm.JSON, DataForm.TEXT  # as names of their own: members of an enum are slow to get
_LINE_FEED, _CARRIAGE_RETURN = b"\n"[0], b"\r"[0]  # as numbers: looking for them costs a fifth
_FAILURES = (msgspec.DecodeError, RecursionError)


def parse_event(body: bytes) -> Event:
    """One event in the JSON format. Raises InvalidEvent with the path of the bad member."""
    _check_utf8(body)
    return check_event(_read(body))


def parse_batch(body: bytes) -> list[Event | InvalidInput]:
    """A JSON array of events: one result per element. Raises InvalidEvent only when it is no JSON array."""
    rows = read_rows(body)
    return cast("list[Event | InvalidInput]", rows.events()) if rows is not None else parse_each(body)


def read_rows(body: bytes) -> Rows | None:
    """A JSON array of valid events, none of them unusual; None leaves it to ``parse_each``."""
    return _shapes.read(body)


def parse_each(body: bytes) -> list[Event | InvalidInput]:
    """As ``parse_batch``, one event at a time."""
    results = [_judge(element) for element in cut_batch(body)]
    if not any(isinstance(result, InvalidInput) for result in results):
        _shapes.learn(body)
    return results


def cut_batch(body: bytes) -> Sequence[bytes | msgspec.Raw]:
    """The elements of a JSON array, as they stand there. Raises InvalidEvent when it is none."""
    try:
        elements: list[msgspec.Raw] = _batch.decode(body)
    except _FAILURES as error:
        try:
            if is_well_formed(body):
                return split(body, b"[")
        except ValueError:
            pass
        raise InvalidEvent(f"not a JSON array of events: {error}") from error
    return elements


class _Identified(msgspec.Struct):
    id: str = ""


_identified = msgspec.json.Decoder(_Identified)


def find_id(element: bytes) -> str:
    """The id of an event that is not valid; empty if there is none to be read."""
    try:
        return _identified.decode(element).id
    except (*_FAILURES, UnicodeDecodeError):
        return ""


def trust_batch(body: bytes) -> list[Event]:
    """The events of a JSON array that was judged before."""
    rows = _shapes.trust(body)
    if rows is not None:
        return rows.events()
    events = [_make(_trusted_members(element)) for element in cut_batch(body)]
    _shapes.learn(body)
    return events


def _trusted_members(element: bytes | msgspec.Raw) -> _Members:
    try:
        members: _Members = _single.decode(element)
    except RecursionError:
        # It was judged where the stack was less deep.
        pairs = map(split_member, split(bytes(element), b"{"))
        return {_text.decode(name): msgspec.Raw(value) for name, value in pairs}
    return members


def _judge(element: bytes | msgspec.Raw) -> Event | InvalidInput:
    try:
        return parse_event(bytes(element))
    except InvalidInput as error:
        return error


def _check_utf8(body: bytes) -> None:
    """Msgspec skips raw parts without looking at their encoding."""
    if not is_utf8(body):
        raise InvalidEvent("not UTF-8")


def _read(body: bytes | msgspec.Raw) -> Event:
    """An event whose parts have the right types; what its attributes hold is not judged here."""
    try:
        members = _single.decode(body)
    except RecursionError as error:
        raise InvalidEvent("nested too deep") from error
    except msgspec.DecodeError as error:
        raise InvalidEvent(f"not a JSON object: {error}") from error
    return _make(members)


def _make(members: _Members) -> Event:
    data, encoded = members.pop("data", None), members.pop("data_base64", None)
    values = {name: value for name, raw in members.items() if (value := _attribute(name, raw)) is not None}
    check_version(values.pop("specversion", None))
    id_, source, type_ = (_take(values, name) for name in ("id", "source", "type"))
    content, form = _data(data, encoded, values.get("datacontenttype"))
    return Event(id_, source, type_, values, content, form)


def _attribute(name: str, raw: msgspec.Raw) -> Value | None:
    """The value of a member; None (JSON null) is an attribute that is not set."""
    try:
        value: Value | None = _value.decode(raw)
    except _FAILURES as error:
        raise InvalidEvent("must be text, true, false or an integer of 32 bits", path=path_of(name)) from error
    return value


def _take(values: dict[str, Value], name: str) -> str:
    value = values.pop(name, "")
    if not isinstance(value, str):
        raise InvalidEvent("must be text", path=path_of(name))
    return value


def _data(data: msgspec.Raw | None, encoded: msgspec.Raw | None, kind: Value | None) -> tuple[bytes | None, DataForm]:
    """Section 3.1 of the JSON format: which of the two members, and what it means."""
    if encoded is not None and bytes(encoded) == b"null":
        encoded = None
    if encoded is not None:
        if data is not None:
            raise InvalidEvent("data and data_base64 exclude each other", path="$.data_base64")
        return _decode_base64(encoded), DataForm.BINARY
    if data is None:
        return None, DataForm.BINARY
    if kind is None or is_json(str(kind)):
        return bytes(data), DataForm.JSON  # that it is JSON was found while the event was taken apart
    try:
        return _text.decode(data).encode(), DataForm.TEXT
    except _FAILURES as error:
        raise InvalidEvent(f"data of type {shown(kind)} must be a JSON string", path="$.data") from error


def _decode_base64(encoded: msgspec.Raw) -> bytes:
    try:
        text = _text.decode(encoded)
        digits = len(text.rstrip("="))
        if len(text) - digits != -digits % 4:  # b64decode takes padding where none is due
            raise ValueError("wrong padding")
        return base64.b64decode(text, validate=True)
    except (*_FAILURES, ValueError) as error:
        raise InvalidEvent(f"not Base64: {error}", path="$.data_base64") from error


_shapes = Shapes(_data)


def format_event(event: Event) -> bytes:
    """One event in the JSON format, on one line."""
    return _encoder.encode(_members(event))


def format_batch(events: Iterable[Event]) -> bytes:
    """A JSON array of events, on one line."""
    return _encoder.encode([_members(event) for event in events])


def write_lines(events: Iterable[Event], buffer: bytearray) -> None:
    """Append events to ``buffer``, one per line. Much cheaper than keeping the lines apart: nothing is copied twice."""
    for event in events:
        _encoder.encode_into(_members(event), buffer, -1)
        buffer += b"\n"


def keep_event(event: Event) -> bytes:
    """One event for the log: as ``format_event``, with ``data`` as it was received."""
    return _encoder.encode(_members(event, exact=True))


def can_keep(event: Event) -> bool:
    """Whether the JSON format has room for all of the event: no Binary attribute, and data as JSON or text."""
    if any(isinstance(value, bytes) for value in event.attributes.values()):
        return False
    if event.data_form is DataForm.JSON:
        return event.has_json_data
    return event.data is None or (event.data_form is DataForm.TEXT and _has_text(event))


def _has_text(event: Event) -> bool:
    return event.content_type is not None and not is_json(event.content_type)


def _members(event: Event, *, exact: bool = False) -> dict[str, object]:
    """``data`` where the bytes are JSON or text and say so, else ``data_base64``. Bytes come out as Base64."""
    attributes, data, form = event.attributes, event.data, event.data_form
    members: dict[str, object] = {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        **attributes,
    }
    if data is None:
        return members
    kind = attributes.get("datacontenttype")
    if form is _JSON if kind is None else is_json(str(kind)):  # as Event.has_json_data, at a third of its cost
        if form is _JSON or is_valid(data):
            if not exact and (_LINE_FEED in data or _CARRIAGE_RETURN in data):
                # They stand between tokens only: in a JSON string they are escapes.
                data = data.translate(None, b"\r\n")
            members["data"] = msgspec.Raw(data)
            return members
    elif form is _TEXT and kind is not None:
        members["data"] = data.decode()
        return members
    members["data_base64"] = data
    return members


def is_valid(data: bytes) -> bool:
    """Whether bytes are JSON text in UTF-8."""
    try:
        _raw.decode(data)
    except _FAILURES:
        return False
    return is_utf8(data)
