"""One field of many branches: its value in, the bits of the branches that it suits out.

A bit is set when the branch's condition on the field holds, and also when the branch does not name the field, so that
the tables of all fields can be ANDed.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import UNSET

from bridge.rules.jsontext import Scalar
from bridge.rules.matching.intervals import Intervals, number_range
from bridge.rules.matching.layout import SCALARS
from bridge.rules.matching.texts import TextTable
from bridge.rules.numbers import Number, parse_number
from bridge.rules.operators.affix import Contains, Prefix, Suffix
from bridge.rules.operators.anything_but import AnythingBut
from bridge.rules.operators.base import Operator
from bridge.rules.operators.cidr import Cidr
from bridge.rules.operators.exact import Equals, EqualsAddress, EqualsNumber
from bridge.rules.operators.exists import Absent, Exists
from bridge.rules.operators.ignore_case import EqualsIgnoreCase, PrefixIgnoreCase, SuffixIgnoreCase
from bridge.rules.operators.numeric import Numeric
from bridge.rules.operators.table import AllOf
from bridge.rules.operators.wildcard import Wildcard

TEXT_OPERATORS = (
    *(Prefix, Suffix, Contains, Wildcard, Cidr, EqualsAddress),
    *(EqualsIgnoreCase, PrefixIgnoreCase, SuffixIgnoreCase),
)
"""Those that hold for strings only."""

EXACT_INTEGER = 2**53
_ZERO = Number("0", 0.0)
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
        sorter = _Sorter(conditions)
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

    def _prepare_numbers(self, sorter: "_Sorter") -> None:
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

    def _prepare_texts(self, sorter: "_Sorter", anyway: int) -> None:
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

    def _integer(self, value: int) -> int:
        if not self.numbers:
            return self.no_number
        if -EXACT_INTEGER <= value <= EXACT_INTEGER:
            return self._comparable(value)
        return self._number(parse_number(str(value)))

    def _written(self, text: bytes) -> int:
        if not self.numbers:
            return self.no_number
        if len(text) < SHORT_NUMBER and b"e" not in text and b"E" not in text:
            return self._comparable(float(text))
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


def tells_numbers(operator: Operator) -> bool:
    """Whether an operator may hold for one number and not for another."""
    if isinstance(operator, AnythingBut):
        return any(tells_numbers(refused) for refused in operator.refused)
    if isinstance(operator, AllOf):
        return any(tells_numbers(part) for part in operator.operators)
    return not isinstance(operator, (Absent, Exists, Equals, *TEXT_OPERATORS))


class _Sorter:
    """Alternatives by what they look at."""

    def __init__(self, conditions: Iterable[tuple[int, Sequence[Operator]]]) -> None:
        self.named = self.absent = self.present = 0
        self.satisfiable = 0
        """Bits of what some value may satisfy."""
        self.but_texts = 0
        """Bits of anything-but strings: every value but the refused strings will do."""
        self.but_numbers = 0
        self.constants: dict[bool | None, int] = {}
        self.texts: list[tuple[Operator, int]] = []
        self.refused_texts: list[tuple[Operator, int]] = []
        self.exact_numbers: dict[float, int] = {}
        self.odd_numbers: dict[str, int] = {}
        self.refused_numbers: dict[float, int] = {}
        self.ranges: list[tuple[float, float | None, int]] = []
        self.rest: list[tuple[Operator, int]] = []
        """Those that have to be asked, for any scalar."""
        for bit, alternatives in conditions:
            self.named |= bit
            for operator in alternatives:
                self._add(operator, bit)
        self.refused_texts = [(refused, bit) for refused, bit in self.refused_texts if not bit & self.present]
        self.refused_numbers = {key: bits & ~self.present for key, bits in self.refused_numbers.items()}

    @property
    def has_numbers(self) -> bool:
        told = self.exact_numbers or self.odd_numbers or self.refused_numbers or self.ranges
        return bool(told) or any(tells_numbers(operator) for operator, _ in self.rest)

    @property
    def any_number(self) -> int:
        """The bits of what accepts every number, but for ``refused_numbers``."""
        found = self.but_texts | self.but_numbers
        for operator, bit in self.rest:
            if not tells_numbers(operator) and operator.holds(_ZERO):
                found |= bit
        return found

    def scalar(self, value: bool | None) -> int:
        """The bits of what accepts a constant."""
        found = self.constants.get(value, 0) | self.but_texts | self.but_numbers
        for operator, bit in self.rest:
            if operator.holds(value):
                found |= bit
        return found

    def _add(self, operator: Operator, bit: int) -> None:
        if isinstance(operator, Absent):
            self.absent |= bit
            return
        self.satisfiable |= bit
        if isinstance(operator, Exists):
            self.present |= bit
        elif isinstance(operator, TEXT_OPERATORS):
            self.texts.append((operator, bit))
        elif isinstance(operator, Equals):
            if isinstance(operator.value, str):
                self.texts.append((operator, bit))
            else:
                self.constants[operator.value] = self.constants.get(operator.value, 0) | bit
        elif isinstance(operator, EqualsNumber):
            self._add_number(operator.number, bit)
        elif isinstance(operator, Numeric):
            self.ranges.append(
                number_range(
                    operator.low,
                    operator.high,
                    bit,
                    low_included=operator.low_included,
                    high_included=operator.high_included,
                )
            )
        elif isinstance(operator, AnythingBut) and not (self.but_texts | self.but_numbers) & bit:
            self._add_anything_but(operator, bit)
        else:
            self.rest.append((operator, bit))

    def _add_number(self, number: Number, bit: int) -> None:
        key = number.key
        if isinstance(key, str):
            self.odd_numbers[key] = self.odd_numbers.get(key, 0) | bit
        else:
            self.exact_numbers[key] = self.exact_numbers.get(key, 0) | bit

    def _add_anything_but(self, operator: AnythingBut, bit: int) -> None:
        if any(isinstance(refused, EqualsNumber) for refused in operator.refused):
            self.but_numbers |= bit
            for refused in operator.refused:
                assert isinstance(refused, EqualsNumber)
                key = refused.number.key
                assert isinstance(key, float)
                self.refused_numbers[key] = self.refused_numbers.get(key, 0) | bit
        else:
            self.but_texts |= bit
            self.refused_texts += [(refused, bit) for refused in operator.refused]
