"""What is looked for in the bytes of a text."""

import json

import pytest

from bridge.rules.document import MAX_DEPTH
from bridge.rules.matching.checks import Oddity, check_text, dotted, is_deep, last_only, quoted, repeated, repeats


@pytest.mark.parametrize("inside", ["0", '"]]"', '"\\\\"', '"[[\\"[["'])
@pytest.mark.parametrize(("levels", "deep"), [(MAX_DEPTH, False), (MAX_DEPTH + 1, True)])
def test_depth_is_counted_outside_strings(inside: str, levels: int, deep: bool) -> None:
    """To the level."""
    half = levels // 2
    text = "[" * half + '{"a":' * (levels - half) + inside + "}" * (levels - half) + "]" * half
    assert is_deep(text.encode()) is deep


def test_many_brackets_are_not_depth() -> None:
    """A long array of small objects is shallow."""
    check_text(json.dumps([{"a": [1]}] * 2_000).encode())


def test_what_the_decoder_lets_through_is_refused() -> None:
    """Broken UTF-8, and nesting beyond the limit."""
    with pytest.raises(UnicodeDecodeError):
        check_text(b'{"a":"\xff"}')
    with pytest.raises(Oddity):
        check_text(b"[" * 600 + b"]" * 600)
    check_text('{"a":"é"}'.encode())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a":1,"a":2}', True),
        ('{"a":1,"b":{"a":2}}', False),
        ('{"x":[{"a":1,"\\u0061":2}]}', True),
        ('[{"a":1},{"a":2}]', False),
        ("{", False),
    ],
)
def test_repeated_names_are_found(text: str, expected: bool) -> None:
    """In any object, however they are spelled."""
    assert repeats(text.encode()) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"a":1,"a":2}', True),
        (b'{"a":1,"a" \n:2}', True),
        (b'{"a":"a","b":["a"]}', False),
        (b'{"a":1,"b":{"a":2}}', False),
        (b'{"a":1,"\\u0061":2}', True),
        (b'{"a":"x\\ny"}', False),
        (b'{"c":1,"c":2}', False),
        (b'{"x/y":1,"x\\/y":2}', True),
    ],
)
def test_repeated_names_are_searched_for_by_name(text: bytes, expected: bool) -> None:
    """Values and other objects may have the same text; of names that are not asked for, only some are seen."""
    check = repeated(["a", "x/y"])
    if expected:
        with pytest.raises(Oddity):
            check(text)
    else:
        check(text)


def test_the_last_of_repeated_members_stays() -> None:
    """Numbers keep their characters; other texts stay as they are."""
    assert last_only(b'{"a":1,"b":1.50,"a":[1e400]}') == b'{"a":[1e400],"b":1.50}'
    assert last_only(b'{ "a" : 1 }') == b'{ "a" : 1 }'
    assert last_only(b"{") == b"{"


def test_names_that_spell_several_are_found() -> None:
    """Escaped or not, at any depth."""
    check = dotted(["a.b"])
    check(b'{"a":{"b":"a.b"}}')
    for text in (b'{"a.b":1}', b'{"x":[{"\\u0061.b":1}]}'):
        with pytest.raises(Oddity):
            check(text)


def test_names_are_quoted_as_json() -> None:
    """As few escapes as possible."""
    assert quoted('é"') == '"é\\""'.encode()
