"""What an expression is made of, and how it is written.

Operators of one level stand in one node, from left to right: a long ``a OR b OR c …`` is wide, not deep, so nothing that
walks the tree runs out of stack.
"""

from collections.abc import Iterator
from typing import ClassVar, Literal, TypeAlias

import msgspec

from bridge.rules.cesql.tokens import read_string
from bridge.rules.cesql.values import Value, to_text

LogicOperator: TypeAlias = Literal["AND", "OR", "XOR"]
ComparisonOperator: TypeAlias = Literal["=", "!=", "<>", "<", "<=", ">", ">="]
ArithmeticOperator: TypeAlias = Literal["+", "-", "*", "/", "%"]
_ATOM, _UNARY, _POSTFIX = 6, 5, 4
LEVELS: dict[str, int] = {
    **dict.fromkeys(("AND", "OR", "XOR"), 0),
    **dict.fromkeys(("=", "!=", "<>", "<", "<=", ">", ">="), 1),
    **dict.fromkeys(("+", "-"), 2),
    **dict.fromkeys(("*", "/", "%"), 3),
}
"""How tightly operators between two operands bind."""
LEVEL_COUNT = 4


class Node(msgspec.Struct, frozen=True):
    """A part of an expression."""

    level: ClassVar[int] = _ATOM

    def children(self) -> tuple["Node", ...]:
        return ()

    def write(self) -> str:
        """As text that parses to this node again."""
        raise NotImplementedError

    def inside(self, least: int) -> str:
        """As an operand of something that binds as tightly as ``least``."""
        return self.write() if self.level >= least else f"({self.write()})"


class Constant(Node, frozen=True):
    value: Value

    def write(self) -> str:
        if isinstance(self.value, str):
            return quote(self.value)
        return to_text(self.value).upper()


class Attribute(Node, frozen=True):
    name: str

    def write(self) -> str:
        return self.name


class Call(Node, frozen=True):
    """``name`` is upper case. Whether there is such a function shows when it is called."""

    name: str
    arguments: tuple[Node, ...]

    def children(self) -> tuple[Node, ...]:
        return self.arguments

    def write(self) -> str:
        return f"{self.name}({_list(self.arguments)})"


class Exists(Node, frozen=True):
    name: str

    def write(self) -> str:
        return f"EXISTS {self.name}"


class Not(Node, frozen=True):
    operand: Node
    level: ClassVar[int] = _UNARY

    def children(self) -> tuple[Node, ...]:
        return (self.operand,)

    def write(self) -> str:
        return f"NOT {self.operand.inside(_UNARY)}"


class Negative(Node, frozen=True):
    operand: Node
    level: ClassVar[int] = _UNARY

    def children(self) -> tuple[Node, ...]:
        return (self.operand,)

    def write(self) -> str:
        """A number keeps its parentheses: ``-5`` is a number, not an operator before one."""
        operand = self.operand
        return f"-({operand.write()})" if isinstance(operand, Constant) else f"-{operand.inside(_UNARY)}"


class Like(Node, frozen=True):
    operand: Node
    pattern: str
    negated: bool
    level: ClassVar[int] = _POSTFIX

    def children(self) -> tuple[Node, ...]:
        return (self.operand,)

    def write(self) -> str:
        return f"{self.operand.inside(_POSTFIX)} {'NOT ' * self.negated}LIKE {quote(self.pattern)}"


class In(Node, frozen=True):
    operand: Node
    elements: tuple[Node, ...]
    negated: bool
    level: ClassVar[int] = _POSTFIX

    def children(self) -> tuple[Node, ...]:
        return (self.operand, *self.elements)

    def write(self) -> str:
        return f"{self.operand.inside(_POSTFIX)} {'NOT ' * self.negated}IN ({_list(self.elements)})"


class Chain(Node, frozen=True):
    """Operators of one level, applied from left to right."""

    first: Node
    steps: tuple[tuple[str, Node], ...]

    @property
    def level(self) -> int:  # type: ignore[override]  # the sign decides; every other node knows by its class
        return LEVELS[self.steps[0][0]]

    def children(self) -> tuple[Node, ...]:
        return (self.first, *(operand for _, operand in self.steps))

    def write(self) -> str:
        least = self.level + 1
        rest = (f" {operator} {operand.inside(least)}" for operator, operand in self.steps)
        return self.first.inside(least) + "".join(rest)


class Logic(Chain, frozen=True):
    steps: tuple[tuple[LogicOperator, Node], ...]


class Comparison(Chain, frozen=True):
    steps: tuple[tuple[ComparisonOperator, Node], ...]


class Arithmetic(Chain, frozen=True):
    """Steps of ``+ -``, or of ``* / %``; never both."""

    steps: tuple[tuple[ArithmeticOperator, Node], ...]


class Expression(msgspec.Struct, frozen=True):
    """A whole expression."""

    root: Node

    def __str__(self) -> str:
        return self.root.write()


def walk(root: Node) -> Iterator[Node]:
    """Every node, without recursion."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += reversed(node.children())


def quote(text: str) -> str:
    """A string literal that stands for ``text``. Not every text has one: a backslash escapes the quotation mark only."""
    marks = "'\"" if "'" not in text else "\"'"
    literals = [f"{mark}{text.replace(mark, chr(92) + mark)}{mark}" for mark in marks]
    return next((literal for literal in literals if read_string(literal) == text), literals[0])


def _list(nodes: tuple[Node, ...]) -> str:
    return ", ".join(node.write() for node in nodes)
