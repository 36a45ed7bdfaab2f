"""Frames of the remoting protocol: one request or answer as bytes, with a JSON or a binary header. Pure.

::

    length 4 | codec 1, header length 3 | header | body          big-endian; length counts what follows it

A server answers in the codec it is set up for, whatever the request used, so both are read. JSON is written: the
binary header saves 5 to 10 % of CPU and has no room for codes above 32,767.
"""

import struct
from collections.abc import Iterator, Mapping
from json import JSONDecoder
from json.encoder import encode_basestring
from struct import Struct
from typing import Any, Final, NamedTuple

from bridge.rocketmq.errors import NotRocketMQ, Refused, TooLarge

VERSION: Final = 513
"""What we claim to be: 5.5.0. From 401 on route bodies are JSON and every argument is signed."""
MAX_FRAME_BYTES: Final = 16 * 2**20
RESPONSE: Final = 1
ONE_WAY: Final = 2
"""Bits of ``flag``."""

LANGUAGES = (
    *("JAVA", "CPP", "DOTNET", "PYTHON", "DELPHI", "ERLANG", "RUBY", "OTHER", "HTTP", "GO", "PHP", "OMS", "RUST"),
    "NODE_JS",
)
"""By the number that stands for each in a binary header."""

_NUMBERS = {name: number for number, name in enumerate(LANGUAGES)}
_OTHER = _NUMBERS["OTHER"]
_WORDS = Struct(">II")
_WORD = Struct(">I")
_SHORT = Struct(">H")
_BINARY = Struct(">hBhiiI")
"""Code, language, version, opaque, flag, length of the remark."""
_JSON, _BINARY_CODEC = 0, 1
_raw_decode = JSONDecoder().raw_decode


class Command(NamedTuple):
    """One request (``code`` is a RequestCode) or answer (a ResponseCode). ``ext`` are its arguments, text all of them;
    ``opaque`` (32 bits, signed) is chosen by who asks and repeated by who answers.
    """

    code: int
    opaque: int = 0
    flag: int = 0
    ext: Mapping[str, str] = {}
    remark: str | None = None
    body: bytes = b""
    language: str = "PYTHON"
    version: int = VERSION

    @property
    def is_response(self) -> bool:
        return bool(self.flag & RESPONSE)

    @property
    def is_one_way(self) -> bool:
        return bool(self.flag & ONE_WAY)

    def answer(
        self, code: int = 0, ext: Mapping[str, str] | None = None, *, body: bytes = b"", remark: str | None = None
    ) -> "Command":
        """The answer to this request."""
        return Command(int(code), self.opaque, RESPONSE, ext or {}, remark, body)


def encode(command: Command) -> bytes:
    """The whole frame with a JSON header. Raises Refused for text that is no valid Unicode, TooLarge above 16 MiB."""
    return encode_head(command) + command.body


def encode_head(command: Command) -> bytes:
    """All of ``encode`` but the body, so that a large one need not be copied."""
    code, opaque, flag, ext, remark, body, language, version = command
    arguments = ",".join([f"{encode_basestring(name)}:{encode_basestring(value)}" for name, value in ext.items()])
    text = (
        f'{{"code":{code:d},"language":{encode_basestring(language)},"version":{version:d},"opaque":{opaque:d},'
        f'"flag":{flag:d},"remark":{"null" if remark is None else encode_basestring(remark)},'
        f'"extFields":{{{arguments}}}}}'
    )
    return _framed(_JSON, _bytes(text), len(body))


def encode_binary(command: Command) -> bytes:
    """The whole frame with a binary header. Raises Refused where a number or text does not fit, TooLarge."""
    remark = _bytes(command.remark or "")
    number = _NUMBERS.get(command.language, _OTHER)
    try:
        fixed = _BINARY.pack(command.code, number, command.version, command.opaque, command.flag, len(remark))
        entries = b"".join([_entry(_bytes(name), _bytes(value)) for name, value in command.ext.items()])
    except struct.error as error:
        raise Refused(f"this does not fit into a binary header: {error}") from error
    header = b"".join((fixed, remark, _WORD.pack(len(entries)), entries))
    return _framed(_BINARY_CODEC, header, len(command.body)) + command.body


def _entry(name: bytes, value: bytes) -> bytes:
    return b"".join((_SHORT.pack(len(name)), name, _WORD.pack(len(value)), value))


