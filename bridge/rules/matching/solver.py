"""One branch on one document, exactly: the walk of the specification, in bounded time.

The walk chooses array elements. Here one array is decided at a time, outermost first; fields that share no undecided
array are settled apart, since a choice for one says nothing about the others; and an answer is remembered by the
choices that matter to it. So the cost follows the leaves, and not the product of the arrays' lengths.

Only an event that reaches one path through several arrays (repeated member names, dots in names) can still make it a
puzzle, one that has no fast answer: after ``MAX_STEPS`` the solver gives up, and the branch counts as not matching.
"""

from collections.abc import Iterable, Sequence

from bridge.rules.document import Document, Leaf
from bridge.rules.operators.exists import Absent
from bridge.rules.pattern import Branch

MAX_STEPS = 300_000
"""Fields looked at for one branch and event, after whatever choices; about 0.5 s."""

Chosen = dict[int, int]
"""Array -> index of the element chosen."""


class GaveUp(Exception):
    """The event is too intricate for this branch."""


def branch_matches(branch: Branch, document: Document) -> bool:
    """Whether a branch matches; raises GaveUp."""
    leaves = [document.at(field.path) for field in branch.fields]
    deciding = _deciding(leaves)
    fields = []
    for field, found in zip(branch.fields, leaves, strict=True):
        optional = Absent() in field.alternatives
        suited = [leaf for leaf in found if any(operator.holds(leaf.value) for operator in field.alternatives)]
        if not suited and not optional:
            return False
        fields.append(_Field(_tree(found, deciding), _tree(suited, deciding), optional))
    try:
        return _Walk(fields).settle(tuple(range(len(fields))), {})
    except RecursionError:
        raise GaveUp from None


def _deciding(fields: Iterable[Sequence[Leaf]]) -> frozenset[int]:
    """The arrays of which two leaves lie in different elements: with all others every leaf agrees anyway."""
    first: dict[int, int] = {}
    found = set()
    for leaves in fields:
        for leaf in leaves:
            for array, index in leaf.elements:
                if first.setdefault(array, index) != index:
                    found.add(array)
    return frozenset(found)


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


class _Field:
    __slots__ = ("leaves", "optional", "suited")

    def __init__(self, leaves: _Node, suited: _Node, optional: bool) -> None:
        self.leaves = leaves
        self.suited = suited
        self.optional = optional


class _Walk:
    """The fields of a branch, and what is known of parts of the walk."""

    def __init__(self, fields: Sequence[_Field]) -> None:
        self.fields = fields
        self.known: dict[tuple[tuple[int, ...], bool, frozenset[tuple[int, int]]], bool] = {}
        self.steps = 0

    def settle(self, numbers: Sequence[int], chosen: Chosen, *, present: bool = False) -> bool:
        """Whether all these fields can be passed after these choices; ``present``: the first one by a leaf."""
        undecided: list[tuple[int, set[int]]] = []
        for number in numbers:
            self._count()
            field = self.fields[number]
            ends, open_ = _reach(field.suited, chosen)
            if field.optional:
                _, open_ = _reach(field.leaves, chosen)
            if open_:
                undecided.append((number, set(open_)))
            elif not ends:
                must = present and number == numbers[0]
                if must or not field.optional or self._is_there(field, chosen):
                    return False
        return all(
            self._settle_part(part, chosen, must=present and part[0] == numbers[0]) for part in _parts(undecided)
        )

    def _settle_part(self, part: tuple[int, ...], chosen: Chosen, *, must: bool) -> bool:
        key = (part, must, frozenset(chosen.items()))
        answer = self.known.get(key)
        if answer is None:
            answer = self.known[key] = self._walk(part, chosen, must)
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
            if not ends and (must or not field.optional or self._is_there(field, chosen)):
                return False
            part, must = part[1:], False
        return True

    def _is_there(self, field: _Field, chosen: Chosen) -> bool:
        """Whether any leaf of the field agrees with the choices."""
        ends, open_ = _reach(field.leaves, chosen)
        return ends or any(
            self._is_there_in(node, chosen) for elements in open_.values() for node in elements.values()
        )

    def _is_there_in(self, node: _Node, chosen: Chosen) -> bool:
        self._count()
        ends, open_ = _reach(node, chosen)
        return ends or any(self._is_there_in(n, chosen) for elements in open_.values() for n in elements.values())

    def _count(self) -> None:
        self.steps += 1
        if self.steps > MAX_STEPS:
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
