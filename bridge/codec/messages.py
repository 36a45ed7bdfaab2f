"""Events as RocketMQ messages and out of them again: the CloudEvents binding of RocketMQ, so that any consumer reads them.

*Binary mode*: the body is the data, each attribute a property ``CE_<name>``, the content type ``CE_contenttype``; no data
is one NUL byte. *Structured mode*: the body is the whole event, in the JSON format where that has room for all of it,
else in the protobuf format; for events with an empty attribute (brokers drop empty properties) or with more attributes
than properties may hold. KEYS is the id, TAGS the type, as far as they are short and legal there.

Properties are text, and the binding does not say what they were, nor in which member of a JSON or protobuf event the data
stood. A property of our own, ``bridge_form``, does: no consumer takes it for an attribute. Messages without it come from
others (codec/foreign.py).
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Sequence
from functools import lru_cache
from struct import Struct
from struct import error as StructError  # noqa: N812 - a class, by its lower-case name
from zlib import crc32

from google.protobuf.message import DecodeError
from msgspec import MsgspecError

from bridge._proto.bridge.internal.raw_pb2 import Envelope
from bridge.codec import json, protobuf
from bridge.codec.attributes import NAME
from bridge.codec.foreign import read_foreign
from bridge.errors import InvalidInput, StoreError
from bridge.model.event import DataForm, Event, Value
from bridge.rocketmq.errors import RocketMQError
from bridge.rocketmq.records import (
    KEYS,
    MAGIC_BLANK,
    MAGIC_V1,
    TAGS,
    UNIQ_KEY,
    decode_messages,
)

FORM = "bridge_form"
PROPERTIES_BYTES = 32_000
"""Of an event in binary mode, at most: with what producers and brokers add it must stay below RocketMQ's 32,767."""
_KEY_LENGTH, _TAG_LENGTH = 512, 128
_SHORT = 256  # of a source or type worth keeping, so that what is kept stays small
_STRUCTURED = "application/cloudevents"
_JSON, _PROTOBUF = f"{_STRUCTURED}+json", f"{_STRUCTURED}+protobuf"
_NOTHING = b"\x00"
_VERSION = "CE_specversion\x011.0"
_FORM_START = f"{FORM}\x01"
_NO_TAG = re.compile(r"[\s|]+")
_FORMS = {form: form.name.lower() for form in DataForm}
_DATA_FORMS = {text: form for form, text in _FORMS.items()}

_MEMBER = Struct(">iiiii")  # of a batch: size, magic, CRC, flag, length of the body
_LENGTH = Struct(">h")
_HEAD = Struct(">iii24xi16x8x8x12xi")
"""Of a stored message with IPv4 hosts: size, magic, CRC, sysFlag, length of the body."""
_UNUSUAL = 0x01 | 0x10 | 0x20
"""Bits of sysFlag: compressed, hosts with IPv6."""


def encode_members(events: Sequence[Event], unique_ids: Sequence[str]) -> list[bytes]:
    """Each event as a member of a batch (SEND_BATCH_MESSAGE)."""
    members = []
    for event, unique_id in zip(events, unique_ids, strict=True):
        text, body = to_message(event)
        properties = f"{text}{UNIQ_KEY}\x01{unique_id}\x02".encode()
        head = _MEMBER.pack(22 + len(body) + len(properties), 0, 0, 0, len(body))
        members.append(b"".join((head, body, _LENGTH.pack(len(properties)), properties)))
    return members


def to_message(event: Event) -> tuple[str, bytes]:
    """Properties, as their text, and body. ``read_messages`` gives the same event back."""
    text = _properties(event)
    return (text, event.data or _NOTHING) if text is not None else _structured(event)


def _properties(event: Event) -> str | None:
    """In binary mode; None where that cannot hold the event."""
    head, count = (_short_head if len(event.source) + len(event.type) <= _SHORT else _head)(event.source, event.type)
    pieces, kinds = [head], ""
    for name, value in event.attributes.items():
        if value.__class__ is not str:
            kind, value = _canonical(value)  # noqa: PLW2901 - as text
            kinds += f" {name}:{kind}"
        text_name = _property_of(name)
        if not value or text_name is None or (text_name is _CONTENT_TYPE and value[:23].lower() == _STRUCTURED):
            return None
        pieces.append(f"{text_name}\x01{value}\x02")
    key = _key(event.id)
    if key is not None:
        pieces.append(f"{KEYS}\x01{key}\x02")
    pieces.append(f"CE_id\x01{event.id}\x02{FORM}\x01{_form(event)}{kinds}\x02")
    text = "".join(pieces)
    return text if _is_legal(text, count + len(pieces)) else None


