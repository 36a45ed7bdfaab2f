"""Alternatives sorted by what they look at."""

import pytest

from bridge.rules.matching.alternatives import Sorter, tells_numbers, tells_values
from bridge.rules.operators.base import Operator
from bridge.rules.pattern import parse_pattern


def alternatives(text: str) -> tuple[Operator, ...]:
    [branch] = parse_pattern(f'{{"f":[{text}]}}').branches
    return branch.fields[0].alternatives


@pytest.mark.parametrize(
    ("text", "values", "numbers"),
    [
        ('{"exists":true}', False, False),
        ('{"exists":false}', False, False),
        ('"a"', True, False),
        ("null", True, False),
        ("5", True, True),
        ('{"numeric":[">",0]}', True, True),
        ('{"anything-but":"a"}', True, False),
        ('{"anything-but":5}', True, True),
        ('{"prefix":"a","suffix":"b"}', True, False),
        ('{"prefix":"a","numeric":[">",0]}', True, True),
        ('{"exists":true,"anything-but":"a"}', True, False),
    ],
)
def test_what_an_operator_looks_at(text: str, values: bool, numbers: bool) -> None:
    """Decides how the field is decoded."""
    [operator] = alternatives(text)
    assert (tells_values(operator), tells_numbers(operator)) == (values, numbers)


def test_a_second_anything_but_is_asked() -> None:
    """Two in one list are no intersection of what they refuse."""
    sorter = Sorter([(1, alternatives('{"anything-but":"a"},{"anything-but":"b"}'))])
    assert [bit for _, bit in sorter.refused_texts] == [1]
    assert len(sorter.rest) == 1


def test_existence_overrules_anything_but() -> None:
    """Any value will do, so nothing is refused."""
    sorter = Sorter([(1, alternatives('{"anything-but":"a"},{"exists":true}'))])
    assert sorter.refused_texts == []


def test_numbers_beyond_doubles_are_kept_by_their_characters() -> None:
    """Beside those that compare by value."""
    sorter = Sorter([(1, alternatives("5.0,9007199254740993"))])
    assert (sorter.exact_numbers, sorter.odd_numbers) == ({5.0: 1}, {"9007199254740993": 1})


def test_constants_know_what_accepts_them() -> None:
    """Null, true and false satisfy anything-but, and operators that are asked."""
    sorter = Sorter([(1, alternatives("true")), (2, alternatives('{"anything-but":5}')), (4, alternatives("null"))])
    assert (sorter.scalar(True), sorter.scalar(False), sorter.scalar(None)) == (3, 2, 6)
