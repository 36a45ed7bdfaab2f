"""Positions in a bus log, and the chunks of encoded events that a log keeps."""

from enum import IntEnum
from typing import NamedTuple
from zlib import crc32


class Position(NamedTuple):
    """Where an event lies: partition 0..n-1, offset 0.. within it (dense, ascending)."""

    partition: int
    offset: int


class Format(IntEnum):
    """What is inside a chunk's body. Bodies of one format join to a valid body: no parsing on the way in."""

    PROTOBUF = 1
    """Fields `repeated io.cloudevents.v1.CloudEvent events = 2`, as in bridge.v1.PutEventsRequest. Joined by nothing."""
    JSON = 2
    """CloudEvents in the JSON format, as the elements of a JSON array without its brackets. Joined by a comma."""
    MESSAGES = 3
    """RocketMQ messages back to back, as a broker stores and returns them. Joined by nothing."""

    @property
    def joint(self) -> bytes:
        return b"," if self is Format.JSON else b""


class Chunk(NamedTuple):
    """Events of one partition, in order and encoded: what is appended."""

    format: Format
    events: int
    """Number of events inside, at least 1."""
    body: bytes


class StoredChunk(NamedTuple):
    """A chunk as the log gives it back."""

    offset: int
    """Offset of its first event; the others follow densely."""
    time: float
    """When it was appended, seconds since the epoch."""
    format: Format
    events: int
    body: bytes

    @property
    def end(self) -> int:
        """The offset behind its last event."""
        return self.offset + self.events


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key: CRC-32 of its UTF-8, so that every process and every version agrees."""
    return crc32(key.encode("utf-8", "surrogatepass")) % partitions if partitions > 1 else 0
