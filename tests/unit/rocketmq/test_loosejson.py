"""JSON with keys that are numbers or objects."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.rocketmq.errors import Malformed
from bridge.rocketmq.loosejson import dumps, dumps_object_keys, loads, reading

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(values)
def test_strict_json_is_read_as_ever(value: object) -> None:
    """What other readers take means the same here."""
    assert loads(json.dumps(value)) == value
    assert loads(json.dumps(value, indent=1).encode()) == value


@given(st.dictionaries(st.integers(-9, 9), values, max_size=3))
def test_bare_numbers_are_keys(table: dict[int, object]) -> None:
    """They are read as if they had quotes."""
    text = dumps_object_keys({str(key): value for key, value in table.items()})
    assert loads(text) == {str(key): value for key, value in table.items()}


@given(st.lists(values, max_size=3), values)
def test_objects_are_keys(keys: list[object], value: object) -> None:
    """They are read as their text, which can be read again; what surrounds them is read as ever."""
    names = {json.dumps({"key": key, "n": n}): value for n, key in enumerate(keys)}
    text = b'{"table": %b, "after" : [1, {"x":{}}]}' % dumps_object_keys(names)
    read = loads(text)
    assert read == {"table": names, "after": [1, {"x": {}}]}
    assert [loads(name) for name in read["table"]] == [{"key": key, "n": n} for n, key in enumerate(keys)]


def test_blanks_are_allowed_everywhere() -> None:
    """Between any two tokens."""
    assert loads(' { 0 : [ 1 , 2 ] , { "a" : 1 } : { } } ') == {"0": [1, 2], '{ "a" : 1 }': {}}


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "{",
        "{0",
        "{0:",
        "{0:1",
        "{0:1,",
        "{0 1}",
        "{0:1 2:3}",
        "{0:[1 2]}",
        "{0:[1",
        "{x:1}",
        "{0:1} 2",
        "{[1]:2}",
        "{0:x}",
    ],
)
def test_what_is_neither_is_refused(bad: str) -> None:
    """With ValueError, as json does."""
    with pytest.raises(ValueError):
        loads(bad)


@given(st.text(st.sampled_from('{}[]:,"0a \\'), max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but ValueError, and it ends."""
    with contextlib.suppress(ValueError):
        loads(text)


def test_reading_turns_what_a_wrong_shape_does_into_malformed() -> None:
    """Members that are missing or of another type, text that is no JSON, too many levels."""
    for text in (b"{}", b"[]", b'{"a":null}', b"\xff", b"[" * 100_000):
        with pytest.raises(Malformed, match=r"^a thing that cannot be read"), reading("a thing"):
            loads(text)["a"]["b"]


def test_dumps_is_compact_and_keeps_characters() -> None:
    """As servers write."""
    assert dumps({"a": ["ü", 1, None]}) == '{"a":["ü",1,null]}'.encode()
