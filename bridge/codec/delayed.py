"""Events that wait for their time, in the bytes that are kept meanwhile: nothing is lost, nothing is judged again."""

from collections.abc import Sequence

from google.protobuf.message import DecodeError
from msgspec import MsgspecError

from bridge.codec.judged import Delayed, Verdict, gather
from bridge.codec.log import decode_event
from bridge.errors import InvalidInput, StoreError
from bridge.model.event import Event
from bridge.model.log import Chunk, Format


def keep_delayed(delayed: Delayed) -> bytes:
    """A byte that names the format, then the event as a log would keep it."""
    return bytes((delayed.format,)) + delayed.raw


def read_delayed(body: bytes) -> Event:
    """The event in what ``keep_delayed`` made. Raises StoreError when the bytes are damaged."""
    return _read(body)[2]


def chunks_of(bodies: Sequence[bytes], partitions: int) -> list[tuple[int, Chunk]]:
    """What to append of events whose time has come, in order: partition and chunk. Raises StoreError."""
    kept = [_read(body) for body in bodies]
    return gather([Verdict(event.id, None, event.key, format_, raw) for format_, raw, event in kept], partitions).chunks


def _read(body: bytes) -> tuple[Format, bytes, Event]:
    try:
        format_ = Format(body[0])
        return format_, body[1:], decode_event(format_, body[1:])
    except (IndexError, ValueError, RecursionError, DecodeError, MsgspecError, InvalidInput) as error:
        raise StoreError(f"an event that waits is damaged: {error}") from error
