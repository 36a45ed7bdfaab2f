"""Events as RocketMQ messages: nothing is lost, and other consumers find what the binding promises."""

import zlib
from base64 import b64encode
from random import Random
from struct import pack_into

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.codec import protobuf
from bridge.codec.log import events_of
from bridge.codec.messages import encode_members, read_messages, to_message
from bridge.errors import StoreError
from bridge.model.event import DataForm, Event
from bridge.model.log import Format, StoredChunk
from bridge.rocketmq.records import (
    MAGIC_BLANK,
    StoredMessage,
    decode_batch,
    decode_properties,
    encode_message,
)
from tests.unit.codec.strategies import EXTENSIONS, events

ODD = EXTENSIONS | st.sampled_from(
    [{"blob": b"\x00\xff"}, {"empty": ""}, {"contenttype": "x"}, {"long": "ü" * 16_001}, {"none": "x"}, {"yes": False}]
)
ANY = events(*DataForm, extensions=ODD)
PLAIN = Event("1", "/s", "t", {"subject": "x", "datacontenttype": "application/json"}, b'{"a": 1}', DataForm.JSON)


def stored(event: Event, **fields: object) -> bytes:
    """The event as a broker stores it."""
    (member,) = encode_members([event], ["U1"])
    (message,) = decode_batch("traffic", member)
    return record(message.properties, message.body, **fields)


def record(properties: dict[str, str], body: bytes, **fields: object) -> bytes:
    return encode_message(StoredMessage("traffic", 0, 7, body, properties, **fields))


@given(ANY)
def test_any_event_survives(event: Event) -> None:
    """Exactly: kinds of values, data to the byte, and the member in which they stood."""
    assert read_messages(stored(event)) == [event]


@given(ANY, st.randoms(use_true_random=False))
def test_the_order_of_properties_does_not_matter(event: Event, random: Random) -> None:
    """Brokers write those of single messages in another order."""
    text, body = to_message(event)
    properties = list(decode_properties(text).items())
    random.shuffle(properties)
    assert read_messages(record(dict(properties), body)) == [event]


@given(st.lists(ANY, min_size=1, max_size=5), st.integers(0, 6))
def test_a_chunk_of_messages_gives_its_events(given_events: list[Event], skip: int) -> None:
    """In order, from any of them on; what fills the end of a broker's file is passed over."""
    blank = bytearray(128)
    pack_into(">ii", blank, 0, 128, MAGIC_BLANK)
    body = bytes(blank).join([stored(event) for event in given_events])
    chunk = StoredChunk(100, 0.0, Format.MESSAGES, len(given_events), body)
    assert events_of(chunk, 100 + skip) == given_events[skip:]


def test_a_message_reads_as_the_binding_says() -> None:
    """Attributes are CE_ properties, the body is the data, keys and tags make it easy to find."""
    event = Event("a b", "/s", "light changed|x", {"subject": "7", "n": 3, "b": True, "raw": b"\x01"}, b"\x00\x01")
    text, body = to_message(event)
    assert decode_properties(text) == {
        "CE_specversion": "1.0",
        "CE_type": "light changed|x",
        "CE_source": "/s",
        "TAGS": "light_changed_x",
        "CE_subject": "7",
        "CE_n": "3",
        "CE_b": "true",
        "CE_raw": b64encode(b"\x01").decode(),
        "KEYS": "a%20b",
        "CE_id": "a b",
        "bridge_form": "binary n:integer b:boolean raw:binary",
    }
    assert body == b"\x00\x01"


