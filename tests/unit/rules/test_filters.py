"""The dialects of the CloudEvents Subscriptions API."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import InvalidFilter
from bridge.model.event import Event
from bridge.rules.filters import MAX_SIZE_BYTES, PASSES_ALL, compile_filter, parse_filter, text_of
from tests.filters import events, filters

EVENT = Event("1", "/j/7", "light.changed", {"subject": "light-3", "speed": 61, "urgent": True, "bin": b"\x00\xff"})


def passes(filter_: Any, event: Event = EVENT) -> bool:
    return compile_filter(parse_filter(json.dumps(filter_)))(event)


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ({"exact": {"type": "light.changed"}}, True),
        ({"exact": {"type": "light"}}, False),
        ({"exact": {"type": "light.changed", "source": "/j/8"}}, False),
        ({"prefix": {"type": "light.", "source": "/j"}}, True),
        ({"prefix": {"type": "Light."}}, False),
        ({"suffix": {"subject": "-3"}}, True),
        ({"suffix": {"missing": "x"}}, False),
        ({"exact": {"id": "1", "specversion": "1.0"}}, True),
        ({"exact": {"speed": "61", "urgent": "true", "bin": "AP8="}}, True),
        ({"exact": {"speed": "61.0"}}, False),
        ({"exact": {"urgent": "TRUE"}}, False),
        ({"sql": "type LIKE 'light.%' AND speed > 50"}, True),
        ({"cesql": "speed > 61"}, False),
        ({"not": {"exact": {"type": "x"}}}, True),
        ({"not": {"exact": {"missing": "x"}}}, True),
        ({"not": {"sql": "missing = 'x'"}}, True),
        ({"not": {"not": {"sql": "missing = 'x'"}}}, False),
        ({"all": [{"exact": {"id": "1"}}, {"prefix": {"id": "1"}}, {"suffix": {"id": "1"}}]}, True),
        ({"all": [{"exact": {"id": "1"}}, {"exact": {"id": "2"}}]}, False),
        ({"any": [{"exact": {"id": "0"}}, {"exact": {"id": "2"}}, {"exact": {"id": "1"}}]}, True),
        ({"any": [{"exact": {"id": "0"}}]}, False),
        ([], True),
        ([{"exact": {"id": "1"}}, {"sql": "urgent"}], True),
        ([{"exact": {"id": "1"}}, {"sql": "NOT urgent"}], False),
    ],
)
def test_dialects(filter_: Any, expected: bool) -> None:
    """Alone, inside each other, and as a list that must all pass."""
    assert passes(filter_) is expected


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ("", "$", "not valid JSON"), ("{", "$", "not valid JSON"), ("{} {}", "$", "not valid JSON"), ("null", "$", "not null"),
        ("{}", "$", "exactly one member (here: none)"), ('"a"', "$", "not a string"), ("[5]", "$[0]", "not a number"),
        ('[{"exact":{"a":"b"}},[]]', "$[1]", "not a list"),
        ('{"exact":{"a":"b"},"not":{}}', "$", "(here: exact, not)"),
        ('{"exact":{"a":"b"},"exact":{"a":"c"}}', "$", "exactly one member"),
        ('{"Exact":{"a":"b"}}', "$.Exact", "did you mean exact?"), ('{"attributes":{"a":"b"}}', "$.attributes", "did you mean exact?"),
        ('{"regex":{"a":"b"}}', "$.regex", "known: exact, prefix"),
        ('{"exact":{}}', "$.exact", "object of attributes"), ('{"prefix":"a"}', "$.prefix", "object of attributes"),
        ('{"suffix":{"":"a"}}', "$.suffix['']", "lower-case letters"), ('{"exact":{"A":"a"}}', "$.exact.A", "lower-case letters"),
        ('{"exact":{"a":""}}', "$.exact.a", "not empty"), ('{"exact":{"a":5}}', "$.exact.a", "not a number"),
        ('{"exact":{"a":["b"]}}', "$.exact.a", "not a list"), ('{"exact":{"a":"b","a":"c"}}', "$.exact.a", "given twice"),
        ('{"all":{}}', "$.all", "list of at least one"), ('{"any":[]}', "$.any", "list of at least one"),
        ('{"any":[{"not":{"all":[{"exact":{"a":1}}]}}]}', "$.any[0].not.all[0].exact.a", "not a number"),
        ('{"not":{}}', "$.not", "exactly one member"), ('{"sql":5}', "$.sql", "not a number"),
        ('[{"cesql":"a ="}]', "$[0].cesql", "(at character 4)"), ('{"sql":"\\ud800"}', "$", "surrogate"),
        ('{"not":' * 200 + "{}" + "}" * 200, "$", "nested more than 100"),
        ("[" * 10_000, "$", "nested more than 100"),
        ('[{"exact":{"a":"' + "b" * MAX_SIZE_BYTES + '"}}]', "$", "longer than"),
        ('{"sql":"' + "a OR " * 200_000 + '"}', "$.sql", "longer than 65,536"),
    ],
)  # fmt: skip
def test_what_is_no_filter_is_refused_with_its_path(text: str, path: str, words: str) -> None:
    """And with what would have been right."""
    with pytest.raises(InvalidFilter) as caught:
        parse_filter(text)
    assert (caught.value.path or "$") == path
    assert words in caught.value.reason


def test_no_filter_is_told_apart() -> None:
    """So that a rule without one pays nothing."""
    assert parse_filter("[]") == PASSES_ALL
    assert compile_filter(PASSES_ALL)(EVENT)


def test_deep_filters_work() -> None:
    """As deep as they are allowed to be."""
    text = '{"not":' * 98 + '{"exact":{"id":"1"}}' + "}" * 98
    assert compile_filter(parse_filter(text))(EVENT)


@pytest.mark.parametrize(
    ("name", "text"),
    [("id", "1"), ("specversion", "1.0"), ("speed", "61"), ("bin", "AP8="), ("missing", None), ("data", None)],
)
def test_attributes_have_a_canonical_text(name: str, text: str | None) -> None:
    """None where there is no such attribute."""
    assert text_of(name)(EVENT) == text


@given(filters, filters, events)
def test_laws(left: Any, right: Any, event: Event) -> None:
    """All is AND, any is OR, not is NOT, a list is all; every verdict is true or false."""
    a, b = passes(left, event), passes(right, event)
    assert {type(a), type(b)} == {bool}
    assert passes({"all": [left, right]}, event) is passes([left, right], event) is (a and b)
    assert passes({"any": [left, right]}, event) is (a or b)
    assert passes({"not": left}, event) is (not a)


@given(
    st.text()
    | st.recursive(
        st.none() | st.text(max_size=3),
        lambda part: (
            st.lists(part, max_size=2)
            | st.dictionaries(st.sampled_from(["exact", "not", "all", "any", "sql", "prefix", "x"]), part, max_size=2)
        ),
    ).map(json.dumps)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but the typed error."""
    with suppress(InvalidFilter):
        compile_filter(parse_filter(text))(EVENT)
