"""Value and errors of whole expressions, and whether events pass."""

import time

import pytest
from hypothesis import given

from bridge.model.event import Event
from bridge.rules.cesql.evaluator import compile_sql, evaluate
from bridge.rules.cesql.parser import MAX_SIZE, parse_sql
from bridge.rules.cesql.tree import Constant, Expression, Logic, Node, Not
from bridge.rules.cesql.values import ErrorKind
from tests.expressions import events, expressions

EVENT = Event("1", "/j/7", "light.changed", {"speed": 61})
TRUE, FALSE = Constant(True), Constant(False)


def value_of(root: Node) -> object:
    return evaluate(Expression(root), EVENT).value


@pytest.mark.parametrize(("left", "right"), [(TRUE, TRUE), (TRUE, FALSE), (FALSE, TRUE), (FALSE, FALSE)])
def test_truth_tables(left: Constant, right: Constant) -> None:
    """AND, OR, XOR and NOT."""
    a, b = bool(left.value), bool(right.value)
    assert value_of(Logic(left, (("AND", right),))) is (a and b)
    assert value_of(Logic(left, (("OR", right),))) is (a or b)
    assert value_of(Logic(left, (("XOR", right),))) is (a is not b)
    assert value_of(Not(left)) is (not a)


@given(expressions, events)
def test_evaluation_always_ends_with_a_value(expression: Expression, event: Event) -> None:
    """Of one of the three types, within 32 bits, with one error at most; it passes exactly when it is true without one."""
    value, errors = evaluate(expression, event)
    assert type(value) in {str, int, bool}
    assert not isinstance(value, int) or -(2**31) <= value < 2**31
    assert len(errors) <= 1
    assert all(error.reason and error.kind is not ErrorKind.PARSE for error in errors)
    assert compile_sql(expression)(event) is (value is True and not errors)


@given(expressions, events)
def test_not_not_is_nothing(expression: Expression, event: Event) -> None:
    """For whatever is true or false; an error stays one."""
    value, errors = evaluate(expression, event)
    twice = evaluate(Expression(Not(Not(expression.root))), event)
    if not errors and isinstance(value, bool):
        assert twice == (value, ())
    if errors:
        assert twice.errors == errors


@given(expressions, expressions, events)
def test_de_morgan(left: Expression, right: Expression, event: Event) -> None:
    """An error included, since both sides stop at the same place. Operands are made true or false first."""
    a, b = (Logic(part.root, (("AND", TRUE),)) for part in (left, right))
    both = evaluate(Expression(Not(Logic(a, (("AND", b),)))), event)
    either = evaluate(Expression(Logic(Not(a), (("OR", Not(b)),))), event)
    assert both == either


@given(expressions, events)
def test_absence_decides_beforehand(expression: Expression, event: Event) -> None:
    """AND and OR do not look at what cannot change the answer."""
    assert evaluate(Expression(Logic(FALSE, (("AND", expression.root),))), event) == (False, ())
    assert evaluate(Expression(Logic(TRUE, (("OR", expression.root),))), event) == (True, ())


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [("missing", False, "missingAttribute"), ("missing + 1", 0, "missingAttribute"), ("UPPER(missing)", "", "missingAttribute"),
     ("LEFT('abc', -1)", "abc", "functionEvaluation"), ("CONCAT(LEFT('abc', -1))", "", "functionEvaluation"),
     ("LEFT(LEFT('abc', -1), 2)", "", "functionEvaluation"), ("ABS(-2147483648)", 2147483647, "math"),
     ("ABS(-2147483648) + 0", 0, "math"), ("NOT 10", True, "cast"), ("NOT 'x'", True, "cast"), ("NOT NOT 10", False, "cast"),
     ("INT('x')", 0, "cast"), ("BOOL('x')", False, "cast"), ("FOO()", False, "missingFunction")],
)  # fmt: skip
def test_with_an_error_there_is_still_a_value(text: str, value: object, kind: str) -> None:
    """What the outermost function gives beside its error, else the zero value of the expression's type."""
    result = evaluate(parse_sql(text), EVENT)
    assert (type(result.value), result.value, result.errors[0].kind) == (type(value), value, kind)


@pytest.mark.parametrize(
    "text", ["1", "'true'", "type", "speed", "missing", "NOT missing", "5 / 0 = 0", "FOO()", "NOT 10"]
)
def test_only_true_passes(text: str) -> None:
    """Not what could be cast to it, and nothing with an error."""
    assert not compile_sql(parse_sql(text))(EVENT)


def test_large_expressions_and_values_are_evaluated_in_time() -> None:
    """The largest that are accepted, on attributes of a quarter of a megabyte."""
    event = Event("1", "/j/7", "a" * 250_000, {"x": "9" * 250_000, "n": "0" * 250_000})
    for part in ("type LIKE '%a_b%'", "type = x", "LENGTH(CONCAT(type, x)) > n", "x IN (1, 2)", "type LIKE '%aab%'"):
        joined = " XOR ".join([part] * 200)
        assert len(joined) < MAX_SIZE
        passes = compile_sql(parse_sql(joined))
        began = time.perf_counter()
        passes(event)
        assert time.perf_counter() - began < 3
