"""Trees into functions: types, casts, order of evaluation."""

import pytest

from bridge.model.event import Event
from bridge.rules.cesql.compiler import compile_as, compile_node, type_of
from bridge.rules.cesql.parser import parse_sql
from bridge.rules.cesql.values import ErrorKind, Failure, Type, Value

EVENT = Event("1", "/j/7", "light.changed", {"speed": 61, "urgent": True, "hop": "5", "bin": b"\x00\xff"})


@pytest.mark.parametrize(
    ("text", "kind"),
    [("'a'", str), ("5", int), ("TRUE", bool), ("type", str), ("speed", None), ("-speed", int), ("1 + 1", int),
     ("a = b", bool), ("a AND b", bool), ("NOT a", bool), ("a LIKE 'x'", bool), ("a IN (1)", bool), ("EXISTS a", bool),
     ("LENGTH(a)", int), ("UPPER(a)", str), ("FOO(a)", bool)],
)  # fmt: skip
def test_types_are_known_beforehand(text: str, kind: Type | None) -> None:
    """Except of attributes that may be anything."""
    assert type_of(parse_sql(text).root) is kind


@pytest.mark.parametrize(
    ("text", "value"),
    [("bin", "AP8="), ("bin = 'AP8='", True), ("LENGTH(bin)", 4), ("specversion", "1.0"), ("specversion = 1", None),
     ("EXISTS specversion", True), ("EXISTS data", False), ("urgent = speed", False), ("speed = urgent", True),
     ("hop IN (5)", True), ("urgent IN (0, 'x')", None), ("urgent IN (1, 'x')", True), ("urgent IN ('TRUE')", True), ("speed NOT IN (id, 62)", True),
     ("'1' IN (id)", True), ("1 IN (hop, id)", True), ("type != source", True), ("type <> type", False),
     ("hop <= speed", True), ("1 = 1 = TRUE = 'true'", True), ("1 < 2 < 3", True), ("speed > '7'", True),
     ("'5' * urgent", 5), ("7 / -2", -3), ("-7 % -2", -1), ("2147483647 * 2147483647", None), ("urgent LIKE 'tr%'", True),
     ("id NOT LIKE '_'", False), ("TRUE XOR TRUE XOR TRUE", True), ("FALSE OR FALSE AND TRUE OR id = 1", True),
     ("TRUE AND TRUE AND FALSE AND 5 / 0 = 1", False), ("FALSE OR FALSE OR TRUE OR missing", True), ("5 AND 'TRUE'", True)],
)  # fmt: skip
def test_values(text: str, value: Value | None) -> None:
    """None: evaluation ends with an error."""
    run = compile_node(parse_sql(text).root)
    if value is None:
        with pytest.raises(Failure):
            run(EVENT)
    else:
        assert (type(run(EVENT)), run(EVENT)) == (type(value), value)


@pytest.mark.parametrize(
    ("text", "kind"),
    [("missing / 0", ErrorKind.MISSING_ATTRIBUTE), ("1 / 0 + missing", ErrorKind.MATH), ("FOO(missing)", ErrorKind.MISSING_FUNCTION),
     ("CONCAT('a', missing)", ErrorKind.MISSING_ATTRIBUTE), ("INT(type) + 1 / 0", ErrorKind.CAST), ("'x' + 1", ErrorKind.CAST),
     ("'x' = TRUE", ErrorKind.CAST), ("'x' AND TRUE", ErrorKind.CAST), ("LEFT(missing, -1)", ErrorKind.MISSING_ATTRIBUTE)],
)  # fmt: skip
def test_the_first_error_ends_it(text: str, kind: ErrorKind) -> None:
    """From left to right, the operands before the operator."""
    with pytest.raises(Failure) as caught:
        compile_node(parse_sql(text).root)(EVENT)
    assert caught.value.kind is kind


def test_constants_are_cast_once_and_fail_late() -> None:
    """An expression with a part that cannot be evaluated is legal; the part may never be reached."""
    assert compile_as(parse_sql("'5'").root, int)(EVENT) == 5
    compiled = compile_as(parse_sql("'x'").root, int)
    with pytest.raises(Failure):
        compiled(EVENT)
