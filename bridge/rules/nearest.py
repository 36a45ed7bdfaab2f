"""The nearest miss: of a field's alternatives and the values seen, the pair that came closest to a match."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import NamedTuple

from bridge.rules.document import Document, Leaf
from bridge.rules.jsontext import Scalar
from bridge.rules.numbers import Number
from bridge.rules.operators.base import Operator
from bridge.rules.operators.exact import EqualsNumber
from bridge.rules.operators.numeric import Numeric

_WEIGHED_ALTERNATIVES = 200
_WEIGHED_LEAVES = 20
_WEIGHED_CHARACTERS = 200
_WEIGHED_PATHS = 1_000


class Miss(NamedTuple):
    operator: Operator
    leaf: Leaf


def nearest_miss(alternatives: Sequence[Operator], leaves: Sequence[Leaf]) -> Miss:
    """Neither may be empty. Looks at the first few hundred pairs only: it serves a sentence for people."""
    pairs = [
        Miss(operator, leaf) for operator in alternatives[:_WEIGHED_ALTERNATIVES] for leaf in leaves[:_WEIGHED_LEAVES]
    ]
    return min(pairs, key=lambda miss: _distance(miss.operator, miss.leaf.value))


def nearest_path(path: str, document: Document) -> str | None:
    """A path of the document that the author of ``path`` may have meant."""
    if len(path) > _WEIGHED_CHARACTERS:
        return None
    paths = [known for known in document.paths()[:_WEIGHED_PATHS] if len(known) <= _WEIGHED_CHARACTERS]
    same = [known for known in paths if known.lower() == path.lower()]
    close = same or get_close_matches(path, paths, n=1, cutoff=0.8)
    return close[0] if close else None


def _distance(operator: Operator, value: Scalar) -> tuple[int, float]:
    """First whether the kinds fit at all, then how far apart the values are."""
    if isinstance(value, Number) and isinstance(operator, Numeric | EqualsNumber):
        return 0, _number_distance(operator, value)
    text = getattr(operator, "text", getattr(operator, "value", None))
    if isinstance(value, str) and isinstance(text, str):
        return 0, _text_distance(text[:_WEIGHED_CHARACTERS].lower(), value[:_WEIGHED_CHARACTERS].lower())
    return 1, 0.0


def _number_distance(operator: Numeric | EqualsNumber, number: Number) -> float:
    if number.value is None:
        return float("inf")
    if isinstance(operator, Numeric):
        return max(operator.low - number.value, number.value - operator.high)
    return float("inf") if operator.number.value is None else abs(operator.number.value - number.value)


def _text_distance(one: str, other: str) -> float:
    """The share of characters between the common start and the common end: a typo leaves both."""
    longest = max(len(one), len(other))
    start = _common(one, other)
    end = _common(one[start:][::-1], other[start:][::-1])
    return 1 - (start + end) / longest if longest else 0.0


def _common(one: str, other: str) -> int:
    """How many characters both begin with; by halves, as comparing is fast and looping is not."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low
