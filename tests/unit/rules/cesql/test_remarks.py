"""Legal expressions that look like mistakes."""

import pytest
from hypothesis import given

from bridge.rules.cesql.parser import parse_sql
from bridge.rules.cesql.remarks import remarks
from bridge.rules.cesql.tree import Expression
from tests.expressions import expressions


@pytest.mark.parametrize(
    "text",
    ["type LIKE 'light.%' AND speed > 50", "urgent", "NOT urgent", "NOT EXISTS a", "NOT (a LIKE 'x')", "a NOT LIKE 'x'",
     "NOT BOOL(a) = TRUE", "NOT urgent AND a = 1", "LENGTH(subject) > 5"],
)  # fmt: skip
def test_what_is_fine(text: str) -> None:
    """No remark."""
    assert remarks(parse_sql(text)) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [("1 + 1", "no event passes: the value is an integer"), ("UPPER(type)", "no event passes: the value is text"),
     ("LENGHT(a) > 1", "did you mean LENGTH?"), ("XYZZY()", "known: ABS"), ("LENGTH(a, b) = 1", "LENGTH does not take 2 arguments"),
     ("ABS() = 1", "ABS does not take 0 arguments"), ("EXISTS data", "`data` is no attribute"), ("data = 'x'", "`data` is no attribute"),
     ("NOT a LIKE 'x'", "NOT is applied to `a` alone"), ("NOT a IN (1)", "NOT is applied to `a` alone"),
     ("NOT speed = 5", "NOT is applied to `speed` alone")],
)  # fmt: skip
def test_what_looks_like_a_mistake(text: str, words: str) -> None:
    """A sentence that says what would be right."""
    [remark] = remarks(parse_sql(text))
    assert words in remark


@given(expressions)
def test_every_expression_can_be_looked_at(expression: Expression) -> None:
    """No remark is made twice."""
    found = remarks(expression)
    assert len(found) == len(set(found))