def _is_legal(text: str, count: int) -> bool:
    """Whether the text holds so many properties, and not too much of them: bytes 1 and 2 inside would make more."""
    if text.count("\x01") != count or text.count("\x02") != count:
        return False
    return (len(text) if text.isascii() else len(text.encode())) <= PROPERTIES_BYTES


def _head(source: str, type_: str) -> tuple[str, int]:
    """The properties that repeat from event to event, and their number."""
    pieces = [f"{_VERSION}\x02", f"CE_type\x01{type_}\x02", f"CE_source\x01{source}\x02"]
    tag = _tag(type_)
    if tag is not None:
        pieces.append(f"{TAGS}\x01{tag}\x02")
    return "".join(pieces), len(pieces)


_short_head = lru_cache(4096)(_head)


def _tag(type_: str) -> str | None:
    """A tag is compared as a whole and may not hold what its expressions are made of."""
    tag = _NO_TAG.sub("_", type_)
    return tag if 0 < len(tag) <= _TAG_LENGTH and tag.isprintable() else None


def _key(id_: str) -> str | None:
    """Keys are separated by blanks, so a blank inside is written as in a URL."""
    if len(id_) > _KEY_LENGTH or not id_.isprintable():
        return None
    return id_.replace(" ", "%20") or None


@lru_cache(4096)
def _property_of(name: str) -> str | None:
    """Where an attribute stands; None for names that would not be found again."""
    if name == "datacontenttype":
        return _CONTENT_TYPE
    return f"CE_{name}" if NAME.fullmatch(name) and name not in _OTHERS else None


def _canonical(value: Value) -> tuple[str, str]:
    """The kind of a value that is no text, and its text in CloudEvents' canonical form."""
    if isinstance(value, bool):
        return "boolean", "true" if value else "false"
    if isinstance(value, int):
        return "integer", str(value)
    assert isinstance(value, bytes)
    return "binary", b64encode(value).decode()


def _form(event: Event) -> str:
    data, form = event.data, _FORMS[event.data_form]
    if data:
        return form
    return f"{form} none" if data is None else f"{form} empty"


def _structured(event: Event) -> tuple[str, bytes]:
    if json.can_keep(event):
        kind, body = _JSON, json.keep_event(event)
    else:
        kind, body = _PROTOBUF, protobuf.keep_event(event)
    texts = {KEYS: _key(event.id), TAGS: _tag(event.type), _CONTENT_TYPE: kind, FORM: "structured"}
    return "".join([f"{name}\x01{text}\x02" for name, text in texts.items() if text is not None]), body


def read_messages(body: bytes, skipped: int = 0) -> list[Event]:
    """The events in messages as a broker stores them, without the first ones. Raises StoreError when they are damaged."""
    events: list[Event] = []
    position, end = 0, len(body)
    try:
        while position < end:
            size, magic, *_ = _HEAD.unpack_from(body, position)
            if size < _HEAD.size:
                raise StoreError(f"a stored message of {size} bytes")
            if magic == MAGIC_BLANK:
                pass
            elif skipped:
                skipped -= 1
            else:
                events.append(_read(body, position))
            position += size
    except (StructError, IndexError, RocketMQError) as error:
        raise StoreError(f"a stored message is damaged: {error}") from error
    return events


def _read(body: bytes, position: int) -> Event:
    """The event of the message at ``position``. Long on purpose: this runs for each event that is read."""
    size, magic, crc, sys_flag, length = _HEAD.unpack_from(body, position)
    start = position + _HEAD.size
    end = start + length
    if magic != MAGIC_V1 or sys_flag & _UNUSUAL:
        return _read_slowly(body[position : position + size])
    data = body[start:end]
    place = end + 1 + body[end]
    text = body[place + 2 : place + 2 + _LENGTH.unpack_from(body, place)[0]]
    if crc32(data) & 0x7FFFFFFF != crc:
        return _read_slowly(body[position : position + size])
    try:
        return _event(text.decode(), data)
    except (KeyError, ValueError):
        return _read_slowly(body[position : position + size])


