"""A branch of a pattern, cut so that arrays can be judged element by element.

The specification walks the fields in order and keeps the array elements chosen so far; ``exists: false`` means "no
leaf that agrees with these". Judging the elements of an array one by one gives the same answer when some earlier field
has chosen an element; where none has, absence is asked of *all* elements at once. Which of the two it is can be told
from the paths alone, for every object of the path that an event may turn into an array:

- the path's objects below which an earlier field has taken a leaf: there an element is chosen;
- the first object below which none has: from here on the field is *gathered*, all leaves below that object together.

A field that may be absent or not, with fields after it below the same object, makes two conjunctions: one in which
it is absent (gathered, nothing chosen) and one in which it is there.
"""

from typing import NamedTuple

from bridge.rules.operators.base import Operator
from bridge.rules.operators.exists import Absent
from bridge.rules.pattern import Branch, Field

MAX_CONJUNCTIONS = 16
"""A branch that would need more is judged by the solver alone."""
MAX_SEGMENTS = 32
"""A path of more names is not followed by generated code."""
MAX_FIELDS = 200
"""A branch of more fields is judged by the solver, once the first of these fit."""

_ABSENT = Absent()


class Condition(NamedTuple):
    """One field of a conjunction."""

    path: str
    alternatives: tuple[Operator, ...]
    gathered: int
    """0: judged with the element it lies in. n: all leaves below the object at the path's first n names, together."""

    @property
    def optional(self) -> bool:
        return _ABSENT in self.alternatives


Conjunction = tuple[Condition, ...]


def conjunctions(branch: Branch) -> list[Conjunction] | None:
    """What a branch stands for, as a disjunction; None when that is too much or too deep."""
    if len(branch.fields) > MAX_FIELDS or any(field.path.count(".") >= MAX_SEGMENTS for field in branch.fields):
        return None
    found: list[Conjunction] = []
    waiting: list[tuple[int, Conjunction, frozenset[str]]] = [(0, (), frozenset())]
    while waiting:
        index, done, chosen = waiting.pop()
        if index == len(branch.fields):
            found.append(done)
        else:
            waiting += [(index + 1, (*done, condition), after) for condition, after in _ways(branch, index, chosen)]
        if len(found) + len(waiting) > MAX_CONJUNCTIONS:
            return None
    return found


def necessary(branch: Branch) -> Conjunction:
    """Conditions that a match of the branch implies: what is left of one that is too much for ``conjunctions``."""
    return tuple(
        Condition(field.path, field.alternatives, 0)
        for field in branch.fields
        if _ABSENT not in field.alternatives and field.path.count(".") < MAX_SEGMENTS
    )[:MAX_FIELDS]


def _ways(branch: Branch, index: int, chosen: frozenset[str]) -> list[tuple[Condition, frozenset[str]]]:
    """How the field can be passed, each with the objects below which a leaf has then been taken."""
    field = branch.fields[index]
    objects = _objects(field.path)
    taken = chosen.union(objects)
    gathered = next((depth for depth, path in enumerate(objects, 1) if path not in chosen), 0)
    if _ABSENT not in field.alternatives or gathered == 0:
        return [(Condition(field.path, field.alternatives, 0), taken)]
    if not any(_is_below(other, objects[gathered - 1]) for other in branch.fields[index + 1 :]):
        return [(Condition(field.path, field.alternatives, gathered), taken)]
    ways = [(Condition(field.path, (_ABSENT,), gathered), chosen)]
    present = tuple(operator for operator in field.alternatives if operator != _ABSENT)
    if present:
        ways.append((Condition(field.path, present, 0), taken))
    return ways


def _is_below(field: Field, path: str) -> bool:
    return field.path.startswith(f"{path}.")


def _objects(path: str) -> list[str]:
    """The paths of the objects around a leaf, outermost first; the root, which is never an array, left out."""
    names = path.split(".")
    return [".".join(names[:depth]) for depth in range(1, len(names))]
