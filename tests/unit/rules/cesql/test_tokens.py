"""Words, numbers, strings and signs, each with its place."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import InvalidFilter
from bridge.rules.cesql.tokens import Token, TokenKind, read_string, tokenize


def test_tokens_know_their_place() -> None:
    """Keywords are upper case, strings without their marks; the end is a token."""
    assert tokenize("not a1<='x'") == [
        Token(TokenKind.KEYWORD, "NOT", 0, 3),
        Token(TokenKind.WORD, "a1", 4, 6),
        Token(TokenKind.SIGN, "<=", 6, 8),
        Token(TokenKind.STRING, "x", 8, 11),
        Token(TokenKind.END, "", 11, 11),
    ]


@pytest.mark.parametrize(
    ("text", "kind"),
    [("12", TokenKind.INTEGER), ("12a", TokenKind.WORD), ("ANDY", TokenKind.WORD), ("aNd", TokenKind.KEYWORD)],
)
def test_a_word_is_taken_whole(text: str, kind: TokenKind) -> None:
    """A keyword or number inside a longer word is none."""
    assert [token.kind for token in tokenize(text)] == [kind, TokenKind.END]


@pytest.mark.parametrize(
    ("literal", "text"),
    [("'a'", "a"), ('"a"', "a"), (r"'it\'s'", "it's"), (r'"it\'s"', r"it\'s"), (r"'\\'", r"\\"), (r"'a\%'", r"a\%"),
     (r"'\n'", r"\n"), ("'", None), ("'a'b'", None), (r"'\'", None), ("a", None), ("''", "")],
)  # fmt: skip
def test_a_backslash_escapes_the_strings_own_mark(literal: str, text: str | None) -> None:
    """And nothing else: it is a character everywhere else."""
    assert read_string(literal) == text


@pytest.mark.parametrize(
    ("text", "position", "hint"),
    [("a.b", 2, "pattern"), ("1.5", 2, "integers"), ("a && b", 3, "AND"), ("!a", 1, "NOT"), ("a = 'b", 5, "no end"),
     ('"', 1, "no end"), ("a\u00a0", 2, "unexpected"), ("é", 1, "unexpected"), ("a;", 2, "one expression")],
)  # fmt: skip
def test_what_is_no_token_is_refused(text: str, position: int, hint: str) -> None:
    """With its place, counted from 1, and what may have been meant."""
    with pytest.raises(InvalidFilter, match=rf"\(at character {position}\)$") as caught:
        tokenize(text)
    assert caught.value.position == position
    assert hint in caught.value.reason


def test_a_string_without_end_costs_no_time() -> None:
    """Each character is looked at once."""
    began = time.perf_counter()
    for text in ("'" + "a" * 60_000, "'" + r"\'" * 30_000, "'a" * 20_001):
        with pytest.raises(InvalidFilter):
            tokenize(text)
    assert time.perf_counter() - began < 1


@given(st.text())
def test_any_text_is_cut_or_refused(text: str) -> None:
    """Nothing is lost in between: only space stands between tokens."""
    try:
        tokens = tokenize(text)
    except InvalidFilter:
        return
    places = [(token.start, token.end) for token in tokens]
    between = zip([0, *(end for _, end in places)], [start for start, _ in places], strict=False)
    assert all(text[end:start].strip(" \t\r\n") == "" for end, start in between)
