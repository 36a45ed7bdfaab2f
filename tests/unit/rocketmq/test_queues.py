"""Which queue a message goes to."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bridge.rocketmq.queues import Rotation, by_key
from bridge.rocketmq.routes import Queue

QUEUES = [Queue("t", broker, number) for broker in ("a", "b") for number in range(3)]


@given(st.text(), st.integers(1, 20))
def test_a_key_has_one_queue(key: str, number: int) -> None:
    """The same list and key give the same queue, as text or as bytes."""
    queues = [Queue("t", "a", n) for n in range(number)]
    assert by_key(queues, key) == by_key(queues, key.encode("utf-8", "surrogatepass"))


def test_keys_stay_where_they_are() -> None:
    """The queue of a key never changes from version to version: its order would break."""
    assert [by_key(QUEUES, f"key-{n}") for n in range(4)] == [QUEUES[n] for n in (0, 2, 0, 2)]


def test_keys_spread() -> None:
    """Many keys use all queues about evenly."""
    counts = Counter(by_key(QUEUES, f"junction-{n}") for n in range(6000))
    assert set(counts) == set(QUEUES)
    assert max(counts.values()) < 1.3 * min(counts.values())


def test_rotation_takes_one_after_the_other() -> None:
    """Each queue gets its turn."""
    rotation = Rotation()
    assert {rotation.next(QUEUES, 0.0) for _ in QUEUES} == set(QUEUES)


def test_rotation_avoids_a_broker_for_a_while() -> None:
    """A broker that failed gets nothing until its time is over."""
    rotation = Rotation()
    rotation.avoid("a", until=10.0)
    assert {rotation.next(QUEUES, 9.9).broker for _ in range(6)} == {"b"}
    assert {rotation.next(QUEUES, 10.0).broker for _ in range(6)} == {"a", "b"}


def test_rotation_takes_a_bad_broker_rather_than_none() -> None:
    """When all failed, all are tried."""
    rotation = Rotation()
    for broker in ("a", "b"):
        rotation.avoid(broker, until=10.0)
    assert not rotation.has_other(QUEUES, 0.0)
    assert {rotation.next(QUEUES, 0.0).broker for _ in range(6)} == {"a", "b"}
    assert rotation.has_other(QUEUES, 10.0)
