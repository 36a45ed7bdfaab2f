"""SQL92 filters over properties, as brokers read them: comparisons, BETWEEN, IN, IS NULL, AND, OR, NOT, CONTAINS,
STARTSWITH, ENDSWITH. Three-valued: a property that is missing makes a comparison unknown.

Text after a valid expression is ignored (``a LIKE 'x'`` reads as ``a``), unless no token can be made of it. NOT binds
closer than a comparison, so ``NOT a > 1`` does not parse and ``NOT (a > 1)`` does. All seen on a live broker.
"""

import operator
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

Value = str | float | bool | None
Holds = Callable[[Mapping[str, str]], Value]


class Node(NamedTuple):
    """Part of an expression; ``kind`` is property, number, text or truth."""

    kind: str
    value: Holds


_TOKEN = re.compile(
    r"\s*(?:('(?:[^']|'')*')|(\d+\.\d*(?:[eE][+-]?\d+)?|\.?\d+(?:[eE][+-]?\d+)?)[lL]?|([A-Za-z_$][\w$]*)|(<>|<=|>=|[=<>(),+-])|(\S))"
)
_BAD = 5
"""The group of a character that starts no token."""
_ORDERED: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TEXT: dict[str, Callable[[str, str], bool]] = {
    "CONTAINS": lambda text, part: part in text,
    "STARTSWITH": str.startswith,
    "ENDSWITH": str.endswith,
}
_RESERVED = {"AND", "OR", "NOT", "IN", "IS", "NULL", "BETWEEN", "TRUE", "FALSE", *_TEXT}


class _Unreadable(Exception):
    """The expression does not parse."""


def parse_sql(expression: str) -> Holds | None:
    """The expression as a function of properties; None if it does not parse."""
    try:
        return _truth(_Parser(expression).any_of()).value
    except _Unreadable:
        return None


class _Parser:
    """One method per level of precedence, loosest first."""

    def __init__(self, expression: str) -> None:
        self._tokens = _TOKEN.finditer(expression)
        self._next()

    def any_of(self) -> Node:
        left = self._all_of()
        while self._take("OR"):
            left = Node("truth", _either(_truth(left).value, _truth(self._all_of()).value))
        return left

    def _all_of(self) -> Node:
        left = self._equality()
        while self._take("AND"):
            left = Node("truth", _both(_truth(left).value, _truth(self._equality()).value))
        return left

    def _equality(self) -> Node:
        left = self._comparison()
        while (sign := self._word) in {"=", "<>", "IS"}:
            self._next()
            if sign == "IS":
                left = self._null(left.value)
            else:
                left = Node("truth", _equal(left.value, self._comparison().value, wanted=sign == "="))
        return left

    def _null(self, value: Holds) -> Node:
        wanted = not self._take("NOT")
        self._expect("NULL")
        return Node("truth", lambda properties: (value(properties) is None) is wanted)

    def _comparison(self) -> Node:
        left = self._unary()
        while True:
            inverted = self._take("NOT")
            found = self._relation(left, inverted=inverted)
            if found is None:
                return left
            left = Node("truth", _negated(found) if inverted else found)

    def _relation(self, left: Node, *, inverted: bool) -> Holds | None:
        """What follows a value, None if it stands alone."""
        word = self._word
        if word in _ORDERED and not inverted:
            self._next()
            return _ordered(_ORDERED[word], left, self._unary())
        if word in _TEXT:
            self._next()
            return _textual(_TEXT[word], left, self._unary())
        if self._take("BETWEEN"):
            low = self._unary()
            self._expect("AND")
            return _both(_ordered(operator.ge, left, low), _ordered(operator.le, left, self._unary()))
        if self._take("IN"):
            return self._listed(left)
        if inverted:
            raise _Unreadable
        return None

    def _listed(self, left: Node) -> Holds:
        """Texts only."""
        self._expect("(")
        texts = [self._text()]
        while self._take(","):
            texts.append(self._text())
        self._expect(")")
        value = left.value
        return lambda properties: None if (found := value(properties)) is None else found in texts

    def _text(self) -> Value:
        node = self._primary()
        if node.kind != "text":
            raise _Unreadable
        return node.value({})

    def _unary(self) -> Node:
        if self._take("NOT"):
            return Node("truth", _negated(_truth(self._unary()).value))
        if self._take("-"):
            value = _number(self._unary())
            return Node("number", lambda properties: None if (found := value(properties)) is None else -float(found))
        self._take("+")
        return self._primary()

    def _primary(self) -> Node:
        token, word = self._token, self._word
        self._next()
        if word == "(":
            inner = self.any_of()
            self._expect(")")
            return inner
        if token[:1] == "'":
            return _constant("text", token[1:-1].replace("''", "'"))
        if token[:1].isdigit() or token[:1] == ".":
            return _constant("number", float(token.rstrip("lL")))
        if word in {"TRUE", "FALSE"}:
            return _constant("truth", word == "TRUE")
        if word in _RESERVED or not re.match(r"[A-Za-z_$]", token):
            raise _Unreadable
        return Node("property", lambda properties: properties.get(token))

    def _next(self) -> None:
        found = next(self._tokens, None)
        if found is not None and found[_BAD]:
            raise _Unreadable
        self._token = found[0].strip() if found else ""
        self._word = self._token.upper()

    def _take(self, word: str) -> bool:
        if self._word != word:
            return False
        self._next()
        return True

    def _expect(self, word: str) -> None:
        if not self._take(word):
            raise _Unreadable


