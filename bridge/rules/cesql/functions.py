"""The built-in functions, sections 3.5.1 and 3.5.2 of the specification. Names are upper case; arity tells overloads apart."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from bridge.rules.cesql.values import (
    HIGHEST,
    LOWEST,
    ErrorKind,
    Failure,
    Type,
    Value,
    to_boolean,
    to_integer,
    to_text,
)

MAX_TEXT = 2**20
"""Characters that CONCAT and CONCAT_WS put together: an expression can name a large attribute thousands of times."""
_WHITE_SPACE = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
)
"""Unicode's White_Space property. ``str.strip()`` takes four control characters more."""


class Function(NamedTuple):
    """``parameters``: None takes any type. ``rest``: any number of further texts, given as one iterable."""

    returns: Type
    parameters: tuple[Type | None, ...]
    call: Callable[..., Value]
    rest: bool = False


def find_function(name: str, arity: int) -> Function | None:
    """The function of this name that takes so many arguments."""
    for function in FUNCTIONS.get(name, ()):
        least = len(function.parameters)
        if arity == least or (function.rest and arity > least):
            return function
    return None


def _concat(parts: Iterable[str]) -> str:
    return _concat_ws("", parts)


def _concat_ws(delimiter: str, parts: Iterable[str]) -> str:
    kept: list[str] = []
    size = 0
    for part in parts:
        kept.append(part)
        size += len(part) + len(delimiter)
        if size > MAX_TEXT:
            raise Failure(ErrorKind.FUNCTION_EVALUATION, f"the text would be longer than {MAX_TEXT:,} characters")
    return delimiter.join(kept)


def _left(text: str, count: int) -> str:
    _check_count(count, text)
    return text[:count]


def _right(text: str, count: int) -> str:
    _check_count(count, text)
    return text[max(len(text) - count, 0) :]


def _check_count(count: int, otherwise: str) -> None:
    if count < 0:
        raise Failure(ErrorKind.FUNCTION_EVALUATION, "is no number of characters", count, otherwise)


def _substring(text: str, position: int, length: int = HIGHEST) -> str:
    if length < 0:
        raise Failure(ErrorKind.FUNCTION_EVALUATION, "is no length", length)
    if not -len(text) <= position <= len(text):
        raise Failure(ErrorKind.FUNCTION_EVALUATION, "is no position in the text", position)
    if position == 0:
        return ""
    start = position - 1 if position > 0 else len(text) + position
    return text[start : start + length]


def _absolute(number: int) -> int:
    if number == LOWEST:
        raise Failure(ErrorKind.MATH, "has no absolute value of 32 bits", number, HIGHEST)
    return abs(number)


FUNCTIONS: dict[str, tuple[Function, ...]] = {
    "LENGTH": (Function(int, (str,), len),),
    "CONCAT": (Function(str, (), _concat, rest=True),),
    "CONCAT_WS": (Function(str, (str,), _concat_ws, rest=True),),
    "LOWER": (Function(str, (str,), str.lower),),
    "UPPER": (Function(str, (str,), str.upper),),
    "TRIM": (Function(str, (str,), lambda text: text.strip(_WHITE_SPACE)),),
    "LEFT": (Function(str, (str, int), _left),),
    "RIGHT": (Function(str, (str, int), _right),),
    "SUBSTRING": (Function(str, (str, int), _substring), Function(str, (str, int, int), _substring)),
    "ABS": (Function(int, (int,), _absolute),),
    "INT": (Function(int, (None,), to_integer),),
    "BOOL": (Function(bool, (None,), to_boolean),),
    "STRING": (Function(str, (None,), to_text),),
}
