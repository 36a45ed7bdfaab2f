"""Messages of others as events."""

import json as plain_json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.codec import json, protobuf
from bridge.codec.attributes import check_event
from bridge.codec.messages import read_messages
from bridge.model.event import Event
from bridge.rocketmq.records import StoredMessage, encode_message

BORN_MS = 1_795_593_600_123


def read(properties: dict[str, str], body: bytes, **fields: object) -> Event:
    """The event of a message in topic ``orders``."""
    fields = {"born_time_ms": BORN_MS, "physical_offset": 77, **fields}
    (event,) = read_messages(encode_message(StoredMessage("orders", 0, 7, body, properties, **fields)))
    return event


def test_a_plain_message_becomes_an_event_with_defaults() -> None:
    """Who, what, when; properties of the application under legal names, RocketMQ's own not at all."""
    event = read(
        {"UNIQ_KEY": "A1", "TAGS": "new", "KEYS": "o-1 o-2", "orderType": "b2b", "x-tenant": "t7", "WAIT": "true"},
        b"anything",
    )
    assert event == Event(
        "A1",
        "/rocketmq/orders",
        "org.apache.rocketmq.message",
        {
            "time": "2026-11-25T08:00:00.123Z",
            "rocketmqtags": "new",
            "rocketmqkeys": "o-1 o-2",
            "ordertype": "b2b",
            "xtenant": "t7",
        },
        b"anything",
    )


def test_without_a_unique_key_the_id_is_the_broker_s() -> None:
    """The id by which RocketMQ's tools find the message."""
    assert read({}, b"x").id == "7F00000100000000000000000000004D"


@pytest.mark.parametrize("body", [b'{"a": [1]}', b"[1, 2]"])
def test_json_is_seen(body: bytes) -> None:
    """So that patterns can look into it."""
    assert read({}, body).has_json_data


@pytest.mark.parametrize("body", [b"{not json}", b"42", b'"text"', b"\xff"])
def test_other_bodies_stay_bytes(body: bytes) -> None:
    """No content type is made up for them."""
    event = read({}, body)
    assert (event.data, event.content_type) == (body, None)


@pytest.mark.parametrize("body", [b"", b"\x00"])
def test_no_body_is_no_data(body: bytes) -> None:
    """As the binding says."""
    assert read({}, body).data is None


def test_a_compressed_body_is_unpacked() -> None:
    """Java's producers compress what is large."""
    assert read({}, zlib.compress(b"large" * 1000), sys_flag=0x301).data == b"large" * 1000


def test_a_body_that_cannot_be_unpacked_is_handed_on_as_it_is() -> None:
    """And the event says so."""
    event = read({"UNIQ_KEY": "A1"}, b"broken", sys_flag=0x301)
    assert (event.id, event.data) == ("A1", b"broken")
    assert "broken compressed body" in str(event.attributes["rocketmqproblem"])


def test_a_cloudevent_of_java_s_sdk_keeps_its_extensions() -> None:
    """It writes them without the prefix."""
    properties = {
        "CE_specversion": "1.0",
        "CE_id": "1",
        "CE_source": "/java",
        "CE_type": "t",
        "CE_contentType": "text/plain",
        "comexampleext": "7",
        "KEYS": "k",
    }
    attributes = {"datacontenttype": "text/plain", "comexampleext": "7"}
    assert read(properties, b"x") == Event("1", "/java", "t", attributes, b"x")


def test_what_a_cloudevent_lacks_has_a_default() -> None:
    """What is not legal is left out; both are told."""
    event = read({"CE_specversion": "1.0", "CE_id": "1", "CE_time": "noon", "CE_a-b": "x", "CE_source": "no uri"}, b"x")
    assert event == Event(
        "1",
        "/rocketmq/orders",
        "org.apache.rocketmq.message",
        {"rocketmqproblem": "not legal: time, a-b, source, type"},
        b"x",
    )


def test_structured_events_are_read() -> None:
    """In both formats; parameters and upper case do not matter."""
    event = Event("1", "/s", "t", {"subject": "x"}, b"\x01")
    for kind, body in (
        ("application/CloudEvents+JSON; charset=UTF-8", json.format_event(event)),
        ("application/cloudevents+protobuf", protobuf.format_event(event)),
    ):
        assert read({"CE_contenttype": kind, "CE_id": "ignored"}, body) == event


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("application/cloudevents+json", "not a JSON object"),
        ("application/cloudevents+avro", "this format is not known"),
    ],
)
def test_a_structured_event_that_is_none_becomes_a_plain_one(kind: str, reason: str) -> None:
    """With the reason."""
    event = read({"CE_contenttype": kind}, b"nonsense")
    assert (event.type, event.data) == ("org.apache.rocketmq.message", b"nonsense")
    assert reason in str(event.attributes["rocketmqproblem"])


NAMES = st.text(max_size=6) | st.sampled_from(
    ["CE_id", "CE_source", "CE_time", "CE_specversion", "CE_data", "type", "time"]
)
VALUES = st.text(max_size=8) | st.sampled_from(["1.0", "application/cloudevents+json", "2026-11-25T08:00:00Z"])


@given(st.dictionaries(NAMES, VALUES, max_size=6), st.binary(max_size=20))
def test_any_message_is_a_legal_event(properties: dict[str, str], body: bytes) -> None:
    """Whatever others put on a topic, rules and targets get what they may rely on."""
    safe = {n: v for n, v in properties.items() if n and not {"\x01", "\x02"} & set(n + v)}
    event = check_event(read(safe, body))
    assert plain_json.loads(json.format_event(event))["id"] == event.id
