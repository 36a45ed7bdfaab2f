"""A tree into Python functions, one inside the other, each from an event to a value. They raise Failure.

Types are known beforehand except those of most attributes, so most casts are decided here and cost nothing later. What
rules ask most (an attribute compared with a constant, LIKE with one ``%``) has its own short function.
"""

import operator
from collections.abc import Callable, Sequence
from functools import singledispatch
from typing import Any

from bridge.model.event import Event
from bridge.rules.cesql.arithmetic import OPERATIONS
from bridge.rules.cesql.functions import Function, find_function
from bridge.rules.cesql.joining import conjunction, disjunction
from bridge.rules.cesql.like import compile_like
from bridge.rules.cesql.tree import (
    Arithmetic,
    Attribute,
    Call,
    Comparison,
    Constant,
    Exists,
    In,
    Like,
    Logic,
    Negative,
    Node,
    Not,
)
from bridge.rules.cesql.values import CASTS, ErrorKind, Failure, Type, Value, in_range, to_boolean, to_text

Run = Callable[[Event], Any]
"""From an event to a value, of the node's type."""

_REQUIRED: dict[str, Run] = {
    "id": operator.attrgetter("id"),
    "source": operator.attrgetter("source"),
    "type": operator.attrgetter("type"),
    "specversion": lambda _: "1.0",
}
_ORDER: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def type_of(node: Node) -> Type | None:
    """The type of a node's values, as far as it is known without an event."""
    match node:
        case Constant():
            return type(node.value)
        case Attribute():
            return str if node.name in _REQUIRED else None
        case Negative() | Arithmetic():
            return int
        case Call():
            function = find_function(node.name, len(node.arguments))
            return function.returns if function else bool
        case _:
            return bool


@singledispatch
def compile_node(node: Node) -> Run:
    """The function that evaluates a node."""
    raise NotImplementedError(node)


def compile_as(node: Node, wanted: Type) -> Run:
    """The same, with its values cast."""
    if isinstance(node, Attribute) and node.name not in _REQUIRED:
        return _attribute(node.name, wanted)
    run, known, cast = compile_node(node), type_of(node), CASTS[wanted]
    if known is wanted:
        return run
    if isinstance(node, Constant):
        try:
            value = cast(node.value)
        except Failure:
            pass  # it shall fail when it is evaluated, not before
        else:
            return lambda _: value
    return lambda event: cast(run(event))


@compile_node.register
def _(node: Constant) -> Run:
    value = node.value
    return lambda _: value


@compile_node.register
def _(node: Attribute) -> Run:
    if node.name in _REQUIRED:
        return _REQUIRED[node.name]
    name, missing = node.name, _missing(node.name)

    def run(event: Event) -> Value:
        value = event.attributes.get(name)
        if value is None:
            raise Failure(*missing)
        return to_text(value) if type(value) is bytes else value  # type: ignore[return-value]  # mypy keeps bytes

    return run


def _attribute(name: str, wanted: Type) -> Run:
    cast, missing = CASTS[wanted], _missing(name)

    def run(event: Event) -> Value:
        value: Any = event.attributes.get(name)
        if type(value) is wanted:
            return value
        if value is None:
            raise Failure(*missing)
        result: Value = cast(to_text(value) if type(value) is bytes else value)
        return result

    return run


def _missing(name: str) -> tuple[ErrorKind, str]:
    return ErrorKind.MISSING_ATTRIBUTE, f"there is no attribute `{name}`"


@compile_node.register
def _(node: Exists) -> Run:
    name = node.name
    if name in _REQUIRED:
        return lambda _: True
    return lambda event: name in event.attributes


@compile_node.register
def _(node: Not) -> Run:
    operand = compile_node(node.operand)

    def run(event: Event) -> bool:
        value = operand(event)
        return not value if type(value) is bool else _not(node, value)

    return run


def _not(node: Not, value: Value) -> bool:
    """The test kit wants ``NOT 10`` to be true and a cast error, although integers are cast to Boolean elsewhere."""
    try:
        if isinstance(value, str):
            return not to_boolean(value)
    except Failure:
        pass
    failure = Failure(ErrorKind.CAST, "is neither true nor false", value, True)
    failure.origin = node
    raise failure


@compile_node.register
def _(node: Negative) -> Run:
    operand = compile_as(node.operand, int)
    return lambda event: in_range(-operand(event))


@compile_node.register
def _(node: Like) -> Run:
    text, fits = compile_as(node.operand, str), compile_like(node.pattern)
    if node.negated:
        return lambda event: not fits(text(event))
    return lambda event: fits(text(event))


