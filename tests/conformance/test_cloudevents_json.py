"""The CloudEvents project's own tests of the JSON format."""

import json
from typing import Any

import pytest

from bridge.codec.json import format_batch, format_event, parse_batch, parse_event
from bridge.errors import InvalidEvent
from bridge.model.event import Event
from tests.conformance.golden import GOLDEN, assert_is_golden, cases

TESTS = cases("cloudevents-format-json.json")


def chosen(part: str, *, valid: bool) -> list[Any]:
    return [pytest.param(t, id=t["id"]) for t in TESTS if part in t and ("sampleId" in t) is valid]


@pytest.mark.parametrize("test", chosen("event", valid=True))
def test_valid_events_are_the_golden_ones(test: dict[str, Any]) -> None:
    """As parsed, and once more after they were written and read back."""
    event = parse_event(json.dumps(test["event"]).encode())
    assert_is_golden(event, test["sampleId"])
    assert parse_event(format_event(event)) == event


@pytest.mark.parametrize("test", chosen("batch", valid=True))
def test_valid_batches_are_the_golden_ones(test: dict[str, Any]) -> None:
    """Event by event."""
    events = parse_batch(json.dumps(test["batch"]).encode())
    for event, sample in zip(events, GOLDEN["batches"][test["sampleId"]], strict=True):
        assert_is_golden(event, sample)
    assert parse_batch(format_batch([e for e in events if isinstance(e, Event)])) == events


@pytest.mark.parametrize("test", chosen("event", valid=False))
def test_invalid_events_are_refused(test: dict[str, Any]) -> None:
    """Each of them."""
    with pytest.raises(InvalidEvent):
        parse_event(json.dumps(test["event"]).encode())


@pytest.mark.parametrize("test", chosen("batch", valid=False))
def test_invalid_events_of_a_batch_are_refused(test: dict[str, Any]) -> None:
    """By event, not by batch: a bad event never fails its neighbours."""
    assert any(isinstance(result, InvalidEvent) for result in parse_batch(json.dumps(test["batch"]).encode()))
