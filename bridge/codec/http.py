"""The CloudEvents HTTP binding: binary, structured and batched requests. The Content-Type alone decides which it is."""

import base64
import re
from collections.abc import Iterable, Sequence
from enum import Enum
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

from bridge.codec import json, protobuf
from bridge.codec.attributes import check_event, check_version, path_of
from bridge.errors import InvalidEvent, InvalidInput, UnsupportedMediaType
from bridge.model.event import DataForm, Event, Value

Headers = Iterable[tuple[bytes, bytes]]

JSON = "application/cloudevents+json"
JSON_BATCH = "application/cloudevents-batch+json"
PROTOBUF = "application/cloudevents+protobuf"
PROTOBUF_BATCH = "application/cloudevents-batch+protobuf"

_PREFIXES = {b"ce-", b"Ce-", b"cE-", b"CE-"}
_SAFE = "".join(chr(c) for c in range(0x21, 0x7F) if chr(c) not in '"%')
_ALL_SAFE = re.compile(r"[!#$&-~]*").fullmatch
_REPEATED_LENGTH = 256
"""Texts up to this length are likely to come again (subjects, names), and are remembered once encoded."""
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)("?)', re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")


class Mode(Enum):
    """How a request carries its events."""

    BINARY = ""
    JSON = JSON
    JSON_BATCH = JSON_BATCH
    PROTOBUF = PROTOBUF
    PROTOBUF_BATCH = PROTOBUF_BATCH


class Message(NamedTuple):
    """What goes out: header names in lower case."""

    headers: dict[str, str]
    body: bytes


def mode_of(headers: Headers) -> Mode:
    """The content mode. Raises UnsupportedMediaType for event formats and charsets that are not spoken here."""
    media_type, _, parameters = _content_type(headers).partition(";")
    media_type = media_type.strip().lower()
    if not media_type.startswith("application/cloudevents"):
        return Mode.BINARY
    charset = re.search(r';\s*charset\s*=\s*"?([^";\s]*)', f";{parameters}".lower())
    if charset and charset[1] not in {"utf-8", "utf8", "us-ascii"}:
        raise UnsupportedMediaType(f"events are read as UTF-8, not as {charset[1]}")
    try:
        return Mode(media_type)
    except ValueError:
        wanted = ", ".join(mode.value for mode in Mode if mode.value)
        raise UnsupportedMediaType(f"{media_type} is not one of {wanted}") from None


def _content_type(headers: Headers) -> str:
    values = [value for name, value in headers if name.lower() == b"content-type"]
    if len(values) > 1:
        raise InvalidEvent("more than one Content-Type", path="$.datacontenttype")
    return values[0].decode("latin-1").strip() if values else ""


def parse_request(headers: Headers, body: bytes) -> list[Event | InvalidInput]:
    """The events of a request, one result for each.

    Raises InvalidEvent when a batch is no batch, UnsupportedMediaType for unknown formats.
    """
    headers = list(headers)
    match mode_of(headers):
        case Mode.JSON_BATCH:
            return json.parse_batch(body)
        case Mode.PROTOBUF_BATCH:
            return protobuf.parse_batch(body)
        case mode:
            try:
                return [parse_single(mode, headers, body)]
            except InvalidEvent as error:
                return [error]


def parse_single(mode: Mode, headers: Headers, body: bytes) -> Event:
    """The event of a request that is no batch. Raises InvalidEvent."""
    if mode is Mode.BINARY:
        return _parse_binary(headers, body)
    return json.parse_event(body) if mode is Mode.JSON else protobuf.parse_event(body)


def _parse_binary(headers: Headers, body: bytes) -> Event:
    headers = list(headers)
    attributes: dict[str, Value] = {**_attributes(headers)}
    check_version(attributes.pop("specversion", None))
    id_, source, type_ = (str(attributes.pop(name, "")) for name in ("id", "source", "type"))
    if content_type := _content_type(headers):
        attributes["datacontenttype"] = content_type
    # HTTP cannot tell empty data from none; nearly always it is none.
    return check_event(Event(id_, source, type_, attributes, body or None, DataForm.BINARY))


def _attributes(headers: Headers) -> dict[str, str]:
    """The attributes in ``ce-`` headers, decoded."""
    values: dict[str, str] = {}
    for header, value in headers:
        if header[:3] not in _PREFIXES:
            continue
        name = str(header[3:], "latin-1").lower()
        if name in values:
            raise InvalidEvent("this header occurs more than once", path=path_of(name))
        if name == "datacontenttype":
            raise InvalidEvent("its place is the Content-Type header", path="$.datacontenttype")
        values[name] = decode_value(name, value)
    return values


def decode_value(name: str, value: bytes) -> str:
    """Undo quoted strings (RFC 7230), then one round of percent-encoding. Raises InvalidEvent."""
    value = value.strip(b" \t")
    if b'"' in value:
        quoted = list(_QUOTED.finditer(value))
        if not quoted[-1][2]:
            raise InvalidEvent("a quoted string has no end", path=path_of(name))
        value = _QUOTED.sub(lambda found: _ESCAPED.sub(rb"\1", found[1]), value)
    if b"%" in value:
        if _BROKEN_ESCAPE.search(value):
            raise InvalidEvent("`%` without two hexadecimal digits behind it", path=path_of(name))
        value = unquote_to_bytes(value)
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise InvalidEvent(f"not UTF-8: {error.reason}", path=path_of(name)) from error


def encode_value(value: Value) -> str:
    """The canonical text of an attribute, percent-encoded for a header."""
    if isinstance(value, str):
        return value if _ALL_SAFE(value) else _encode_text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)


def _encode_text(value: str) -> str:
    return _encode_repeated(value) if len(value) <= _REPEATED_LENGTH else quote(value, safe=_SAFE)


@lru_cache(maxsize=1024)
def _encode_repeated(value: str) -> str:
    return quote(value, safe=_SAFE)


def format_binary(event: Event) -> Message:
    """Attributes in headers, data as the body. No Content-Type when the event does not know it."""
    headers = {
        "ce-specversion": "1.0",
        "ce-id": encode_value(event.id),
        "ce-source": encode_value(event.source),
        "ce-type": encode_value(event.type),
    }
    for name, value in event.attributes.items():
        if name != "datacontenttype":
            headers[f"ce-{name}"] = encode_value(value)
    content_type = event.content_type
    if content_type is None and event.data_form is DataForm.JSON and event.data is not None:
        content_type = "application/json"  # implied in the JSON format, not here
    if content_type is not None:
        headers["content-type"] = content_type
    return Message(headers, event.data or b"")


def format_structured(event: Event) -> Message:
    """The whole event as JSON."""
    return Message({"content-type": JSON}, json.format_event(event))


def format_batched(events: Sequence[Event]) -> Message:
    """Events as a JSON array."""
    return Message({"content-type": JSON_BATCH}, json.format_batch(events))
