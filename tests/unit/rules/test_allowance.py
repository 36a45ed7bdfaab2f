"""What following paths may take."""

import threading

import pytest

from bridge.errors import InvalidTransform
from bridge.rules.allowance import REGEXP_S, allowed, regexp_left_s, spend_regexp, visit


def test_visits_are_counted_inside_only() -> None:
    """Outside nothing is bounded."""
    visit(10**12)
    with allowed(visits=10):
        visit(10)
        with pytest.raises(InvalidTransform, match="too many values"):
            visit(1)
    visit(10**12)


def test_allowances_nest() -> None:
    """What is spent inside is spent outside, too; the smaller one ends it."""
    with allowed(visits=10):
        for _ in range(2):
            with allowed(visits=5):
                visit(5)
        with allowed(visits=5), pytest.raises(InvalidTransform):
            visit(1)


def test_time_for_regular_expressions() -> None:
    """The least of what is left, never less than nothing."""
    assert regexp_left_s() == REGEXP_S
    with allowed(regexp_s=0.03):
        with allowed():
            spend_regexp(0.02)
            assert regexp_left_s() == pytest.approx(0.01)
            spend_regexp(1)
            assert regexp_left_s() == 0.0
        with allowed():
            assert regexp_left_s() == 0.0
    assert regexp_left_s() == REGEXP_S


def test_another_thread_has_its_own() -> None:
    """What is tried beside deliveries takes nothing from them."""
    with allowed(visits=1):
        other = threading.Thread(target=lambda: visit(100))
        other.start()
        other.join()
        visit(1)
