"""When two numbers are equal."""

import pytest

from bridge.rules.numbers import parse_number

COMPARABLE = ["0", "-0", "0.0", "0e99999999999999999999", "5", "5.0", "5e0", "50e-1", "0.1", "0.10", "1e-1", "1E+2",
              "9007199254740992", "1e308", "5e-324", "1e23", "-123456789012345", "1" + "0" * 300]  # fmt: skip
BEYOND = ["9007199254740993", "12345678901234567890", "0.1000000000000000055", "1e400", "-1e400", "1e-400",
          "1e-99999999999999999999", "1e99999999999999999999", "123456789012345678.5", "1" * 5_000]  # fmt: skip


@pytest.mark.parametrize("text", COMPARABLE)
def test_a_double_stands_for_what_its_shortest_text_says(text: str) -> None:
    """Such a number is comparable, and its double is the value."""
    assert parse_number(text).value == float(text)


@pytest.mark.parametrize("text", BEYOND)
def test_other_numbers_have_no_double(text: str) -> None:
    """Rounding would change them, so they are kept as characters only."""
    number = parse_number(text)
    assert number.value is None
    assert number.text == text


@pytest.mark.parametrize(("one", "other"), [("5", "5.0"), ("5", "50e-1"), ("0", "-0.0"), ("1e23", "1E+23"),
                                            ("0.1", "1e-1")])  # fmt: skip
def test_comparable_numbers_are_equal_by_value(one: str, other: str) -> None:
    """Spelling does not count."""
    assert parse_number(one).key == parse_number(other).key


@pytest.mark.parametrize(
    ("one", "other"),
    [("12345678901234567890", "12345678901234567890.0"), ("1e400", "10e399"), ("9007199254740993", "9007199254740992"),
     ("5", "-5")],
)  # fmt: skip
def test_the_others_are_equal_by_their_characters_only(one: str, other: str) -> None:
    """Neither equal values in another spelling nor the double beside them count."""
    assert parse_number(one).key != parse_number(other).key
    assert parse_number(one).key == parse_number(one).key


def test_a_megabyte_of_digits_takes_no_time() -> None:
    """Neither as an integer, nor behind the point, nor with an exponent that brings it back."""
    digits = "7" * 1_000_000
    assert parse_number(digits).value is None
    assert parse_number(f"0.{digits}").value is None
    assert parse_number("1" + "0" * 1_000_000 + "e-1000000").value == 1.0
