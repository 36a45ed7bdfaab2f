"""Attributes as entries of the protobuf event's map, ``bytes`` to (name, value) and back.

Entries repeat from event to event (a content type, a subject, a tenant), so what one means is worked out once and kept:
reading an event's attributes is then a few dictionary look-ups, in the order in which they were written. Times hardly
repeat; they are read anew, past the general parser.

Two forms of our own, which nobody can send because judging refuses them, keep in the log what the message has no room
for: a ``time`` whose text is not the canonical one of a Timestamp stands there as text, and an entry ``data`` holds the
DataForm of data that is neither bytes, text nor proto.
"""

import re
from collections.abc import Callable
from functools import lru_cache

from google.protobuf.message import DecodeError
from google.protobuf.timestamp_pb2 import Timestamp

from bridge._proto.cloudevents.v1.cloudevents_pb2 import CloudEvent
from bridge.codec.attributes import REQUIRED, check_attribute, is_reference, is_uri, path_of, shown
from bridge.codec.delivertime import DELIVER_TIME
from bridge.codec.times import FIRST, LAST, format_fraction, format_seconds, format_time, parse_time
from bridge.errors import InvalidEvent
from bridge.model.event import Value

FORM = "data"
"""Name of the entry that keeps a DataForm: no attribute can have it."""

Read = tuple[str, Value]
_Entry = CloudEvent.AttributesEntry
_timestamp = Timestamp.FromString
_KINDS = {
    "datacontenttype": ("ce_string",),
    "dataschema": ("ce_uri", "ce_string"),
    "subject": ("ce_string",),
    "time": ("ce_timestamp",),
}
_LONGEST = 256  # of an entry or value worth keeping, so that what is kept stays small
_TIME_KEY = b"\n\x04time\x12"
# A ``time`` as everybody encodes it and that is in range: seconds in five bytes (1978 to 3058), nanoseconds below a
# thousand million in up to five. One look instead of a parser; whatever is not so simple is read in full.
_SECONDS = rb"\x08[\x80-\xff]{4}[\x01-\x7f]"
_NANOS = [rb"\x10[\x80-\xff]{%d}[\x01-\x7f]" % i for i in range(4)]
_NANOS += [rb"\x10(?:[\x80-\xff]{4}[\x01\x02]|[\x80-\xff]{3}[\x80-\xdb]\x03)"]
_TIME = re.compile(
    _TIME_KEY + b"(?:%b)" % b"|".join(
        re.escape(b"%c:%c" % (size + 2, size)) + _SECONDS + nanos
        for size, nanos in [(6, b""), *((8 + i, nanos) for i, nanos in enumerate(_NANOS))]
    ),
    re.DOTALL,
)  # fmt: skip


class Entries(dict[bytes, Read]):
    """What entries mean: asked as ``entries[encoded]``. Bounded: forgets all when full, which costs little."""

    def __init__(self, read: Callable[[bytes], Read], size: int = 4096) -> None:
        super().__init__()
        self._read, self._size = read, size

    def __missing__(self, entry: bytes) -> Read:
        found = self._read(entry)
        if len(entry) <= _LONGEST and found[0] != "time":
            if len(self) >= self._size:
                self.clear()
            self[entry] = found
        return found


def check_entry(entry: bytes) -> Read:
    """Judge an entry that somebody sent. Raises InvalidEvent with the attribute's path.

    The value of a ``time`` may be left empty: nobody who judges asks for it, and making the text is half the cost.
    """
    if _TIME.fullmatch(entry):
        return "time", ""
    name, kind, value = _open(entry)
    path = path_of(name)
    if name in REQUIRED:
        raise InvalidEvent("this attribute has a field of its own and must not be in the map", path=path)
    if kind is None:
        raise InvalidEvent("this attribute has no value", path=path)
    wanted = _KINDS.get(name, (kind,))
    if kind not in wanted:
        raise InvalidEvent(f"must be {wanted[0]}, not {kind}", path=path)
    check_attribute(name, value)
    if (kind == "ce_uri" and not is_uri(value)) or (kind == "ce_uri_ref" and not is_reference(value)):
        raise InvalidEvent(f"{shown(value)} is not a {'URI' if kind == 'ce_uri' else 'URI-reference'}", path=path)
    return name, value


def check_entry_at_once(entry: bytes) -> Read:
    """As ``check_entry``, where an event that may have to wait cannot be told apart: one that has a time for it is
    refused. So those that have none pay nothing for it.
    """
    found = check_entry(entry)
    if found[0] == DELIVER_TIME:
        raise InvalidEvent("to be judged alone", path=path_of(DELIVER_TIME))
    return found


def read_entry(entry: bytes) -> Read:
    """Read an entry that was judged before."""
    if _TIME.fullmatch(entry):
        nanos = _timestamp(entry[16:]).nanos if len(entry) > 16 else 0
        return "time", _second(entry[10:16]) + format_fraction(nanos)
    name, _, value = _open(entry)
    return name, value


@lru_cache(maxsize=4096)
def _second(encoded: bytes) -> str:
    """Events that are together in a log are of few different seconds."""
    return format_seconds(_timestamp(encoded).seconds)


def _check_range(name: str, moment: Timestamp) -> None:
    if not (FIRST <= moment.seconds <= LAST and 0 <= moment.nanos < 1_000_000_000):
        raise InvalidEvent("the Timestamp is out of range", path=path_of(name))


def _open(entry: bytes) -> tuple[str, str | None, Value]:
    """Name, kind (None: no value) and value."""
    try:
        parsed = _Entry.FromString(entry)
    except DecodeError as error:
        raise InvalidEvent("an attribute is not valid protobuf, or its text is not UTF-8") from error
    kind = parsed.value.WhichOneof("attr")
    if kind is None:
        return parsed.key, None, ""
    if kind == "ce_timestamp":
        moment = parsed.value.ce_timestamp
        _check_range(parsed.key, moment)
        return parsed.key, kind, format_time(moment.seconds, moment.nanos)
    value: Value = getattr(parsed.value, kind)
    return parsed.key, kind, value


def make_entry(name: str, value: Value) -> bytes:
    """An entry as other parties read it: the ``time`` is a Timestamp."""
    return _make_time(value, False) if name == "time" else _make_other(name, value)


def keep_entry(name: str, value: Value) -> bytes:
    """An entry for the log: the ``time`` keeps its text."""
    return _make_time(value, True) if name == "time" else _make_other(name, value)


def _make_time(value: Value, exact: bool) -> bytes:
    """The Timestamp, or text where there is none, or where there is none that gives the text back."""
    moment = parse_time(str(value))
    if moment is None or (exact and format_time(*moment) != value):
        return _Entry(key="time", value={"ce_string": str(value)}).SerializeToString()
    encoded = Timestamp(seconds=moment[0], nanos=moment[1]).SerializeToString()
    return _TIME_KEY + b"%c:%c" % (len(encoded) + 2, len(encoded)) + encoded


def _make_other(name: str, value: Value) -> bytes:
    short = isinstance(value, int) or len(value) <= _LONGEST
    return (_make_short if short else _make)(name, value)


def _make(name: str, value: Value) -> bytes:
    entry = _Entry(key=name)
    if isinstance(value, bool):
        entry.value.ce_boolean = value
    elif isinstance(value, int):
        entry.value.ce_integer = value
    elif isinstance(value, bytes):
        entry.value.ce_bytes = value
    elif name == "dataschema":
        entry.value.ce_uri = value
    else:
        entry.value.ce_string = value
    return entry.SerializeToString()


_make_short = lru_cache(maxsize=4096, typed=True)(_make)
