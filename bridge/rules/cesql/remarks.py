"""What is legal in an expression and still looks like a mistake."""

from collections.abc import Iterator
from difflib import get_close_matches

from bridge.rules.cesql.compiler import type_of
from bridge.rules.cesql.functions import FUNCTIONS, find_function
from bridge.rules.cesql.tree import Attribute, Call, Comparison, Exists, Expression, In, Like, Node, Not, walk
from bridge.rules.cesql.values import NAMES


def remarks(expression: Expression) -> list[str]:
    """Sentences, none of them twice."""
    return list(dict.fromkeys(_remarks(expression.root)))


def _remarks(root: Node) -> Iterator[str]:
    kind = type_of(root)
    if kind in {str, int}:
        yield f"no event passes: the value is {NAMES[kind]}, not true or false"
    for node in walk(root):
        if isinstance(node, Attribute | Exists) and node.name == "data":
            yield "`data` is no attribute, and expressions see attributes only; for the data use `pattern`"
        elif isinstance(node, Call) and find_function(node.name, len(node.arguments)) is None:
            yield _no_function(node)
        else:
            yield from _early_not(node)


def _no_function(node: Call) -> str:
    count = len(node.arguments)
    if node.name in FUNCTIONS:
        return f"{node.name} does not take {count} argument{'s' * (count != 1)}"
    close = get_close_matches(node.name, FUNCTIONS, n=1)
    return f"there is no function {node.name}; " + (f"did you mean {close[0]}?" if close else f"known: {_known()}")


def _known() -> str:
    return ", ".join(sorted(FUNCTIONS))


def _early_not(node: Node) -> Iterator[str]:
    """``NOT`` before an attribute or a number binds more tightly than what its author probably meant."""
    first = {Like: "operand", In: "operand", Comparison: "first"}.get(type(node))
    if first is None:
        return
    negation = getattr(node, first)
    if isinstance(negation, Not) and type_of(negation.operand) is not bool:
        inner = negation.operand.write()
        yield f"NOT is applied to `{inner}` alone, before the operator behind it; write NOT (…), or NOT LIKE, NOT IN"
