"""Events in the log's bytes and out again."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from bridge.codec.log import decode_event, encode_event, events_of, join_events
from bridge.model.event import DataForm, Event
from bridge.model.log import Format, StoredChunk
from tests.unit.codec.strategies import ANY_FORM, EXTENSIONS, events

WITH_BYTES = events(*DataForm, extensions=EXTENSIONS | st.just({"blob": b"\x00"}))


@given(ANY_FORM | WITH_BYTES)
def test_one_event_alone_loses_nothing(event: Event) -> None:
    """decode(encode(e)) == e, for every form."""
    assert decode_event(*encode_event(event)) == event


def test_data_is_kept_to_the_byte() -> None:
    """White space of JSON data as well."""
    event = Event("1", "/s", "t", {}, b'{\r\n "a" : 1.50 }', DataForm.JSON)
    assert decode_event(*encode_event(event)) == event
    odd = Event("1", "/s", "t", {"datacontenttype": "text/plain"}, b"[ 1 ]", DataForm.JSON)
    assert decode_event(*encode_event(odd)) == odd


@given(st.lists(ANY_FORM, min_size=1, max_size=6), st.integers(0, 8))
def test_a_chunk_gives_its_events_from_an_offset_on(given_events: list[Event], skip: int) -> None:
    """In order; an offset before the chunk means all of it."""
    for format_ in Format:
        pairs = [(event, raw) for event in given_events for f, raw in [encode_event(event)] if f is format_]
        if pairs:
            body = join_events(format_, [raw for _, raw in pairs])
            chunk = StoredChunk(100, 0.0, format_, len(pairs), body)
            assert events_of(chunk) == [event for event, _ in pairs]
            assert events_of(chunk, 100 + skip) == [event for event, _ in pairs][skip:]


def test_depth_does_not_matter() -> None:
    """What was accepted is read back from deeper on the stack as well."""
    depth = sys.getrecursionlimit() - 200
    event = Event("1", "/s", "t", {"a": "x"}, b"[" * depth + b"]" * depth, DataForm.JSON)
    chunk = StoredChunk(0, 0.0, Format.JSON, 1, encode_event(event)[1])

    def deeper(levels: int) -> list[Event]:
        return deeper(levels - 1) if levels else events_of(chunk)

    assert deeper(300) == [event]
