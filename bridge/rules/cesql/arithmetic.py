"""Arithmetic on integers; what does not fit in 32 bits is told by the caller."""

import operator
from collections.abc import Callable

from bridge.rules.cesql.values import ErrorKind, Failure


def _divide(left: int, right: int) -> int:
    """Rounds toward zero."""
    _check_divisor(right)
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) is (right < 0) else -quotient


def _remainder(left: int, right: int) -> int:
    """Has the sign of the left side."""
    _check_divisor(right)
    return abs(left) % abs(right) * (-1 if left < 0 else 1)


def _check_divisor(number: int) -> None:
    if number == 0:
        raise Failure(ErrorKind.MATH, "division by zero")


OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "%": _remainder,
}
