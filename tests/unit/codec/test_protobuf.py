"""The protobuf format: strict on the way in, unaltered on the way out."""

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st

from bridge._proto.cloudevents.v1.cloudevents_pb2 import CloudEvent, CloudEventBatch
from bridge.codec.protobuf import format_batch, format_event, keep_event, parse_batch, parse_envelope, parse_event
from bridge.codec.protobuf import trust_envelopes as trust
from bridge.errors import InvalidEvent
from bridge.model.event import DataForm, Event
from tests.unit.codec.strategies import ANY_FORM, CANONICAL_TIMES, EXTENSIONS, events


def message(**fields) -> CloudEvent:
    return CloudEvent(**({"id": "1", "source": "/s", "type": "t", "spec_version": "1.0"} | fields))


def test_a_whole_event() -> None:
    """Attributes by name, the time as text, data with its form."""
    sent = message(text_data="{}")
    sent.attributes["time"].ce_timestamp.CopyFrom(Timestamp(seconds=1795509000, nanos=120_000))
    sent.attributes["blob"].ce_bytes = b"\xff"
    got = parse_event(sent.SerializeToString())
    assert got == Event("1", "/s", "t", {"time": "2026-11-24T08:30:00.000120Z", "blob": b"\xff"}, b"{}", DataForm.TEXT)


ANY = Any(type_url="x/y", value=b"\x01")


@pytest.mark.parametrize(
    ("fields", "data", "form"),
    [
        ({}, None, DataForm.BINARY),
        ({"binary_data": b""}, b"", DataForm.BINARY),
        ({"binary_data": b"\xff"}, b"\xff", DataForm.BINARY),
        ({"text_data": ""}, b"", DataForm.TEXT),
        ({"text_data": "ü"}, "ü".encode(), DataForm.TEXT),
        ({"proto_data": ANY}, ANY.SerializeToString(), DataForm.PROTO),
        ({"proto_data": Any()}, b"", DataForm.PROTO),
    ],
)
def test_where_data_stands_says_what_it_is(fields: dict, data: bytes | None, form: DataForm) -> None:
    """Empty data is data."""
    sent = message(**fields)
    got = parse_event(sent.SerializeToString())
    assert (got.data, got.data_form) == (data, form)
    assert CloudEvent.FromString(format_event(got)) == sent


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"id": ""}, "$.id"),
        ({"source": ""}, "$.source"),
        ({"source": "a b"}, "$.source"),
        ({"type": ""}, "$.type"),
        ({"type": "a\x00"}, "$.type"),
        ({"spec_version": "0.3"}, "$.specversion"),
        ({"spec_version": ""}, "$.specversion"),
        ({"attributes": {"time": {}}}, "$.time"),
        ({"attributes": {"source": {"ce_string": "/s"}}}, "$.source"),
    ],
)
def test_bad_events_are_refused_with_their_path(fields: dict, path: str) -> None:
    """Nothing is mended, nothing invented."""
    with pytest.raises(InvalidEvent) as caught:
        parse_event(message(**fields).SerializeToString())
    assert caught.value.path == path


def test_an_attribute_occurs_once() -> None:
    """The map would keep the last; the wire may hold two."""
    twice = message(attributes={"a": {"ce_integer": 1}}).SerializeToString()
    twice += CloudEvent(attributes={"a": {"ce_integer": 2}}).SerializeToString()
    with pytest.raises(InvalidEvent) as caught:
        parse_event(twice)
    assert caught.value.path == "$.a"


def test_a_bad_event_of_a_batch_fails_alone() -> None:
    """Even one whose text is no text."""
    good = message().SerializeToString()
    broken = good.replace(b"/s", b"\xff\xff")
    body = b"".join(CloudEventBatch().SerializeToString() + b"\n%c" % len(e) + e for e in (good, broken, good))
    first, second, third = parse_batch(body)
    assert first == third == parse_event(good)
    assert isinstance(second, InvalidEvent)
    with pytest.raises(InvalidEvent):
        parse_batch(b"\xff")


EXACT = events(
    DataForm.BINARY,
    DataForm.TEXT,
    DataForm.PROTO,
    times=CANONICAL_TIMES,
    extensions=EXTENSIONS | st.just({"blob": b"\x00\xff"}),
)


@given(EXACT)
def test_what_is_written_reads_back_equal(event: Event) -> None:
    """For every form the format knows: decode(encode(e)) == e, alone and in a batch; and it is the public message."""
    assert parse_event(format_event(event)) == event
    assert parse_batch(format_batch([event, event])) == [event, event]
    assert CloudEvent.FromString(format_event(event)).spec_version == "1.0"


@given(ANY_FORM)
def test_the_log_keeps_everything(event: Event) -> None:
    """Also the spelling of a time and that data came as JSON, for which the message has no room."""
    assert trust((parse_envelope(keep_event(event)),)) == [event]


@given(events(DataForm.JSON, times=CANONICAL_TIMES))
def test_json_says_so_where_nothing_implies_it(event: Event) -> None:
    """An absent content type means JSON in the JSON format only."""
    got = parse_event(format_event(event))
    assert got.data == event.data
    assert got.content_type == (event.content_type or ("application/json" if event.data is not None else None))


@given(st.binary())
def test_any_bytes_are_an_event_or_refused(body: bytes) -> None:
    """With the documented error and no other."""
    for parse in (parse_event, parse_batch):
        try:
            parse(body)
        except InvalidEvent:
            continue


@given(EXACT, st.data())
def test_damaged_events_are_an_event_or_refused(event: Event, data: st.DataObject) -> None:
    """One byte changed anywhere."""
    body = bytearray(format_event(event))
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        parse_event(bytes(body))
    except InvalidEvent:
        return
