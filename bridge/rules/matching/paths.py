"""The paths that a rule set names, and what it looks at there: what a change has to keep count of."""

from collections import Counter
from collections.abc import Iterable

from bridge.rules.matching.alternatives import tells_numbers, tells_values
from bridge.rules.matching.branches import Condition
from bridge.rules.matching.groups import Item
from bridge.rules.matching.sides import Side

LITTER = 64
"""Paths without a user that a rule set may carry along."""


class Paths:
    """The paths that items name: by how many, and what these look at."""

    def __init__(self) -> None:
        self._used: Counter[str] = Counter()
        self._wants: dict[str, tuple[bool, bool]] = {}

    def copy(self) -> "Paths":
        other = Paths()
        other._used, other._wants = self._used.copy(), self._wants.copy()
        return other

    def count(self, items: Iterable[Item], by: int) -> None:
        for item in items:
            for condition in item.conjunction:
                self._used[condition.path] += by
                if by > 0:
                    self._wants[condition.path] = self._both(condition)

    def known_of(self, items: Iterable[Item]) -> bool:
        """Whether nothing new is asked for."""
        return all(
            condition.path in self._wants and self._both(condition) == self._wants[condition.path]
            for item in items
            for condition in item.conjunction
        )

    def _both(self, condition: Condition) -> tuple[bool, bool]:
        """Whether values matter at a path, and numbers, to anyone so far or to this condition."""
        values, numbers = self._wants.get(condition.path, (False, False))
        return (
            values or any(map(tells_values, condition.alternatives)),
            numbers or any(map(tells_numbers, condition.alternatives)),
        )

    @property
    def is_littered(self) -> bool:
        """Whether most of them, and more than a few, are named by nobody any more."""
        unused = sum(not count for count in self._used.values())
        return unused > LITTER and unused * 2 > len(self._used)

    def add_to(self, side: Side) -> None:
        for path, (values, numbers) in self._wants.items():
            side.add(path, values=values, numbers=numbers)
