"""Whether a filter lets an event pass, and why, in words."""

from collections.abc import Iterable

import msgspec

from bridge.codec.json import parse_event
from bridge.errors import InvalidInput
from bridge.model.event import Event, Value
from bridge.rules.cesql.evaluator import evaluate
from bridge.rules.cesql.tree import Attribute, Expression, Logic, Node, walk
from bridge.rules.cesql.values import HIGHEST, LOWEST, shown, to_text
from bridge.rules.filters import AllOf, AnyOf, Compare, Filter, NotOf, Sql, compile_filter, text_of
from bridge.rules.jsontext import Json, Members, read_json
from bridge.rules.numbers import Number
from bridge.rules.operators.base import show

_WANTED = {"exact": "", "prefix": "prefix ", "suffix": "suffix "}
_SHOWN_REASONS = 5
_SHOWN_TEXT = 200
_SHOWN_JOINED = 1_000
_DEPTH = 500


class FilterVerdict(msgspec.Struct, frozen=True):
    matched: bool
    reason: str


def read_attributes(text: bytes | str) -> Event:
    """A CloudEvent in the JSON format. Any other JSON object becomes one as far as it can: what an attribute can hold is
    taken for one, required ones that are missing stay empty. Raises InvalidInput.
    """
    body = text.encode() if isinstance(text, str) else text
    try:
        return parse_event(body)
    except InvalidInput:
        root = read_json(body, depth=_DEPTH, error=InvalidInput)
    if not isinstance(root, Members):
        raise InvalidInput("the event must be a JSON object")
    found = {name: value for name, member in root if (value := _attribute(member)) is not None}
    id_, source, type_ = (to_text(found.pop(name, "")) for name in ("id", "source", "type"))
    attributes = {name: value for name, value in found.items() if name not in {"specversion", "data"}}
    return Event(id_, source, type_, attributes)


def _attribute(value: Json) -> Value | None:
    if isinstance(value, Number):
        number = value.value
        whole = number is not None and number.is_integer() and LOWEST <= number <= HIGHEST
        return int(number) if whole and number is not None else None
    return value if isinstance(value, str | bool) else None


def explain_filter(filter_: Filter, event: Event) -> FilterVerdict:
    """The verdict is that of ``compile_filter``; the reason names what decided."""
    match filter_:
        case Compare():
            return _explain_compare(filter_, event)
        case AllOf(filters=()):
            return FilterVerdict(matched=True, reason="there is no filter")
        case AllOf():
            return _decide((explain_filter(part, event) for part in filter_.filters), by=False)
        case AnyOf():
            return _decide((explain_filter(part, event) for part in filter_.filters), by=True)
        case NotOf():
            inner = explain_filter(filter_.filter, event)
            return FilterVerdict(not inner.matched, f"not: {inner.reason}")
        case Sql():
            return FilterVerdict(compile_filter(filter_)(event), _sql_reason(filter_.expression, event))
    raise NotImplementedError(filter_)


def _decide(verdicts: Iterable[FilterVerdict], *, by: bool) -> FilterVerdict:
    """The first verdict that decides; if none does, the reasons of all, the first few."""
    reasons: list[str] = []
    more = 0
    for verdict in verdicts:
        if verdict.matched is by:
            return verdict
        if len(reasons) < _SHOWN_REASONS:
            reasons.append(verdict.reason)
        else:
            more += 1
    return FilterVerdict(not by, _short("; ".join(reasons), _SHOWN_JOINED) + (f"; and {more:,} more" if more else ""))


def _explain_compare(filter_: Compare, event: Event) -> FilterVerdict:
    parts = (Compare(filter_.how, (pair,), filter_.origin) for pair in filter_.attributes)
    return _decide((FilterVerdict(compile_filter(part)(event), _compared(part, event)) for part in parts), by=False)


def _compared(filter_: Compare, event: Event) -> str:
    [(name, wanted)] = filter_.attributes
    text = text_of(name)(event)
    seen = "absent" if text is None else show(text)
    return f"`{name}` is {_short(seen)}, filter wants {_WANTED[filter_.how]}{_short(show(wanted))}"


def _sql_reason(expression: Expression, event: Event) -> str:
    """Of conditions joined by AND, the first that is not true is named."""
    root = expression.root
    if isinstance(root, Logic) and all(sign == "AND" for sign, _ in root.steps):
        for part in (root.first, *(operand for _, operand in root.steps)):
            if evaluate(Expression(part), event) != (True, ()):
                return _condition_reason(part, event)
    return _condition_reason(root, event)


def _condition_reason(node: Node, event: Event) -> str:
    value, errors = evaluate(Expression(node), event)
    condition = f"`{_short(node.write())}`"
    if errors:
        return f"{condition} has no value: {errors[0].reason} ({errors[0].kind})"
    if isinstance(value, bool):
        return f"{condition} is {to_text(value)}{_seen(node, event)}"
    return f"{condition} is {_short(shown(value))}, not true or false"


def _seen(node: Node, event: Event) -> str:
    """The attributes that a condition names, with their values."""
    named = dict.fromkeys(part for part in walk(node) if isinstance(part, Attribute))
    values = {part.name: evaluate(Expression(part), event) for part in named}
    found = [f"`{name}` is {_short(shown(value))}" for name, (value, errors) in values.items() if not errors]
    return f": {', '.join(found[:_SHOWN_REASONS])}" if found else ""


def _short(text: str, most: int = _SHOWN_TEXT) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
