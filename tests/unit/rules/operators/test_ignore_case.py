"""Ignoring case, by the mappings of each pattern character."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.rules.operators.ignore_case import EqualsIgnoreCase, PrefixIgnoreCase, SuffixIgnoreCase
from tests.operators import holds, parse, refusal

TABLE = [
    ("ß", ["ß", "SS"], ["ss", "ẞ"]),
    ("SS", ["ss", "sS", "Ss", "SS"], ["ß"]),
    ("ﬁ", ["ﬁ", "FI"], ["fi"]),
    ("İ", ["İ", "i\u0307"], ["i", "I"]),
    ("ı", ["ı", "I"], ["i"]),
    ("σ", ["σ", "Σ"], ["ς"]),
    ("ς", ["ς", "Σ"], ["σ"]),
    ("\u212a", ["k", "\u212a"], ["K"]),
    ("k", ["k", "K"], ["\u212a"]),
    ("ǅ", ["ǆ", "Ǆ", "ǅ"], ["dž"]),
    ("🚦", ["🚦"], ["??", "🚥"]),
    ("𐐀", ["𐐀", "𐐨"], ["??"]),
    ("", [""], ["a"]),
    ("Ab1", ["ab1", "AB1", "aB1"], ["ab", "ab12", "1bA"]),
]


@pytest.mark.parametrize(("pattern", "accepted", "refused"), TABLE)
def test_what_a_pattern_accepts(pattern: str, accepted: list[str], refused: list[str]) -> None:
    """Itself, its lower and its upper case, of any length; nothing else, so it is not symmetric."""
    operator = EqualsIgnoreCase(pattern)
    assert [text for text in accepted if not operator.holds(text)] == []
    assert [text for text in refused if operator.holds(text)] == []


@pytest.mark.parametrize(("pattern", "accepted", "refused"), TABLE)
def test_the_same_at_the_start_and_at_the_end(pattern: str, accepted: list[str], refused: list[str]) -> None:
    """With text behind or before it."""
    for text in accepted:
        assert PrefixIgnoreCase(pattern).holds(f"{text}…x")
        assert SuffixIgnoreCase(pattern).holds(f"x…{text}")
    for text in refused:
        if pattern and not any(text.startswith(fit) or text.endswith(fit) for fit in accepted):
            assert not PrefixIgnoreCase(pattern).holds(text)
            assert not SuffixIgnoreCase(pattern).holds(text)


def test_choices_of_different_length_are_all_followed() -> None:
    """`ßS` read in `SSS`: the first two characters are one of the pattern's."""
    assert EqualsIgnoreCase("ßs").holds("SSS")
    assert EqualsIgnoreCase("sß").holds("SSS")
    assert SuffixIgnoreCase("ßßß").holds("xSSßSS")


@pytest.mark.parametrize("operator", [EqualsIgnoreCase("5"), PrefixIgnoreCase(""), SuffixIgnoreCase("")])
def test_strings_only(operator: EqualsIgnoreCase) -> None:
    """The empty prefix and suffix fit every string, and no other value."""
    assert not any(operator.holds(value) for value in (None, True))
    assert not holds('{"equals-ignore-case":"5"}', "5")


def test_a_long_pattern_takes_no_time() -> None:
    """However many readings there are."""
    assert EqualsIgnoreCase("ß" * 2_000).holds("SS" * 2_000)
    assert not SuffixIgnoreCase("ß" * 2_000).holds("SS" * 1_000 + "x")


@given(
    st.text(alphabet="aAßSsﬁk\u212aσΣςİiıI", max_size=6), st.text(alphabet="aAßSsﬁFIk\u212aKσΣςİiıI\u0307", max_size=8)
)
def test_equality_is_a_prefix_that_is_a_suffix_of_nothing_more(pattern: str, value: str) -> None:
    """Reading forwards and backwards agree."""
    equals = EqualsIgnoreCase(pattern).holds(value)
    assert equals == SuffixIgnoreCase("…" + pattern).holds("…" + value)
    assert equals == PrefixIgnoreCase(pattern + "…").holds(value + "…")


def test_parsing() -> None:
    """A string, in the aws dialect and the superset."""
    assert parse('{"equals-ignore-case":"aB"}') == EqualsIgnoreCase("aB")
    assert refusal('{"equals-ignore-case":["a"]}')[0] == "['equals-ignore-case']"
    assert "not part of the aliyun dialect" in refusal('{"equals-ignore-case":"a"}', "aliyun")[1]


@pytest.mark.parametrize(
    ("operator", "words"),
    [(EqualsIgnoreCase("a"), '"a" ignoring case'), (PrefixIgnoreCase("a"), 'prefix "a" ignoring case'),
     (SuffixIgnoreCase("a"), 'suffix "a" ignoring case')],
)  # fmt: skip
def test_in_words(operator: EqualsIgnoreCase, words: str) -> None:
    """For explanations."""
    assert operator.wanted == words
