"""``numeric``: one comparison, or a lower and an upper bound, on IEEE doubles."""

import math

from bridge.rules.jsontext import Json, Scalar
from bridge.rules.numbers import Number
from bridge.rules.operators.base import BOTH, Operator, Site, Unit, kind_of

_SIGNS = ("=", "<", "<=", ">", ">=")
_LOWER = (">", ">=")
_UPPER = ("<", "<=")
_EXAMPLE = 'write ["=", 5], [">", 0] or [">", 0, "<=", 5]'


class Numeric(Operator, frozen=True):
    """From ``low`` to ``high``; each bound is inside the range when ``*_included``. No bound is an infinity.

    A number that is not comparable never holds.
    """

    low: float
    low_included: bool
    high: float
    high_included: bool
    wanted: str

    def holds(self, value: Scalar) -> bool:
        if not isinstance(value, Number) or value.value is None:
            return False
        above = value.value >= self.low if self.low_included else value.value > self.low
        below = value.value <= self.high if self.high_included else value.value < self.high
        return above and below


def _parse(argument: Json, at: Site) -> Operator:
    if not isinstance(argument, list) or not argument:
        what = "an empty one" if isinstance(argument, list) else kind_of(argument)
        at.refuse(f"`numeric` takes a list with a comparison, not {what}; {_EXAMPLE}")
    bounds = [_bound(argument, index, at) for index in range(0, len(argument), 2)]
    wanted = " and ".join(f"{sign} {number.text}" for sign, number, _ in bounds)
    sign, _, first = bounds[0]
    if len(bounds) == 1:
        if sign == "=":
            return Numeric(first, True, first, True, wanted)
        if sign in _UPPER:
            return Numeric(-math.inf, False, first, sign == "<=", wanted)
        return Numeric(first, sign == ">=", math.inf, False, wanted)
    upper, _, last = bounds[1]
    if len(bounds) > 2 or sign not in _LOWER or upper not in _UPPER:
        at.refuse(f"two bounds are a lower one (`>` or `>=`), then an upper one (`<` or `<=`); {_EXAMPLE}")
    if not first < last:
        at.refuse(f"nothing lies between {bounds[0][1].text} and {bounds[1][1].text}: the lower bound comes first")
    return Numeric(first, sign == ">=", last, upper == "<=", wanted)


def _bound(argument: list[Json], index: int, at: Site) -> tuple[str, Number, float]:
    """The sign at ``index`` and the number behind it."""
    sign = argument[index]
    if not isinstance(sign, str) or sign not in _SIGNS:
        known = ", ".join(f"`{s}`" for s in _SIGNS)
        at.element(index).refuse(f"a comparison starts with one of {known}; {_EXAMPLE}")
    number = argument[index + 1] if index + 1 < len(argument) else None
    if not isinstance(number, Number):
        at.element(index + 1).refuse(f"`{sign}` is followed by a number; {_EXAMPLE}")
    if number.value is None:
        at.element(index + 1).refuse(f"{number.text} is not exact as a double, so nothing compares with it")
    return sign, number, number.value


NUMERIC = Unit("numeric", BOTH, _parse)
