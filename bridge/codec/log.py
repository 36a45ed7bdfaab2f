"""Events in the bytes that a log or a dead-letter store keeps, and out of them again. Nothing is lost, nothing checked.

What a broker keeps are its own messages (codec/messages.py). Otherwise an event is kept in the format that has room for all of it: JSON for one that has its data as JSON or text there, else
protobuf (with the two forms of our own that codec/entries.py explains).
"""

from collections.abc import Sequence

from bridge._proto.bridge.internal.raw_pb2 import Envelope, Envelopes
from bridge.codec import json, messages, protobuf
from bridge.model.event import Event
from bridge.model.log import Format, StoredChunk


def events_of(chunk: StoredChunk, offset: int = 0) -> list[Event]:
    """The events of a chunk from ``offset`` on. They were judged on their way in."""
    skipped = max(0, offset - chunk.offset)
    if chunk.format is Format.JSON:
        return json.trust_batch(b"[%b]" % chunk.body)[skipped:]
    if chunk.format is Format.MESSAGES:
        return messages.read_messages(chunk.body, skipped)
    return protobuf.trust_envelopes(Envelopes.FromString(chunk.body).events[skipped:])


def encode_event(event: Event) -> tuple[Format, bytes]:
    """One event alone. ``decode_event`` reads it, ``join_events`` puts several into a chunk's body."""
    if json.can_keep(event):
        return Format.JSON, json.keep_event(event)
    return Format.PROTOBUF, protobuf.keep_event(event)


def decode_event(format_: Format, body: bytes) -> Event:
    """What ``encode_event`` made."""
    if format_ is Format.JSON:
        return json.trust_batch(b"[%b]" % body)[0]
    return protobuf.trust_envelopes((Envelope.FromString(body),))[0]


def join_events(format_: Format, raws: Sequence[bytes]) -> bytes:
    """The body of a chunk that holds these encoded events."""
    return format_.joint.join(raws) if format_ is Format.JSON else protobuf.join(raws)
