"""What can be seen without an event."""

import pytest

from bridge.rules.contradictions import accepts_text, is_contradiction, is_tautology
from tests.operators import parse


@pytest.mark.parametrize(
    "alternative",
    ['{"prefix":"ab","anything-but":{"prefix":"a"}}', '{"suffix":"ab","anything-but":{"suffix":["x","b"]}}',
     '{"prefix":"a","numeric":[">",1]}', '{"exactly":"ab","prefix":"b"}', '{"numeric":["=",5],"anything-but":[4,5.0]}',
     '{"exactly":"a","numeric":["=",1]}'],
)  # fmt: skip
def test_operators_that_exclude_each_other(alternative: str) -> None:
    """No value satisfies all of them."""
    assert is_contradiction(parse(alternative))


@pytest.mark.parametrize(
    "alternative",
    ['"a"', '{"prefix":"a"}', '{"prefix":"a","anything-but":{"prefix":"ab"}}', '{"exactly":"ab","prefix":"a"}',
     '{"numeric":[">",5],"anything-but":7}', '{"exists":true,"numeric":[">",1]}', '{"prefix":"a","suffix":"b"}',
     '{"prefix":"a","anything-but":{"suffix":"a"}}'],
)  # fmt: skip
def test_operators_that_may_hold_together(alternative: str) -> None:
    """Or whose contradiction cannot be seen."""
    assert not is_contradiction(parse(alternative))


@pytest.mark.parametrize(
    ("alternative", "expected"),
    [('"a"', True), ('"::1"', True), ("5", False), ("null", False), ('{"numeric":[">",1]}', False), ('{"anything-but":5}', True),
     ('{"exists":true}', True), ('{"prefix":"a","contains":"b"}', True), ('{"exists":true,"numeric":[">",1]}', False)],
)  # fmt: skip
def test_what_some_string_satisfies(alternative: str, expected: bool) -> None:
    """Attributes such as `type` are strings."""
    assert accepts_text(parse(alternative)) is expected


@pytest.mark.parametrize(
    ("alternative", "of_any", "of_text"),
    [('{"exists":true}', True, True), ('{"prefix":""}', False, True), ('{"suffix":{"equals-ignore-case":""}}', False, True),
     ('{"wildcard":"*"}', False, True), ('{"prefix":"","suffix":""}', False, True), ('{"exists":true,"prefix":"a"}', False, False),
     ('{"wildcard":"*a"}', False, False), ('{"exists":false}', False, False), ('{"anything-but":"a"}', False, False)],
)  # fmt: skip
def test_what_everything_satisfies(alternative: str, of_any: bool, of_text: bool) -> None:
    """Every value, or every string."""
    assert is_tautology(parse(alternative), text=False) is of_any
    assert is_tautology(parse(alternative), text=True) is of_text
