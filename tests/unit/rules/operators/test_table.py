"""The operator object."""

import pytest

from bridge.rules.operators.table import OPERATORS
from tests.operators import holds, parse, refusal, text_holds


@pytest.mark.parametrize(
    ("alternative", "reason"),
    [
        ('{"prefx":"a"}', "did you mean `prefix`?"),
        ('{"anything_but":"a"}', "did you mean `anything-but`?"),
        ('{"equal-ignore-case":"a"}', "did you mean `equals-ignore-case`?"),
        ('{"Prefix":"a"}', "they are written in lower case, `prefix`"),
        ('{"regex":"a"}', "there are `exactly`, `prefix`"),
        ('{"":"a"}', "there are"),
        ("{}", "not empty"),
        ('{"prefix":"a","prefix":"b"}', "stands twice"),
        ('{"exists":false,"prefix":"a"}', "stands alone"),
    ],
)
def test_what_is_refused(alternative: str, reason: str) -> None:
    """A typo suggests the right operator."""
    path, why = refusal(alternative)
    assert path == ""
    assert reason in why


def test_several_operators_must_all_hold() -> None:
    """For the same value, in the aliyun dialect and the superset."""
    alternative = '{"prefix":"a","suffix":"z","anything-but":"abz"}'
    assert text_holds(alternative, "az")
    assert not any(text_holds(alternative, text) for text in ("a", "z", "abz"))
    assert holds('{"exists":true,"numeric":[">",1],"anything-but":5}', "4", "aliyun")
    assert "several operators" in refusal(alternative, "aws")[1]


def test_an_unknown_operator_is_named_before_their_number() -> None:
    """Also in the aws dialect, where one alone is allowed."""
    assert "`foo` is no operator" in refusal('{"prefix":"a","foo":1}', "aws")[1]


def test_in_words() -> None:
    """Joined."""
    assert parse('{"prefix":"a","suffix":"z"}').wanted == 'prefix "a" and suffix "z"'


def test_every_operator_has_its_row() -> None:
    """The language's vocabulary; plain scalars have no name."""
    assert {name: sorted(unit.dialects) for name, unit in OPERATORS.items()} == {
        "exactly": ["aws", "bridge"],
        "prefix": ["aliyun", "aws", "bridge"],
        "suffix": ["aliyun", "aws", "bridge"],
        "contains": ["aliyun", "bridge"],
        "equals-ignore-case": ["aws", "bridge"],
        "wildcard": ["aws", "bridge"],
        "anything-but": ["aliyun", "aws", "bridge"],
        "numeric": ["aliyun", "aws", "bridge"],
        "cidr": ["aliyun", "aws", "bridge"],
        "exists": ["aliyun", "aws", "bridge"],
    }
