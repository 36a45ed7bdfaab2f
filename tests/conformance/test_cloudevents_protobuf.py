"""The CloudEvents project's own tests of the protobuf format. (Its XML format is a draft and not spoken here.)"""

from typing import Any

import pytest
from google.protobuf.json_format import ParseDict

from bridge._proto.cloudevents.v1.cloudevents_pb2 import CloudEvent, CloudEventBatch
from bridge.codec.protobuf import format_batch, format_event, parse_batch, parse_event
from bridge.errors import InvalidEvent
from bridge.model.event import Event
from tests.conformance.golden import GOLDEN, assert_is_golden, cases

TESTS = cases("cloudevents-format-protobuf.json")


def chosen(part: str) -> list[Any]:
    return [pytest.param(test[part], test, id=test["id"]) for test in TESTS if part in test]


def encoded(message: dict[str, Any]) -> bytes:
    return ParseDict(message, CloudEvent()).SerializeToString()


def encoded_batch(message: dict[str, Any]) -> bytes:
    return ParseDict(message, CloudEventBatch()).SerializeToString()


@pytest.mark.parametrize(("message", "test"), chosen("validSingle"))
def test_valid_events_are_the_golden_ones(message: dict[str, Any], test: dict[str, Any]) -> None:
    """As parsed, and once more after they were written and read back."""
    event = parse_event(encoded(message))
    assert_is_golden(event, test["sampleId"])
    assert parse_event(format_event(event)) == event


@pytest.mark.parametrize(("message", "test"), chosen("validBatch"))
def test_valid_batches_are_the_golden_ones(message: dict[str, Any], test: dict[str, Any]) -> None:
    """Event by event."""
    events = parse_batch(encoded_batch(message))
    for event, sample in zip(events, GOLDEN["batches"][test["sampleId"]], strict=True):
        assert_is_golden(event, sample)
    assert parse_batch(format_batch([e for e in events if isinstance(e, Event)])) == events


@pytest.mark.parametrize(("message", "test"), chosen("invalidSingle"))
def test_invalid_events_are_refused(message: dict[str, Any], test: dict[str, Any]) -> None:
    """Each of them."""
    with pytest.raises(InvalidEvent):
        parse_event(encoded(message))


@pytest.mark.parametrize(("message", "test"), chosen("invalidBatch"))
def test_invalid_events_of_a_batch_are_refused(message: dict[str, Any], test: dict[str, Any]) -> None:
    """By event, not by batch: a bad event never fails its neighbours."""
    assert any(isinstance(result, InvalidEvent) for result in parse_batch(encoded_batch(message)))
