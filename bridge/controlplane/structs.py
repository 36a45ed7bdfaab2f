"""google.protobuf.Struct and JSON text.

A Struct's numbers are doubles: whole ones become JSON integers again (``5``, not ``5.0``), longer ones lose digits. Its
members have no order: they are written in order of their names, so that the same Struct always gives the same text.
"""

import json
from math import isfinite
from typing import Any

import msgspec
from google.protobuf.struct_pb2 import Struct, Value

from bridge.controlplane.exact import format_exact
from bridge.controlplane.paths import child
from bridge.errors import InvalidConfig
from bridge.rules.jsontext import Json, Members
from bridge.rules.numbers import parse_number

_WHOLE = 2.0**53
"""From here on a double no longer says which integer was meant."""


def struct_to_json(struct: Struct) -> bytes:
    """Compact JSON text. Raises InvalidConfig with the path of a value that JSON has no word for."""
    return format_exact(_members(struct, "$")).encode()


def _members(struct: Struct, path: str) -> Members:
    return Members((name, _value(struct.fields[name], child(path, name))) for name in sorted(struct.fields))


def _value(value: Value, path: str) -> Json:
    match value.WhichOneof("kind"):
        case "struct_value":
            return _members(value.struct_value, path)
        case "list_value":
            return [_value(one, f"{path}[{index}]") for index, one in enumerate(value.list_value.values)]
        case "number_value":
            return parse_number(_number(value.number_value, path))
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "null_value":
            return None
        case _:
            raise InvalidConfig("this value has no kind", path=path)


def _number(value: float, path: str) -> str:
    if not isfinite(value):
        raise InvalidConfig(f"{value} is no JSON number", path=path)
    return str(int(value)) if value.is_integer() and abs(value) < _WHOLE else repr(value)


def json_to_struct(text: bytes) -> Struct:
    """The Struct of a JSON object."""
    struct = Struct()
    struct.update(json.loads(text, parse_int=float))
    return struct


def to_struct(value: Any) -> Struct:
    """The Struct of our own struct or dict, by way of its JSON."""
    return json_to_struct(msgspec.json.encode(value))
