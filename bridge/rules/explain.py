"""Why a pattern matches an event or not, field by field, in words.

The verdict is the oracle's. Of several branches the one that matched is explained, else the one that came closest.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from bridge.codec.json import parse_event
from bridge.errors import InvalidInput
from bridge.model.rule import Dialect
from bridge.rules.document import Document, Leaf, event_document, read_document
from bridge.rules.jsontext import Scalar
from bridge.rules.nearest import nearest_miss, nearest_path
from bridge.rules.numbers import Number
from bridge.rules.operators.base import show
from bridge.rules.operators.exact import Equals, EqualsNumber
from bridge.rules.operators.exists import Absent
from bridge.rules.oracle import Walk, walk
from bridge.rules.pattern import Branch, Field, Pattern, parse_pattern

_SHOWN_VALUES = 20
_SHOWN_ALTERNATIVES = 5
_NAMED_VALUES = 3
_EXACT_INTEGER = 2**53


class _Shown(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    pass


class FieldVerdict(_Shown, frozen=True, kw_only=True):
    """One field of the branch that is explained.

    ``seen``: its values, the first twenty. ``decided_by``: JSONPath of the alternative that decided, None for a miss.
    """

    path: str
    matched: bool
    wanted: str
    seen: list[str | int | float | bool | None]
    decided_by: str | None
    reason: str


class Explanation(_Shown, frozen=True, kw_only=True):
    matched: bool
    fields: list[FieldVerdict]


class NearMiss(_Shown, frozen=True, kw_only=True):
    """A rule that all fields but one would have let pass."""

    rule: str
    field: FieldVerdict


class RulesExplanation(_Shown, frozen=True, kw_only=True):
    matched: list[str]
    nearly: list[NearMiss]


def test_pattern(
    pattern: bytes | str,
    event: bytes | str,
    dialect: Dialect = "bridge",  # noqa: PT028 - the name is the product's verb, no test of ours
) -> dict[str, Any]:
    """The answer of ``POST /v1/pattern:test``. ``event``: a CloudEvent in the JSON format, or any JSON object.

    Raises InvalidPattern or InvalidInput.
    """
    answer: dict[str, Any] = msgspec.to_builtins(explain(parse_pattern(pattern, dialect), read_event(event)))
    return answer


def read_event(text: bytes | str) -> Document:
    """What is a CloudEvent is seen as a bus sees it (its data only where that is JSON); else the object as it stands."""
    body = text.encode() if isinstance(text, str) else text
    try:
        event = parse_event(body)
    except InvalidInput:
        return read_document(body)
    return event_document(event)


def explain(pattern: Pattern, document: Document) -> Explanation:
    """Raises InvalidInput as ``oracle.matches`` does."""
    nearest: list[FieldVerdict] | None = None
    for branch in pattern.branches:
        way = walk(branch, document)
        verdicts = _judge(branch, document, way)
        if way.complete:
            return Explanation(matched=True, fields=verdicts)
        if nearest is None or _misses(verdicts) < _misses(nearest):
            nearest = verdicts
    return Explanation(matched=False, fields=nearest or [])


def explain_rules(rules: Iterable[tuple[str, Pattern]], document: Document) -> RulesExplanation:
    """Which rules match this event, and which only one field kept from it."""
    matched, nearly = [], []
    for rule, pattern in rules:
        explanation = explain(pattern, document)
        if explanation.matched:
            matched.append(rule)
        elif _misses(explanation.fields) == 1 < len(explanation.fields):
            missed = next(field for field in explanation.fields if not field.matched)
            nearly.append(NearMiss(rule=rule, field=missed))
    return RulesExplanation(matched=matched, nearly=nearly)


def _misses(verdicts: Sequence[FieldVerdict]) -> int:
    return sum(not verdict.matched for verdict in verdicts)


def _judge(branch: Branch, document: Document, way: Walk) -> list[FieldVerdict]:
    """Fields that the walk passed have matched, the one where it stopped has not; without a walk each stands alone."""
    passed = len(way.leaves)
    fitting = [_first_fitting(field, document) for field in branch.fields]
    stopped = not way.complete and all(
        leaf is not None or Absent() in field.alternatives for field, leaf in zip(branch.fields, fitting, strict=True)
    )
    verdicts = []
    for step, (field, leaf) in enumerate(zip(branch.fields, fitting, strict=True)):
        leaves = document.at(field.path)
        if step < passed:
            verdicts.append(_hit(field, leaves, way.leaves[step]))
        elif step == passed and stopped and leaf is not None:
            verdicts.append(_contradiction(field, leaves, leaf, branch.fields[:step]))
        elif leaf is not None or (not leaves and Absent() in field.alternatives):
            verdicts.append(_hit(field, leaves, leaf))
        else:
            verdicts.append(_miss(field, leaves, document))
    return verdicts


def _first_fitting(field: Field, document: Document) -> Leaf | None:
    return next((leaf for leaf in document.at(field.path) if _decider(field, leaf) is not None), None)


def _decider(field: Field, leaf: Leaf | None) -> int | None:
    """The first alternative that a leaf satisfies; for no leaf, the one that wants absence."""
    return next(
        (
            index
            for index, operator in enumerate(field.alternatives)
            if (isinstance(operator, Absent) if leaf is None else operator.holds(leaf.value))
        ),
        None,
    )


def _hit(field: Field, leaves: Sequence[Leaf], leaf: Leaf | None) -> FieldVerdict:
    decider = _decider(field, leaf)
    assert decider is not None
    wanted = field.alternatives[decider].wanted
    where = " from the array element that the other fields match in" if leaves else ""
    return FieldVerdict(
        path=field.path,
        matched=True,
        wanted=_wanted(field),
        seen=_seen(leaves),
        decided_by=f"{field.origin}[{decider}]",
        reason=(
            f"`{field.path}` is absent{where}, as the pattern wants"
            if leaf is None
            else f"`{field.path}` is {show(leaf.value)}, pattern wants {wanted}"
        ),
    )


def _contradiction(field: Field, leaves: Sequence[Leaf], leaf: Leaf, before: Sequence[Field]) -> FieldVerdict:
    others = ", ".join(f"`{other.path}`" for other in before)
    reason = f"`{field.path}` is {show(leaf.value)} only in other array elements than {others}"
    return _missed(field, leaves, reason)


def _miss(field: Field, leaves: Sequence[Leaf], document: Document) -> FieldVerdict:
    if not leaves:
        return _missed(
            field, leaves, f"`{field.path}` is absent, pattern wants {_wanted(field)}{_why_absent(field, document)}"
        )
    miss = nearest_miss(field.alternatives, leaves)
    more = len(field.alternatives) - 1
    others = f" (the nearest of {more + 1} alternatives)" if more else ""
    hint = _hint(miss.operator, miss.leaf.value)
    values = _named(leaves, miss.leaf)
    return _missed(field, leaves, f"`{field.path}` is {values}, pattern wants {miss.operator.wanted}{others}{hint}")


def _missed(field: Field, leaves: Sequence[Leaf], reason: str) -> FieldVerdict:
    return FieldVerdict(
        path=field.path, matched=False, wanted=_wanted(field), seen=_seen(leaves), decided_by=None, reason=reason
    )


def _why_absent(field: Field, document: Document) -> str:
    if document.broken_data and field.path.split(".")[0] == "data":
        return "; the data of this event is not JSON, so it has no fields"
    if any(path.startswith(f"{field.path}.") for path in document.paths()):
        return "; there is an object, and only its members have values"
    close = nearest_path(field.path, document)
    return f"; did you mean `{close}`?" if close else ""


def _hint(operator: object, value: Scalar) -> str:
    """What a reader may overlook when wanted and seen look alike."""
    if isinstance(operator, EqualsNumber) and value == operator.number.text:
        return "; a string is never equal to a number"
    if isinstance(operator, Equals) and isinstance(value, Number) and value.text == operator.value:
        return "; a number is never equal to a string"
    if isinstance(operator, Equals) and isinstance(value, str) and value.lower() == str(operator.value).lower():
        return "; upper and lower case differ, see equals-ignore-case"
    return ""


def _wanted(field: Field) -> str:
    shown = " or ".join(operator.wanted for operator in field.alternatives[:_SHOWN_ALTERNATIVES])
    more = len(field.alternatives) - _SHOWN_ALTERNATIVES
    return f"{shown} or one of {more:,} more" if more > 0 else shown


def _named(leaves: Sequence[Leaf], first: Leaf) -> str:
    """Some of the values, the nearest one first."""
    others = [leaf for leaf in leaves if leaf is not first]
    named = ", ".join(show(leaf.value) for leaf in [first, *others[: _NAMED_VALUES - 1]])
    more = len(leaves) - _NAMED_VALUES
    return f"{named} and {more:,} more" if more > 0 else named


def _seen(leaves: Sequence[Leaf]) -> list[str | int | float | bool | None]:
    return [_plain(leaf.value) for leaf in leaves[:_SHOWN_VALUES]]


def _plain(value: Scalar) -> str | int | float | bool | None:
    """A number as JSON shows it; one that no double holds as its characters."""
    if not isinstance(value, Number):
        return value
    if value.value is None:
        return value.text
    return int(value.value) if value.value.is_integer() and abs(value.value) <= _EXACT_INTEGER else value.value
