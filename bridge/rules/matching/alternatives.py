"""Alternatives sorted by what they look at: strings, numbers, constants, or whether there is a value at all."""

from collections.abc import Iterable, Sequence

from bridge.rules.matching.intervals import number_range
from bridge.rules.numbers import Number
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

_ZERO = Number("0", 0.0)


def tells_values(operator: Operator) -> bool:
    """Whether an operator looks at more than whether the field is there."""
    return not isinstance(operator, Absent | Exists)


def tells_numbers(operator: Operator) -> bool:
    """Whether an operator may hold for one number and not for another."""
    if isinstance(operator, AnythingBut):
        return any(tells_numbers(refused) for refused in operator.refused)
    if isinstance(operator, AllOf):
        return any(tells_numbers(part) for part in operator.operators)
    return not isinstance(operator, (Absent, Exists, Equals, *TEXT_OPERATORS))


class Sorter:
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
