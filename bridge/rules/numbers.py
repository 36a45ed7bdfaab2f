"""Numbers of patterns and events: equal by value, exact where a double is not.

A number is *comparable* when the shortest text that reads back to its double has the same value as the text that was
written: ``5``, ``5.0``, ``0.10``, but not ``9007199254740993`` or ``1e400``. Comparable numbers compare as doubles; the
others are equal only to the same characters.
"""

from decimal import Decimal
from math import isfinite

import msgspec

_SURELY_EXACT = 16
"""A text without exponent, this long at most, has 15 digits and a sign or point: always comparable."""


class Number(msgspec.Struct, frozen=True):
    """A JSON number as written, and its double when that says the same (None otherwise)."""

    text: str
    value: float | None

    @property
    def key(self) -> float | str:
        """Two numbers are equal exactly when their keys are: the double (``-0`` is ``0``), else the characters."""
        return self.text if self.value is None else self.value + 0.0


def parse_number(text: str) -> Number:
    """``text`` is a number by the grammar of JSON."""
    value = float(text)
    return Number(text, value if _is_comparable(text, value) else None)


def _is_comparable(text: str, value: float) -> bool:
    if len(text) < _SURELY_EXACT and "e" not in text and "E" not in text:
        return True
    if not isfinite(value):
        return False
    if value == 0:  # Decimal has no room for exponents such as e-99999999999999999999
        return not any(digit in "123456789" for digit in text.lower().partition("e")[0])
    return Decimal(repr(value)) == Decimal(text)
