"""Messages: as a producer gives them, as a broker stores and returns them. Pure.

A stored record carries its own size, so unknown data at its end does no harm. Brokers do not compress; producers may,
so a body is as it was sent (``content()`` unpacks it).
"""

import ipaddress
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from struct import Struct
from typing import Final, NamedTuple

from bridge.rocketmq.compression import unpack
from bridge.rocketmq.errors import Corrupt, Malformed, Refused, TooLarge

KEYS: Final = "KEYS"
"""Property: what the message is found by, separated by blanks."""
TAGS: Final = "TAGS"
"""Property: one tag, for filters that cost the broker nothing."""
UNIQ_KEY: Final = "UNIQ_KEY"
"""Property: an id that the producer makes; in batches nobody else does."""
DELAY: Final = "DELAY"
"""Property: a delay level from 1 on. Never in a batch, as the next three."""
TIMER_DELIVER_MS: Final = "TIMER_DELIVER_MS"
"""Property: deliver at this time, ms since the UNIX epoch."""
TIMER_DELAY_MS: Final = "TIMER_DELAY_MS"
TIMER_DELAY_SEC: Final = "TIMER_DELAY_SEC"

PROPERTIES_MAX_BYTES: Final = 32767
CONTENT_MAX_BYTES: Final = 64 * 2**20

MAGIC_V1, MAGIC_V2, MAGIC_BLANK = -626843481, -626843477, -875286124
"""V2 has two bytes for the length of the topic; a blank fills the end of a broker's log file."""
_COMPRESSED, _BORN_V6, _STORED_V6 = 1, 16, 32
_HOSTS = _BORN_V6 | _STORED_V6
"""Bits of ``sys_flag``."""

_START = Struct(">ii")
_SYS_FLAG_AT = 36
_SHORT = Struct(">h")
_USHORT = Struct(">H")
_BYTE = Struct(">B")
_LONG = Struct(">q")
_MEMBER = Struct(">iiiii")
_V4, _V6 = "8s", "20s"
_FIXED = {
    born_bit | stored_bit: Struct(f">iiIiiqqiq{born}q{stored}iqi")
    for born_bit, born in ((0, _V4), (_BORN_V6, _V6))
    for stored_bit, stored in ((0, _V4), (_STORED_V6, _V6))
}
"""Fields 1 to 14 of a stored record and the length of its body, by the bits that say which hosts are IPv6."""
_FIXED_V4 = _FIXED[0]
_new = tuple.__new__
"""Makes a StoredMessage without its Python-level constructor: a twentieth of the time that a message takes."""


class Message(NamedTuple):
    """What is sent. ``properties`` hold user properties and RocketMQ's own (KEYS, TAGS, UNIQ_KEY ...)."""

    topic: str
    body: bytes
    properties: Mapping[str, str] = {}
    flag: int = 0
    sys_flag: int = 0


class StoredMessage(NamedTuple):
    """What a broker returns for a pull, a query or a view. ``body`` is as sent, perhaps compressed: see ``content``."""

    topic: str
    queue_id: int
    queue_offset: int
    body: bytes
    properties: dict[str, str]
    physical_offset: int = 0
    born_time_ms: int = 0
    store_time_ms: int = 0
    born_host: str = "127.0.0.1:0"
    store_host: str = "127.0.0.1:0"
    sys_flag: int = 0
    flag: int = 0
    reconsume_times: int = 0
    prepared_offset: int = 0

    @property
    def message_id(self) -> str:
        """The "offset id": where the message lies, for code 33."""
        return message_id(self.store_host, self.physical_offset)

    @property
    def is_compressed(self) -> bool:
        return bool(self.sys_flag & _COMPRESSED)

    def content(self, limit_bytes: int = CONTENT_MAX_BYTES) -> bytes:
        """The body, unpacked if its producer compressed it (zlib, LZ4 frame, zstd).

        Raises Unreadable when it is broken, longer than ``limit_bytes``, or its codec's package is not installed.
        """
        if not self.sys_flag & _COMPRESSED:
            return self.body
        return unpack(self.sys_flag >> 8 & 7, self.body, limit_bytes)


def encode_properties(properties: Mapping[str, str]) -> str:
    """Properties as the text that is sent and stored; empty values are kept (a broker drops them from single sends).

    Raises Refused for an empty name, for bytes 1 and 2 inside and for invalid Unicode; TooLarge above 32,767 bytes.
    """
    text = _text(properties)
    count = len(properties)
    if text.count("\x01") != count or text.count("\x02") != count or "" in properties:
        raise Refused(f"a property without a name, or with byte 1 or 2 inside: {_first_bad(properties)!a}")
    size = len(text) if text.isascii() else len(_utf8(text))
    if size > PROPERTIES_MAX_BYTES:
        raise _too_long(size)
    return text


