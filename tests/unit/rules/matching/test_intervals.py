"""Tables of ranges."""

import math
from bisect import bisect_right

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.rules.matching.intervals import Intervals, number_range, side_by_side, text_range

RANGES = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 9) | st.none(), st.integers(0, 5)))


@given(RANGES, st.integers(-1, 30))
def test_a_value_has_the_bits_of_the_ranges_that_hold_it(ranges: list, value: int) -> None:
    """Ranges may overlap, touch, repeat, and have no end."""
    table = Intervals.of([(first, size and first + size, 1 << bit) for first, size, bit in ranges])
    expected = 0
    for first, size, bit in ranges:
        if value >= first and (size is None or value < first + size):
            expected |= 1 << bit
    assert table.find(value) == expected


@given(st.lists(st.text(max_size=3), min_size=1), st.text(max_size=5))
def test_strings_with_a_prefix_are_a_range(prefixes: list[str], value: str) -> None:
    """Also of prefixes that end with the last code point there is."""
    prefixes = [*prefixes, prefixes[0] + chr(0x10FFFF)]
    table = Intervals.of([text_range(prefix, 1 << bit) for bit, prefix in enumerate(prefixes)])
    assert table.find(value) == sum(1 << bit for bit, prefix in enumerate(prefixes) if value.startswith(prefix))


@pytest.mark.parametrize(("value", "expected"), [(0.0, 0), (5e-324, 1), (1.0, 1), (math.nextafter(1, 2), 0), (-1.0, 0)])
def test_bounds_are_strict_where_they_say_so(value: float, expected: int) -> None:
    """The next double is on the other side."""
    table = Intervals.of([number_range(0.0, 1.0, 1, low_included=False, high_included=True)])
    assert table.find(value) == expected


def test_a_range_without_bounds_holds_all() -> None:
    """An infinite bound is none."""
    table = Intervals.of([number_range(-math.inf, math.inf, 1, low_included=False, high_included=False)])
    assert [table.find(value) for value in (-1.7976931348623157e308, 0.0, 1.7976931348623157e308)] == [1, 1, 1]


def test_tables_side_by_side_share_their_keys() -> None:
    """One search serves all layers."""
    first, second, empty = side_by_side([[("a", "b", 1)], [("c", None, 2)], []])
    assert first.keys is second.keys is empty.keys
    place = bisect_right(first.keys, "d")
    assert (first.masks[place], second.masks[place], empty.masks[place]) == (0, 2, 0)


def test_a_function_becomes_a_table() -> None:
    """It is asked at every boundary and below them all."""
    table = Intervals.by([3, 1], -1, lambda value: value + 10)
    assert [table.find(value) for value in (0, 1, 2, 3, 99)] == [9, 11, 11, 13, 13]
