"""What CloudEvents SQL computes with: text, integers of 32 bits, true and false; how one becomes another; what fails.

Evaluation ends at the first error (the specification's "fail fast mode", which it wants for filters): a ``Failure`` is
raised, and only the evaluator catches it.
"""

import base64
import re
from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypeAlias

from bridge.model.event import Value as AttributeValue

Value: TypeAlias = str | int | bool
Type: TypeAlias = type[str] | type[int] | type[bool]

LOWEST, HIGHEST = -(2**31), 2**31 - 1
_INTEGER = re.compile(r"([+-]?)0*([0-9]{1,10})", re.ASCII)
_BOOLEANS = {"true": True, "false": False}
_SHOWN = 40


class ErrorKind(StrEnum):
    """Section 3.3 of the specification."""

    PARSE = "parse"
    MATH = "math"
    CAST = "cast"
    MISSING_ATTRIBUTE = "missingAttribute"
    MISSING_FUNCTION = "missingFunction"
    FUNCTION_EVALUATION = "functionEvaluation"
    GENERIC = "generic"


class Failure(Exception):
    """Evaluation ended: ``Failure(kind, reason, seen, value)``, the last two optional. Many events fail and few failures
    are read, so nothing is put together before somebody asks.
    """

    origin: Any = None
    """The operator or function that gives ``value`` besides the error; None when it gives nothing."""

    @property
    def kind(self) -> ErrorKind:
        kind: ErrorKind = self.args[0]
        return kind

    @property
    def reason(self) -> str:
        """A sentence; ``seen``, the value that it is about, stands before it."""
        _, reason, *more = self.args
        return f"{shown(more[0])} {reason}" if more and more[0] is not None else reason

    @property
    def value(self) -> Any:
        return self.args[3] if len(self.args) > 3 else None


def to_text(value: AttributeValue) -> str:
    """Never fails. Binary attributes are Base64, as in the JSON format."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)


def to_integer(value: Value) -> int:
    """Of text: digits with a sign or without, within 32 bits."""
    if isinstance(value, int):
        return int(value)
    found = _INTEGER.fullmatch(value)
    if found:
        number = int(found[1] + found[2])
        if LOWEST <= number <= HIGHEST:
            return number
    raise Failure(ErrorKind.CAST, "is not an integer of 32 bits", value, 0)


def to_boolean(value: Value) -> bool:
    """Of text: ``true`` or ``false``, in any case; of a number: whether it is another than 0."""
    if isinstance(value, int):
        return bool(value)
    found = _BOOLEANS.get(value.lower()) if len(value) <= 5 else None
    if found is None:
        raise Failure(ErrorKind.CAST, "is neither true nor false", value, False)
    return found


CASTS: dict[type, Callable[[Any], Any]] = {str: to_text, int: to_integer, bool: to_boolean}
NAMES: dict[Type, str] = {str: "text", int: "an integer", bool: "true or false"}


def in_range(number: int) -> int:
    """The number itself; a math error when 32 bits do not hold it."""
    if not LOWEST <= number <= HIGHEST:
        raise Failure(ErrorKind.MATH, "the result does not fit in 32 bits")
    return number


def shown(value: object) -> str:
    """A value as it would be written in an expression, shortened."""
    if isinstance(value, bool | int):
        return to_text(value)
    text = str(value)
    return f"'{text}'" if len(text) <= _SHOWN else f"'{text[:_SHOWN]}…'"
