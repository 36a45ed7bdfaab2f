"""What of a filter the matcher can know: a rule's pattern made narrower, so that fewer events reach the filter.

Only conditions that every passing event fulfils, and only on ``id``, ``source`` and ``type``, which every event has and
which are always text. The filter still decides; the matcher's index only spares it most events.
"""

from collections.abc import Iterator

from bridge.rules.cesql.like import parse_like
from bridge.rules.cesql.tree import Attribute, Comparison, Constant, Expression, In, Like, Logic, Node
from bridge.rules.filters import OPERATORS, AllOf, AnyOf, Compare, Filter, Sql
from bridge.rules.operators.affix import Contains, Prefix, Suffix
from bridge.rules.operators.base import Operator
from bridge.rules.operators.exact import Equals
from bridge.rules.pattern import Branch, Field, Pattern

_TEXT = frozenset({"id", "source", "type"})
Needs = dict[str, tuple[Operator, ...]]
"""Attribute to alternatives, one of which a passing event satisfies."""


def narrow(pattern: Pattern, filter_: Filter) -> Pattern:
    """The pattern with what the filter needs. A field that a branch has already stays as it is there."""
    needs = _needs(filter_)
    return Pattern(tuple(_narrow(branch, needs) for branch in pattern.branches), pattern.unused) if needs else pattern


def _narrow(branch: Branch, needs: Needs) -> Branch:
    named = {field.path for field in branch.fields}
    more = [Field(path, operators, "$") for path, operators in needs.items() if path not in named]
    return Branch(tuple(sorted((*branch.fields, *more), key=lambda field: field.path.encode("utf-16-be"))))


def _needs(filter_: Filter) -> Needs:
    match filter_:
        case Compare():
            operator = OPERATORS[filter_.how]
            return {name: (operator(wanted),) for name, wanted in filter_.attributes if name in _TEXT}
        case AllOf():
            return _first(_needs(part) for part in filter_.filters)
        case AnyOf():
            return _joined([_needs(part) for part in filter_.filters])
        case Sql():
            return _first(_of_condition(node) for node in _conditions(filter_.expression))
    return {}


def _first(needs: Iterator[Needs]) -> Needs:
    found: Needs = {}
    for need in needs:
        found = need | found
    return found


def _joined(needs: list[Needs]) -> Needs:
    """What all of them ask something of."""
    names = set.intersection(*(set(need) for need in needs))
    return {name: tuple(operator for need in needs for operator in need[name]) for name in names}


def _conditions(expression: Expression) -> list[Node]:
    """Parts that are all true where the expression is."""
    root = expression.root
    if isinstance(root, Logic) and all(sign == "AND" for sign, _ in root.steps):
        return [root.first, *(operand for _, operand in root.steps)]
    return [root]


def _of_condition(node: Node) -> Needs:
    match node:
        case Comparison(first=Attribute(name=name), steps=(("=", Constant(value=str() as text)),)) if name in _TEXT:
            return {name: (Equals(text),)}
        case Comparison(first=Constant(value=str() as text), steps=(("=", Attribute(name=name)),)) if name in _TEXT:
            return {name: (Equals(text),)}
        case Like(operand=Attribute(name=name), negated=False) if name in _TEXT:
            return _of_like(name, node.pattern)
        case In(operand=Attribute(name=name), negated=False) if name in _TEXT:
            texts = [part.value for part in node.elements if isinstance(part, Constant) and isinstance(part.value, str)]
            return {name: tuple(map(Equals, texts))} if len(texts) == len(node.elements) else {}
    return {}


def _of_like(name: str, pattern: str) -> Needs:
    """One fixed piece of the pattern, the whole where it is one."""
    first, *rest = parse_like(pattern)
    if first.gaps:
        return {}
    if not rest:
        return {name: (Equals(first.text),)}
    if first.text:
        return {name: (Prefix(first.text),)}
    *middle, last = rest
    if last.text and not last.gaps:
        return {name: (Suffix(last.text),)}
    return next(({name: (Contains(piece.text),)} for piece in middle if not piece.gaps), {})
