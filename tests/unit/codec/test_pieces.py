"""Cutting JSON without a parser."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.codec.pieces import is_well_formed, split, split_member

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(st.lists(VALUES), st.sampled_from([None, 1]))
def test_the_pieces_of_an_array(values: list, indent: int | None) -> None:
    """Are its elements, whatever brackets and commas their strings hold."""
    text = json.dumps(values, indent=indent).encode()
    assert is_well_formed(text)
    assert [json.loads(piece) for piece in split(text, b"[")] == values


@given(st.dictionaries(st.text(), VALUES), st.sampled_from([None, 1]))
def test_the_pieces_of_an_object(values: dict, indent: int | None) -> None:
    """Are names and values."""
    pairs = map(split_member, split(json.dumps(values, indent=indent).encode(), b"{"))
    assert [(json.loads(name), json.loads(value)) for name, value in pairs] == list(values.items())


def test_depth_does_not_matter() -> None:
    """A hundred thousand brackets are one piece."""
    deep = b"[" * 100_000 + b"]" * 100_000
    assert is_well_formed(deep)
    assert split(b"[1," + deep + b"]", b"[") == [b"1", deep]


@pytest.mark.parametrize("text", [b"", b"1", b"{}", b"[", b"[}", b"[]]", b"[],", b"[1", b"]"])
def test_what_is_no_array_is_refused(text: bytes) -> None:
    """Brackets that do not match, or none."""
    with pytest.raises(ValueError):
        split(text, b"[")


@pytest.mark.parametrize("piece", [b"", b"1:2", b'"a"', b'"a"1:2', b":"])
def test_what_is_no_member_is_refused(piece: bytes) -> None:
    """A name in quotes, a colon, a value."""
    with pytest.raises(ValueError):
        split_member(piece)


@pytest.mark.parametrize("text", [b"[NaN]", b"[1,]", b"[01]", b'["\x01"]', b"[tru]", b"[1 2]", b"\xff"])
def test_grammar_is_strict(text: bytes) -> None:
    """As RFC 8259 has it."""
    assert not is_well_formed(text)


def test_half_a_surrogate_pair_is_well_formed() -> None:
    """By grammar; whether it may stay is asked elsewhere."""
    assert is_well_formed(b'["\\ud800"]')
