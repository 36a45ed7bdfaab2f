"""A pattern tried on an event: what became of each field, in the branch that came closest."""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from bridge.rules.document import Document, Leaf
from bridge.rules.effort import Effort
from bridge.rules.jsontext import Scalar
from bridge.rules.operators.anything_but import AnythingBut
from bridge.rules.operators.base import Operator
from bridge.rules.operators.exists import Absent
from bridge.rules.operators.ignore_case import EqualsIgnoreCase, PrefixIgnoreCase, SuffixIgnoreCase
from bridge.rules.operators.table import AllOf
from bridge.rules.operators.wildcard import Wildcard
from bridge.rules.oracle import Walk, walk
from bridge.rules.pattern import Branch, Field, Pattern

_STEPS_OF_A_CHOICE = 10
_CHARACTERS_OF_A_STEP = 100


class State(Enum):
    """What became of a field."""

    HIT = "a value that was wanted, or an absence that was"
    ELSEWHERE = "a value that was wanted, but only in other array elements than the fields before"
    MISS = "no value that was wanted"


class Finding(NamedTuple):
    """A field and the leaf that decided, None where there is none. ``before``: the fields that it contradicts."""

    field: Field
    state: State
    leaf: Leaf | None
    before: Sequence[Field] = ()


class Attempt(NamedTuple):
    """One branch tried."""

    findings: list[Finding]
    misses: int

    @property
    def matched(self) -> bool:
        return not self.misses


def nearest_attempt(pattern: Pattern, document: Document, effort: Effort) -> Attempt:
    """The branch that matches, else the first of those with the fewest misses. Raises TooLarge, and as ``walk`` does."""
    trial, nearest = _Trial(document, effort), None
    for branch in pattern.branches:
        attempt = trial.attempt(branch)
        if attempt.matched:
            return attempt
        if nearest is None or attempt.misses < nearest.misses:
            nearest = attempt
    assert nearest is not None, "a pattern has a branch"
    return nearest


def decider(field: Field, leaf: Leaf | None) -> int | None:
    """The first alternative that a leaf satisfies; for no leaf, the one that wants absence."""
    return next(
        (
            index
            for index, operator in enumerate(field.alternatives)
            if (isinstance(operator, Absent) if leaf is None else operator.holds(leaf.value))
        ),
        None,
    )


class _Fit(NamedTuple):
    """A field by itself: the first leaf that satisfies it, whether absence would, whether there is any leaf.

    ``steps``: what finding out takes.
    """

    leaf: Leaf | None
    absence: bool
    there: bool
    steps: int


class _Trial:
    """One pattern and one event: what is known of a field serves every branch that has it."""

    def __init__(self, document: Document, effort: Effort) -> None:
        self._document = document
        self._effort = effort
        self._fits: dict[int, _Fit] = {}

    def attempt(self, branch: Branch) -> Attempt:
        self._effort.spend(len(branch.fields))
        fits = [self._fit(field) for field in branch.fields]
        possible = all(fit.leaf is not None or fit.absence for fit in fits)
        way = self._walk(branch, fits) if possible else Walk((), complete=False)
        findings = []
        for step, (field, fit) in enumerate(zip(branch.fields, fits, strict=True)):
            if step < len(way.leaves):
                findings.append(Finding(field, State.HIT, way.leaves[step]))
            elif step == len(way.leaves) and possible and fit.leaf is not None:
                findings.append(Finding(field, State.ELSEWHERE, fit.leaf, branch.fields[:step]))
            elif fit.leaf is not None or (fit.absence and not fit.there):
                findings.append(Finding(field, State.HIT, fit.leaf))
            else:
                findings.append(Finding(field, State.MISS, None))
        return Attempt(findings, sum(finding.state is not State.HIT for finding in findings))

    def _walk(self, branch: Branch, fits: Sequence[_Fit]) -> Walk:
        self._effort.spend(sum(fit.steps for fit in fits))
        way = walk(branch, self._document)
        self._effort.spend(_STEPS_OF_A_CHOICE * way.choices)
        return way

    def _fit(self, field: Field) -> _Fit:
        fit = self._fits.get(id(field))
        if fit is None:
            leaves = self._document.at(field.path)
            steps = sum(map(_steps, field.alternatives)) * sum(_steps_of_value(leaf.value) for leaf in leaves)
            self._effort.spend(steps)
            found = next((leaf for leaf in leaves if decider(field, leaf) is not None), None)
            fit = self._fits[id(field)] = _Fit(found, Absent() in field.alternatives, bool(leaves), steps)
        return fit


def _steps(operator: Operator) -> int:
    """What a comparison with a short value takes."""
    if isinstance(operator, AllOf):
        return sum(map(_steps, operator.operators))
    if isinstance(operator, AnythingBut):
        return sum(map(_steps, operator.refused))
    if isinstance(operator, EqualsIgnoreCase | PrefixIgnoreCase | SuffixIgnoreCase):
        return 1 + len(operator.text)  # it goes by single characters
    return len(operator.pieces) if isinstance(operator, Wildcard) else 1


def _steps_of_value(value: Scalar) -> int:
    return 1 + len(value) // _CHARACTERS_OF_A_STEP if isinstance(value, str) else 1
