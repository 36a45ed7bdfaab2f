"""What operators ask a broker."""

from bridge.rocketmq.bodies import (
    QueueStats,
    TopicStats,
    parse_broker_config,
    parse_consume_stats,
    parse_runtime_info,
    parse_topic_stats,
)
from bridge.rocketmq.routes import Queue
from bridge.testing.broker import Broker

FIRST, SECOND = Queue("orders", "broker-a", 0), Queue("orders", "broker-a", 1)


def test_settings_are_changed_and_shown(broker: Broker, client) -> None:
    """Any name is taken; those that the fake obeys have effect at once."""
    assert client.get(25, b"maxMessageSize=5\nwhatever=yes\n").code == 0
    shown = parse_broker_config(client.get(26).body)
    assert (shown["maxMessageSize"], shown["whatever"], shown["brokerName"]) == ("5", "yes", "broker-a")
    assert client.send(b"123456").code == 13


def test_the_state_of_the_broker(broker: Broker, client) -> None:
    """A few figures, of the real ones' names."""
    client.send()
    info = parse_runtime_info(client.get(28).body)
    assert (info["brokerVersionDesc"], info["commitLogMaxOffset"]) == ("V5_5_0", str(broker.log.position))


def test_statistics_of_a_topic(broker: Broker, client) -> None:
    """Of each queue; an unknown topic is 17."""
    client.send()
    stats = parse_topic_stats(client.get(202, topic="orders").body)
    assert stats == {FIRST: TopicStats(0, 1, broker.now_ms), SECOND: TopicStats(0, 0, 0)}
    assert client.get(202, topic="nowhere").code == 17


def test_statistics_of_a_group(broker: Broker, client) -> None:
    """Of the topics that it has committed to, or of one; the time is that of the last consumed message."""
    for _ in range(3):
        client.send()
    assert parse_consume_stats(client.get(208, consumerGroup="g").body) == {}
    client.pull(0, maxMsgNums=3)
    broker.offsets.commit("g", "orders", 0, 2, 0)
    stats = {FIRST: QueueStats(3, 2, 3, broker.now_ms), SECOND: QueueStats(0, 0, 0, 0)}
    assert parse_consume_stats(client.get(208, consumerGroup="g").body) == stats
    assert parse_consume_stats(client.get(208, consumerGroup="g", topic="orders").body) == stats
    assert parse_consume_stats(client.get(208, consumerGroup="g", topic="nowhere").body) == {}


def test_all_offsets_come_with_bare_keys(broker: Broker, client) -> None:
    """No JSON, as from a real broker."""
    broker.offsets.commit("g", "orders", 0, 9, 0)
    broker.offsets.commit("g", "orders", 1, 3, 0)
    assert client.get(43).body == b'{"offsetTable":{"orders@g":{0:9,1:3}}}'


def test_an_unknown_request_is_answered_3(client) -> None:
    """With its number."""
    answer = client.get(9999)
    assert (answer.code, answer.remark) == (3, " request type 9999 not supported")
