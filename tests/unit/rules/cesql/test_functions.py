"""The built-in functions."""

import pytest

from bridge.rules.cesql.functions import MAX_TEXT, find_function
from bridge.rules.cesql.values import ErrorKind, Failure, Value


def call(name: str, *arguments: Value) -> Value:
    function = find_function(name, len(arguments))
    assert function is not None
    if not function.rest:
        return function.call(*arguments)
    fixed = len(function.parameters)
    return function.call(*arguments[:fixed], iter(arguments[fixed:]))


@pytest.mark.parametrize(
    ("name", "arguments", "value"),
    [
        ("LENGTH", ("🚦é",), 2),
        ("CONCAT", (), ""),
        ("CONCAT", ("a", "b"), "ab"),
        ("CONCAT_WS", ("-", "a", "", "b"), "a--b"),
        ("CONCAT_WS", ("-",), ""),
        ("LOWER", ("ÄB",), "äb"),
        ("UPPER", ("ß",), "SS"),
        ("TRIM", ("\u2003\u00a0\u3000 a b\t\n",), "a b"),
        ("TRIM", ("\x1c a \x1f",), "\x1c a \x1f"),
        ("LEFT", ("abc", 0), ""),
        ("RIGHT", ("abc", 0), ""),
        ("RIGHT", ("abc", 9), "abc"),
        ("SUBSTRING", ("abc", 3), "c"),
        ("SUBSTRING", ("abc", -3), "abc"),
        ("SUBSTRING", ("abc", 0, 2), ""),
        ("SUBSTRING", ("abc", 2, 0), ""),
        ("SUBSTRING", ("abc", -2, 1), "b"),
        ("SUBSTRING", ("", 0), ""),
        ("ABS", (-5,), 5),
        ("STRING", (True,), "true"),
        ("INT", (True,), 1),
        ("BOOL", (-1,), True),
    ],
)
def test_functions(name: str, arguments: tuple[Value, ...], value: Value) -> None:
    """Characters are code points, positions count from 1, white space is Unicode's."""
    assert call(name, *arguments) == value


@pytest.mark.parametrize(
    ("name", "arguments", "kind", "value"),
    [
        ("LEFT", ("abc", -1), ErrorKind.FUNCTION_EVALUATION, "abc"),
        ("RIGHT", ("abc", -1), ErrorKind.FUNCTION_EVALUATION, "abc"),
        ("SUBSTRING", ("abc", 4), ErrorKind.FUNCTION_EVALUATION, None),
        ("SUBSTRING", ("abc", -4), ErrorKind.FUNCTION_EVALUATION, None),
        ("SUBSTRING", ("abc", 1, -1), ErrorKind.FUNCTION_EVALUATION, None),
        ("SUBSTRING", ("", 1), ErrorKind.FUNCTION_EVALUATION, None),
        ("ABS", (-(2**31),), ErrorKind.MATH, 2**31 - 1),
    ],
)
def test_errors(name: str, arguments: tuple[Value, ...], kind: ErrorKind, value: Value | None) -> None:
    """Some functions give a value beside the error; None is the zero value."""
    with pytest.raises(Failure) as caught:
        call(name, *arguments)
    assert (caught.value.kind, caught.value.value) == (kind, value)


@pytest.mark.parametrize(
    ("name", "arity"), [("LENGTH", 0), ("LENGTH", 2), ("CONCAT_WS", 0), ("SUBSTRING", 4), ("FOO", 1)]
)
def test_arity_tells_functions_apart(name: str, arity: int) -> None:
    """There is no function of another."""
    assert find_function(name, arity) is None


@pytest.mark.parametrize(("name", "fixed"), [("CONCAT", ()), ("CONCAT_WS", ("-",))])
def test_texts_are_put_together_up_to_a_bound(name: str, fixed: tuple[str, ...]) -> None:
    """What comes behind it is not asked for any more."""
    function = find_function(name, 9)
    assert function is not None
    parts = iter(["x" * (MAX_TEXT // 2)] * 100)
    with pytest.raises(Failure, match="longer than"):
        function.call(*fixed, parts)
    assert len(list(parts)) >= 97