@pytest.mark.parametrize("data", [None, b"", b"\x00"])
def test_no_data_is_one_nul_byte(data: bytes | None) -> None:
    """As the binding says; no data, empty data and a NUL byte are told apart all the same."""
    event = Event("1", "/s", "t", {}, data)
    assert to_message(event)[1] == b"\x00"
    assert read_messages(stored(event)) == [event]


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        (Event("1", "/s", "t", {"empty": ""}, b"{}", DataForm.JSON), "application/cloudevents+json"),
        (Event("1", "/s", "t", {"long": "ü" * 16_001}), "application/cloudevents+json"),
        (Event("1", "/s", "t", {"contenttype": "x"}, b"\xff"), "application/cloudevents+protobuf"),
        (Event("1", "/s", "t", {"datacontenttype": "application/CloudEvents+json"}, b"{}"), "application/cloudevents+protobuf"),
        (Event("\x01", "/s", "t", {}, b"{}", DataForm.JSON), "application/cloudevents+json"),
        (Event("x" * 40_000, "/s", "t" * 200, {}, b"{}", DataForm.JSON), "application/cloudevents+json"),
    ],
)  # fmt: skip
def test_what_properties_cannot_hold_goes_structured(event: Event, kind: str) -> None:
    """In a format that others can read, too."""
    properties = decode_properties(to_message(event)[0])
    assert (properties["CE_contenttype"], properties["bridge_form"]) == (kind, "structured")
    assert "CE_id" not in properties
    assert read_messages(stored(event)) == [event]


def test_structured_in_protobuf_is_a_cloudevent() -> None:
    """One that any reader of the protobuf format takes."""
    event = Event("1", "/s", "t", {"empty": ""}, b"\xff")
    assert protobuf.parse_event(to_message(event)[1]) == event


@pytest.mark.parametrize("pack", [lambda body: (zlib.compress(body), 0x301), lambda body: (body, 0)])
@pytest.mark.parametrize("host", ["127.0.0.1:1", "[::1]:1"])
def test_addresses_and_compression_do_not_matter(pack, host: str) -> None:
    """A gateway may have compressed one of our messages, and brokers may have IPv6 addresses."""
    text, body = to_message(PLAIN)
    packed, sys_flag = pack(body)
    made = record(decode_properties(text), packed, sys_flag=sys_flag, born_host=host, store_host=host)
    assert read_messages(made) == [PLAIN]


def test_a_long_topic_does_not_matter() -> None:
    """Its record has another layout."""
    text, body = to_message(PLAIN)
    made = encode_message(StoredMessage("t" * 200, 0, 7, body, decode_properties(text)))
    assert read_messages(made) == [PLAIN]


@pytest.mark.parametrize(
    "change",
    [
        {"bridge_form": "nonsense"},
        {"bridge_form": "binary n:integer"},
        {"bridge_form": "binary subject:integer"},
        {"bridge_form": "structured"},
        {"CE_id": None},
    ],
)
def test_who_uses_our_mark_wrongly_is_read_as_any_other(change: dict[str, str | None]) -> None:
    """Nothing breaks, and the event has what can be read."""
    properties = {**decode_properties(to_message(PLAIN)[0]), **change}
    (event,) = read_messages(record({n: v for n, v in properties.items() if v is not None}, PLAIN.data or b""))
    assert (event.source, event.type, event.data) == ("/s", "t", PLAIN.data)


def test_invalid_utf8_in_properties_becomes_the_replacement_character() -> None:
    """As in Java; the event is handed on."""
    made = stored(Event("1", "/s", "t", {"subject": "abc"})).replace(b"abc", b"\xff\xfe\xfd")
    assert read_messages(made)[0].subject == "\ufffd\ufffd\ufffd"


def test_a_body_that_does_not_fit_its_checksum_is_handed_on_and_says_so() -> None:
    """Nobody but the reader can know what to do with it."""
    made = stored(Event("1", "/s", "t", {}, b"abcdef")).replace(b"abcdef", b"abcdeg")
    (event,) = read_messages(made)
    assert (event.type, event.data) == ("org.apache.rocketmq.message", b"abcdeg")
    assert event.attributes["rocketmqproblem"] == "the body does not fit its checksum"


@pytest.mark.parametrize("cut", [4, 50, 100, 150])
def test_damaged_records_are_told(cut: int) -> None:
    """What ends in the middle, or claims an impossible size, is no message."""
    made = stored(PLAIN)
    with pytest.raises(StoreError, match="damaged"):
        read_messages(made[:cut])
    with pytest.raises(StoreError, match="4 bytes"):
        read_messages(b"\x00\x00\x00\x04" + made[4:])
