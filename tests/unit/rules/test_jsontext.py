"""JSON read without loss and without mercy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import InvalidInput, InvalidPattern
from bridge.rules.jsontext import Members, read_json
from bridge.rules.numbers import Number


def read(text: bytes | str, depth: int = 10):
    return read_json(text, depth=depth, error=InvalidInput)


def test_members_keep_their_order_and_repetitions() -> None:
    """A parser that keeps the last of two would lose a meaning."""
    value = read('{"a": {"b": "x"}, "a": {"c": null}}')
    assert value == Members([("a", Members([("b", "x")])), ("a", Members([("c", None)]))])
    assert isinstance(value, Members)


def test_numbers_keep_their_characters() -> None:
    """Integers and decimals of any length."""
    assert read("[5.0, 12345678901234567890, true]") == [
        Number("5.0", 5.0),
        Number("12345678901234567890", None),
        True,
    ]


@pytest.mark.parametrize(
    "text",
    ["", " ", "{} x", "{}{}", "{'a':1}", "{a:1}", '{"a":01}', "[+1]", "[.5]", "[1.]", "[1,]", '{"a":1,}', "/**/{}", "[NaN]",
     "[Infinity]", "[-Infinity]", '["\t"]', '["\\x"]', '["\\u12"]', '["\\uD8"]', '["a', "[", "{", '{"a"', "\ufeff{}", "nul"],
)  # fmt: skip
def test_what_is_no_json_is_refused(text: str) -> None:
    """Text after the value, NaN, control characters, broken escapes and the rest."""
    with pytest.raises(InvalidInput, match="not valid JSON"):
        read(text)


@pytest.mark.parametrize("text", [b"\xff", b'"\xed\xa0\x80"', b'{"a":"\xc3"}', '"\ud800"'])
def test_what_is_no_utf8_is_refused(text: bytes | str) -> None:
    """A str may hold half a surrogate pair, which has no UTF-8 form either."""
    with pytest.raises(InvalidInput, match="not UTF-8"):
        read(text)


@pytest.mark.parametrize("text", [r'"\ud800"', r'"\udc00"', r'"\ud800\ud800"', r'"\udc00\ud800"', r'"\ud83dx"',
                                  r'{"\uDFFF":1}', r'"\\\ud800"'])  # fmt: skip
def test_half_a_surrogate_pair_is_refused(text: str) -> None:
    """In values and names, in any letter case."""
    with pytest.raises(InvalidInput, match="half of a surrogate pair"):
        read(text)


@pytest.mark.parametrize(("text", "value"), [(r'"\ud83d\udea6"', "🚦"), (r'"\\ud800"', r"\ud800"), (r'"\u00e9"', "é"),
                                             (r'"\uD83D\uDEA6\u0041"', "🚦A")])  # fmt: skip
def test_whole_pairs_and_other_escapes_are_read(text: str, value: str) -> None:
    """An escaped backslash before `u` is no escape."""
    assert read(text) == value


def test_nesting_is_bounded() -> None:
    """One level too many is refused; brackets inside strings do not count."""
    assert read("[" * 10 + "]" * 10) is not None
    assert read('["' + "[" * 50 + '\\"]"]') is not None
    with pytest.raises(InvalidInput, match="nested more than 10 levels"):
        read("[" * 11 + "]" * 11)
    with pytest.raises(InvalidInput, match="nested more than 10 levels"):
        read('{"a":' * 100_000)


def test_nesting_within_the_bound_but_beyond_the_stack_is_refused() -> None:
    """The parser below recurses; its error never shows."""
    with pytest.raises(InvalidInput, match="nested too deeply"):
        read("[" * 100_000 + "]" * 100_000, depth=1_000_000)


def test_the_error_is_the_callers() -> None:
    """Patterns and events fail with their own class."""
    with pytest.raises(InvalidPattern):
        read_json("{", depth=1, error=InvalidPattern)


@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:\\u0d8eE+-.1tnfalsr', max_size=40))
def test_any_text_is_read_or_refused(text: bytes | str) -> None:
    """Nothing but the documented error comes out."""
    try:
        read(text)
    except InvalidInput as error:
        reason = error.reason
    else:
        reason = "none"
    assert reason
