"""The bound on the work of one question."""

import pytest

from bridge.errors import TooLarge
from bridge.rules.effort import Effort


def test_steps_may_be_spent_until_none_is_left() -> None:
    """And not one more; the refusal says how many there were."""
    effort = Effort(1_000)
    effort.spend(400)
    effort.spend(600)
    with pytest.raises(TooLarge, match="more than 1,000 comparisons"):
        effort.spend(1)


def test_too_much_at_once_is_refused_before_it_is_done() -> None:
    """Nothing is spent in vain."""
    with pytest.raises(TooLarge):
        Effort(10).spend(11)
