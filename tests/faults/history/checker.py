"""Whether a history keeps the promises. Pure: what is wrong, in words, and what there was to be seen.

Each check says at its function what it holds; ``check`` runs them all.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from tests.faults.history.doubles import doubles, in_flight, slow_to_settle
from tests.faults.history.losses import forged, lost, not_durable, settled_too_early
from tests.faults.history.orders import disordered, stored_in_disorder
from tests.faults.history.promises import early, got_while_off, got_while_paused
from tests.faults.history.record import History
from tests.faults.history.scene import Watched

Check = Callable[[History, Sequence[Watched]], Iterator[str]]

CHECKS: tuple[Check, ...] = (
    lost,
    forged,
    not_durable,
    settled_too_early,
    stored_in_disorder,
    disordered,
    got_while_off,
    got_while_paused,
    early,
    slow_to_settle,
)


class Verdict(NamedTuple):
    """``doubled``: deliveries of what had been delivered before. ``in_flight``: at the kill where that was most, how many
    deliveries were taken and not yet settled, so that they could be doubled.
    """

    violations: list[str]
    doubled: int
    in_flight: int


def check(history: History, watched: Sequence[Watched]) -> Verdict:
    violations = [violation for each in CHECKS for violation in each(history, watched)]
    doubled, unexcused = doubles(history, watched)
    return Verdict(violations + unexcused, doubled, max(in_flight(history, watched), default=0))
