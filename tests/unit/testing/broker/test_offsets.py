"""Committed offsets, resets, and what a crash takes away."""

import pytest

from bridge.testing.broker.offsets import Offsets


@pytest.fixture
def offsets() -> Offsets:
    """Started at 0 s."""
    return Offsets()


def test_any_offset_is_taken(offsets: Offsets) -> None:
    """Also a lower one, and one of a queue that does not exist."""
    offsets.commit("g", "t", 99, 7, 0)
    offsets.commit("g", "t", 99, -3, 0)
    assert offsets.find("g", "t", 99) == -3
    assert offsets.find("g", "t", 0) is None
    assert offsets.topics("g") == ["t"]


def test_a_reset_is_told_once(offsets: Offsets) -> None:
    """It is the committed offset from then on."""
    offsets.reset("g", "t", 0, 5, 0)
    assert offsets.is_reset("g", "t", 0)
    assert offsets.find("g", "t", 0) == 5
    assert offsets.take_reset("g", "t", 0) == 5
    assert offsets.take_reset("g", "t", 0) is None
    assert not offsets.is_reset("g", "t", 0)


def test_offsets_of_a_topic_or_group_are_forgotten(offsets: Offsets) -> None:
    """And of no other."""
    for group, topic in [("g", "t"), ("g", "u"), ("h", "t")]:
        offsets.reset(group, topic, 0, 1, 0)
    offsets.forget_topic("t")
    assert [place for place, _ in offsets.places()] == [("g", "u")]
    assert not offsets.is_reset("h", "t", 0)
    offsets.forget_group("g")
    assert list(offsets.places()) == []


@pytest.mark.parametrize(
    ("committed_s", "crashed_s", "left"),
    [(3, 9, None), (3, 10, 1), (11, 14.9, None), (11, 15, 1), (3, 600, 1)],
)
def test_a_crash_loses_what_was_not_flushed(
    offsets: Offsets, committed_s: float, crashed_s: float, left: int | None
) -> None:
    """Offsets are written 10 s after the start and every 5 s from then on."""
    offsets.commit("g", "t", 0, 1, committed_s)
    offsets.crash(crashed_s)
    assert offsets.find("g", "t", 0) == left


def test_a_crash_brings_back_the_last_flush(offsets: Offsets) -> None:
    """Not the last commit, and no reset that was not told."""
    offsets.commit("g", "t", 0, 1, 1)
    offsets.reset("g", "t", 0, 2, 12)
    offsets.crash(13)
    assert offsets.find("g", "t", 0) == 1
    assert offsets.take_reset("g", "t", 0) is None


def test_the_clock_of_flushes_begins_at_a_start(offsets: Offsets) -> None:
    """A restart gives another 10 s."""
    offsets.start(100)
    offsets.commit("g", "t", 0, 1, 101)
    offsets.crash(109)
    assert offsets.find("g", "t", 0) is None
