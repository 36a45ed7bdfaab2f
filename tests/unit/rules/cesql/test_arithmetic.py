"""Arithmetic, and division as the specification wants it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.rules.cesql.arithmetic import OPERATIONS
from bridge.rules.cesql.values import ErrorKind, Failure

integers = st.integers(-(2**31), 2**31 - 1)


@pytest.mark.parametrize(
    ("left", "right", "quotient", "remainder"),
    [(7, 2, 3, 1), (-7, 2, -3, -1), (7, -2, -3, 1), (-7, -2, 3, -1), (0, -5, 0, 0), (-(2**31), -1, 2**31, 0)],
)
def test_division_rounds_toward_zero(left: int, right: int, quotient: int, remainder: int) -> None:
    """The remainder has the sign of the left side."""
    assert (OPERATIONS["/"](left, right), OPERATIONS["%"](left, right)) == (quotient, remainder)


@given(integers, integers.filter(bool))
def test_quotient_and_remainder_make_up_the_number(left: int, right: int) -> None:
    """Exactly, also where a float would round."""
    quotient, remainder = OPERATIONS["/"](left, right), OPERATIONS["%"](left, right)
    assert quotient * right + remainder == left
    assert abs(remainder) < abs(right)
    assert remainder == 0 or (remainder < 0) is (left < 0)


@pytest.mark.parametrize("sign", ["/", "%"])
def test_division_by_zero(sign: str) -> None:
    """A math error."""
    with pytest.raises(Failure) as caught:
        OPERATIONS[sign](5, 0)
    assert caught.value.kind is ErrorKind.MATH


def test_the_others() -> None:
    """As everybody knows them."""
    assert [OPERATIONS[sign](7, -2) for sign in "+-*"] == [5, 9, -14]
