"""When `$or` is an operator."""

import pytest

from bridge.errors import InvalidPattern
from bridge.rules.disjunction import RESERVED, has_or, why_field
from bridge.rules.jsontext import Members, read_json


def root(text: str) -> Members:
    value = read_json(text, depth=100, error=InvalidPattern)
    assert isinstance(value, Members)
    return value


@pytest.mark.parametrize(
    "text",
    ['{"$or":[{"a":[1]},{"b":[2]}]}', '{"x":{"$or":[{"a":[1]},{"b":{"c":[2]}}]}}',
     '{"$or":[{"$or":[{"a":[1]},{"b":[2]}]},{"c":[{"prefix":"x"}]}]}', '{"a":[{"$or":1}]}', '{"prefix":["x"]}'],
)  # fmt: skip
def test_an_operator_where_every_one_can_be_one(text: str) -> None:
    """At any level, nested, with operator objects inside its leaves; or where none occurs."""
    assert why_field(root(text)) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"$or":{"a":[1]}}', "takes a list"),
        ('{"$or":"a"}', "takes a list"),
        ('{"$or":[]}', "at least two objects"),
        ('{"$or":[{"a":[1]}]}', "at least two objects"),
        ('{"$or":[1,2]}', "at least two objects"),
        ('{"$or":[{"a":[1]},{}]}', "none of them empty"),
        ('{"$or":[{"a":[1]},[{"b":[2]}]]}', "at least two objects"),
        ('{"$or":[{"a":[1]},{"b":[2]}],"c":{"$or":[1,2]}}', "at least two objects"),
        ('{"$or":[{"a":[1]},{"$or":[{"b":[1]},2]}]}', "at least two objects"),
    ],
)
def test_a_field_where_one_cannot(text: str, why: str) -> None:
    """One that cannot be an operator makes a field of all."""
    assert why in (why_field(root(text)) or "")


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_reserved_names_inside_make_it_a_field(name: str) -> None:
    """At any depth inside, but not beside it."""
    assert f"`{name}`" in (why_field(root(f'{{"$or":[{{"a":{{"{name}":[1]}}}},{{"b":[2]}}]}}')) or "")
    assert f"`{name}`" in (why_field(root(f'{{"$or":[{{"$or":[{{"{name}":[1]}},{{"b":[2]}}]}},{{"b":[2]}}]}}')) or "")
    assert why_field(root(f'{{"$or":[{{"a":[1]}},{{"b":[2]}}],"{name}":[1]}}')) is None


def test_whether_there_is_one_at_all() -> None:
    """As a member of an object that holds fields, at any level."""
    assert has_or(root('{"a":{"$or":1}}'))
    assert not has_or(root('{"a":[{"$or":1}]}'))
