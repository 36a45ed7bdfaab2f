"""An expression is written as it is read."""

import pytest
from hypothesis import given

from bridge.rules.cesql.parser import parse_sql
from bridge.rules.cesql.tokens import read_string
from bridge.rules.cesql.tree import Attribute, Constant, Expression, Negative, quote, walk
from tests.expressions import TEXTS, expressions


@pytest.mark.parametrize(
    "text",
    ["type LIKE 'light.%' AND speed > 50", "(a OR b) AND c", "(a AND b) AND c", "a AND b AND c", "NOT (a = b)", "NOT a = b",
     "-(5)", "-5", "--5", "a NOT LIKE 'x' IN (TRUE, 'y', 5)", "1 - (2 - 3)", "(1 + 2) * 3", "NOT -a", "-NOT a",
     "EXISTS a XOR LENGTH(CONCAT()) >= ABS(-5)", "(a = b) = c", "NOT (a LIKE 'x')", "(a + b) LIKE 'x'"],
)  # fmt: skip
def test_writing_gives_the_text_again(text: str) -> None:
    """With the parentheses that are needed; a number in a row of signs gets some more."""
    expression = parse_sql(text)
    assert str(expression) == text or parse_sql(str(expression)) == expression
    assert len(str(expression)) <= len(text) + 2


@given(expressions)
def test_what_is_written_is_read_as_the_same(expression: Expression) -> None:
    """For every tree."""
    assert parse_sql(str(expression)) == expression


def test_a_negative_number_is_no_operator() -> None:
    """The two are written differently."""
    assert Negative(Constant(5)).write() != Constant(-5).write()


@pytest.mark.parametrize("text", [*TEXTS, r"a\'b", r"\\'", r"\"", "\\\"'", "a\\b"])
def test_every_text_of_an_expression_has_a_literal(text: str) -> None:
    """In one of the two marks."""
    assert read_string(quote(text)) == text


def test_every_node_is_met() -> None:
    """From left to right, the whole before its parts."""
    root = parse_sql("a = 1 AND LENGTH(b) IN (c, d) OR NOT -e LIKE 'x'").root
    assert [node.name for node in walk(root) if isinstance(node, Attribute)] == ["a", "b", "c", "d", "e"]
