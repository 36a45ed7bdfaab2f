"""Whether a pattern matches a document, by the letter of the specification (``docs/patterns.md``).

The yardstick of the fast matcher: nothing is compiled and every value is tested by its operator. Only the number of
choices is kept down, since independent arrays would multiply: elements that no later field can contradict are forgotten.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple, TypeAlias

from bridge.errors import InvalidInput
from bridge.rules.document import Document, Element, Leaf
from bridge.rules.operators.exists import Absent
from bridge.rules.pattern import Branch, Field, Pattern

MAX_CHOICES = 1_000_000
"""Choices weighed for one branch. Few per leaf, unless an event repeats an array under the same name many times."""

Chosen = frozenset[Element]
"""The array elements that the leaves chosen so far lie in; at most one of each array."""


class Walk(NamedTuple):
    """A way through the fields of a branch: the leaf chosen for each, None where it was passed as absent.

    Not ``complete``: it ends before the field for which no choice was left. ``choices``: how many were weighed.
    """

    leaves: tuple[Leaf | None, ...]
    complete: bool
    choices: int = 0


def matches(pattern: Pattern, document: Document) -> bool:
    """A pattern matches when one of its branches does.

    Raises InvalidInput for an event that leaves more choices than anyone could weigh.
    """
    return any(walk(branch, document).complete for branch in pattern.branches)


def walk(branch: Branch, document: Document) -> Walk:
    """Take the fields in their order, keeping every outcome that some sequence of choices leads to."""
    options = [_Options(field, document) for field in branch.fields]
    if not all(option.possible for option in options):
        return Walk((), complete=False)
    last_use = {array: step for step, option in enumerate(options) for array in option.arrays}
    outcomes: dict[Chosen, _Trail] = {frozenset(): None}
    choices = 0
    for step, option in enumerate(options):
        after: dict[Chosen, _Trail] = {}
        for chosen, trail in outcomes.items():
            for leaf in option.choose(chosen):
                choices += 1
                if choices > MAX_CHOICES:
                    raise InvalidInput("the event repeats its arrays too often to match them")
                elements = chosen.union(leaf.elements) if leaf else chosen
                remembered = frozenset(element for element in elements if last_use[element[0]] > step)
                after.setdefault(remembered, (trail, leaf))
        if not after:
            return Walk(_leaves(next(iter(outcomes.values()))), complete=False, choices=choices)
        outcomes = after
    return Walk(_leaves(next(iter(outcomes.values()))), complete=True, choices=choices)


_Trail: TypeAlias = "tuple[_Trail, Leaf | None] | None"
"""The choices that led to an outcome, the last one first."""


def _leaves(trail: _Trail) -> tuple[Leaf | None, ...]:
    leaves = []
    while trail is not None:
        trail, leaf = trail
        leaves.append(leaf)
    return tuple(reversed(leaves))


class _Options:
    """What may be chosen for one field: a leaf that satisfies an alternative, or, where it is wanted, absence."""

    def __init__(self, field: Field, document: Document) -> None:
        self._leaves = document.at(field.path)
        self._satisfying = [leaf for leaf in self._leaves if any(op.holds(leaf.value) for op in field.alternatives)]
        self._may_be_absent = Absent() in field.alternatives
        self.possible = bool(self._satisfying) or self._may_be_absent
        self.arrays = {array for leaf in self._leaves for array, _ in leaf.elements}

    @cached_property
    def _places(self) -> "_Tree":
        return _Tree(self._satisfying)

    @cached_property
    def _all_places(self) -> "_Tree":
        return _Tree(self._leaves)

    def choose(self, chosen: Chosen) -> Iterator[Leaf | None]:
        yield from self._places.agreeing(chosen)
        if self._may_be_absent and next(self._all_places.agreeing(chosen), None) is None:
            yield None


class _Tree:
    """Leaves by the elements that they lie in, to find those that agree with what was chosen; one leaf for each place.

    Two places agree unless they lie in different elements of the same array.
    """

    def __init__(self, leaves: Iterable[Leaf]) -> None:
        self._root = _Node()
        for leaf in leaves:
            node = self._root
            for array, index in leaf.elements:
                inner = node.arrays.setdefault(array, {})
                node = inner[index] if index in inner else inner.setdefault(index, _Node())
            node.leaf = node.leaf or leaf

    def agreeing(self, chosen: Chosen) -> Iterator[Leaf]:
        indexes = dict(chosen)
        waiting = [self._root]
        while waiting:
            node = waiting.pop()
            if node.leaf is not None:
                yield node.leaf
            for array, elements in node.arrays.items():
                if array not in indexes:
                    waiting += elements.values()
                elif indexes[array] in elements:
                    waiting.append(elements[indexes[array]])


class _Node:
    """What lies in one element of an array (at the root: in none), and the arrays opened inside it."""

    __slots__ = ("arrays", "leaf")

    def __init__(self) -> None:
        self.leaf: Leaf | None = None
        self.arrays: dict[int, dict[int, _Node]] = {}
