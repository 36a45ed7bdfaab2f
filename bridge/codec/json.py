"""The CloudEvents JSON format, single and batch. ``data`` stays the bytes that were received."""

import base64
import binascii
from collections.abc import Iterable

import msgspec

from bridge.codec.attributes import check_attribute, check_required, check_version
from bridge.errors import InvalidEvent, InvalidInput
from bridge.model.event import DataForm, Event, Value, is_json

_REQUIRED = ("id", "source", "type")
_Members = dict[str, msgspec.Raw]
_single = msgspec.json.Decoder(_Members)
_batch = msgspec.json.Decoder(list[msgspec.Raw])
_value = msgspec.json.Decoder(str | bool | int | None)
_text = msgspec.json.Decoder(str)
_encode = msgspec.json.Encoder().encode


def parse_event(body: bytes) -> Event:
    """One event in the JSON format. Raises InvalidEvent with the path of the bad member."""
    _check_utf8(body)
    return _parse(body)


def parse_batch(body: bytes) -> list[Event | InvalidInput]:
    """A JSON array of events: one result per element. Raises InvalidEvent only when it is no JSON array."""
    _check_utf8(body)
    try:
        elements = _batch.decode(body)
    except msgspec.DecodeError as error:
        raise InvalidEvent(f"not a JSON array of events: {error}") from error
    return [_judge(element) for element in elements]


def _judge(element: msgspec.Raw) -> Event | InvalidInput:
    try:
        return _parse(element)
    except InvalidInput as error:
        return error


def _check_utf8(body: bytes) -> None:
    """Msgspec skips raw parts without looking at their encoding."""
    try:
        if not body.isascii():
            str(body, "utf-8")
    except UnicodeDecodeError as error:
        raise InvalidEvent(f"not UTF-8: {error.reason} at byte {error.start}") from error


def _parse(body: bytes | msgspec.Raw) -> Event:
    try:
        members = _single.decode(body)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidEvent(f"not a JSON object: {error}") from error
    data, encoded = members.pop("data", None), members.pop("data_base64", None)
    values = {name: value for name, raw in members.items() if (value := _attribute(name, raw)) is not None}
    check_version(values.pop("specversion", None))
    id_, source, type_ = (_take(values, name) for name in _REQUIRED)
    for name, value in values.items():
        check_attribute(name, value)
    content, form = _data(data, encoded, values.get("datacontenttype"))
    return Event(id_, source, type_, values, content, form)


def _attribute(name: str, raw: msgspec.Raw) -> Value | None:
    """The value of a member; None (JSON null) is an attribute that is not set."""
    try:
        value: Value | None = _value.decode(raw)
    except msgspec.DecodeError as error:
        raise InvalidEvent("must be text, true, false or an integer of 32 bits", path=f"$.{name}") from error
    return value


def _take(values: dict[str, Value], name: str) -> str:
    value = values.pop(name, "")
    if not isinstance(value, str):
        raise InvalidEvent("must be text", path=f"$.{name}")
    check_required(name, value)
    return value


def _data(data: msgspec.Raw | None, encoded: msgspec.Raw | None, kind: Value | None) -> tuple[bytes | None, DataForm]:
    """Section 3.1 of the JSON format: which of the two members, and what it means."""
    if encoded is not None and bytes(encoded) == b"null":
        encoded = None
    if encoded is not None:
        if data is not None:
            raise InvalidEvent("data and data_base64 exclude each other", path="$.data_base64")
        try:
            return base64.b64decode(_text.decode(encoded), validate=True), DataForm.BINARY
        except (msgspec.DecodeError, binascii.Error, ValueError) as error:
            raise InvalidEvent(f"not Base64: {error}", path="$.data_base64") from error
    if data is None:
        return None, DataForm.BINARY
    if kind is None or is_json(str(kind)):
        try:
            msgspec.json.decode(data, type=msgspec.Raw)
        except msgspec.DecodeError as error:
            raise InvalidEvent(f"not JSON: {error}", path="$.data") from error
        return bytes(data), DataForm.JSON
    try:
        return _text.decode(data).encode(), DataForm.TEXT
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise InvalidEvent(f"data of type {kind!r} must be a JSON string", path="$.data") from error


def format_event(event: Event) -> bytes:
    """One event in the JSON format, on one line."""
    members: dict[str, object] = {"specversion": "1.0", "id": event.id, "source": event.source, "type": event.type}
    for name, value in event.attributes.items():
        members[name] = base64.b64encode(value).decode() if isinstance(value, bytes) else value
    if event.data is not None:
        name, content = _data_member(event, event.data)
        members[name] = content
        if event.data_form is not DataForm.JSON and name == "data" and event.content_type is None:
            members["datacontenttype"] = "application/json"
    return _encode(members)


def format_batch(events: Iterable[Event]) -> bytes:
    return b"[" + b",".join(map(format_event, events)) + b"]"


def _data_member(event: Event, data: bytes) -> tuple[str, object]:
    """``data`` where the bytes are JSON or text and say so, else ``data_base64``."""
    if event.has_json_data:
        try:
            if not data.isascii():
                str(data, "utf-8")
            raw = msgspec.json.decode(data, type=msgspec.Raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return "data_base64", base64.b64encode(data).decode()
        line_breaks = b"\n" in data or b"\r" in data
        return "data", msgspec.Raw(msgspec.json.format(bytes(raw), indent=-1)) if line_breaks else raw
    if event.data_form is DataForm.TEXT and event.content_type is not None:
        return "data", data.decode()
    return "data_base64", base64.b64encode(data).decode()
