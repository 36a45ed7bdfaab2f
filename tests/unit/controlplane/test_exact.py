"""JSON values with nothing lost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.controlplane.exact import check_names, format_exact, parse_exact
from bridge.errors import InvalidConfig

TEXT = '{"b":1.10,"a":[12345678901234567890123,-0.0,1e400],"b":null,"":{"é":"\\"\\\\"},"t":[true,false]}'


def test_text_survives() -> None:
    """Order, repeated names and digits come out as they went in."""
    assert format_exact(parse_exact(TEXT)) == TEXT


@settings(deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(alphabet=st.characters(codec="utf-8")),
                    lambda inner: st.lists(inner) | st.dictionaries(st.text("ab"), inner), max_leaves=12))  # fmt: skip
def test_formatted_values_read_back(value: object) -> None:
    """What is formatted parses to the same value."""
    import json

    exact = parse_exact(json.dumps(value))
    assert parse_exact(format_exact(exact)) == exact


@pytest.mark.parametrize(
    ("text", "path"),
    [('{"a":1,"a":2}', "$.a"), ('{"a":[{},{"b":1,"b":1}]}', "$.a[1].b"), ('{"x y":{"":1,"":1}}', '$["x y"][""]')],
)
def test_names_given_twice_are_refused_with_their_path(text: str, path: str) -> None:
    """At any depth."""
    with pytest.raises(InvalidConfig) as caught:
        check_names(parse_exact(text))
    assert caught.value.path == path


def test_some_parts_judge_repeated_names_themselves() -> None:
    """Below the paths that are named, nothing is refused."""
    check_names(parse_exact('{"spec":{"pattern":{"a":1,"a":2}}}'), except_in=["$.spec.pattern"])


def test_numbers_and_texts_differ() -> None:
    """1 is not "1", nor an empty object an empty array."""
    assert parse_exact("1") != parse_exact('"1"')
    assert parse_exact("{}") != parse_exact("[]")
