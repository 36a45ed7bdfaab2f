"""Trying a transform."""

import time

import msgspec
import pytest

from bridge.errors import InvalidEvent, InvalidTransform, TooLarge
from bridge.rules.preview import MAX_ANSWER_BYTES, preview, test_transform
from bridge.rules.scope import DocumentScope, Names

EVENT = '{"specversion":"1.0","id":"1","source":"/s","type":"t","data":{"to":"red","n":9007199254740993,"f":1.10}}'


def test_template() -> None:
    """The payload decoded, its media type, what each variable is, and which are missing."""
    transform = '{"template":{"a":"${data.to}","b":"n ${data.n} ${data.x} ${data.y:-d}"}}'
    assert test_transform(transform, EVENT) == {
        "payload": {"a": "red", "b": "n 9007199254740993  d"},
        "contentType": "application/json",
        "variables": {"data.to": "red", "data.n": 9007199254740993, "data.x": None, "data.y": "d"},
        "missing": ["data.x"],
    }


def test_text_path_original_and_constant() -> None:
    """Text as text, JSON as JSON, the event as an event."""
    assert test_transform(b'{"text":"to ${data.to}"}', EVENT.encode())["payload"] == "to red"
    assert test_transform('{"path":"$.data.to"}', EVENT) == {
        "payload": "red",
        "contentType": "application/json",
        "variables": {"$.data.to": "red"},
    }
    original = test_transform('{"original":true}', EVENT)
    assert original["payload"]["id"] == "1"
    assert original["contentType"].startswith("application/cloudevents+json")
    assert test_transform('{"constant":[1]}', EVENT)["payload"] == [1]


def test_vendor_forms() -> None:
    """Their variables are the ones they define."""
    aws = {"inputTransformer": {"inputPathsMap": {"to": "$.detail.to"}, "inputTemplate": '"went <to>"'}}
    assert test_transform(msgspec.json.encode({"aws": aws}), EVENT) == {
        "payload": "went red",
        "contentType": "application/json",
        "variables": {"to": "red"},
    }
    aliyun = {"form": "JSONPATH", "value": "$.data.nothing"}
    tried = test_transform(msgspec.json.encode({"aliyun": aliyun}), EVENT)
    assert (tried["payload"], tried["variables"]) == ("", {"$.data.nothing": None})


def test_digits_survive_the_answer() -> None:
    """Where a float would write a number otherwise, it stays as it is written."""
    tried = test_transform('{"template":{"f":"${data.f}","g":1.5}}', EVENT)
    assert msgspec.json.encode(tried["payload"]) == b'{"f":1.10,"g":1.5}'
    assert msgspec.json.encode(tried["variables"]) == b'{"data.f":1.10}'


def test_any_object_is_an_event() -> None:
    """Also what is no CloudEvent."""
    assert test_transform('{"text":"${a.b} ${data.x}"}', '{"a":{"b":[1]},"data":{"x":2}}')["payload"] == "[1] 2"


def test_names_and_bus() -> None:
    """A stored event is tried under the names it would have."""
    scope = DocumentScope(b"{}", "traffic", 0.0)
    assert preview(None, scope, Names("r", "t"))["payload"] == {}


@pytest.mark.parametrize(
    "transform", ['{"path":"$.data.a"}', '{"text":"${data.a.a}"}', '{"template":["${data}","${data.a}","${data.b.a}"]}']
)
def test_what_is_too_much_to_be_looked_at(transform: str) -> None:
    """Payload and variables count together."""
    event = '{"data":{"a":{"a":"%s"}}}' % ("x" * MAX_ANSWER_BYTES)
    with pytest.raises(TooLarge, match="larger than 4,194,304 bytes"):
        test_transform(transform, event)


def test_all_paths_of_a_transform_share_one_allowance() -> None:
    """Else a transform of many paths would take as long as all of them."""
    transform = {"template": [f"${{data[?count($..none)>{n}]}}" for n in range(1_000)]}
    began = time.perf_counter()
    with pytest.raises(InvalidTransform, match="too many values"):
        test_transform(msgspec.json.encode(transform), msgspec.json.encode({"data": [1] * 600}))
    assert time.perf_counter() - began < 10


@pytest.mark.parametrize("event", ["", "[]", "7", '{"id":', '{"a":"\ud800"}'])
def test_what_is_no_event(event: str) -> None:
    """Refused as the event, not as the transform."""
    with pytest.raises(InvalidEvent):
        test_transform('{"text":"x"}', event)


@pytest.mark.parametrize("transform", ["", "{}", '{"text":"${"}', '{"template":"${data.x}","missing":"fail"}'])
def test_what_is_no_transform_for_it(transform: str) -> None:
    """Not legal, or not for this event."""
    with pytest.raises(InvalidTransform):
        test_transform(transform, EVENT)
