"""The HTTP binding: which mode a request is in, and what its headers mean."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.codec import http, protobuf
from bridge.codec.http import (
    Message,
    Mode,
    decode_value,
    encode_value,
    format_batched,
    format_binary,
    format_structured,
    mode_of,
    parse_request,
)
from bridge.errors import InvalidEvent, InvalidInput, UnsupportedMediaType
from bridge.model.event import DataForm, Event
from tests.unit.codec.strategies import ANY_FORM, TEXT, events

GOOD = [(b"ce-specversion", b"1.0"), (b"ce-id", b"1"), (b"ce-source", b"/s"), (b"ce-type", b"t")]
BODY = b'{"specversion":"1.0","id":"1","source":"/s","type":"t"}'


def received(message: Message) -> list[Event | InvalidInput]:
    return parse_request([(n.encode(), v.encode()) for n, v in message.headers.items()], message.body)


def content(value: str) -> list[tuple[bytes, bytes]]:
    return [(b"Content-Type", value.encode())]


@pytest.mark.parametrize(
    ("content_type", "mode"),
    [
        ("application/cloudevents+json", Mode.JSON),
        ("Application/CloudEvents+JSON ; charset=UTF-8", Mode.JSON),
        ("application/cloudevents-batch+json;charset=utf-8", Mode.JSON_BATCH),
        ("application/cloudevents+protobuf", Mode.PROTOBUF),
        ("application/cloudevents-batch+protobuf", Mode.PROTOBUF_BATCH),
        ("application/json", Mode.BINARY),
        ("text/plain; x=application/cloudevents+json", Mode.BINARY),
    ],
)
def test_the_content_type_decides_the_mode(content_type: str, mode: Mode) -> None:
    """Alone, in any letter case, whatever other headers say."""
    assert mode_of([*GOOD, *content(content_type)]) is mode
    assert mode_of([]) is Mode.BINARY


@pytest.mark.parametrize(
    "content_type",
    ["application/cloudevents", "application/cloudevents+xml", "application/cloudevents-batch+avro",
     "application/cloudeventsfoo", 'application/cloudevents+json; charset="utf-16"'],
)  # fmt: skip
def test_unknown_formats_are_not_understood(content_type: str) -> None:
    """The caller hears what is."""
    with pytest.raises(UnsupportedMediaType):
        parse_request(content(content_type), BODY)


def test_two_content_types_are_one_too_many() -> None:
    """Which one counts is anybody's guess."""
    with pytest.raises(InvalidEvent):
        parse_request([*content("application/json"), *content("text/plain")], b"")


def test_binary_mode() -> None:
    """Attributes in headers, content type and data as they are."""
    headers = [*GOOD, (b"CE-Subject", b"Euro%20%E2%82%AC"), (b"Ce-Count", b"5"), (b"Content-Type", b" text/plain ")]
    got = parse_request([*headers, (b"user-agent", b"x")], b"\xff")
    attributes = {"subject": "Euro €", "count": "5", "datacontenttype": "text/plain"}
    assert got == [Event("1", "/s", "t", attributes, b"\xff", DataForm.BINARY)]


def test_an_empty_body_is_no_data() -> None:
    """HTTP cannot tell; the content type may stand without data."""
    (got,) = parse_request([*GOOD, *content("application/json")], b"")
    assert isinstance(got, Event)
    assert got.data is None


def test_the_body_wins_in_structured_mode() -> None:
    """Headers may repeat attributes and are not read."""
    headers = [(b"ce-id", b"other"), (b"ce-specversion", b"0.3"), *content("application/cloudevents+json")]
    assert parse_request(headers, BODY) == [Event("1", "/s", "t", {})]


