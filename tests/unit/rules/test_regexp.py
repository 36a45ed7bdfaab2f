"""match() and search() of JSONPath filters."""

import time

import pytest

from bridge.errors import InvalidTransform
from bridge.rules.allowance import REGEXP_S
from bridge.rules.jsonpath import compile_path
from bridge.rules.regexp import Matching


@pytest.mark.parametrize(
    ("pattern", "text", "whole", "part"),
    [
        ("a.c", "abc", True, True),
        ("a.c", "xabc", False, True),
        ("a.c", "a\nc", False, False),
        ("a[.]c", "abc", False, False),
        (r"a\.c", "a.c", True, True),
        (".", "😀", True, True),
        (r"\p{Lu}+", "ÄB", True, True),
    ],
)
def test_match_is_whole_and_search_is_part(pattern: str, text: str, whole: bool, part: bool) -> None:
    """A dot is any character but the end of a line."""
    assert Matching(whole=True)(text, pattern) is whole
    assert Matching(whole=False)(text, pattern) is part


@pytest.mark.parametrize("pattern", ["(", r"\p{IsNothing}", "[b-a]", "a(?=b)", r"\b", 7, None])
def test_what_is_no_iregexp_matches_nothing(pattern: object) -> None:
    """Neither broken patterns nor what other dialects have."""
    assert Matching(whole=False)("ab", pattern) is False


def test_what_is_no_string_matches_nothing() -> None:
    """Numbers have no text here."""
    assert Matching(whole=False)(7, "7") is False


def test_runaway_pattern_is_stopped() -> None:
    """A pattern that would take hours for one short text ends in a typed error, soon."""
    path = compile_path("$[?match(@, '(a|aa)+')]")
    began = time.perf_counter()
    with pytest.raises(InvalidTransform, match="takes too long"):
        path.find(["a" * 60 + "!"] * 100)
    assert time.perf_counter() - began < 20 * REGEXP_S
    assert path.find(["aaa"]) == ["aaa"]
