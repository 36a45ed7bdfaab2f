"""Conditions joined by AND and OR, in expressions and in filters: asked no further than needed."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from bridge.model.event import Event

Condition: TypeAlias = Callable[[Event], bool]


def conjunction(runs: Sequence[Condition]) -> Condition:
    """Whether all are true, asked from left to right until one is not."""
    if len(runs) == 1:
        return runs[0]
    if len(runs) == 2:
        left, right = runs
        return lambda event: left(event) and right(event)

    def run(event: Event) -> bool:
        for one in runs:  # noqa: SIM110 - all() with a generator costs more
            if not one(event):
                return False
        return True

    return run


def disjunction(runs: Sequence[Condition]) -> Condition:
    """Whether one is true, asked from left to right."""
    if len(runs) == 1:
        return runs[0]
    if len(runs) == 2:
        left, right = runs
        return lambda event: left(event) or right(event)

    def run(event: Event) -> bool:
        for one in runs:  # noqa: SIM110 - any() with a generator costs more
            if one(event):
                return True
        return False

    return run
