"""Offsets of a partition and of its queue."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.stores.bus.rocketmq.numbering import Numbering, Segment

# How much of the queue is lost each time (of what is there), and how much comes then.
LOSSES = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=5)


def test_they_are_the_same_at_first() -> None:
    """Nothing was ever lost."""
    assert [Numbering().outer(n) for n in (0, 7)] == [Numbering().inner(n) for n in (0, 7)] == [0, 7]


def test_a_queue_that_lost_its_end() -> None:
    """What it stores next comes behind everything that was known; who was there, or further, reads on there."""
    numbering = Numbering().broken(90, 100)
    assert numbering == Numbering((Segment(0, 0), Segment(90, 10)))
    assert [numbering.outer(n) for n in (89, 90, 91)] == [89, 100, 101]
    assert [numbering.inner(n) for n in (89, 90, 95, 100, 101)] == [89, 90, 90, 90, 91]


def test_a_queue_that_was_made_anew() -> None:
    """It begins at 0 again, and its partition goes on."""
    numbering = Numbering().broken(0, 100)
    assert [numbering.outer(0), numbering.inner(0), numbering.inner(99), numbering.inner(103)] == [100, 0, 0, 3]


@given(LOSSES)
def test_no_offset_means_two_events(losses: list[tuple[int, int]]) -> None:
    """However often that happens; and what survives keeps its offset."""
    numbering, held, given_out, counter = Numbering(), {}, {}, 0
    end = 0
    for lost, added in [(0, 20), *losses]:
        if lost and end:
            start = max(0, end - lost)
            known = 1 + max(given_out, default=-1)
            before = {q: numbering.outer(q) for q in range(start)}
            numbering = numbering.broken(start, max(known, numbering.outer(end)))
            assert {q: numbering.outer(q) for q in range(start)} == before
            held = {q: event for q, event in held.items() if q < start}
            end = start
        for _ in range(added):
            held[end] = counter
            outer = numbering.outer(end)
            assert outer not in given_out
            given_out[outer] = counter
            counter, end = counter + 1, end + 1
        assert [numbering.inner(numbering.outer(q)) for q in range(end + 1)] == list(range(end + 1))


@given(LOSSES, st.integers(0, 200))
def test_who_is_somewhere_misses_nothing_that_comes_later(losses: list[tuple[int, int]], offset: int) -> None:
    """A position maps to the first event of the queue that is at it or behind it."""
    numbering, end = Numbering(), 20
    for lost, added in losses:
        start = max(0, end - lost)
        numbering = numbering.broken(start, numbering.outer(end))
        end = start + added
    wanted = next((q for q in range(end) if numbering.outer(q) >= offset), None)
    if wanted is not None:
        assert numbering.inner(offset) == wanted
    else:
        assert numbering.inner(offset) >= end or numbering.outer(end) > offset
