"""Precedence, and what is refused."""

import random
import sys
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import InvalidFilter
from bridge.rules.cesql.compiler import compile_node
from bridge.rules.cesql.parser import MAX_HEIGHT, MAX_NESTING, MAX_SIZE, parse_sql
from bridge.rules.cesql.tree import Arithmetic, Attribute, Comparison, Constant, Exists, Logic, Not
from tests.expressions import soups


@pytest.mark.parametrize(
    ("text", "meant"),
    [("a = b AND c", "(a = b) AND c"), ("1 + 2 * 3", "1 + (2 * 3)"), ("a + 1 < b * 2", "(a + 1) < (b * 2)"),
     ("NOT a = b", "(NOT a) = b"), ("NOT a LIKE 'x'", "(NOT a) LIKE 'x'"), ("NOT EXISTS a", "NOT (EXISTS a)"),
     ("-a IN (1)", "(-a) IN (1)"), ("1 + a IN (1)", "1 + (a IN (1))"), ("a = b LIKE 'x'", "a = (b LIKE 'x')"),
     ("NOT f(a) AND b", "(NOT (f(a))) AND b"), ("a LIKE 'x' IN (b)", "(a LIKE 'x') IN (b)"),
     ("a IN (b) LIKE 'x'", "(a IN (b)) LIKE 'x'"), ("NOT -a", "NOT (-a)"), ("EXISTS a LIKE 'x'", "(EXISTS a) LIKE 'x'")],
)  # fmt: skip
def test_what_binds_more_tightly(text: str, meant: str) -> None:
    """The same tree with parentheses and without; another one where they are put elsewhere."""
    assert parse_sql(text) == parse_sql(meant)


@pytest.mark.parametrize(
    ("text", "steps"),
    [("a OR b AND c XOR d", ["OR", "AND", "XOR"]), ("a < b = c", ["<", "="]), ("1 - 2 + 3", ["-", "+"]),
     ("1 / 2 * 3 % 4", ["/", "*", "%"])],
)  # fmt: skip
def test_what_binds_equally_stands_in_a_row(text: str, steps: list[str]) -> None:
    """From left to right, in one node."""
    root = parse_sql(text).root
    assert isinstance(root, Logic | Comparison | Arithmetic)
    assert [sign for sign, _ in root.steps] == steps


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("a AND (b OR c)", "a AND b OR c"),
        ("NOT (a = b)", "NOT a = b"),
        ("(1 + 2) * 3", "1 + 2 * 3"),
        ("1 - (2 - 3)", "1 - 2 - 3"),
    ],
)
def test_parentheses_count(text: str, other: str) -> None:
    """They make another tree."""
    assert parse_sql(text) != parse_sql(other)


@pytest.mark.parametrize(
    ("text", "root"),
    [("NOT NOT a", Not(Not(Attribute("a")))), ("exists A1", Exists("a1")), ("Source", Attribute("source")),
     ("-2147483648", Constant(-(2**31))), ("+5", Constant(5)), ("007", Constant(7)), ("tRuE", Constant(True)),
     ("1a", Attribute("1a"))],
)  # fmt: skip
def test_names_are_folded_and_signs_belong_to_numbers(text: str, root: object) -> None:
    """An attribute's name is lower case, however it is written."""
    assert parse_sql(text).root == root


def test_a_sign_behind_an_operand_is_an_operator() -> None:
    """With space or without."""
    assert parse_sql("4 -1") == parse_sql("4-1") == parse_sql("4 - 1")
    assert parse_sql("4 - -1") == parse_sql("4--1")


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("", 1), ("AND", 1), ("a AND", 6), ("a b", 3), ("(a", 3), ("a)", 2), ("ABC(", 5), ("f(a,)", 5), ("f(,a)", 3),
        ("a IN ()", 7), ("a IN 5", 6), ("x LIKE 123", 8), ("x LIKE y", 8), ("x LIKE 'a' 'b'", 12), ("'a''b'", 4),
        ("EXISTS 5", 8), ("EXISTS 'a'", 8), ("EXISTS", 7), ("EXISTS (a)", 8), ("a NOT b", 7), ("+a", 2), ("- ", 3),
        ("2147483648", 1), ("-2147483649", 2), ("- 2147483648", 3), ("9" * 5_000, 1), ("a_b", 1), ("a1(b)", 1),
        ("a IS NULL", 3), ("a == b", 4), ("a >< b", 4), ("LIKE(a)", 1), ("a LIKE '%" + "a_" * 60 + "%'", 8),
    ],
)  # fmt: skip
def test_what_is_no_expression_is_refused_with_its_place(text: str, position: int) -> None:
    """The place of the first token that does not fit, counted from 1."""
    with pytest.raises(InvalidFilter) as caught:
        parse_sql(text)
    assert caught.value.position == position


def test_large_expressions_are_refused() -> None:
    """By their size, before anything is read."""
    began = time.perf_counter()
    with pytest.raises(InvalidFilter, match="longer than 65,536 characters"):
        parse_sql("a = 1 OR " * 120_000)
    assert time.perf_counter() - began < 0.1


@pytest.mark.parametrize(
    "text",
    ["(" * 60_000, "(" * 30_000 + "a" + ")" * 30_000, "NOT " * 16_000 + "a", "-" * 60_000 + "a", "f(" * 30_000, "a IN (" * 10_000,
     "a" + " IN (1)" * 9_000, "a" + " LIKE 'x'" * 7_000, "(" * MAX_NESTING + "(a)" + ")" * MAX_NESTING, "- " * 30_000 + "5"],
)  # fmt: skip
def test_deep_nesting_is_refused(text: str) -> None:
    """With a typed error, in whatever way it is made deep."""
    with pytest.raises(InvalidFilter, match="nested more than"):
        parse_sql(text)


def test_what_is_just_not_too_deep_works_far_down_the_stack() -> None:
    """Parser, compiler and what they make need less than half of Python's stack."""
    level = "NOT (1 * 2 + {} < 3 OR a LIKE 'x')"
    text = "b"
    while True:
        deeper = level.format(f"({text})")
        try:
            parse_sql(deeper)
        except InvalidFilter:
            break
        text = deeper

    def descend(frames: int) -> None:
        if frames:
            descend(frames - 1)
        else:
            compile_node(parse_sql(text).root)

    descend(sys.getrecursionlimit() // 2 - 100)


def test_long_rows_are_wide_and_not_deep() -> None:
    """Thousands of alternatives are fine."""
    for text in (" OR ".join(f"type = 't{n}'" for n in range(3_000)), "+".join("1" * 30_000), " = ".join("a" * 16_000)):
        assert MAX_HEIGHT < len(text) < MAX_SIZE
        compile_node(parse_sql(text).root)


@given(st.text() | soups)
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but the typed error."""
    with suppress(InvalidFilter):
        parse_sql(text)


def test_large_random_texts_are_refused_in_time() -> None:
    """Of words that fit together somehow."""
    generator = random.Random(5)
    for _ in range(20):
        text = " ".join(generator.choices(["a", "(", ")", "AND", "NOT", "5", "IN", "'x'", ",", "-", "f("], k=15_000))
        began = time.perf_counter()
        with pytest.raises(InvalidFilter):
            parse_sql(text)
        assert time.perf_counter() - began < 1