def _text(properties: Mapping[str, str]) -> str:
    return "".join([f"{name}\x01{value}\x02" for name, value in properties.items()])


def _texts(many: Sequence[Mapping[str, str]]) -> list[str]:
    """``encode_properties`` of each, but for its limit, at half the cost: all texts are judged as one. Raises Refused."""
    texts = [_text(properties) if properties else "" for properties in many]
    whole, count = "".join(texts), sum(map(len, many))
    nameless = whole[:1] == "\x01" or "\x02\x01" in whole
    if nameless or whole.count("\x01") != count or whole.count("\x02") != count:
        return [encode_properties(properties) for properties in many]  # which tells whose fault it is
    if not whole.isascii():
        _utf8(whole)
    return texts


def _too_long(size: int) -> TooLarge:
    return TooLarge(f"the properties have {size} bytes, at most {PROPERTIES_MAX_BYTES} are possible")


def _first_bad(properties: Mapping[str, str]) -> str:
    return next(name for name, value in properties.items() if not name or {"\x01", "\x02"} & set(name + value))


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise Refused(f"{text[error.start : error.end]!a} is no valid Unicode") from error


def decode_properties(text: str) -> dict[str, str]:
    """Properties out of their text. Pieces without a name or a separator are passed over, as Java does."""
    pieces = text.split("\x02")
    if pieces[-1]:
        return _decode_pieces(pieces)
    pieces.pop()
    try:
        properties = dict([piece.split("\x01") for piece in pieces])  # ValueError unless all are pairs
    except ValueError:
        return _decode_pieces(pieces)
    properties.pop("", None)
    return properties


def _decode_pieces(pieces: list[str]) -> dict[str, str]:
    """The slow way, for text that is not as it should be."""
    pairs = [piece.partition("\x01") for piece in pieces]
    return {name: value for name, separator, value in pairs if name and separator}


def encode_batch(messages: Sequence[Message], tails: Iterable[str] = repeat("")) -> bytes:
    """The body of SEND_BATCH_MESSAGE. ``tails``: text to append to the properties of each message, for what a producer
    adds to them: copying them first would cost more than all the rest. Raises Refused and TooLarge as
    ``encode_properties``.
    """
    parts: list[bytes] = []
    texts = _texts([message.properties for message in messages])
    for (_, body, _, flag, _), text, tail in zip(messages, texts, tails, strict=False):
        properties = (text + tail).encode()
        length, properties_length = len(body), len(properties)
        if properties_length > PROPERTIES_MAX_BYTES:
            raise _too_long(properties_length)
        head = _MEMBER.pack(22 + length + properties_length, 0, 0, flag, length)
        parts += (head, body, _SHORT.pack(properties_length), properties)
    return b"".join(parts)


def decode_batch(topic: str, body: bytes) -> list[Message]:
    """The messages of such a body. Raises Malformed."""
    messages, position = [], 0
    try:
        while position < len(body):
            size, _, _, flag, length = _MEMBER.unpack_from(body, position)
            start = position + _MEMBER.size
            end = start + length
            properties_end = end + 2 + _SHORT.unpack_from(body, end)[0]
            if not start <= end < properties_end <= position + size <= len(body):
                raise Malformed(f"a batch whose member at byte {position} does not fit its size")
            text = body[end + 2 : properties_end].decode("utf-8", "replace")
            messages.append(Message(topic, body[start:end], decode_properties(text), flag))
            position += size
    except struct.error as error:
        raise Malformed(f"a batch that ends inside the member at byte {position}") from error
    return messages


def decode_messages(data: bytes, *, check_crc: bool = True) -> list[StoredMessage]:
    """All messages of the body of a pull, a query or a view; blanks are skipped.

    Raises Malformed, and Corrupt when a body does not fit its checksum. Bytes of properties and topic that are no
    UTF-8 become U+FFFD, as in Java.
    """
    messages: list[StoredMessage] = []
    position, end = 0, len(data)
    try:
        while position < end:
            size, magic = _START.unpack_from(data, position)
            if size < 8 or position + size > end:
                raise Malformed(f"a record of {size} bytes at byte {position} of {end}")
            if magic != MAGIC_BLANK:
                messages.append(_decode_record(data, position, check_crc))
            position += size
    except struct.error as error:
        raise Malformed(f"messages that end inside the record at byte {position} of {end}") from error
    return messages


