"""Events to put, read from files and pipes and cut into batches that know where each event stood."""

import asyncio
import os
import stat
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from typing import BinaryIO, NamedTuple

import msgspec

from bridge.errors import InvalidEvent

PIECE_BYTES = 1 << 20
"""Read at once; also the most that a batch holds, unless one event alone is larger."""


class Text(NamedTuple):
    """One event's text, and its line, or its place in an array; from 1."""

    number: int
    text: bytes


class Batch(list[bytes]):
    """Texts of events; ``numbers`` says where each one stood."""

    def __init__(self) -> None:
        super().__init__()
        self.numbers: list[int] = []
        self.size_bytes = 0

    def add(self, one: Text) -> None:
        self.append(one.text)
        self.numbers.append(one.number)
        self.size_bytes += len(one.text)

    def has_room(self, one: Text, count: int) -> bool:
        return len(self) < count and (not self or self.size_bytes + len(one.text) <= PIECE_BYTES)


class Source:
    """CloudEvents in the JSON format: one a line, or one array, or a single event over several lines."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._mode = _mode(file)
        self.noun = "line"
        """What the numbers count; known once reading has begun."""

    @property
    def size_bytes(self) -> int | None:
        """Of a regular file; None for a pipe."""
        return os.fstat(self._file.fileno()).st_size if stat.S_ISREG(self._mode) else None

    @property
    def _is_pipe(self) -> bool:
        return stat.S_ISFIFO(self._mode) or stat.S_ISSOCK(self._mode) or (bool(self._mode) and self._file.isatty())

    async def batches(self, count: int) -> AsyncIterator[Batch]:
        """Batches of ``count`` events. What comes through a pipe goes out as soon as nothing more is there to read."""
        batch = Batch()
        async for texts in self._texts():
            for one in texts:
                if not batch.has_room(one, count):
                    yield batch
                    batch = Batch()
                batch.add(one)
            if batch and self._is_pipe:
                yield batch
                batch = Batch()
        if batch:
            yield batch

    async def _texts(self) -> AsyncIterator[Iterator[Text]]:
        """The events of each piece that is read."""
        pieces = _piped(self._file) if self._is_pipe else _stored(self._file)
        head = b""
        async for piece in pieces:
            head += piece
            if b"\n" in head.lstrip():
                break
        if _spans_lines(head):
            async for piece in pieces:
                head += piece
            found = _document(head)
            if found is not None:
                self.noun = "event"
                yield iter(found)
                return
        lines = _Lines()
        yield lines.feed(head)
        async for piece in pieces:
            yield lines.feed(piece)
        yield lines.feed(b"\n")


class _Lines:
    """Cuts pieces at line ends. Empty lines are counted and left out."""

    def __init__(self) -> None:
        self._number = 0
        self._rest = b""

    def feed(self, piece: bytes) -> Iterator[Text]:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            self._number += 1
            text = line.strip()
            if text:
                yield Text(self._number, text)


def _spans_lines(head: bytes) -> bool:
    """Whether this begins a document of its own: an array, or an object that does not end on its line."""
    first = head.lstrip().split(b"\n", 1)[0].rstrip()
    return first.startswith(b"[") or (first.startswith(b"{") and not _is_json(first))


def _document(text: bytes) -> list[Text] | None:
    """The events of an array, or the one event; None when it is neither and must be lines, one of them broken."""
    if text.lstrip().startswith(b"["):
        try:
            return [Text(i, bytes(raw)) for i, raw in enumerate(msgspec.json.decode(text, type=list[msgspec.Raw]), 1)]
        except msgspec.DecodeError as error:
            raise InvalidEvent(f"not a JSON array of events: {error}") from error
    return [Text(1, text.strip())] if _is_json(text) else None


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except msgspec.DecodeError:
        return False
    return True


def _mode(file: BinaryIO) -> int:
    """What kind of file the system says it is; 0 for one that only looks like a file."""
    try:
        return os.fstat(file.fileno()).st_mode
    except OSError:
        return 0


async def _stored(file: BinaryIO) -> AsyncGenerator[bytes, None]:
    while piece := file.read(PIECE_BYTES):
        yield piece


async def _piped(file: BinaryIO) -> AsyncGenerator[bytes, None]:
    """What is there, waiting without a thread: one that is blocked in a read would outlive Ctrl-C."""
    reader = asyncio.StreamReader(PIECE_BYTES)
    pipe = os.fdopen(os.dup(file.fileno()), "rb", buffering=0)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), pipe
    )
    try:
        while piece := await reader.read(PIECE_BYTES):
            yield piece
    finally:
        transport.close()
        os.set_blocking(file.fileno(), True)  # the terminal is shared with the shell
