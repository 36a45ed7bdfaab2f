"""What is said about one field of a pattern: the values seen, what was wanted, and the sentence that says why.

All of it is short, however large the pattern and the event are.
"""

from collections.abc import Sequence

import msgspec

from bridge.rules.attempts import Finding, State, decider
from bridge.rules.document import Document, Leaf
from bridge.rules.jsontext import Scalar
from bridge.rules.nearest import nearest_miss, nearest_path
from bridge.rules.numbers import Number
from bridge.rules.operators.base import show
from bridge.rules.operators.exact import Equals, EqualsNumber
from bridge.rules.pattern import Field

_SHOWN_VALUES = 20
_SHOWN_ALTERNATIVES = 5
_NAMED_VALUES = 3
_NAMED_FIELDS = 5
_EXACT_INTEGER = 2**53
_CHARACTERS = 1_000
"""Of a text in the answer's data: values, paths."""
_CHARACTERS_IN_WORDS = 200


class FieldVerdict(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One field of the branch that is explained.

    ``seen``: its values, the first twenty. ``decided_by``: JSONPath of the alternative that decided, None for a miss.
    """

    path: str
    matched: bool
    wanted: str
    seen: list[str | int | float | bool | None]
    decided_by: str | None
    reason: str


def verdict(finding: Finding, document: Document, *, hint: bool = True) -> FieldVerdict:
    """``hint``: whether to look for the nearest miss, which may take a while."""
    field, state, leaf, before = finding
    if state is State.HIT:
        return _hit(field, document.at(field.path), leaf)
    if state is State.MISS:
        reason = _why_missed(field, document, hint=hint)
    else:
        assert leaf is not None
        others = ", ".join(f"`{_cut(other.path)}`" for other in before[:_NAMED_FIELDS])
        reason = f"`{_cut(field.path)}` is {_shown(leaf.value)} only in other array elements than {others}"
    return _verdict(field, document.at(field.path), None, reason)


def _hit(field: Field, leaves: Sequence[Leaf], leaf: Leaf | None) -> FieldVerdict:
    index = decider(field, leaf)
    assert index is not None
    where = " from the array element that the other fields match in" if leaves else ""
    name = _cut(field.path)
    reason = (
        f"`{name}` is absent{where}, as the pattern wants"
        if leaf is None
        else f"`{name}` is {_shown(leaf.value)}, pattern wants {_cut(field.alternatives[index].wanted)}"
    )
    return _verdict(field, leaves, index, reason)


def _verdict(field: Field, leaves: Sequence[Leaf], index: int | None, reason: str) -> FieldVerdict:
    return FieldVerdict(
        path=_cut(field.path, _CHARACTERS),
        matched=index is not None,
        wanted=_wanted(field),
        seen=[_plain(leaf.value) for leaf in leaves[:_SHOWN_VALUES]],
        decided_by=None if index is None else f"{_cut(field.origin, _CHARACTERS)}[{index}]",
        reason=reason,
    )


def _why_missed(field: Field, document: Document, *, hint: bool) -> str:
    name, leaves = _cut(field.path), document.at(field.path)
    if not leaves:
        why = _why_absent(field, document) if hint else ""
        return f"`{name}` is absent, pattern wants {_wanted(field)}{why}"
    if not hint:
        return f"`{name}` is {_named(leaves, leaves[0])}, pattern wants {_wanted(field)}"
    miss = nearest_miss(field.alternatives, leaves)
    more = len(field.alternatives) - 1
    others = f" (the nearest of {more + 1:,} alternatives)" if more else ""
    look = _overlooked(miss.operator, miss.leaf.value)
    return f"`{name}` is {_named(leaves, miss.leaf)}, pattern wants {_cut(miss.operator.wanted)}{others}{look}"


def _why_absent(field: Field, document: Document) -> str:
    if document.broken_data and field.path.split(".", 1)[0] == "data":
        return "; the data of this event is not JSON, so it has no fields"
    inside = f"{field.path}."
    if any(path.startswith(inside) for path in document.paths()):
        return "; there is an object, and only its members have values"
    close = nearest_path(field.path, document)
    return f"; did you mean `{_cut(close)}`?" if close else ""


def _overlooked(operator: object, value: Scalar) -> str:
    """What a reader may overlook when wanted and seen look alike."""
    if isinstance(operator, EqualsNumber) and value == operator.number.text:
        return "; a string is never equal to a number"
    if isinstance(operator, Equals) and isinstance(value, Number) and value.text == operator.value:
        return "; a number is never equal to a string"
    if isinstance(operator, Equals) and isinstance(value, str) and value.lower() == str(operator.value).lower():
        return "; upper and lower case differ, see equals-ignore-case"
    return ""


def _wanted(field: Field) -> str:
    shown = " or ".join(_cut(operator.wanted) for operator in field.alternatives[:_SHOWN_ALTERNATIVES])
    more = len(field.alternatives) - _SHOWN_ALTERNATIVES
    return f"{shown} or one of {more:,} more" if more > 0 else shown


def _named(leaves: Sequence[Leaf], first: Leaf) -> str:
    """Some of the values, the nearest one first."""
    others = [leaf for leaf in leaves[:_NAMED_VALUES] if leaf is not first]
    named = ", ".join(_shown(leaf.value) for leaf in [first, *others[: _NAMED_VALUES - 1]])
    more = len(leaves) - _NAMED_VALUES
    return f"{named} and {more:,} more" if more > 0 else named


def _plain(value: Scalar) -> str | int | float | bool | None:
    """A number as JSON shows it; one that no double holds as its characters."""
    if isinstance(value, str):
        return _cut(value, _CHARACTERS)
    if not isinstance(value, Number):
        return value
    if value.value is None:
        return _cut(value.text, _CHARACTERS)
    return int(value.value) if value.value.is_integer() and abs(value.value) <= _EXACT_INTEGER else value.value


def _shown(value: Scalar) -> str:
    """As in ``show``, but short."""
    if isinstance(value, Number):
        return _cut(value.text)
    return show(_cut(value)) if isinstance(value, str) else show(value)


def _cut(text: str, most: int = _CHARACTERS_IN_WORDS) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
