"""HTTP messages of the CloudEvents project's feature files. (The Kafka ones wait for a Kafka connector.)"""

import json
from typing import Any

import pytest

from bridge.codec.http import format_binary, format_structured, parse_request
from bridge.model.event import Event
from tests.conformance.golden import load

CASES = [pytest.param(c, id=c["scenario"]) for c in load("cloudevents-bindings-features.json").get("http", [])]


@pytest.mark.parametrize("case", CASES)
def test_http_messages(case: dict[str, Any]) -> None:
    """Attributes and data, and both again after the event was sent on in either mode."""
    head, _, body = case["http_request"].partition("\n\n")
    lines = [line.partition(": ") for line in head.splitlines()[1:]]
    (event,) = parse_request([(name.encode(), value.encode()) for name, _, value in lines], body.encode())
    assert_is(event, case)
    assert isinstance(event, Event)
    for message in (format_binary(event), format_structured(event)):
        headers = [(name.encode(), value.encode()) for name, value in message.headers.items()]
        (again,) = parse_request(headers, message.body)
        assert_is(again, case)


def assert_is(event: object, case: dict[str, Any]) -> None:
    assert isinstance(event, Event), event
    attributes = {"specversion": "1.0", "id": event.id, "source": event.source, "type": event.type, **event.attributes}
    assert attributes == case["expect_attributes"]
    assert event.data is not None
    assert json.loads(event.data) == case["expect_data_json"]
