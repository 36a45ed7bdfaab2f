"""The committed position never passes an unsettled delivery."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.dataplane.ledger import Ledger


def test_a_batch_without_deliveries_is_settled_at_once() -> None:
    """Events that no rule matches move the position."""
    ledger = Ledger(5)
    ledger.enter(9, 0)
    assert (ledger.position, ledger.under_way) == (9, 0)


def test_a_later_batch_waits_for_an_earlier_one() -> None:
    """Settling out of order moves nothing until the oldest is done."""
    ledger = Ledger(0)
    first, second = ledger.enter(10, 1), ledger.enter(20, 2)
    assert not ledger.settle(second, 2)
    assert ledger.position == 0
    assert ledger.settle(first)
    assert ledger.position == 20


def test_mistakes_are_refused() -> None:
    """Entering backwards or settling more than was open is a bug and says so."""
    ledger = Ledger(10)
    with pytest.raises(ValueError, match="behind 10"):
        ledger.enter(10, 0)
    batch = ledger.enter(11, 1)
    with pytest.raises(ValueError, match="only 1"):
        ledger.settle(batch, 2)


@given(st.lists(st.integers(0, 3), min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_position_is_the_lowest_unsettled_in_any_order(sizes: list[int], random) -> None:
    """After every step the position is the end of the settled prefix."""
    ledger = Ledger(0)
    batches = [ledger.enter(end, size) for end, size in enumerate(sizes, start=1)]
    steps = [batch for batch, size in zip(batches, sizes, strict=True) for _ in range(size)]
    random.shuffle(steps)
    for batch in steps:
        ledger.settle(batch)
        settled = [b.unsettled == 0 for b in batches]
        assert ledger.position == (settled.index(False) if False in settled else len(batches))
    assert (ledger.position, ledger.under_way) == (len(sizes), 0)
