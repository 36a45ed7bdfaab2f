"""How often rules have put an event."""

import pytest

from bridge.model.event import Event
from bridge.model.hops import count_hops


@pytest.mark.parametrize(
    ("value", "hops"),
    [(3, 3), ("3", 3), ("03", 3), (-1, 0), ("-1", 0), (True, 0), ("many", 0), ("٣", 0), (b"3", 0), ("9" * 99, 0)],
)
def test_hops_are_counted_from_numbers_and_their_text(value: str | int | bytes, hops: int) -> None:
    """Over HTTP an integer comes as text; nonsense counts as none."""
    assert count_hops(Event("1", "/s", "t", {"bridgehops": value})) == hops


def test_an_event_that_nobody_put_on_has_none() -> None:
    """Without the extension."""
    assert count_hops(Event("1", "/s", "t", {})) == 0
