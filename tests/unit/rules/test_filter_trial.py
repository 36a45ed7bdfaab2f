"""Why a filter lets an event pass or not."""

import json
import time
from typing import Any

import pytest
from hypothesis import given

from bridge.errors import InvalidInput
from bridge.model.event import Event
from bridge.rules.filter_trial import explain_filter, read_attributes
from bridge.rules.filters import compile_filter, parse_filter
from tests.filters import events, filters

EVENT = {"type": "light.changed", "speed": 48, "urgent": True, "data": {"to": "red"}}


@pytest.mark.parametrize(
    ("filter_", "matched", "reason"),
    [
        ([], True, "there is no filter"),
        ({"exact": {"type": "light.changed"}}, True, '`type` is "light.changed", filter wants "light.changed"'),
        ({"exact": {"type": "light.changed", "subject": "x"}}, False, '`subject` is absent, filter wants "x"'),
        ({"prefix": {"speed": "5"}}, False, '`speed` is "48", filter wants prefix "5"'),
        ({"not": {"suffix": {"type": "changed"}}}, False, 'not: `type` is "light.changed", filter wants suffix "changed"'),
        ([{"exact": {"speed": "48"}}, {"exact": {"type": "x"}}], False, '`type` is "light.changed", filter wants "x"'),
        ({"any": [{"exact": {"type": "x"}}, {"sql": "speed < 50"}]}, True, "`speed < 50` is true: `speed` is 48"),
        ({"any": [{"exact": {"speed": "1"}}, {"sql": "speed > 50"}]}, False,
         '`speed` is "48", filter wants "1"; `speed > 50` is false: `speed` is 48'),
        ({"any": [{"exact": {"speed": str(n)}} for n in range(9)]}, False, "; and 4 more"),
        ({"sql": "type LIKE 'light.%' AND speed > 50"}, False, "`speed > 50` is false: `speed` is 48"),
        ({"sql": "speed < 50 AND urgent"}, True, "`speed < 50 AND urgent` is true: `speed` is 48, `urgent` is true"),
        ({"sql": "spead > 50"}, False, "`spead > 50` has no value: there is no attribute `spead` (missingAttribute)"),
        ({"sql": "type > 50"}, False, "`type > 50` has no value: 'light.changed' is not an integer of 32 bits (cast)"),
        ({"sql": "speed + 1"}, False, "`speed + 1` is 49, not true or false"),
        ({"sql": "UPPER(type)"}, False, "is 'LIGHT.CHANGED', not true or false"),
        ({"sql": "TRUE"}, True, "`TRUE` is true"),
    ],
)  # fmt: skip
def test_reasons(filter_: Any, matched: bool, reason: str) -> None:
    """The first part that decides, and the values it saw."""
    verdict = explain_filter(parse_filter(json.dumps(filter_)), read_attributes(json.dumps(EVENT)))
    assert verdict.matched is matched
    assert reason in verdict.reason


@given(filters, events)
def test_the_verdict_is_the_filters(filter_: Any, event: Event) -> None:
    """For every filter and event; there is always a reason, and never a long one."""
    parsed = parse_filter(json.dumps(filter_))
    verdict = explain_filter(parsed, event)
    assert verdict.matched is compile_filter(parsed)(event)
    assert 0 < len(verdict.reason) < 10_000


def test_a_cloudevent_is_read_as_one() -> None:
    """With every rule of the format."""
    text = '{"specversion":"1.0","id":"1","source":"/s","type":"t","n":5,"data":{"x":1}}'
    event = read_attributes(text)
    assert (event.id, event.attributes, event.data) == ("1", {"n": 5}, b'{"x":1}')


def test_any_other_object_is_read_as_far_as_it_can_be_one() -> None:
    """What no attribute can hold is left out."""
    text = (
        '{"type":5,"a":"x","n":5.0,"f":1.5,"big":2147483648,"o":{},"l":[],"z":null,"data":{"x":1},"specversion":"1.0"}'
    )
    event = read_attributes(text)
    assert (event.id, event.type, event.attributes, event.data) == ("", "5", {"a": "x", "n": 5}, None)


@pytest.mark.parametrize("event", ["5", "[]", "{", "", '{"a":NaN}', "[" * 100_000])
def test_what_is_no_event_is_refused(event: str) -> None:
    """As for a pattern."""
    with pytest.raises(InvalidInput):
        read_attributes(event)


def test_large_filters_are_explained_in_time_and_short() -> None:
    """Each part is looked at once, however deep it lies."""
    some: Any = {"any": [{"exact": {"id": "x" * 100}}] * 1_000}
    for _ in range(40):
        some = {"any": [some, {"exact": {"id": "x"}}]}
    text = json.dumps(some)
    began = time.perf_counter()
    verdict = explain_filter(parse_filter(text), read_attributes("{}"))
    assert time.perf_counter() - began < 1
    assert len(verdict.reason) < 2_000
