"""Legal patterns that look like mistakes."""

import pytest
from hypothesis import given

from bridge.rules.lint import Remark, lint
from bridge.rules.pattern import parse_pattern
from tests.patterns import patterns

NEVER = "$: can never match: no event passes"
ALWAYS = "$: always matches: every event passes"


def remarks(text: str) -> list[str]:
    return [str(remark) for remark in lint(parse_pattern(text))]


@pytest.mark.parametrize(
    "text",
    ["{}", '{"type":["light.changed"],"source":[{"prefix":"/"}]}', '{"data":{"speed":[{"numeric":[">",50]}]}}', '{"data":["x"]}',
     '{"myextension":["x"],"partitionkey":[{"exists":true}],"traceparent":[1]}', '{"subject":[{"exists":false},"x"]}',
     '{"time":[{"anything-but":5}]}', '{"idx":["x"],"specversion":["1.0"],"type":["a"]}',
     '{"$or":[{"type":["a"]},{"source":["b"]}]}', '{"subject":[{"exists":true}]}'],
)  # fmt: skip
def test_what_is_fine(text: str) -> None:
    """The empty pattern is meant to match everything; extensions may have any legal name."""
    assert remarks(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"sorce":["/a"]}', "$.sorce: `sorce` would be an extension attribute; did you mean `source`?"),
        ('{"subjet":["a"]}', "$.subjet: `subjet` would be an extension attribute; did you mean `subject`?"),
        ('{"Type":["a"]}', "$.Type: no attribute is named `Type`: names are lower-case letters and digits; did you mean `type`?"),
        ('{"detail-type":["a"]}',
         "$['detail-type']: no attribute is named `detail-type`: names are lower-case letters and digits; did you mean `type`?"),
        ('{"detail":{"a":["x"]}}',
         "$.detail.a: only `data` has fields inside, not an attribute such as `detail`; did you mean `data.a`?"),
        ('{"order":{"total":[1]}}',
         "$.order.total: only `data` has fields inside, not an attribute such as `order`; did you mean `data.order.total`?"),
        ('{"source":{"ip":["x"]}}', "$.source.ip: `source` is an attribute and has no fields inside; did you mean `data.ip`?"),
        ('{"a_b":["x"]}', "$.a_b: no attribute is named `a_b`: names are lower-case letters and digits"),
    ],
)  # fmt: skip
def test_names_that_look_misspelt(text: str, expected: str) -> None:
    """With what was probably meant."""
    assert expected in remarks(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"type":[{"exists":false}]}', ["$.type[0]: can never match: every event has `type`", NEVER]),
        ('{"id":[5]}', ["$.id[0]: can never match: `id` is always text", NEVER]),
        ('{"time":[{"numeric":[">",1]},"x"]}', ["$.time[0]: can never match: `time` is always text"]),
        ('{"source":[""]}', ["$.source[0]: can never match: `source` is never empty", NEVER]),
        ('{"specversion":["0.3"]}', ['$.specversion[0]: can never match: `specversion` is always "1.0"', NEVER]),
        ('{"data":{"a":[{"prefix":"a","anything-but":{"prefix":"a"}}]}}',
         ["$.data.a[0]: can never match: no value satisfies all of it", NEVER]),
        ('{"$or":[{"id":[5]},{"data":{"a":[1]}}]}', ["$['$or'][0].id[0]: can never match: `id` is always text"]),
    ],
)  # fmt: skip
def test_what_can_never_match(text: str, expected: list[str]) -> None:
    """One alternative, or the whole pattern."""
    assert remarks(text) == expected


def test_names_that_no_event_has_never_match() -> None:
    """Unless their absence is what the pattern wants."""
    assert NEVER in remarks('{"detail":{"a":["x"]}}')
    assert NEVER not in remarks('{"detail":{"a":[{"exists":false}]}}')


@pytest.mark.parametrize(
    "text",
    ['{"type":[{"exists":true}]}', '{"source":[{"prefix":""}],"id":[{"wildcard":"*"}]}', '{"specversion":["1.0"]}',
     '{"data":{"a":[{"exists":true},{"exists":false}]}}', '{"$or":[{"type":["a"]},{"type":[{"suffix":""}]}]}',
     '{"subject":[{"prefix":""},{"exists":false}]}'],
)  # fmt: skip
def test_what_always_matches(text: str) -> None:
    """Every field, in one of the branches."""
    assert remarks(text) == [ALWAYS]


def test_lists_without_effect() -> None:
    """The last of two lists for one field counts."""
    assert remarks('{"data":{"a":[1],"a":[2]}}') == [
        "$.data.a: has no effect: a later list for the same field replaces it"
    ]


def test_a_remark_reads_as_path_and_reason() -> None:
    """For a line of text."""
    assert str(Remark("$.a", "x")) == "$.a: x"


@given(patterns())
def test_any_pattern_can_be_judged(text: str) -> None:
    """No remark stands twice."""
    found = lint(parse_pattern(text))
    assert len(set(found)) == len(found)