def _event(text: str, data: bytes) -> Event:
    """Out of the properties' text. Raises KeyError and ValueError for messages of others."""
    pieces = text.split("\x02")
    # As ``_properties`` lays them out, with the unique id behind: half the cost of looking for each.
    if pieces[0] == _VERSION and len(pieces) > 7 and pieces[-3][:12] == _FORM_START and pieces[-4][:6] == "CE_id\x01":
        _, type_, source, *_ = pieces
        if type_[:8] == "CE_type\x01" and source[:10] == "CE_source\x01" and not pieces[-1]:
            return _make(pieces[-4][6:], source[10:], type_[8:], pieces[-3][12:], pieces[3:-4], data)
    if pieces.pop():
        raise ValueError("the properties do not end")
    properties = dict([piece.split("\x01") for piece in pieces])
    mark = properties[FORM]
    if mark == "structured":
        return _read_structured(properties[_CONTENT_TYPE], data)
    return _make(properties["CE_id"], properties["CE_source"], properties["CE_type"], mark, pieces, data)


def _make(id_: str, source: str, type_: str, mark: str, pieces: list[str], data: bytes | None) -> Event:
    """``pieces``: where its attributes are."""
    attributes: dict[str, Value] = {}
    for piece in pieces:
        name, value = piece.split("\x01")
        attribute = _ATTRIBUTES[name]
        if attribute is not None:
            attributes[attribute] = value
    form, _, rest = mark.partition(" ")
    if rest:
        data = _unmark(rest, attributes, data)
    return Event(id_, source, type_, attributes, data, _DATA_FORMS[form])


class _Attributes(dict[str, str | None]):
    """The attribute that a property holds; None where it holds none, or one of those with places of their own."""

    def __missing__(self, name: str) -> str | None:
        bare = name[3:]
        found = bare if name[:3] == "CE_" and NAME.fullmatch(bare) else None
        if len(self) < 4096:
            self[name] = found
        return found


def _unmark(words: str, attributes: dict[str, Value], data: bytes | None) -> bytes | None:
    """Give back what properties do not hold: the kinds of values, and whether there are data."""
    for word in words.split(" "):
        if word == "none":
            data = None
        elif word == "empty":
            data = b""
        else:
            name, _, kind = word.partition(":")
            attributes[name] = _READ[kind](str(attributes[name]))
    return data


def _read_structured(kind: str, body: bytes) -> Event:
    """What ``_structured`` made. Raises ValueError for what it did not."""
    try:
        if kind == _JSON:
            return json.trust_batch(b"[%b]" % body)[0]
        return protobuf.trust_envelopes((Envelope.FromString(body),))[0]
    except (InvalidInput, DecodeError, MsgspecError, IndexError, RecursionError) as error:
        raise ValueError(str(error)) from error


def _read_slowly(record: bytes) -> Event:
    """A message that is compressed, has IPv6 addresses, comes from others, or does not fit its checksum."""
    message = decode_messages(record, check_crc=False)[0]
    if crc32(message.body) & 0x7FFFFFFF != _HEAD.unpack_from(record)[2]:
        return read_foreign(message, None, "the body does not fit its checksum")
    try:
        content = message.content()
    except RocketMQError as error:
        return read_foreign(message, None, error.remark)
    try:
        return _event("".join([f"{name}\x01{value}\x02" for name, value in message.properties.items()]), content)
    except (KeyError, ValueError):
        return read_foreign(message, content)


_READ: dict[str, Callable[[str], Value]] = {
    "boolean": {"true": True, "false": False}.__getitem__,
    "integer": int,
    "binary": lambda text: b64decode(text, validate=True),
}
_OTHERS = {"contenttype", "id", "source", "type", "specversion", "data"}
"""Attributes may not have these names here: the properties mean something else, or nothing."""
_CONTENT_TYPE = "CE_contenttype"
_ATTRIBUTES = _Attributes({f"CE_{name}": None for name in _OTHERS} | {_CONTENT_TYPE: "datacontenttype"})
