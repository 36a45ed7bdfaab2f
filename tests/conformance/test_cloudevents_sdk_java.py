"""Fixtures of the Java SDK: JSON and protobuf events, and which media types mean JSON."""

import json
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict

from bridge._proto.cloudevents.v1.cloudevents_pb2 import CloudEvent
from bridge.codec import protobuf
from bridge.codec.json import format_event, parse_event
from bridge.errors import InvalidEvent
from bridge.model.event import Event, is_json
from tests.conformance.golden import load

SUITE = load("cloudevents-sdk-java.json")
JSON, PROTOBUF = SUITE.get("json", {}), SUITE.get("protobuf_json", {})

LENIENT = {"v1/json_data_with_ext_upper_case.json"}
"""Accepted there by an opt-in switch that lowers names; names are not mended here."""

OURS = {
    "applications/json": "any */json declares JSON",
    "test/json": "any */json declares JSON",
    "text/json ": "a space behind it is no part of a media type",
    "text/json ;": "a space behind it is no part of a media type",
}
"""Not JSON there."""


def refused(name: str) -> bool:
    """Version 0.3 is not spoken here."""
    return name.startswith("v03/") or name in SUITE["must_reject"] or name in LENIENT


@pytest.mark.parametrize("name", [n for n in JSON if not refused(n)])
def test_json_fixtures_are_read(name: str) -> None:
    """With every member, and written back with the same."""
    event = parse_event(json.dumps(JSON[name]).encode())
    wanted = {member: value for member, value in JSON[name].items() if value is not None}
    assert json.loads(format_event(event)) == written(event, wanted)


def written(event: Event, wanted: dict[str, Any]) -> dict[str, Any]:
    """JSON that came as Base64 goes out as JSON."""
    if "data_base64" not in wanted or not event.has_json_data:
        return wanted
    assert event.data is not None
    return {n: v for n, v in wanted.items() if n != "data_base64"} | {"data": json.loads(event.data)}


@pytest.mark.parametrize("name", [n for n in JSON if refused(n)])
def test_other_json_fixtures_are_refused(name: str) -> None:
    """Version 0.3, numbers that are no 32-bit integers, names in upper case."""
    with pytest.raises(InvalidEvent):
        parse_event(json.dumps(JSON[name]).encode())


@pytest.mark.parametrize("name", PROTOBUF)
def test_protobuf_fixtures_are_read(name: str) -> None:
    """And written back as the same message."""
    message = ParseDict(PROTOBUF[name], CloudEvent())
    assert CloudEvent.FromString(protobuf.format_event(protobuf.parse_event(message.SerializeToString()))) == message


@pytest.mark.parametrize("group", SUITE.get("same_event_groups", []))
def test_fixtures_that_are_the_same_event(group: list[str]) -> None:
    """Null is unset."""
    events = [parse_event(json.dumps(JSON[name]).encode()) for name in group]
    assert all(event == events[0] for event in events)


@pytest.mark.parametrize("content_type", [c for c in SUITE.get("json_content_types", []) if c is not None])
def test_media_types_that_mean_json(content_type: str) -> None:
    """With any parameters."""
    assert is_json(content_type)


@pytest.mark.parametrize(
    "content_type",
    [
        pytest.param(c, marks=pytest.mark.xfail(reason=OURS[c], strict=True) if c in OURS else ())
        for c in SUITE.get("not_json_content_types", [])
    ],
)
def test_media_types_that_do_not_mean_json(content_type: str) -> None:
    """A similar name is not enough."""
    assert not is_json(content_type)
