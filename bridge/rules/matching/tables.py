"""One field of many branches: its value in, the bits of the branches that it suits out.

A bit is set when the branch's condition on the field holds, and also when the branch does not name the field, so that
the tables of all fields can be ANDed.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import UNSET, Raw

from bridge.rules.jsontext import Scalar
from bridge.rules.matching.alternatives import Sorter
from bridge.rules.matching.intervals import Intervals
from bridge.rules.matching.layout import SCALARS, decode_raw
from bridge.rules.matching.texts import TextTable
from bridge.rules.numbers import Number, parse_number
from bridge.rules.operators.base import Operator

EXACT_INTEGER = 2**53
_MOST_DIGITS = 17
"""The shortest text of a double has no more, so a number of more says something else than its double."""
_NOT_TINY = 300
"""Without exponent, a text of fewer bytes is a number that is neither huge nor tiny."""
MAX_KEYS = 1024
"""Exact values beside ranges are made ranges themselves, up to so many boundaries."""
SHORT_NUMBER = 16
"""A number's text of fewer bytes, without exponent, is always what its double says."""


class FieldTable:
    """The conditions of some branches on one field.

    ``of`` takes what the decoder yields: str, int, None, bool, UNSET (absent), bytes (the characters of a number with
    fraction or exponent), float (only where no condition looks at numbers), a list; anything else is an object.
    """

    __slots__ = (
        *("_exact", "_most", "_odd", "_ranges", "_refused", "_rest"),
        *("absent", "default", "false", "named", "no_number", "null", "number_ranges", "numbers"),
        *("reversed", "static", "text", "text_ranges", "texts", "true"),
    )

    def __init__(self, conditions: Iterable[tuple[int, Sequence[Operator]]], every: int) -> None:
        """Conditions are (bit, alternatives); ``every`` has the bits of all branches, also of those not named here."""
        sorter = Sorter(conditions)
        base = every & ~sorter.named
        anyway = base | sorter.present
        self.named = sorter.named
        self.absent = base | sorter.absent
        self._most = anyway | sorter.satisfiable
        self.null = anyway | sorter.scalar(None)
        self.true = anyway | sorter.scalar(True)
        self.false = anyway | sorter.scalar(False)
        self.no_number = anyway | sorter.any_number
        """Of a number that no table knows; also of an object-free value of a class that no condition looks at."""
        self.numbers = sorter.has_numbers
        """Whether some condition tells numbers apart."""
        self._prepare_numbers(sorter)
        self._prepare_texts(sorter, anyway)

    def _prepare_numbers(self, sorter: Sorter) -> None:
        self._exact = sorter.exact_numbers
        self._odd = sorter.odd_numbers
        self._ranges = Intervals.of(sorter.ranges) if sorter.ranges else None
        self._refused = sorter.refused_numbers
        self._rest = tuple(sorter.rest)
        self.number_ranges: Intervals[float] | None = None
        """Masks by range of numbers, where a search decides everything."""
        exact = self._exact.keys() | self._refused.keys()
        keys = {*exact, *(math.nextafter(key, math.inf) for key in exact)}
        keys |= set(self._ranges.keys) if self._ranges is not None else set()
        if keys and not self._rest and len(keys) <= MAX_KEYS:
            self.number_ranges = Intervals.by(keys, -math.inf, self._comparable)

    def _prepare_texts(self, sorter: Sorter, anyway: int) -> None:
        self.default = default = anyway | sorter.but_texts | sorter.but_numbers
        """Of a string that no condition knows."""
        self.texts = bool(sorter.texts or sorter.refused_texts or sorter.rest)
        """Whether some condition tells strings apart."""
        table = TextTable(default, sorter.texts + sorter.rest, sorter.refused_texts)
        self.text = table.find
        self.text_ranges = table.ranges
        self.reversed = table.reversed
        self.static: dict[Any, int] | None = None
        """All strings, null and absence that differ from ``default``; None when a table is not enough."""
        if table.exact is not None and not self.numbers and self.true == self.false == default:
            self.static = table.exact | {None: self.null, UNSET: self.absent}

    def of(self, value: Any) -> int:
        """The bits for a decoded value, whatever its class."""
        kind = value.__class__
        if kind is str:
            return self.text(value)
        if value is UNSET:
            return self.absent
        if kind is int:
            return self._integer(value)
        if kind is bytes:
            return self._written(value)
        if value is None:
            return self.null
        if kind is bool:
            return self.true if value else self.false
        if kind is list:
            return self._list(value)
        if kind is Raw:
            return self._raw(value)
        return self.no_number if kind is float else self.absent

    def of_scalar(self, value: Scalar) -> int:
        """The bits for a leaf of a document."""
        if isinstance(value, Number):
            return self._number(value)
        return self.of(value)

    def _list(self, value: list[Any]) -> int:
        """Any of its scalars, at any depth, will do; objects inside are no leaves of this field."""
        found, some, waiting = 0, False, [value]
        while waiting:
            for part in waiting.pop():
                if part.__class__ is list:
                    waiting.append(part)
                elif part.__class__ in SCALARS:
                    some = True
                    found |= self.of(part)
                    if found == self._most:
                        return found
        return found if some else self.absent

    def _raw(self, value: Raw) -> int:
        """Of a text that nobody needs but to know whether it has a scalar that is no member of an object."""
        text = bytes(value)
        if text[:1] == b"[" and b"{" not in text:
            return self.no_number if text.strip(b"[], \t\r\n") else self.absent
        return self.of(decode_raw(value))

    def _integer(self, value: int) -> int:
        if not self.numbers:
            return self.no_number
        if -EXACT_INTEGER <= value <= EXACT_INTEGER:
            return self._comparable(value)
        return self._number(parse_number(str(value)))

    def _written(self, text: bytes) -> int:
        if not self.numbers:
            return self.no_number
        if b"e" not in text and b"E" not in text:
            digits = len(text) if len(text) < SHORT_NUMBER else len(text.translate(None, b"-.").strip(b"0"))
            if digits < SHORT_NUMBER and len(text) < _NOT_TINY:
                return self._comparable(float(text))
            if digits > _MOST_DIGITS:
                return self._number(Number(text.decode(), None))
        return self._number(parse_number(text.decode()))

    def _number(self, number: Number) -> int:
        if number.value is not None:
            return self._comparable(number.value)
        return self.no_number | self._odd.get(number.text, 0) | self._asked(number)

    def _comparable(self, value: float) -> int:
        found = self.no_number
        if self._refused:
            found &= ~self._refused.get(value, 0)
        if self._exact:
            found |= self._exact.get(value, 0)
        if self._ranges is not None:
            found |= self._ranges.find(value)
        return found | self._asked(Number(repr(value), float(value))) if self._rest else found

    def _asked(self, number: Number) -> int:
        found = 0
        for operator, bit in self._rest:
            if operator.holds(number):
                found |= bit
        return found
