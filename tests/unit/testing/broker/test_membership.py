"""Members of groups: who is told what, and queue locks by request."""

import json

from bridge.rocketmq.bodies import LockRequest, format_lock_request, parse_consumer_list, parse_locked
from bridge.rocketmq.configs import GroupConfig
from bridge.rocketmq.routes import Queue
from bridge.testing.broker import Broker

QUEUES = (Queue("orders", "broker-a", 0), Queue("elsewhere", "broker-z", 1))


def listed(client, group: str = "g") -> list[str]:
    return sorted(parse_consumer_list(client.get(38, consumerGroup=group).body))


def test_a_member_joins(broker: Broker, client, other) -> None:
    """It is told of itself, and the others are; a heartbeat that changes nothing tells nobody."""
    assert dict(client.beat("g", "orders").ext) == {"IS_SUPPORT_HEART_BEAT_V2": "true", "IS_SUB_CHANGE": "true"}
    assert client.pushes == ["g"]
    client.beat("g", "orders")
    other.beat("g", "orders")
    assert (client.pushes, other.pushes) == (["g", "g"], ["g"])
    assert listed(client) == ["client", "other"]
    assert "g" in broker.groups
    assert broker.topics.find("%RETRY%g") is not None


def test_other_topics_are_a_change(client, other) -> None:
    """A newer version of the same ones is not."""
    client.beat("g", "orders", version=1)
    client.beat("g", "orders", version=2)
    assert len(client.pushes) == 1
    client.beat("g", "orders", "more")
    assert len(client.pushes) == 2


def test_two_connections_with_one_id_are_two_members(client, other) -> None:
    """So both take the same share."""
    other.name = client.name
    client.beat("g", "orders")
    other.beat("g", "orders")
    assert listed(client) == ["client", "client"]


def test_a_member_leaves(client, other) -> None:
    """The others are told; without members a group is answered 1."""
    client.beat("g", "orders")
    other.beat("g", "orders")
    other.get(35, clientID="other", consumerGroup="g")
    assert listed(client) == ["client"]
    assert len(client.pushes) == 3
    client.get(35, clientID="client", consumerGroup="g")
    assert client.get(38, consumerGroup="g").code == 1


def test_only_the_connections_own_member_leaves(client, other) -> None:
    """Members are told all the same; a producer that leaves tells nobody."""
    client.beat("g", "orders")
    other.get(35, clientID="client", consumerGroup="g")
    assert listed(client) == ["client"]
    assert len(client.pushes) == 2
    other.get(35, clientID="other", producerGroup="p")
    assert len(client.pushes) == 2


def test_a_closed_connection_is_a_member_that_leaves(broker: Broker, client, other) -> None:
    """At once."""
    client.beat("g", "orders")
    other.beat("g", "orders")
    broker.disconnect(other)
    assert listed(client) == ["client"]
    assert len(client.pushes) == 3


def test_a_silent_member_is_dropped_with_its_connection(broker: Broker, client, other, clock) -> None:
    """After two minutes without a heartbeat, whatever else it does."""
    client.beat("g", "orders")
    other.beat("g", "orders")
    clock.advance(100)
    other.beat("g", "orders")
    clock.advance(20)
    broker.tick()
    assert not client.closed
    clock.advance(0.001)
    broker.tick()
    assert client.closed
    assert not other.closed
    assert listed(other) == ["other"]
    assert len(other.pushes) == 2


def test_groups_may_be_defined_without_pushes(broker: Broker, client) -> None:
    """Then nobody is told."""
    broker.groups.put(GroupConfig("g", notify_ids_changed=False))
    client.beat("g", "orders")
    assert client.pushes == []


def test_a_group_that_must_not_be_created_gets_no_member(broker: Broker, client) -> None:
    """The heartbeat is answered 0 all the same; so is one with a bad name."""
    assert client.beat("a.b", "orders").code == 0
    broker.config.update({"autoCreateSubscriptionGroup": "false"})
    assert client.beat("g", "orders").code == 0
    assert client.get(38, consumerGroup="g").code == 1


def test_connections_are_shown(client) -> None:
    """With what the group wants; nobody there is 206."""
    assert client.get(203, consumerGroup="g").code == 206
    client.beat("g", "orders", expression="TagA || TagB")
    shown = json.loads(client.get(203, consumerGroup="g").body)
    assert shown["connectionSet"][0]["clientId"] == "client"
    assert shown["subscriptionTable"]["orders"]["codeSet"] == [2598919, 2598920]


def test_queues_are_locked_and_unlocked(client) -> None:
    """Without any membership; topics and brokers are not looked at."""
    lock, rival = (format_lock_request(LockRequest("g", name, QUEUES)) for name in "ab")
    assert parse_locked(client.get(41, lock).body) == set(QUEUES)
    assert parse_locked(client.get(41, rival).body) == set()
    assert client.get(42, lock).code == 0
    assert parse_locked(client.get(41, rival).body) == set(QUEUES)


def test_bodies_that_cannot_be_read(client) -> None:
    """1."""
    assert [client.get(code, b"junk").code for code in (34, 41, 42)] == [1, 1, 1]
