"""Queue locks of groups."""

import pytest

from bridge.rocketmq.routes import Queue
from bridge.testing.broker.locks import LIVE_MS, Locks

ONE, TWO = Queue("t", "b", 0), Queue("t", "b", 1)


@pytest.fixture
def locks() -> Locks:
    """The first queue is held by client ``a`` since 0 ms."""
    made = Locks()
    made.lock("g", "a", [ONE], 0)
    return made


def test_one_client_holds_a_queue(locks: Locks) -> None:
    """The other one gets what is free; other groups have locks of their own."""
    assert locks.lock("g", "b", [ONE, TWO], 1) == [TWO]
    assert locks.lock("h", "b", [ONE], 1) == [ONE]
    assert locks.owner("g", ONE, 1) == "a"


def test_a_lock_ends_after_a_minute(locks: Locks) -> None:
    """Unless it is renewed."""
    assert locks.lock("g", "b", [ONE], LIVE_MS) == []
    assert locks.lock("g", "a", [ONE], LIVE_MS) == [ONE]
    assert locks.lock("g", "b", [ONE], LIVE_MS + 1) == []
    assert locks.lock("g", "b", [ONE], 2 * LIVE_MS + 1) == [ONE]


def test_only_its_holder_gives_a_lock_back(locks: Locks) -> None:
    """Anybody else's wish is passed over."""
    locks.unlock("g", "b", [ONE, TWO])
    assert locks.owner("g", ONE, 1) == "a"
    locks.unlock("g", "a", [ONE])
    assert locks.owner("g", ONE, 1) is None


def test_whether_a_group_holds_any_lock(locks: Locks) -> None:
    """Expired ones do not count, nor those of others; a restart forgets all."""
    assert locks.any_held("g", LIVE_MS)
    assert not locks.any_held("h", 0)
    assert not locks.any_held("g", LIVE_MS + 1)
    locks.clear()
    assert not locks.any_held("g", 0)
