"""The JSON format: strict on the way in, unaltered on the way out."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.codec.json import format_batch, format_event, is_valid, parse_batch, parse_event, write_lines
from bridge.errors import InvalidEvent
from bridge.model.event import DataForm, Event

HEAD = '{"specversion":"1.0","id":"1","source":"/s","type":"t"'


def event(rest: str = "") -> bytes:
    return (HEAD + rest + "}").encode()


def test_data_stays_the_bytes_that_came() -> None:
    """White space, member order, duplicate members and long numbers included."""
    data = '{ "b": 1.0, "a": 12345678901234567890.10, "a": 2 }'
    got = parse_event(event(f',"data":{data}'))
    assert (got.data, got.data_form) == (data.encode(), DataForm.JSON)
    assert data.encode() in format_event(got)


@pytest.mark.parametrize(
    ("rest", "data", "form"),
    [
        ("", None, DataForm.BINARY),
        (',"data":null', b"null", DataForm.JSON),
        (',"data":"x"', b'"x"', DataForm.JSON),
        (',"data":"<x/>","datacontenttype":"text/xml"', b"<x/>", DataForm.TEXT),
        (',"data_base64":"AAE="', b"\x00\x01", DataForm.BINARY),
        (',"data_base64":null,"data":1', b"1", DataForm.JSON),
    ],
)
def test_where_data_stands_says_what_it_is(rest: str, data: bytes | None, form: DataForm) -> None:
    """Null is a payload; text of other media types is text; Base64 is bytes."""
    got = parse_event(event(rest))
    assert (got.data, got.data_form) == (data, form)
    assert parse_event(format_event(got)) == got


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b"", None),
        (b"[]", None),
        (b'{"a":"\xff"}', None),
        (event(',"data":"\xff"').replace("\xff".encode(), b"\xff"), None),
        (b"{}", "$.specversion"),
        (b'{"specversion":"1.0","source":"/s","type":"t"}', "$.id"),
        (b'{"specversion":"1.0","id":7,"source":"/s","type":"t"}', "$.id"),
        (b'{"specversion":"0.3","id":"7","source":"/s","type":"t"}', "$.specversion"),
        (event(',"x":1.5'), "$.x"),
        (event(',"x":{}'), "$.x"),
        (event(',"x":4294967296'), "$.x"),
        (event(',"data":1,"data_base64":"AA=="'), "$.data_base64"),
        (event(',"data_base64":"AA"'), "$.data_base64"),
        (event(',"data":{},"datacontenttype":"text/plain"'), "$.data"),
        (event(',"time":"yesterday"'), "$.time"),
    ],
)
def test_bad_events_are_refused_with_their_path(body: bytes, path: str | None) -> None:
    """Nothing is mended, nothing invented."""
    with pytest.raises(InvalidEvent) as caught:
        parse_event(body)
    assert caught.value.path == path


def test_null_is_an_attribute_that_is_not_set() -> None:
    """Absent from the event."""
    assert parse_event(event(',"subject":null')).attributes == {}


def test_a_bad_event_of_a_batch_fails_alone() -> None:
    """One result per element, in order; only a non-array fails as a whole."""
    good, bad, again = parse_batch(b"[" + event() + b",{}," + event() + b"]")
    assert isinstance(good, Event)
    assert good == again
    assert isinstance(bad, InvalidEvent)
    assert parse_batch(b" [] ") == []
    with pytest.raises(InvalidEvent):
        parse_batch(event())


def test_an_event_is_one_line() -> None:
    """Line breaks between JSON tokens go; line breaks in strings are escapes already."""
    line = format_event(parse_event(event(',"data":{\n"a":\r\n"x\\ny"}')))
    assert b"\n" not in line
    assert json.loads(line)["data"] == {"a": "x\ny"}


def test_broken_json_that_claims_to_be_json_goes_out_as_bytes() -> None:
    """The line stays valid JSON."""
    broken = Event("1", "/s", "t", {"datacontenttype": "application/json"}, b"{oops", DataForm.BINARY)
    assert json.loads(format_event(broken))["data_base64"] == "e29vcHM="


TEXT = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1)
VALUES = st.one_of(TEXT, st.booleans(), st.integers(-(2**31), 2**31 - 1))
EXTENSIONS = st.dictionaries(st.from_regex(r"ext[a-z0-9]+", fullmatch=True), VALUES, max_size=4)
DATA = st.one_of(
    st.just((None, DataForm.BINARY)),
    st.tuples(st.binary(), st.just(DataForm.BINARY)),
    st.tuples(st.recursive(st.none() | st.integers() | TEXT, st.lists).map(lambda v: json.dumps(v).encode()), st.just(DataForm.JSON)),
)  # fmt: skip


@given(TEXT, TEXT, EXTENSIONS, DATA)
def test_what_is_written_reads_back_equal(id_: str, type_: str, extensions: dict, data: tuple) -> None:
    """For any event: decode(encode(e)) == e, alone and in a batch."""
    given_event = Event(id_, "/s", type_, extensions, *data)
    assert parse_event(format_event(given_event)) == given_event
    assert parse_batch(format_batch([given_event, given_event])) == [given_event, given_event]


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_an_event_or_refused(body: bytes) -> None:
    """With the documented error and no other."""
    for parse in (parse_event, parse_batch):
        try:
            parse(body)
        except InvalidEvent:
            continue


def test_lines_are_appended_to_a_buffer() -> None:
    """One event each, as format_event writes it."""
    events = [Event("1", "/s", "t", {}, b"[1,\n2]", DataForm.JSON), Event("2", "/s", "t", {"blob": b"\x00"})]
    buffer = bytearray(b"before\n")
    write_lines(events, buffer)
    assert buffer.splitlines() == [b"before", *map(format_event, events)]
    assert json.loads(buffer.splitlines()[2])["blob"] == "AA=="


@pytest.mark.parametrize(
    "encoded", ["A", "AA", "AAA", "AAAAA", "TWFU=", "TWFU====", "AA==AA==", "AA\\n==", "A-_A", "ä==="]
)
def test_base64_is_strict(encoded: str) -> None:
    """Alphabet, length and padding of RFC 4648."""
    with pytest.raises(InvalidEvent) as caught:
        parse_event(event(f',"data_base64":"{encoded}"'))
    assert caught.value.path == "$.data_base64"


@pytest.mark.parametrize(
    ("rest", "member"),
    [
        ({"datacontenttype": "application/json"}, {"data": {"a": 1}}),
        ({"datacontenttype": "text/plain"}, {"data_base64": "eyJhIjoxfQ=="}),
        ({}, {"data_base64": "eyJhIjoxfQ=="}),
    ],
)
def test_bytes_go_out_as_what_they_say_they_are(rest: dict, member: dict) -> None:
    """Bytes of a JSON type as JSON; others as Base64, since nobody knows whether they are text."""
    written = json.loads(format_event(Event("1", "/s", "t", rest, b'{"a":1}', DataForm.BINARY)))
    assert {name: written[name] for name in written if name.startswith("data") and name != "datacontenttype"} == member


def test_of_members_with_one_name_the_last_counts() -> None:
    """In the fast way and in the slow one."""
    body = event(',"id":"2","x":1,"x":"a"')
    assert parse_event(body).id == "2"
    for _ in range(2):
        assert parse_batch(b"[%b]" % body) == [Event("2", "/s", "t", {"x": "a"})]


@pytest.mark.parametrize(
    "data", ["01", "1.", "+1", "NaN", "nul", '"\\x"', '"\x01"', "[1,]", "{1:2}", "'a'", '"\\ud800"']
)
def test_data_must_be_json(data: str) -> None:
    """By the grammar of RFC 8259, with whole surrogate pairs."""
    with pytest.raises(InvalidEvent):
        parse_event(event(f',"data":{data}'))
    assert not is_valid(data.encode())
