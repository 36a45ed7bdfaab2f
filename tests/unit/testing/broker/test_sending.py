"""Single messages: what is added, what is refused and how."""

import pytest

from bridge.rocketmq.configs import TopicConfig
from bridge.rocketmq.records import parse_message_id
from bridge.testing.broker import Broker

EXT = {"MSG_REGION": "DefaultRegion", "TRACE_ON": "true"}


def test_a_message_is_stored_and_answered_with_its_place(broker: Broker, client) -> None:
    """Queue, offset, id and unique key."""
    client.send(b"first")
    answer = client.send(b"second", UNIQ_KEY="u2", KEYS="k")
    (_, stored) = broker.messages("orders", 0)
    assert stored.body == b"second"
    assert dict(answer.ext) == {
        **EXT,
        "msgId": stored.message_id,
        "queueId": "0",
        "queueOffset": "1",
        "transactionId": "u2",
    }
    assert parse_message_id(answer.ext["msgId"]) == (broker.address, stored.physical_offset)
    assert (stored.born_time_ms, stored.store_time_ms, stored.born_host) == (7, broker.now_ms, client.peer)


def test_the_broker_adds_properties_and_loses_empty_ones(broker: Broker, client) -> None:
    """A unique key only where there is none."""
    answer = client.send(empty="", colour="red")
    properties = broker.messages("orders")[0].properties
    assert properties == {**EXT, "CLUSTER": "DefaultCluster", "UNIQ_KEY": answer.ext["transactionId"], "colour": "red"}
    assert len(properties["UNIQ_KEY"]) == 32


def test_a_negative_queue_is_any_queue(client) -> None:
    """One that may be written to."""
    assert {client.send(queue=-1).ext["queueId"] for _ in range(50)} == {"0", "1"}


@pytest.mark.parametrize(
    ("topic", "queue", "code"), [("nowhere", 0, 17), ("orders", 2, 29), ("a.b", 0, 29), ("SELF_TEST_TOPIC", 0, 16)]
)
def test_refusals_carry_the_usual_arguments(client, topic: str, queue: int, code: int) -> None:
    """Unknown topic, queue that is not there, bad name, topic of the broker's own."""
    answer = client.send(topic=topic, queue=queue)
    assert (answer.code, dict(answer.ext)) == (code, EXT)


def test_crashes_of_the_broker_carry_none(client, broker: Broker) -> None:
    """An empty body, a missing argument, no number, no queue at all: 1."""
    broker.topics.put(TopicConfig("none", 0, 0))
    answers = [
        client.send(b""),
        client.get(310, b"x", b="orders", e=0, f=0, g=7),
        client.get(310, b"x", b="orders", e="x", f=0, g=7, h=0),
        client.send(topic="none", queue=-1),
        client.send(DELAY="x"),
    ]
    assert [(answer.code, dict(answer.ext)) for answer in answers] == [(1, {})] * 5


def test_a_send_to_an_unknown_topic_must_say_how_many_queues_it_would_have(client) -> None:
    """And like which topic: 17 if it does, else 1."""
    header = {"b": "nowhere", "e": 0, "f": 0, "g": 7, "h": 0}
    assert [client.get(310, b"x", **header, **more).code for more in ({"c": "TBW102", "d": 4}, {"d": 4}, {})] == [
        17,
        1,
        1,
    ]


def test_the_write_bit_is_not_enforced(client, broker: Broker) -> None:
    """Clients must honour it."""
    broker.topics.put(TopicConfig("orders", 2, 2, perm=4))
    assert client.send().code == 0


def test_limits_of_size(client, broker: Broker) -> None:
    """13 for a body above the setting, and for properties above 32,767 bytes with what the broker adds."""
    broker.config.update({"maxMessageSize": "10"})
    assert [client.send(b"x" * size).code for size in (10, 11)] == [0, 13]
    assert [client.send(long="x" * size).code for size in (32_000, 32_740)] == [0, 13]


def test_topics_may_be_created_by_sends(client, broker: Broker) -> None:
    """After a setting: with as many queues as the client says, eight at most."""
    assert client.send(topic="new").code == 17
    broker.config.update({"autoCreateTopicEnable": "true"})
    assert client.send(topic="new").code == 0
    assert client.get(310, b"x", b="wide", c="TBW102", d=64, e=0, f=0, g=7, h=0).code == 0
    assert [broker.topics.find(name) for name in ("new", "wide")] == [
        TopicConfig("new", 4, 4),
        TopicConfig("wide", 8, 8),
    ]


def test_old_clients_name_their_arguments(client, broker: Broker) -> None:
    """Request 10 is as 310 with long names."""
    ext = {"topic": "orders", "queueId": 1, "sysFlag": 0, "bornTimestamp": 5, "flag": 3, "properties": "a\x01b\x02"}
    assert client.get(10, b"x", **ext).code == 0
    stored = broker.messages("orders", 1)[0]
    assert (stored.flag, stored.born_time_ms, stored.properties["a"]) == (3, 5, "b")


def test_a_timer_message_waits_and_can_be_recalled(client, broker: Broker, clock) -> None:
    """The answer names its place in the broker's own topic, and the handle; it comes when it is due."""
    answer = client.send(b"later", TIMER_DELAY_SEC=10)
    assert "recallHandle" in answer.ext
    assert broker.messages("orders") == []
    clock.advance(9.9)
    broker.tick()
    assert broker.messages("orders") == []
    clock.advance(1)
    broker.tick()
    assert [message.body for message in broker.messages("orders")] == [b"later"]
    assert "recallHandle" not in client.send(DELAY=1).ext


def test_half_a_surrogate_pair_becomes_a_question_mark(client, broker: Broker) -> None:
    """As when Java writes it out."""
    client.send(colour="re\ud800d")
    assert broker.messages("orders")[0].properties["colour"] == "re?d"