def _constant(kind: str, value: Value) -> Node:
    return Node(kind, lambda _: value)


def _truth(node: Node) -> Node:
    """A constant that is a number or a text is nothing that holds or does not."""
    if node.kind in {"number", "text"}:
        raise _Unreadable
    return node


def _number(node: Node) -> Holds:
    """The value as a number where it is compared by size; a constant of another kind is refused."""
    if node.kind not in {"property", "number"}:
        raise _Unreadable
    value = node.value
    return lambda properties: _as_number(value(properties))


def _as_number(value: Value) -> float | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return None


def _negated(value: Holds) -> Holds:
    return lambda properties: None if (found := value(properties)) is None else found is not True


def _both(left: Holds, right: Holds) -> Holds:
    def holds(properties: Mapping[str, str]) -> Value:
        values = [left(properties), right(properties)]
        return False if False in values else None if None in values else all(value is True for value in values)

    return holds


def _either(left: Holds, right: Holds) -> Holds:
    def holds(properties: Mapping[str, str]) -> Value:
        values = [left(properties), right(properties)]
        return True if True in values else None if None in values else False

    return holds


def _ordered(test: Callable[[float, float], bool], left: Node, right: Node) -> Holds:
    one, other = _number(left), _number(right)

    def holds(properties: Mapping[str, str]) -> Value:
        a, b = one(properties), other(properties)
        return None if a is None or b is None else test(float(a), float(b))

    return holds


def _textual(test: Callable[[str, str], bool], left: Node, right: Node) -> Holds:
    if right.kind != "text":
        raise _Unreadable

    def holds(properties: Mapping[str, str]) -> Value:
        text, part = left.value(properties), right.value(properties)
        return test(text, part) if isinstance(text, str) and isinstance(part, str) else None

    return holds


def _equal(left: Holds, right: Holds, *, wanted: bool) -> Holds:
    def holds(properties: Mapping[str, str]) -> Value:
        one, other = _alike(left(properties), right(properties))
        return None if one is None or other is None else (one == other) is wanted

    return holds


def _alike(one: Value, other: Value) -> tuple[Value, Value]:
    """Properties are text: what is compared with a number or a truth value is read as one; unknown if it is none."""
    if isinstance(one, str) and not isinstance(other, str):
        return _as(one, other), other
    if isinstance(other, str) and not isinstance(one, str):
        return one, _as(other, one)
    return one, other


def _as(text: str, example: Value) -> Value:
    return text.lower() == "true" if isinstance(example, bool) else _as_number(text)
