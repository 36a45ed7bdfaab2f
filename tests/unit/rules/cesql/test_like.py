"""LIKE: what fits, and that nothing makes it slow."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import InvalidFilter
from bridge.rules.cesql.like import MAX_MIDDLE, compile_like, parse_like


@pytest.mark.parametrize(
    ("pattern", "fitting", "others"),
    [
        ("", [""], ["a"]),
        ("%", ["", "a", "\n"], []),
        ("%%", ["", "a"], []),
        ("abc", ["abc"], ["ab", "ABC", "abcd"]),
        ("a%", ["a", "ab", "a\nb"], ["", "ba"]),
        ("%a", ["a", "ba"], ["ab"]),
        ("%a%", ["a", "xax"], ["", "b"]),
        ("_", ["a", "🚦", "\n", "_"], ["", "ab"]),
        ("a_c", ["abc", "a_c"], ["ac", "abbc"]),
        ("ab%ba", ["abba", "abxba"], ["aba", "ab"]),
        ("_%_", ["ab", "abc"], ["a"]),
        ("%_", ["a", "ab"], [""]),
        ("a%b%c", ["abc", "axbxc", "abbc"], ["acb", "ab", "ac"]),
        ("%a_c%e_", ["abcef", "xxabcxxef"], ["abce", "acef"]),
        ("%ab%ab%", ["abab", "xabxabx"], ["ab", "aab"]),
        (r"50\%", ["50%"], ["50", r"50\%", "500"]),
        (r"a\_b", ["a_b"], ["axb", r"a\_b"]),
        (r"a\b", [r"a\b"], ["ab"]),
        (r"a\\%", [r"a\%"], [r"a\\", r"a\b"]),
        ("a\\", ["a\\"], ["a"]),
        (".*", [".*"], ["a"]),
    ],
)
def test_patterns(pattern: str, fitting: list[str], others: list[str]) -> None:
    """A backslash escapes the two wildcards and is a character before anything else."""
    fits = compile_like(pattern)
    assert [text for text in fitting if not fits(text)] == []
    assert [text for text in others if fits(text)] == []


@given(st.text("ab%_\\", max_size=12), st.text("ab%_\\", max_size=12))
def test_it_agrees_with_a_slow_evaluator(pattern: str, text: str) -> None:
    """A regular expression, which may backtrack on texts this short."""
    parts = re.findall(r"\\[%_]|.", pattern)
    meaning = {"%": ".*", "_": "."}
    slow = "".join(meaning.get(part) or re.escape(part[-1]) for part in parts)
    assert compile_like(pattern)(text) is (re.fullmatch(slow, text, re.DOTALL) is not None)


@pytest.mark.parametrize(
    "pattern",
    ["%a" * 30_000 + "b", "%" * 60_000, "%a_" * 20_000 + "%b", "_" * 60_000, "a%" * 30_000 + "_b",
     "%" + "a" * (MAX_MIDDLE - 2) + "_b%", "%" + "_" * MAX_MIDDLE + "%b", "%" + "a" * 30_000 + "b%"],
)  # fmt: skip
def test_no_pattern_makes_it_slow(pattern: str) -> None:
    """On a text made to be looked at again and again: no more than a second a megabyte, by far."""
    fits = compile_like(pattern)
    text = "a" * 250_000
    began = time.perf_counter()
    assert not fits(text) or "b" not in pattern
    assert time.perf_counter() - began < 1


def test_a_long_piece_with_gaps_is_refused() -> None:
    """Between two wildcards it would be looked for character by character; at the ends it stands still."""
    piece = "a" * MAX_MIDDLE + "_"
    with pytest.raises(InvalidFilter, match="at most 100 long"):
        parse_like(f"%{piece}%")
    for pattern in (piece, f"{piece}%", f"%{piece}", f"%{'a' * 1_000}%"):
        compile_like(pattern)