@compile_node.register
def _(node: Call) -> Run:
    function = find_function(node.name, len(node.arguments))
    if function is None:
        return _no_function(node)
    fixed = [_argument(*pair) for pair in zip(node.arguments, function.parameters, strict=False)]
    if function.rest:
        return _with_rest(function, fixed, [compile_as(one, str) for one in node.arguments[len(fixed) :]])
    call = function.call

    def run(event: Event) -> Value:
        arguments = [argument(event) for argument in fixed]
        try:
            return call(*arguments)
        except Failure as failure:
            failure.origin = node
            raise

    return run


def _with_rest(function: Function, fixed: Sequence[Run], rest: Sequence[Run]) -> Run:
    """Further arguments are evaluated while the function takes them, so that it can stop in time."""
    call = function.call
    return lambda event: call(*(argument(event) for argument in fixed), (argument(event) for argument in rest))


def _argument(node: Node, wanted: Type | None) -> Run:
    return compile_node(node) if wanted is None else compile_as(node, wanted)


def _no_function(node: Call) -> Run:
    count = len(node.arguments)
    reason = f"there is no function {node.name} of {count} argument{'s' * (count != 1)}"

    def run(_: Event) -> Value:
        raise Failure(ErrorKind.MISSING_FUNCTION, reason)

    return run


@compile_node.register
def _(node: Logic) -> Run:
    first = compile_as(node.first, bool)
    steps = [(sign, compile_as(operand, bool)) for sign, operand in node.steps]
    signs = {sign for sign, _ in steps}
    if signs == {"AND"}:
        return conjunction([first, *(run for _, run in steps)])
    if signs == {"OR"}:
        return disjunction([first, *(run for _, run in steps)])

    def run(event: Event) -> bool:
        value: bool = first(event)
        for sign, operand in steps:
            if sign == "AND":
                value = value and operand(event)
            elif sign == "OR":
                value = value or operand(event)
            else:
                value = value is not operand(event)
        return value

    return run


@compile_node.register
def _(node: Comparison) -> Run:
    sign, second = node.steps[0]
    first = _comparison(sign, node.first, second)
    if len(node.steps) == 1:
        return first
    rest = [(sign, compile_node(operand)) for sign, operand in node.steps[1:]]

    def run(event: Event) -> bool:
        value: bool = first(event)
        for sign, operand in rest:
            value = _compare(sign, value, operand(event))
        return value

    return run


def _comparison(sign: str, left: Node, right: Node) -> Run:
    """Of ``=`` the type of the right side decides; order is of integers only."""
    wanted = int if sign in _ORDER else type_of(right)
    if wanted is None:
        run_left, run_right = compile_node(left), compile_node(right)
        return lambda event: _compare(sign, run_left(event), run_right(event))
    compare: Callable[[Any, Any], bool] = _ORDER.get(sign) or (operator.eq if sign == "=" else operator.ne)
    value, other = compile_as(left, wanted), compile_as(right, wanted)
    if isinstance(right, Constant) and type(right.value) is wanted:
        return _with_constant(compare, value, right.value)
    return lambda event: compare(value(event), other(event))


def _with_constant(compare: Callable[[Any, Any], bool], run: Run, constant: Value) -> Run:
    return lambda event: compare(run(event), constant)


def _compare(sign: str, left: Value, right: Value) -> bool:
    """A comparison whose types show late."""
    if sign in _ORDER:
        return _ORDER[sign](CASTS[int](left), CASTS[int](right))
    return (CASTS[type(right)](left) == right) is (sign == "=")


@compile_node.register
def _(node: In) -> Run:
    """The left side's type decides. Elements are looked at from left to right until one is equal."""
    operand, negated = compile_node(node.operand), node.negated
    elements = [compile_node(element) for element in node.elements]
    known = _known_elements(node)

    def run(event: Event) -> bool:
        value = operand(event)
        kind = type(value)
        if kind in known:
            return (value in known[kind]) is not negated
        cast = CASTS[kind]
        for element in elements:
            if cast(element(event)) == value:
                return not negated
        return negated

    return run


def _known_elements(node: In) -> dict[type, frozenset[Value]]:
    """The elements by the type of the left side, where all are constants and can be cast to it."""
    values = [element.value for element in node.elements if isinstance(element, Constant)]
    if len(values) < len(node.elements):
        return {}
    known: dict[type, frozenset[Value]] = {}
    for kind, cast in CASTS.items():
        try:
            known[kind] = frozenset(cast(value) for value in values)
        except Failure:
            continue
    return known


@compile_node.register
def _(node: Arithmetic) -> Run:
    first = compile_as(node.first, int)
    steps = [(OPERATIONS[sign], compile_as(operand, int)) for sign, operand in node.steps]

    def run(event: Event) -> int:
        value: int = first(event)
        for apply, operand in steps:
            value = in_range(apply(value, operand(event)))
        return value

    return run
