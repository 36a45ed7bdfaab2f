"""JSON text to values, losing nothing: repeated members stay, numbers keep their characters.

Fast parsers keep the last of two members of one name and round long numbers; the pattern language gives both a meaning.
Strict: no text after the value, no ``NaN``, no unpaired surrogate (it has no UTF-8 form, so no door lets it through),
and a bound on nesting, so that a hostile text ends in a typed error.
"""

import json
import re
from typing import Any, NoReturn, TypeAlias

from bridge.errors import InvalidInput
from bridge.rules.numbers import Number, parse_number

Scalar: TypeAlias = str | Number | bool | None
Json: TypeAlias = "Scalar | list[Json] | Members"

_NESTING = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[{]|[\]}]', re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|u([dD][89a-fA-F]..)|.)", re.DOTALL)


class Members(tuple[tuple[str, "Json"], ...]):
    """The members of a JSON object in order, repeated names included."""

    __slots__ = ()


def read_json(text: bytes | str, *, depth: int, error: type[InvalidInput]) -> Json:
    """The value of a JSON text. Raises ``error`` when it is none, or nests more than ``depth`` levels."""
    decoded = _decode(text, error)
    _check_nesting(decoded, depth, error)
    try:
        value: Json = _decoder.decode(decoded)
    except json.JSONDecodeError as cause:
        raise error(f"not valid JSON: {cause.msg} (line {cause.lineno}, column {cause.colno})") from cause
    except _NoNumber as cause:
        raise error(f"not valid JSON: {cause} is no JSON number") from cause
    except RecursionError as cause:
        raise error("nested too deeply") from cause
    _check_surrogates(decoded, error)
    return value


class _NoNumber(ValueError):
    pass


def _refuse_constant(text: str) -> NoReturn:
    raise _NoNumber(text)


def _members(pairs: list[tuple[str, Any]]) -> Members:
    return Members(pairs)


_decoder = json.JSONDecoder(
    object_pairs_hook=_members, parse_float=parse_number, parse_int=parse_number, parse_constant=_refuse_constant
)


def _decode(text: bytes | str, error: type[InvalidInput]) -> str:
    try:
        if isinstance(text, str):
            text.encode()
            return text
        return text.decode()
    except UnicodeError as cause:
        raise error(f"not UTF-8: {cause.reason} at {cause.start}") from cause  # type: ignore[attr-defined]


def _check_nesting(text: str, depth: int, error: type[InvalidInput]) -> None:
    if text.count("[") + text.count("{") <= depth:
        return
    level = 0
    for found in _NESTING.finditer(text):
        level += (found[0] in {"[", "{"}) - (found[0] in {"]", "}"})
        if level > depth:
            raise error(f"nested more than {depth} levels deep")


def _check_surrogates(text: str, error: type[InvalidInput]) -> None:
    if "\\u" not in text:
        return
    for found in _ESCAPE.finditer(text):
        if found[1]:
            raise error(f"the escape \\u{found[1]} is half of a surrogate pair")
