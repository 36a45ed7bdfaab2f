"""Messages that come again, and dead letters."""

import pytest

from bridge.rocketmq.bodies import LockRequest, format_lock_request
from bridge.rocketmq.routes import Queue
from bridge.testing.broker import Broker


@pytest.fixture
def offset(broker: Broker, client) -> int:
    """Of a message in the log."""
    client.send(b"x", UNIQ_KEY="u")
    return broker.messages("orders")[0].physical_offset


def give_back(client, offset: int, level: int = 0, **ext: object) -> int:
    return client.get(36, offset=offset, group="g", delayLevel=level, originTopic="orders", **ext).code


def test_a_message_given_back_comes_again_after_its_level(broker: Broker, client, clock, offset: int) -> None:
    """In the group's retry topic, counted; the first time after 10 s."""
    assert give_back(client, offset) == 0
    clock.advance(9.9)
    broker.tick()
    assert broker.messages("%RETRY%g") == []
    clock.advance(0.2)
    broker.tick()
    (again,) = broker.messages("%RETRY%g")
    assert (again.body, again.reconsume_times) == (b"x", 1)
    assert (again.properties["RETRY_TOPIC"], again.properties["DELAY"]) == ("orders", "3")
    assert again.properties["ORIGIN_MESSAGE_ID"] == broker.messages("orders")[0].message_id


def test_later_tries_wait_longer(broker: Broker, client, clock, offset: int) -> None:
    """The second one 30 s; the first topic and id stay known."""
    give_back(client, offset, 1)
    clock.advance(1)
    broker.tick()
    give_back(client, broker.messages("%RETRY%g")[0].physical_offset)
    clock.advance(30)
    broker.tick()
    again = broker.messages("%RETRY%g")[1]
    assert (again.reconsume_times, again.properties["RETRY_TOPIC"]) == (2, "orders")


@pytest.mark.parametrize(("level", "ext"), [(-1, {}), (0, {"maxReconsumeTimes": 0})])
def test_a_dead_letter_comes_at_once(broker: Broker, client, offset: int, level: int, ext: dict[str, int]) -> None:
    """When it is asked for, and after too many tries."""
    assert give_back(client, offset, level, **ext) == 0
    (dead,) = broker.messages("%DLQ%g")
    assert (dead.body, dead.properties["DELAY"]) == (b"x", "0")


def test_a_dead_letter_needs_its_origin(broker: Broker, client, offset: int) -> None:
    """1 without the argument, which a retry may leave out."""
    header = {"offset": offset, "group": "g"}
    assert [client.get(36, **header, delayLevel=level).code for level in (-1, 1)] == [1, 0]
    assert broker.messages("%DLQ%g") == []


def test_what_cannot_be_given_back(broker: Broker, client, offset: int) -> None:
    """A place without a message (1), a group that must not be created (26)."""
    assert give_back(client, offset + 1) == 1
    broker.config.update({"autoCreateSubscriptionGroup": "false"})
    broker.groups.delete("g")
    assert give_back(client, offset) == 26


def test_a_message_sent_for_a_retry_too_often_is_a_dead_letter(broker: Broker, client) -> None:
    """More than 16 times, or than the client says; the answer says success."""
    for times, most in [(16, None), (17, None), (3, 2)]:
        ext = {"j": times} | ({"l": most} if most else {})
        assert client.get(310, b"%d" % times, b="%RETRY%g", c="TBW102", d=4, e=0, f=0, g=7, h=0, **ext).code == 0
    assert [message.body for message in broker.messages("%RETRY%g")] == [b"16"]
    assert [(m.body, m.properties["DELAY"]) for m in broker.messages("%DLQ%g")] == [(b"17", "-1"), (b"3", "-1")]


def test_a_live_lock_makes_every_retry_a_dead_letter(broker: Broker, client, clock) -> None:
    """Any lock of the group, while it lives."""
    lock = format_lock_request(LockRequest("g", "c", (Queue("orders", "broker-a", 0),)))
    client.get(41, lock)
    client.send(b"dead", "%RETRY%g")
    clock.advance(61)
    client.send(b"again", "%RETRY%g")
    assert [message.body for message in broker.messages("%DLQ%g")] == [b"dead"]
    assert [message.body for message in broker.messages("%RETRY%g")] == [b"again"]


def test_a_retry_topic_of_a_group_that_must_not_be_created(broker: Broker, client) -> None:
    """26."""
    broker.config.update({"autoCreateSubscriptionGroup": "false"})
    assert client.send(topic="%RETRY%g").code == 26
