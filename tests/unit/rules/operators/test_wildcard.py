"""`wildcard`."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.rules.operators.base import Site
from bridge.rules.operators.wildcard import MAX_STARS, Wildcard, parse_wildcard
from tests.operators import holds, parse, refusal


def wildcard(text: str) -> Wildcard:
    return parse_wildcard(text, Site("bridge", "$"))


@pytest.mark.parametrize(
    ("text", "fits", "fails"),
    [
        ("*", ["", "a", "a\nb"], []),
        ("", [""], ["a"]),
        ("a*c", ["ac", "abc", "acc"], ["a", "c", "acx", "xac", "AC"]),
        ("*a", ["a", "ba"], ["ab"]),
        ("a*", ["a", "ab"], ["ba"]),
        ("*a*b*", ["ab", "xaybz"], ["ba"]),
        ("ab*ba", ["abba", "abxba"], ["aba"]),
        (r"a\*b", ["a*b"], ["axb"]),
        (r"a\\*", ["a\\", "a\\x"], ["a"]),
        (r"\**", ["*", "*x"], ["x"]),
        ("*aa*aa*", ["aaaa", "aaxaa"], ["aaa"]),
    ],
)  # fmt: skip
def test_strings_that_fit_and_fail(text: str, fits: list[str], fails: list[str]) -> None:
    """A star is any sequence, also none; a backslash makes a star or a backslash literal."""
    operator = wildcard(text)
    assert [value for value in fits if not operator.holds(value)] == []
    assert [value for value in fails if operator.holds(value)] == []


def test_pieces_between_stars() -> None:
    """What matchers work on."""
    assert wildcard(r"a\**b*").pieces == ("a*", "b", "")
    assert wildcard("ab").pieces == ("ab",)


def test_strings_only() -> None:
    """A star fits every string, and no other value."""
    assert not any(holds('{"wildcard":"*"}', value) for value in ("5", "null", "true"))


@pytest.mark.parametrize(("text", "reason"), [("a**b", "two stars"), ("**", "two stars"), ("a\\n", "backslash"), ("a\\", "backslash"),
                                              (r"\\\x", "backslash")])  # fmt: skip
def test_what_is_refused(text: str, reason: str) -> None:
    """Two stars in a row, and a backslash before anything else."""
    escaped = text.replace("\\", "\\\\")
    path, why = refusal(f'{{"wildcard":"{escaped}"}}')
    assert path == ".wildcard"
    assert reason in why


@pytest.mark.parametrize("argument", ["5", "null", '["a*"]', "{}"])
def test_a_string_is_taken(argument: str) -> None:
    """A list is not."""
    assert "takes a string" in refusal(f'{{"wildcard":{argument}}}')[1]


def test_stars_are_bounded() -> None:
    """By a limit that is named."""
    assert len(wildcard("a*" * MAX_STARS).pieces) == MAX_STARS + 1
    assert f"at most {MAX_STARS} stars" in refusal(f'{{"wildcard":"{"a*" * (MAX_STARS + 1)}"}}')[1]


def test_many_stars_on_a_long_text_take_no_time() -> None:
    """Nothing is tried twice."""
    assert not wildcard("*a" * (MAX_STARS - 1) + "*b").holds("a" * 1_000_000)


@given(st.lists(st.sampled_from(["a", "b", r"\*", r"\\", "*"]), max_size=8), st.text(alphabet="ab*\\", max_size=10))
def test_it_answers_as_a_regular_expression_does(parts: list[str], value: str) -> None:
    """With `.*` for each star."""
    text = re.sub(r"(?<!\\)((?:\\\\)*)\*{2,}", r"\1*", "".join(parts))
    expression = "".join(".*" if part == "*" else re.escape(part[-1]) for part in parts)
    assert wildcard(text).holds(value) == bool(re.fullmatch(expression, value, re.DOTALL))


def test_in_words() -> None:
    """As written."""
    assert parse('{"wildcard":"a*"}').wanted == 'wildcard "a*"'
