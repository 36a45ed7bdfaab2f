"""Legal filters that look like mistakes."""

import json
from typing import Any

import pytest
from hypothesis import given

from bridge.rules.filter_lint import lint_filter
from bridge.rules.filters import parse_filter
from tests.filters import filters


def remarks(filter_: Any) -> list[str]:
    return [str(remark) for remark in lint_filter(parse_filter(json.dumps(filter_)))]


@pytest.mark.parametrize(
    "filter_",
    [[], {"exact": {"type": "a", "subject": "b", "myextension": "c"}}, {"sql": "type LIKE 'a%' AND speed > 5"},
     {"any": [{"prefix": {"type": "a"}}, {"not": {"suffix": {"source": "b"}}}]}, {"sql": "EXISTS subject"}],
)  # fmt: skip
def test_what_is_fine(filter_: Any) -> None:
    """No remark."""
    assert remarks(filter_) == []


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ({"exact": {"sorce": "/a"}}, "$.exact.sorce: `sorce` would be an extension attribute; did you mean `source`?"),
        ([{"any": [{"prefix": {"subjet": "a"}}]}],
         "$[0].any[0].prefix.subjet: `subjet` would be an extension attribute; did you mean `subject`?"),
        ({"exact": {"specversion": "0.3"}}, '$.exact.specversion: can never match: `specversion` is always "1.0"'),
        ({"not": {"exact": {"data": "x"}}},
         "$.not.exact.data: `data` is no attribute, and filters see attributes only; for the data use `pattern`"),
        ({"cesql": "sorce = 'x' OR sorce = 'y'"}, "$.cesql: `sorce` would be an extension attribute; did you mean `source`?"),
        ({"sql": "EXISTS subjet"}, "$.sql: `subjet` would be an extension attribute; did you mean `subject`?"),
        ([{"sql": "LENGHT(type) > 5"}], "$[0].sql: there is no function LENGHT; did you mean LENGTH?"),
    ],
)  # fmt: skip
def test_what_looks_like_a_mistake(filter_: Any, expected: str) -> None:
    """With its path and what was probably meant."""
    assert remarks(filter_) == [expected]


@given(filters)
def test_every_filter_can_be_looked_at(filter_: Any) -> None:
    """No remark is made twice."""
    found = remarks(filter_)
    assert len(found) == len(set(found))
