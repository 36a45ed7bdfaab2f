"""A pattern narrowed by a filter loses no event that passes."""

import json
from typing import Any

import pytest
from hypothesis import given

from bridge.model.event import Event
from bridge.rules.document import event_document
from bridge.rules.filters import compile_filter, parse_filter
from bridge.rules.matcher import compile_matcher
from bridge.rules.narrowing import narrow
from bridge.rules.oracle import matches
from bridge.rules.pattern import MATCHES_ALL, parse_pattern
from tests.filters import events, filters


def fields(filter_: Any, pattern: str = "{}") -> list[dict[str, list[str]]]:
    """What each branch asks for, in words."""
    narrowed = narrow(parse_pattern(pattern), parse_filter(json.dumps(filter_)))
    return [{f.path: [o.wanted for o in f.alternatives] for f in branch.fields} for branch in narrowed.branches]


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ({"exact": {"type": "a", "source": "/b", "subject": "c"}}, {"source": ['"/b"'], "type": ['"a"']}),
        ({"prefix": {"type": "a"}}, {"type": ['prefix "a"']}),
        ([{"suffix": {"type": "a"}}, {"exact": {"id": "1"}}], {"id": ['"1"'], "type": ['suffix "a"']}),
        ({"any": [{"exact": {"type": "a"}}, {"exact": {"type": "b", "id": "1"}}]}, {"type": ['"a"', '"b"']}),
        ({"any": [{"exact": {"type": "a"}}, {"exact": {"id": "1"}}]}, {}),
        ({"not": {"exact": {"type": "a"}}}, {}),
        ({"exact": {"speed": "5"}}, {}),
        ({"sql": "type LIKE 'light.%' AND speed > 50"}, {"type": ['prefix "light."']}),
        (
            {"sql": "type LIKE '%.b' AND id = '1' AND '/s' = source"},
            {"id": ['"1"'], "source": ['"/s"'], "type": ['suffix ".b"']},
        ),
        ({"sql": "type LIKE '%a%'"}, {"type": ['contains "a"']}),
        ({"sql": "type LIKE 'a'"}, {"type": ['"a"']}),
        ({"sql": "type LIKE 'a_%b'"}, {}),
        ({"sql": "type LIKE '%a_%_'"}, {}),
        ({"sql": "type IN ('a', 'b')"}, {"type": ['"a"', '"b"']}),
        ({"sql": "type IN ('a', 5)"}, {}),
        ({"sql": "type NOT IN ('a') AND type NOT LIKE 'b' AND type != 'c'"}, {}),
        ({"sql": "type = 'a' OR type = 'b'"}, {}),
        ({"sql": "id = 1 AND type = source"}, {}),
    ],
)
def test_what_the_matcher_can_know(filter_: Any, expected: dict[str, list[str]]) -> None:
    """Conditions on id, source and type that every passing event fulfils."""
    assert fields(filter_) == [expected]


def test_a_pattern_keeps_what_it_has() -> None:
    """Every branch is narrowed, a field that one has already stays."""
    found = fields({"exact": {"type": "a", "id": "1"}}, '{"$or":[{"type":["x"]},{"source":["y"]}]}')
    assert found == [{"id": ['"1"'], "type": ['"x"']}, {"id": ['"1"'], "source": ['"y"'], "type": ['"a"']}]


@given(filters, events)
def test_no_event_that_passes_is_lost(filter_: Any, event: Event) -> None:
    """By the oracle and by the matcher."""
    parsed = parse_filter(json.dumps(filter_))
    narrowed = narrow(MATCHES_ALL, parsed)
    if compile_filter(parsed)(event):
        assert matches(narrowed, event_document(event))
        assert [list(found) for found in compile_matcher([("rule", narrowed)]).match([event])] == [["rule"]]
