"""Struct and JSON."""

import math

import pytest
from google.protobuf.struct_pb2 import Struct, Value
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.controlplane.structs import json_to_struct, struct_to_json, to_struct
from bridge.errors import InvalidConfig

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(alphabet=st.characters(codec="utf-8"))
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip


@settings(deadline=None)
@given(st.dictionaries(st.text("ab"), VALUES))
def test_json_survives_a_struct(value: dict[str, object]) -> None:
    """Up to the order of members; whole numbers stay whole."""
    import json

    back = struct_to_json(json_to_struct(json.dumps(value).encode()))
    assert json.loads(back) == value


def test_whole_numbers_are_integers_again() -> None:
    """As far as a double knows which one was meant."""
    text = b'{"a":5,"b":-0.5,"c":1e22,"d":9007199254740993,"e":{"y":1,"x":2}}'
    assert (
        struct_to_json(json_to_struct(text)) == b'{"a":5,"b":-0.5,"c":1e+22,"d":9007199254740992.0,"e":{"x":2,"y":1}}'
    )


@pytest.mark.parametrize(("number", "path"), [(math.nan, "$.a[0]"), (math.inf, "$.a[0]")])
def test_what_json_cannot_say_is_refused(number: float, path: str) -> None:
    """With its path."""
    struct = to_struct({"a": [1]})
    struct.fields["a"].list_value.values[0].number_value = number
    with pytest.raises(InvalidConfig) as caught:
        struct_to_json(struct)
    assert caught.value.path == path


def test_a_value_of_no_kind_is_refused() -> None:
    """It says nothing."""
    with pytest.raises(InvalidConfig) as caught:
        struct_to_json(Struct(fields={"a b": Value()}))
    assert caught.value.path == '$["a b"]'


def test_numbers_beyond_doubles_do_not_break_the_way_out() -> None:
    """They become infinite, which a Struct can hold."""
    assert json_to_struct(b'{"a":1e400,"b":' + b"9" * 400 + b"}").fields["b"].number_value == math.inf