@pytest.mark.parametrize(
    ("headers", "path"),
    [
        ([], "$.specversion"),
        (GOOD[:1], "$.id"),
        ([*GOOD, (b"ce-id", b"2")], "$.id"),
        ([*GOOD, (b"CE-Id", b"2")], "$.id"),
        ([*GOOD, (b"ce-datacontenttype", b"text/plain")], "$.datacontenttype"),
        ([*GOOD, (b"content-type", b"nonsense")], "$.datacontenttype"),
        ([*GOOD, (b"ce-data", b"x")], "$.data"),
        ([*GOOD, (b"ce-", b"x")], "$."),
        ([*GOOD, (b"ce-a-b", b"x")], "$.a-b"),
        ([*GOOD, (b"ce-x", b"%C0%A0")], "$.x"),
        ([*GOOD, (b"ce-x", b"%0A")], "$.x"),
        ([*GOOD, (b"ce-time", b"yesterday")], "$.time"),
        ([*GOOD, (b"ce-subject", b"")], "$.subject"),
    ],
)
def test_bad_headers_are_refused_with_their_path(headers: list, path: str) -> None:
    """Nothing is mended, nothing invented."""
    (error,) = parse_request(headers, b"")
    assert isinstance(error, InvalidEvent)
    assert error.path == path


@pytest.mark.parametrize("value", [b'"open', b'"a" "b', b"%", b"%4", b"%zz", b"\xff", b'"\\"' * 20_000])
def test_values_that_have_no_meaning_are_refused(value: bytes) -> None:
    """Open quotes, broken escapes, other encodings; at once, however long."""
    with pytest.raises(InvalidEvent):
        decode_value("x", value)


@given(TEXT)
def test_values_read_back(text: str) -> None:
    """Whatever characters they have; the header is printable ASCII."""
    header = encode_value(text)
    assert header.isascii()
    assert header.isprintable()
    assert " " not in header
    assert decode_value("x", header.encode()) == text


@given(st.text(max_size=300) | st.text(st.sampled_from('a%"~ \x7f/é'), max_size=8))
def test_only_what_must_be_is_encoded(text: str) -> None:
    """Byte by byte, as HTTP binding 3.1.3.2 has it; the quick ways, for plain and for repeated texts, alter nothing."""
    plain = "".join(
        chr(byte) if 0x21 <= byte <= 0x7E and chr(byte) not in '"%' else f"%{byte:02X}" for byte in text.encode()
    )
    assert encode_value(text) == encode_value(text) == plain


@pytest.mark.parametrize(("value", "text"), [(True, "true"), (False, "false"), (-5, "-5"), (b"\x00\x01", "AAE=")])
def test_other_types_have_a_canonical_text(value: object, text: str) -> None:
    """As in the type system of CloudEvents."""
    assert encode_value(value) == text


@given(events(DataForm.BINARY, extensions=st.just({})))
def test_binary_mode_reads_back_equal(event: Event) -> None:
    """Empty data apart, which HTTP does not have."""
    if event.data != b"":
        assert received(format_binary(event)) == [event]


@given(ANY_FORM)
def test_structured_and_batched_mode_keep_attributes_and_data(event: Event) -> None:
    """Alone and together."""
    ((one,), (two, three)) = received(format_structured(event)), received(format_batched([event, event]))
    assert one == two == three
    assert isinstance(one, Event)
    assert (one.id, one.source, one.type, one.attributes, one.data) == (
        event.id,
        event.source,
        event.type,
        event.attributes,
        event.data,
    )


def test_json_says_so_in_binary_mode() -> None:
    """There, nothing implies it."""
    message = format_binary(Event("1", "/s", "t", {}, b"null", DataForm.JSON))
    assert message == ({**message.headers, "content-type": "application/json"}, b"null")
    assert "content-type" not in format_binary(Event("1", "/s", "t", {})).headers


def test_protobuf_bodies() -> None:
    """Single and batched."""
    event = Event("1", "/s", "t", {}, b"\x00")
    assert parse_request(content(http.PROTOBUF), protobuf.format_event(event)) == [event]
    assert parse_request(content(http.PROTOBUF_BATCH), protobuf.format_batch([event, event])) == [event, event]


HEADERS = st.lists(
    st.tuples(
        st.sampled_from([b"ce-id", b"ce-source", b"ce-type", b"ce-specversion", b"content-type", b"ce-x"])
        | st.binary(),
        st.sampled_from([b"1.0", b"application/json", http.JSON.encode(), http.PROTOBUF_BATCH.encode()]) | st.binary(),
    )
)


@given(HEADERS, st.binary() | st.just(json.dumps([json.loads(BODY)]).encode()))
def test_any_request_is_read_or_refused(headers: list, body: bytes) -> None:
    """With a documented error and no other."""
    try:
        parse_request(headers, body)
    except InvalidInput:
        return