def _bytes(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise Refused(f"{text[error.start : error.end]!a} in an argument is no valid Unicode") from error


def _framed(codec: int, header: bytes, body_length: int) -> bytes:
    length = 4 + len(header) + body_length
    if length > MAX_FRAME_BYTES:
        raise TooLarge(f"the request has {length} bytes, a frame at most {MAX_FRAME_BYTES}")
    return _WORDS.pack(length, codec << 24 | len(header)) + header


def decode(frame: bytes) -> Command:
    """Read exactly one whole frame, its length word included. Raises NotRocketMQ."""
    if len(frame) < 8 or _lengths(frame, 0)[0] != len(frame):
        raise NotRocketMQ(f"these {len(frame)} bytes are not one whole frame")
    return _decode(frame, 0, *_lengths(frame, 0))


class FrameReader:
    """Cuts what a connection delivers into commands, however it was cut on the way."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []  # the beginning of a frame that is not all there
        self._size = 0
        self._needed = 8  # bytes without which nothing more can be said

    def feed(self, data: bytes) -> Iterator[Command]:
        """Yield every command that ``data`` completes; iterate to the end. Raises NotRocketMQ at the first bytes that
        no RocketMQ server sends (a length above 16 MiB, an unknown codec, a header that does not parse), after what
        came before them; the reader is of no use then.
        """
        self._pieces.append(data)
        self._size += len(data)
        if self._size < self._needed:
            return
        if len(self._pieces) > 1:
            first, data = self._join()
            if first is not None:
                yield first
        position, size, needed = 0, len(data), 8
        while size - position >= 8:
            needed, word = _lengths(data, position)
            if size - position < needed:
                break
            command = _decode(data, position, needed, word)
            position += needed
            needed = 8
            yield command
        self._pieces = [data[position:]] if position < size else []
        self._size = size - position
        self._needed = needed

    def _join(self) -> tuple[Command | None, bytes]:
        """The frame that came in pieces, if its first one holds the header, and the bytes to go on with. A body of a
        megabyte is copied once this way: joining all before it is cut out would cost twice as much.
        """
        first, *middle, last = self._pieces
        start = 8 + (_lengths(first, 0)[1] & 0xFFFFFF) if self._needed > 8 else self._size
        if len(first) < start:
            return None, b"".join(self._pieces)
        end = len(last) - (self._size - self._needed)
        body = b"".join((memoryview(first)[start:], *middle, memoryview(last)[:end]))
        return _read(first[4], first[8:start], body), last[end:]


def _lengths(data: bytes, position: int) -> tuple[int, int]:
    """Bytes of the frame at ``position`` and its second word, once both words look like ours."""
    length, word = _WORDS.unpack_from(data, position)
    if length > MAX_FRAME_BYTES or word >> 24 > _BINARY_CODEC or not 0 < word & 0xFFFFFF <= length - 4:
        raise NotRocketMQ(f"{data[position : position + 8]!r} is no beginning of a RocketMQ frame")
    return 4 + length, word


def _decode(data: bytes, position: int, size: int, word: int) -> Command:
    start = position + 8
    body = start + (word & 0xFFFFFF)
    return _read(word >> 24, data[start:body], data[body : position + size])


def _read(codec: int, header: bytes, body: bytes) -> Command:
    return (_decode_json if codec == _JSON else _decode_binary)(header, body)


def _decode_json(header: bytes, body: bytes) -> Command:
    try:
        text = header.decode()
        members, end = _raw_decode(text)
        if end != len(text):
            raise ValueError("something follows the header's JSON")
        return _command(members, body)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        raise NotRocketMQ(f"a header that is not RocketMQ's: {header[:80]!r}") from error


def _command(members: dict[str, Any], body: bytes) -> Command:
    ext = members.get("extFields") or {}
    for value in ext.values():
        if value.__class__ is not str:
            ext = {name: _text(value) for name, value in ext.items()}
            break
    remark = members.get("remark")
    return Command(
        int(members["code"]),
        int(members["opaque"]),
        int(members["flag"]),
        ext,
        remark if remark is None else _text(remark),
        body,
        _text(members.get("language")),
        int(members.get("version") or 0),
    )


def _text(value: object) -> str:
    """An argument as text; Java writes numbers and booleans as text already, others may not."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _decode_binary(header: bytes, body: bytes) -> Command:
    try:
        code, language, version, opaque, flag, length = _BINARY.unpack_from(header)
        remark, position = _cut(header, _BINARY.size, length)
        ext = _decode_entries(header, position)
    except (struct.error, ValueError) as error:
        raise NotRocketMQ(f"a binary header that is not RocketMQ's: {header[:80]!r}") from error
    named = LANGUAGES[language] if language < len(LANGUAGES) else "OTHER"
    return Command(code, opaque, flag, ext, remark or None, body, named, version)


def _decode_entries(header: bytes, position: int) -> dict[str, str]:
    """The arguments, whose length in bytes stands at ``position``."""
    end = position + 4 + _WORD.unpack_from(header, position)[0]
    position += 4
    ext: dict[str, str] = {}
    while position < end:
        name, position = _cut(header, position + 2, _SHORT.unpack_from(header, position)[0])
        ext[name], position = _cut(header, position + 4, _WORD.unpack_from(header, position)[0])
    return ext


def _cut(header: bytes, start: int, length: int) -> tuple[str, int]:
    """The text of ``length`` bytes, and where it ends."""
    end = start + length
    if end > len(header):
        raise ValueError("a text reaches beyond the header")
    return header[start:end].decode(), end
