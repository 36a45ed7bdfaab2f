"""AND and OR of conditions."""

import pytest

from bridge.model.event import Event
from bridge.rules.cesql.joining import conjunction, disjunction

EVENT = Event("1", "/j/7", "light.changed", {})


@pytest.mark.parametrize("count", [1, 2, 3])
def test_joining(count: int) -> None:
    """All of them, one of them; asked no further than needed."""
    asked = []

    def say(answer: bool) -> bool:
        asked.append(answer)
        return answer

    yes, no = (lambda _: say(True)), (lambda _: say(False))
    assert conjunction([yes] * count)(EVENT)
    assert not disjunction([no] * count)(EVENT)
    assert len(asked) == 2 * count
    asked.clear()
    assert not conjunction([no] * count)(EVENT)
    assert disjunction([yes] * count)(EVENT)
    assert len(asked) == 2


def test_nothing_to_ask() -> None:
    """All of none are true, none of none is."""
    assert conjunction([])(EVENT)
    assert not disjunction([])(EVENT)
