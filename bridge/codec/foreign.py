"""RocketMQ messages that others put on a bus's topic, as events. Nothing is refused: what is missing has a default.

A message in CloudEvents' own form (Java's SDK, a gateway) gives its event: attributes in ``CE_`` properties and, as that
SDK writes extensions there, in properties whose names are lower-case letters and digits. Any other message becomes

    id               UNIQ_KEY, which its producer made, else the broker's own id of the message
    source           /rocketmq/TOPIC
    type             org.apache.rocketmq.message
    time             when it was sent, by its producer's clock
    data             the body, unpacked if it was compressed; as JSON where it is an object or array of JSON
    rocketmqtags, rocketmqkeys    TAGS and KEYS
    ...              properties of the application, under their names in lower case without other characters

What cannot be read as it claims (an attribute that is not legal, a structured event that is none, a body that cannot be
unpacked) is left out or left as it is, and ``rocketmqproblem`` says so.
"""

import re
from collections.abc import Iterator
from urllib.parse import quote

from bridge.codec import json, protobuf
from bridge.codec.attributes import REQUIRED, check_attribute, check_required
from bridge.codec.times import format_time
from bridge.errors import InvalidEvent, InvalidInput
from bridge.model.event import DataForm, Event, Value
from bridge.rocketmq.records import KEYS, TAGS, UNIQ_KEY, StoredMessage

TYPE = "org.apache.rocketmq.message"
PROBLEM = "rocketmqproblem"
_STRUCTURED = "application/cloudevents"
_OWN = re.compile(r"[a-z0-9]+")
_RESERVED = re.compile(r"[A-Z_][A-Z0-9_#]*")
"""How RocketMQ names its own properties."""
_NO_LETTER = re.compile(r"[^a-z0-9]")
_NOTHING = (b"", b"\x00")


def read_foreign(message: StoredMessage, content: bytes | None, problem: str = "") -> Event:
    """``content``: the unpacked body; None where it cannot be had, and ``problem`` says why."""
    if content is None:
        return _plain(message, message.body, problem)
    kind = _content_type(message)
    if kind is not None and kind.lower().startswith(_STRUCTURED):
        try:
            return _structured(kind.lower(), content)
        except InvalidInput as error:
            return _plain(message, content, f"no event in the mode that {kind!a} says: {error}")
    attributes, bad = _attributes(message)
    if "specversion" not in attributes:
        return _plain(message, content, "")
    return _binary(message, content, attributes, bad)


def _content_type(message: StoredMessage) -> str | None:
    return next((value for name, value in message.properties.items() if name.lower() == "ce_contenttype"), None)


def _structured(kind: str, content: bytes) -> Event:
    form = kind.partition(";")[0].strip()
    if form == f"{_STRUCTURED}+json":
        return json.parse_event(content)
    if form == f"{_STRUCTURED}+protobuf":
        return protobuf.parse_event(content)
    raise InvalidEvent("this format is not known")


def _binary(message: StoredMessage, content: bytes, attributes: dict[str, str], bad: list[str]) -> Event:
    """A CloudEvent whose attributes are properties."""
    defaults = {"id": _id(message), "source": _source(message), "type": TYPE}
    required = {name: _required(name, attributes.get(name), default, bad) for name, default in defaults.items()}
    extra: dict[str, Value] = {name: value for name, value in attributes.items() if name not in REQUIRED}
    if bad:
        extra[PROBLEM] = f"not legal: {', '.join(bad)}"
    data = None if content in _NOTHING else content
    return Event(required["id"], required["source"], required["type"], extra, data)


def _required(name: str, value: str | None, default: str, bad: list[str]) -> str:
    try:
        check_required(name, value or "")
    except InvalidEvent:
        bad.append(name)
        return default
    return value or default


def _attributes(message: StoredMessage) -> tuple[dict[str, str], list[str]]:
    """Those that are legal, and the names of those that are not."""
    found: dict[str, str] = {}
    bad: list[str] = []
    for name, value in _named(message):
        if name in REQUIRED:
            found[name] = value
        elif _is_legal(name, value):
            found.setdefault(name, value)
        else:
            bad.append(name)
    return found, bad


def _named(message: StoredMessage) -> Iterator[tuple[str, str]]:
    """Attributes by their names; what stands in a ``CE_`` property comes first."""
    prefixed = {name: value for name, value in message.properties.items() if name[:3].upper() == "CE_"}
    for name, value in prefixed.items():
        bare = name[3:].lower()
        yield ("datacontenttype" if bare == "contenttype" else bare), value
    yield from ((n, v) for n, v in message.properties.items() if n not in prefixed and _OWN.fullmatch(n))


def _is_legal(name: str, value: str) -> bool:
    try:
        check_attribute(name, value)
    except InvalidEvent:
        return False
    return True


def _plain(message: StoredMessage, content: bytes, problem: str) -> Event:
    """A message of any producer."""
    sent = message.born_time_ms
    attributes: dict[str, Value] = {"time": format_time(sent // 1000, sent % 1000 * 1_000_000)}
    if not problem and content[:1] in {b"{", b"["} and json.is_valid(content):
        attributes["datacontenttype"] = "application/json"
    for name, value in _application(message):
        if name not in REQUIRED and name != PROBLEM and _is_legal(name, value):
            attributes.setdefault(name, value)
    if problem:
        attributes[PROBLEM] = _printable(problem)
    data = None if content in _NOTHING else content
    return Event(_id(message), _source(message), TYPE, attributes, data, DataForm.BINARY)


def _application(message: StoredMessage) -> Iterator[tuple[str, str]]:
    properties = message.properties
    for name, own in ((TAGS, "rocketmqtags"), (KEYS, "rocketmqkeys")):
        if name in properties:
            yield own, properties[name]
    for name, value in properties.items():
        bare = _NO_LETTER.sub("", name.lower())
        if not _RESERVED.fullmatch(name) and bare:
            yield bare, value


def _id(message: StoredMessage) -> str:
    own = message.properties.get(UNIQ_KEY, "")
    try:
        check_required("id", own)
    except InvalidEvent:
        return message.message_id
    return own


def _source(message: StoredMessage) -> str:
    return f"/rocketmq/{quote(message.topic, safe='')}"


def _printable(text: str) -> str:
    """Legal as an attribute."""
    return text.encode("ascii", "replace").decode().translate(_SPACES)[:200]


_SPACES = dict.fromkeys((*range(32), 127), " ")
