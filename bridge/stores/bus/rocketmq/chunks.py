"""The messages of one pull as chunks. Pure.

They are handed on as they came. Only their heads are looked at: a chunk has one time and no holes, so it ends where the
store time changes (brokers give one to a whole batch) or an offset is missing (a topic with compaction).
"""

from collections.abc import Iterator
from struct import Struct
from struct import error as StructError  # noqa: N812 - a class, by its lower-case name
from typing import NamedTuple

from bridge.model.log import Format, StoredChunk
from bridge.rocketmq.errors import Malformed
from bridge.rocketmq.records import MAGIC_BLANK
from bridge.stores.bus.rocketmq.numbering import Numbering

_HEAD = Struct(">ii12xq8xi8x")
"""Of a stored message as far as the born host: size, magic, queue offset, sysFlag."""
_TIME = Struct(">q")
_BORN_V6 = 0x10
_LEAST = 72


class Head(NamedTuple):
    """Where a message begins in the body, where the next one does, its offset in the queue, its store time in ms."""

    start: int
    end: int
    offset: int
    time_ms: int


def heads(body: bytes) -> Iterator[Head]:
    """The messages of a body, blanks left out. Raises Malformed."""
    position, end = 0, len(body)
    try:
        while position < end:
            size, magic, offset, sys_flag = _HEAD.unpack_from(body, position)
            blank = magic == MAGIC_BLANK
            if size < (8 if blank else _LEAST) or position + size > end:
                raise Malformed(f"a message of {size} bytes at byte {position} of {end}")
            if not blank:
                time_at = position + (68 if sys_flag & _BORN_V6 else 56)
                yield Head(position, position + size, offset, _TIME.unpack_from(body, time_at)[0])
            position += size
    except StructError as error:
        raise Malformed(f"messages that end inside the one at byte {position} of {end}") from error


def cut(body: bytes) -> list[StoredChunk]:
    """The chunks of a pull. Raises Malformed."""
    chunks: list[StoredChunk] = []
    first: Head | None = None
    last: Head | None = None
    for head in heads(body):
        if first is None or last is None:
            first = head
        elif head.time_ms != first.time_ms or head.offset != last.offset + 1:
            chunks.append(_chunk(body, first, last))
            first = head
        last = head
    if first is not None and last is not None:
        chunks.append(_chunk(body, first, last))
    return chunks


def _chunk(body: bytes, first: Head, last: Head) -> StoredChunk:
    whole = first.start == 0 and last.end == len(body)
    part = body if whole else body[first.start : last.end]
    return StoredChunk(first.offset, first.time_ms / 1000, Format.MESSAGES, last.offset - first.offset + 1, part)


def renumbered(chunks: list[StoredChunk], numbering: Numbering) -> list[StoredChunk]:
    """The same with the partition's offsets in place of its queue's; a chunk ends where the two drift apart."""
    found: list[StoredChunk] = []
    for chunk in chunks:
        first, last = numbering.outer(chunk.offset), numbering.outer(chunk.end - 1)
        if last - first + 1 == chunk.events:
            found.append(chunk._replace(offset=first))
        else:
            parts = [_chunk(chunk.body, head, head) for head in heads(chunk.body)]
            found += [part._replace(offset=numbering.outer(part.offset)) for part in parts]
    return found
