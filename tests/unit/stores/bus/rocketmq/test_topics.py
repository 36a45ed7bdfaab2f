"""On which queues of which brokers the partitions of a bus are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import Conflict, StoreUnavailable
from bridge.rocketmq.configs import TopicConfig
from bridge.rocketmq.routes import BrokerData, ClusterInfo, Queue
from bridge.stores.bus.rocketmq.topics import adopted, masters_of, needed, spread


def queues(*places: str) -> tuple[Queue, ...]:
    """``a0`` is queue 0 of broker a."""
    return tuple(Queue("t", place[0], int(place[1:])) for place in places)


def test_partitions_are_spread() -> None:
    """One after the other over the brokers."""
    assert spread("t", (), ["b", "a"], 5) == queues("a0", "b0", "a1", "b1", "a2")


def test_what_is_there_stays_and_new_ones_go_where_the_fewest_are() -> None:
    """Also to brokers that were not there before; those that have gone get none."""
    assert spread("t", queues("a0", "b0"), ["a", "c"], 5) == queues("a0", "b0", "c0", "a1", "c1")


@given(st.integers(1, 20), st.integers(0, 20), st.sets(st.sampled_from("abcd"), min_size=1))
def test_no_queue_is_two_partitions(few: int, more: int, brokers: set[str]) -> None:
    """However often a bus grows, and brokers hold as many as they can."""
    first = spread("t", (), brokers, few)
    made = spread("t", first, brokers, few + more)
    assert made[:few] == first
    assert len(set(made)) == len(made) == few + more
    counts = [sum(queue.broker == broker for queue in made) for broker in brokers]
    assert max(counts) - min(counts) <= 1
    assert all(needed(made)[queue.broker] > queue.id for queue in made)


@given(st.integers(1, 20), st.sets(st.sampled_from("abcd"), min_size=1))
def test_a_topic_is_taken_over_as_it_was_made(partitions: int, brokers: set[str]) -> None:
    """Each partition is the queue that it was."""
    made = spread("t", (), brokers, partitions)
    found = {broker: TopicConfig("t", number, number) for broker, number in needed(made).items()}
    assert adopted("t", found, partitions) == made


def test_a_topic_with_more_queues_is_not_taken_over() -> None:
    """Nobody would read some of them."""
    with pytest.raises(Conflict, match="with 8 queues"):
        adopted("t", {"a": TopicConfig("t", 8, 8)}, 7)


def info(**clusters: dict[str, dict[int, str]]) -> ClusterInfo:
    brokers = {
        name: BrokerData(cluster, name, addresses)
        for cluster, own in clusters.items()
        for name, addresses in own.items()
    }
    return ClusterInfo(brokers, {cluster: tuple(own) for cluster, own in clusters.items()})


def test_masters_of_the_only_cluster_are_taken() -> None:
    """Living ones; replicas are no place for a partition."""
    found = info(Default={"b": {0: "h:1"}, "a": {0: "h:2", 1: "h:3"}, "c": {1: "h:4"}})
    assert masters_of(found, "") == masters_of(found, "Default") == ["a", "b"]


@pytest.mark.parametrize(
    ("found", "wanted", "reason"),
    [
        (info(), "", "no broker is registered"),
        (info(One={"a": {0: "h:1"}}, Two={"b": {0: "h:2"}}), "", "there are One, Two .*not set"),
        (info(One={"a": {0: "h:1"}}), "Two", "there are One .*is Two"),
        (info(One={"a": {1: "h:1"}}), "", "no living master"),
    ],
)
def test_where_partitions_go_is_never_guessed(found: ClusterInfo, wanted: str, reason: str) -> None:
    """Whoever operates the bridge is told what there is."""
    with pytest.raises(StoreUnavailable, match=reason):
        masters_of(found, wanted)
