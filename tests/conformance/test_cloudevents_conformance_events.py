"""The events that the CloudEvents conformance tool sends, as it sends them: binary unless told otherwise."""

import json
from typing import Any

import pytest

from bridge.codec.http import JSON, encode_value, parse_request
from bridge.errors import InvalidEvent
from bridge.model.event import Event
from tests.conformance.golden import load

FILES = load("cloudevents-conformance-events.json").get("files", {})
CASES = [pytest.param(e, id=f"{name}-{i}") for name, events in FILES.items() for i, e in enumerate(events)]


@pytest.mark.parametrize("case", CASES)
def test_sent_events_arrive(case: dict[str, Any]) -> None:
    """Those of version 1.0 whole, the older ones are refused."""
    attributes = {name: value for name, value in case["ContextAttributes"].items() if name != "Extensions"}
    # A line break at the end is an artefact of the file's YAML, and no legal character.
    attributes |= {n: v.removesuffix("\n") for n, v in case["ContextAttributes"].get("Extensions", {}).items()}
    (event,) = parse_request(*sent(case, attributes))
    if attributes["specversion"] != "1.0":
        assert isinstance(event, InvalidEvent)
        return
    assert isinstance(event, Event), event
    got = {"specversion": "1.0", "id": event.id, "source": event.source, "type": event.type, **event.attributes}
    assert got == attributes
    assert event.data == case["Data"].strip("\n").encode() or event.data == case["Data"].encode()


def sent(case: dict[str, Any], attributes: dict[str, str]) -> tuple[list[tuple[bytes, bytes]], bytes]:
    headers = [(name.encode(), value.encode()) for name, value in case.get("TransportExtensions", {}).items()]
    if case.get("Mode") == "structured":
        body = {**attributes, "data": json.loads(case["Data"])}
        return [*headers, (b"Content-Type", JSON.encode())], json.dumps(body, separators=(",", ":")).encode()
    for name, value in attributes.items():
        header = "Content-Type" if name == "datacontenttype" else f"Ce-{name.title()}"
        headers.append((header.encode(), (value if header == "Content-Type" else encode_value(value)).encode()))
    return headers, case["Data"].encode()
