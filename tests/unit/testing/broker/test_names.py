"""What name servers know of brokers and topics."""

import json

import pytest

from bridge.rocketmq.bodies import parse_topic_list
from bridge.rocketmq.configs import TopicConfig
from bridge.rocketmq.frames import Command
from bridge.rocketmq.routes import Queue, parse_cluster_info, parse_route
from bridge.testing.broker import Broker
from bridge.testing.broker.names import Names
from bridge.testing.broker.requests import Answer, Refusal, Request


@pytest.fixture
def names(broker: Broker) -> Names:
    """With one broker that has started."""
    made = Names()
    made.register(broker)
    broker.topics.announce = lambda config: made.announce(broker, config)
    return made


def ask(names: Names, client, code: int, version: int = 513, **ext: str) -> Answer:
    try:
        return names.answer(Request(Command(code, ext=ext, version=version), client, 0))
    except Refusal as refusal:
        return refusal.answer


def test_a_route_names_queues_and_brokers(names: Names, broker: Broker, client) -> None:
    """As the broker has registered them, at once."""
    broker.topics.put(TopicConfig("orders", 1, 2))
    route = parse_route("orders", ask(names, client, 105, topic="orders").body)
    assert route.writable == (Queue("orders", "broker-a", 0), Queue("orders", "broker-a", 1))
    assert route.readable == (Queue("orders", "broker-a", 0),)
    assert route.brokers["broker-a"].master == broker.address


def test_old_clients_get_bare_keys(names: Names, client) -> None:
    """Below version 401, unless they ask for standard JSON."""
    with pytest.raises(ValueError):
        json.loads(ask(names, client, 105, 400, topic="orders").body)
    json.loads(ask(names, client, 105, 400, topic="orders", acceptStandardJsonOnly="true").body)
    json.loads(ask(names, client, 105, 401, topic="orders").body)


def test_a_broker_that_has_gone_is_forgotten(names: Names, broker: Broker, client) -> None:
    """With topics that live only there: 17; another broker's queues stay."""
    other = Broker("broker-b")
    other.topics.put(TopicConfig("orders", 1, 1))
    names.register(other)
    names.forget(broker)
    route = parse_route("orders", ask(names, client, 105, topic="orders").body)
    assert [queue.broker for queue in route.readable] == ["broker-b"]
    names.forget(other)
    assert ask(names, client, 105, topic="orders").code == 17
    assert parse_cluster_info(ask(names, client, 106).body).brokers == {}
    names.announce(broker, TopicConfig("late"))
    assert ask(names, client, 105, topic="late").code == 17


def test_a_deleted_topic_stays_until_it_is_deleted_here(names: Names, broker: Broker, client) -> None:
    """Deleting what is not there is fine."""
    client.get(215, topic="orders")
    assert ask(names, client, 105, topic="orders").code == 0
    assert [ask(names, client, 216, topic="orders").code for _ in "12"] == [0, 0]
    assert ask(names, client, 105, topic="orders").code == 17


def test_the_cluster_and_its_topics(names: Names, broker: Broker, client) -> None:
    """Every registered broker; the topics of a cluster are those of all."""
    info = parse_cluster_info(ask(names, client, 106).body)
    assert info.brokers["broker-a"].addresses == {0: broker.address}
    assert info.clusters == {"DefaultCluster": ("broker-a",)}
    every = parse_topic_list(ask(names, client, 206).body)
    assert {"orders", "DefaultCluster", "broker-a"} <= set(every)
    assert parse_topic_list(ask(names, client, 224, cluster="DefaultCluster").body) == every
    assert parse_topic_list(ask(names, client, 224).body) == []


def test_a_redirect_announces_another_address(names: Names, client) -> None:
    """A proxy's, for instance."""
    names.redirects["broker-a"] = "127.0.0.1:1"
    route = parse_route("orders", ask(names, client, 105, topic="orders").body)
    assert route.brokers["broker-a"].master == "127.0.0.1:1"


def test_requests_for_brokers_are_answered_3(names: Names, client) -> None:
    """A name server takes no messages."""
    assert ask(names, client, 310).code == 3
    assert ask(names, client, 105).code == 17
