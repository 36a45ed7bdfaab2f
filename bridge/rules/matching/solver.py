"""One branch on one document, exactly: the walk of the specification, in bounded time.

The walk chooses array elements. Here one array is decided at a time, outermost first; fields that share no undecided
array are settled apart, since a choice for one says nothing about the others; and an answer is remembered by the
choices that matter to it. So the cost follows the leaves, and not the product of the arrays' lengths.

Only an event that reaches one path through several arrays (repeated member names, dots in names) can still make it a
puzzle, one that has no fast answer: then the solver gives up, and the branch counts as not matching.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from bridge.rules.document import Document, Leaf
from bridge.rules.operators.exists import Absent
from bridge.rules.pattern import Branch

STEPS_PER_LEAF = 8
"""Fields looked at, after whatever choices, for each leaf that a branch is about: events that are trees need no more."""
STEPS_PER_BRANCH = 1_000
STEPS_PER_EVENT = 100_000
"""What all branches together may take beyond that; about 0.2 s."""

Chosen = dict[int, int]
"""Array -> index of the element chosen."""


class GaveUp(Exception):
    """The event is too intricate for this branch."""


class Solver:
    """Decides branches on one document."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._spare = STEPS_PER_EVENT
        self._elements: dict[str, dict[int, int | None]] = {}

    def matches(self, branch: Branch, suited: Mapping[str, Sequence[Leaf]] | None = None) -> bool:
        """Whether a branch matches; raises GaveUp. ``suited``: the leaves that satisfy each field, if these are known."""
        deciding = self._deciding(branch)
        fields, total = [], 0
        for field in branch.fields:
            leaves = self.document.at(field.path)
            if suited is None:
                good = [leaf for leaf in leaves if any(operator.holds(leaf.value) for operator in field.alternatives)]
            else:
                good = list(suited.get(field.path, ()))
            optional = Absent() in field.alternatives
            if not good and not optional:
                return False
            total += len(leaves)
            fields.append(_Field(_tree(leaves, deciding) if optional else None, _tree(good, deciding)))
        walk = _Walk(fields, STEPS_PER_LEAF * total + STEPS_PER_BRANCH, self._spare)
        try:
            return walk.settle(tuple(range(len(fields))), {})
        except RecursionError:
            raise GaveUp from None
        finally:
            self._spare = walk.spare

    def _deciding(self, branch: Branch) -> frozenset[int]:
        """The arrays of which two leaves lie in different elements: with all others every leaf agrees anyway."""
        first: dict[int, int] = {}
        found = set()
        for field in branch.fields:
            for array, index in self._elements_at(field.path).items():
                if index is None or first.setdefault(array, index) != index:
                    found.add(array)
        return frozenset(found)

    def _elements_at(self, path: str) -> dict[int, int | None]:
        """For each array around leaves of a path: the index of the element that they lie in, None for several."""
        known = self._elements.get(path)
        if known is None:
            known = self._elements[path] = {}
            for leaf in self.document.at(path):
                for array, index in leaf.elements:
                    if known.setdefault(array, index) != index:
                        known[array] = None
        return known


class _Node:
    """Leaves by the array elements that they lie in, from the outermost array inwards."""

    __slots__ = ("arrays", "ends")

    def __init__(self) -> None:
        self.ends = False
        """Whether a leaf lies in no further array."""
        self.arrays: dict[int, dict[int, _Node]] = {}
        """Array -> index -> leaves in that element."""


def _tree(leaves: Iterable[Leaf], deciding: frozenset[int]) -> _Node:
    root = _Node()
    for leaf in leaves:
        node = root
        for array, index in sorted(leaf.elements):  # arrays are numbered as they open: outer ones first
            if array in deciding:
                node = node.arrays.setdefault(array, {}).setdefault(index, _Node())
        node.ends = True
    return root


def _reach(root: _Node, chosen: Chosen) -> tuple[bool, dict[int, dict[int, _Node]]]:
    """Of the leaves that agree with the choices: is one in no undecided array; the outermost undecided arrays."""
    ends, open_ = False, {}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        ends = ends or node.ends
        for array, elements in node.arrays.items():
            if array not in chosen:
                open_[array] = elements
            elif chosen[array] in elements:
                waiting.append(elements[chosen[array]])
    return ends, open_


class _Field(NamedTuple):
    leaves: _Node | None
    """All leaves at the path, of a field that may be absent."""
    suited: _Node


class _Walk:
    """The fields of a branch, and what is known of parts of the walk."""

    def __init__(self, fields: Sequence[_Field], steps: int, spare: int) -> None:
        self.fields = fields
        self.spare = spare
        self._left = steps
        self._known: dict[tuple[tuple[int, ...], bool, frozenset[tuple[int, int]]], bool] = {}

    def settle(self, numbers: Sequence[int], chosen: Chosen, *, present: bool = False) -> bool:
        """Whether all these fields can be passed after these choices; ``present``: the first one by a leaf."""
        undecided: list[tuple[int, set[int]]] = []
        for number in numbers:
            self._count()
            field = self.fields[number]
            ends, open_ = _reach(field.suited, chosen)
            if field.leaves is not None:
                _, open_ = _reach(field.leaves, chosen)
            if open_:
                undecided.append((number, set(open_)))
            elif not ends:
                must = present and number == numbers[0]
                if must or field.leaves is None or self._is_there(field.leaves, chosen):
                    return False
        return all(
            self._settle_part(part, chosen, must=present and part[0] == numbers[0]) for part in _parts(undecided)
        )

    def _settle_part(self, part: tuple[int, ...], chosen: Chosen, *, must: bool) -> bool:
        key = (part, must, frozenset(chosen.items()))
        answer = self._known.get(key)
        if answer is None:
            answer = self._known[key] = self._walk(part, chosen, must)
        return answer

    def _walk(self, part: tuple[int, ...], chosen: Chosen, must: bool) -> bool:
        """Pass the fields in order: choose an element for the first that needs one, and settle all in view of it."""
        while part:
            field = self.fields[part[0]]
            ends, open_ = _reach(field.suited, chosen)
            for array, elements in open_.items():
                for index in elements:
                    self._count()
                    if self.settle(part, {**chosen, array: index}, present=True):
                        return True
            if not ends and (must or field.leaves is None or self._is_there(field.leaves, chosen)):
                return False
            part, must = part[1:], False
        return True

    def _is_there(self, node: _Node, chosen: Chosen) -> bool:
        """Whether any of these leaves agrees with the choices."""
        self._count()
        ends, open_ = _reach(node, chosen)
        return ends or any(self._is_there(n, chosen) for elements in open_.values() for n in elements.values())

    def _count(self) -> None:
        if self._left > 0:
            self._left -= 1
        elif self.spare > 0:
            self.spare -= 1
        else:
            raise GaveUp


def _parts(fields: Iterable[tuple[int, set[int]]]) -> list[tuple[int, ...]]:
    """Fields that share an undecided array, together and in order."""
    parts: list[tuple[set[int], list[int]]] = []
    for number, arrays in fields:
        joined, members = set(arrays), [number]
        apart = []
        for others, numbers in parts:
            if joined.isdisjoint(others):
                apart.append((others, numbers))
            else:
                joined |= others
                members += numbers
        parts = [*apart, (joined, sorted(members))]
    return [tuple(members) for _, members in parts]
