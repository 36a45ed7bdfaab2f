"""Which locks a member counts as its own."""

from bridge.rocketmq.locks import HeldLocks, by_broker
from bridge.rocketmq.routes import Queue

A, B = Queue("t", "a", 0), Queue("t", "b", 0)


def test_a_lock_is_lost_without_renewal() -> None:
    """30 s after it was last sure, half of what brokers grant."""
    held = HeldLocks(30.0)
    held.granted([A, B], 100.0)
    held.granted([B], 120.0)
    assert held.lost(129.9) == set()
    assert held.lost(130.0) == {A}
    assert held.lost(150.0) == {A, B}


def test_dropped_locks_are_not_held() -> None:
    """Nor lost any more; dropping what is not held is nothing."""
    held = HeldLocks(30.0)
    held.granted([A], 100.0)
    held.drop([A, B])
    assert held.queues == frozenset()
    assert held.lost(1000.0) == set()


def test_requests_are_per_broker() -> None:
    """Each broker is asked for its own queues, in order."""
    more = Queue("t", "a", 1)
    assert by_broker([B, more, A]) == {"a": [A, more], "b": [B]}
