"""The value of an expression for an event, with what went wrong; and whether an event passes."""

from collections.abc import Callable
from typing import NamedTuple

from bridge.model.event import Event
from bridge.rules.cesql.compiler import compile_node, type_of
from bridge.rules.cesql.tree import Expression
from bridge.rules.cesql.values import ErrorKind, Failure, Value


class EvaluationError(NamedTuple):
    kind: ErrorKind
    reason: str


class Result(NamedTuple):
    """``errors`` holds at most one: evaluation ends there, with the zero value of the expression's type."""

    value: Value
    errors: tuple[EvaluationError, ...] = ()


def evaluate(expression: Expression, event: Event) -> Result:
    """Compiles anew each time; ``compile_sql`` is for many events."""
    root = expression.root
    try:
        return Result(compile_node(root)(event))
    except Failure as failure:
        value = failure.value if failure.origin is root else None
        kind = type_of(root) or bool
        return Result(kind() if value is None else value, (EvaluationError(failure.kind, failure.reason),))


def compile_sql(expression: Expression) -> Callable[[Event], bool]:
    """Whether an event passes: the value is true, not something like it, and nothing went wrong."""
    run = compile_node(expression.root)

    def passes(event: Event) -> bool:
        try:
            return run(event) is True
        except Failure:
            return False

    return passes