def _decode_record(data: bytes, position: int, check_crc: bool) -> StoredMessage:
    """The record at ``position``, whose size is inside ``data``. Long on purpose: this runs for each message."""
    layout = _FIXED_V4
    fields = layout.unpack_from(data, position)
    if fields[7] & _HOSTS:
        layout = _FIXED[fields[7] & _HOSTS]
        fields = layout.unpack_from(data, position)
    (
        size,
        magic,
        crc,
        queue_id,
        flag,
        offset,
        physical,
        sys_flag,
        born_ms,
        born,
        store_ms,
        stored,
        again,
        prepared,
        n,
    ) = fields
    start = position + layout.size
    end, limit = start + n, position + size
    if not start <= end < limit:
        raise Malformed(f"the record at byte {position} has {size} bytes, its body {n}")
    topic_start, topic_length = (end + 1, data[end]) if magic == MAGIC_V1 else _wide_topic(data, end, magic)
    topic_end = topic_start + topic_length
    properties_end = topic_end + 2 + _SHORT.unpack_from(data, topic_end)[0]
    if not topic_end + 2 <= properties_end <= limit:
        raise Malformed(f"the topic and properties of the record at byte {position} do not fit its {size} bytes")
    body, topic = data[start:end], data[topic_start:topic_end].decode("utf-8", "replace")
    if check_crc and zlib.crc32(body) & 0x7FFFFFFF != crc:
        raise Corrupt(f"the body of message {offset} in queue {queue_id} of {topic} does not fit its checksum")
    properties = decode_properties(data[topic_end + 2 : properties_end].decode("utf-8", "replace"))
    record = (
        topic,
        queue_id,
        offset,
        body,
        properties,
        physical,
        born_ms,
        store_ms,
        _NAMED[born],
        _NAMED[stored],
        sys_flag,
        flag,
        again,
        prepared,
    )
    return _new(StoredMessage, record)


def _wide_topic(data: bytes, position: int, magic: int) -> tuple[int, int]:
    """Where the topic of a V2 record begins and how long it is."""
    if magic != MAGIC_V2:
        raise Malformed(f"a record of the unknown kind {magic}")
    return position + 2, _USHORT.unpack_from(data, position)[0]


def encode_message(message: StoredMessage) -> bytes:
    """One stored record, as a broker writes it. Raises Refused and TooLarge as ``encode_properties``."""
    body, topic = message.body, _utf8(message.topic)
    properties = encode_properties(message.properties).encode()
    wide = len(topic) > 127
    born, stored = _host_bytes(message.born_host), _host_bytes(message.store_host)
    hosts = (_BORN_V6 if len(born) > 8 else 0) | (_STORED_V6 if len(stored) > 8 else 0)
    layout = _FIXED[hosts]
    head = layout.pack(
        layout.size + len(body) + (2 if wide else 1) + len(topic) + 2 + len(properties),
        MAGIC_V2 if wide else MAGIC_V1,
        zlib.crc32(body) & 0x7FFFFFFF,
        message.queue_id,
        message.flag,
        message.queue_offset,
        message.physical_offset,
        message.sys_flag & ~_HOSTS | hosts,
        message.born_time_ms,
        born,
        message.store_time_ms,
        stored,
        message.reconsume_times,
        message.prepared_offset,
        len(body),
    )
    topic_length = (_USHORT.pack if wide else _BYTE.pack)(len(topic))
    return b"".join((head, body, topic_length, topic, _SHORT.pack(len(properties)), properties))


def message_id(store_host: str, physical_offset: int) -> str:
    """The "offset id" of a message: 32 upper-case hex digits for IPv4, 56 for IPv6."""
    return (_host_bytes(store_host) + _LONG.pack(physical_offset)).hex().upper()


def parse_message_id(text: str) -> tuple[str, int]:
    """Store host (``host:port``) and physical offset of an offset id. Raises Refused."""
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = b""
    if len(text) not in {32, 56} or len(raw) * 2 != len(text):
        raise Refused(f"{text!a} is no message id: 32 or 56 hex digits")
    return _host(raw[:-8]), _LONG.unpack(raw[-8:])[0]


class _Named(dict[bytes, str]):
    """Hosts as text: a look into this costs half of a function that remembers."""

    def __missing__(self, raw: bytes) -> str:
        if len(self) >= 1024:
            self.clear()
        found = self[raw] = _host(raw)
        return found


_NAMED = _Named()


def _host(raw: bytes) -> str:
    address, port = ipaddress.ip_address(raw[:-4]), int.from_bytes(raw[-4:])
    return f"{address}:{port}" if len(raw) == 8 else f"[{address}]:{port}"


@lru_cache(1024)
def _host_bytes(host: str) -> bytes:
    address, _, port = host.rpartition(":")
    try:
        return ipaddress.ip_address(address.strip("[]")).packed + int(port).to_bytes(4)
    except (ValueError, OverflowError) as error:
        raise Refused(f"{host!a} is no address and port") from error
