"""Casts, as section 3.7 of the specification has them."""

import pytest

from bridge.rules.cesql.values import ErrorKind, Failure, in_range, shown, to_boolean, to_integer, to_text


@pytest.mark.parametrize(
    ("value", "text"), [("a", "a"), (5, "5"), (-5, "-5"), (True, "true"), (False, "false"), (b"\x00\xff", "AP8=")]
)
def test_everything_is_text(value: str | int | bytes, text: str) -> None:
    """Binary is Base64, as in the JSON format."""
    assert to_text(value) == text


@pytest.mark.parametrize(
    ("value", "number"),
    [(5, 5), (True, 1), (False, 0), ("5", 5), ("+5", 5), ("-5", -5), ("2147483647", 2**31 - 1), ("-2147483648", -(2**31)),
     ("000000000000000000005", 5), ("0" * 100_000, 0)],
)  # fmt: skip
def test_text_that_is_an_integer(value: str | int, number: int) -> None:
    """Digits and one sign; the type is int, never bool."""
    assert (to_integer(value), type(to_integer(value))) == (number, int)


@pytest.mark.parametrize(
    "text",
    ["", "+", "--5", "5 ", " 5", "5.0", "1e3", "abc", "2147483648", "-2147483649", "9" * 100_000, "٥", "1_0", "5\n"],
)
def test_text_that_is_none(text: str) -> None:
    """A cast error."""
    with pytest.raises(Failure) as caught:
        to_integer(text)
    assert (caught.value.kind, caught.value.value) == (ErrorKind.CAST, 0)


@pytest.mark.parametrize(
    ("value", "truth"), [("true", True), ("TRUE", True), ("False", False), (0, False), (-50, True)]
)
def test_true_and_false(value: str | int, truth: bool) -> None:
    """In any case; of numbers, whether they are not 0."""
    assert to_boolean(value) is truth


@pytest.mark.parametrize("text", ["", "t", "yes", " true", "trueish", "1"])
def test_neither_true_nor_false(text: str) -> None:
    """A cast error, which names the value when somebody reads it."""
    with pytest.raises(Failure) as caught:
        to_boolean(text)
    assert caught.value.reason == f"'{text}' is neither true nor false"


def test_numbers_have_32_bits() -> None:
    """Beyond that is a math error."""
    assert in_range(2**31 - 1) == 2**31 - 1
    for number in (2**31, -(2**31) - 1):
        with pytest.raises(Failure) as caught:
            in_range(number)
        assert (caught.value.kind, caught.value.value) == (ErrorKind.MATH, None)


def test_long_values_are_shown_short() -> None:
    """In a reason."""
    assert shown("a" * 1_000) == "'" + "a" * 40 + "…'"
    assert (shown(True), shown(-5)) == ("true", "-5")
