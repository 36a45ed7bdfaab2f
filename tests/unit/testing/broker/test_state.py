"""A broker as a whole: arranging a test, and what ends with the process."""

from bridge.rocketmq.bodies import LockRequest, format_lock_request, parse_locked
from bridge.rocketmq.configs import GroupConfig
from bridge.rocketmq.routes import Queue
from bridge.testing.broker import Broker


def test_messages_are_put_and_looked_at_directly(broker: Broker) -> None:
    """Of one queue or of all, in the order of arrival, with nothing added."""
    for number, queue in enumerate([1, 0, 1]):
        broker.put("orders", b"%d" % number, queue, {"a": "b"})
    assert [message.body for message in broker.messages("orders")] == [b"0", b"1", b"2"]
    assert [message.body for message in broker.messages("orders", 1)] == [b"0", b"2"]
    assert broker.messages("orders")[0].properties == {"a": "b"}
    broker.put("undefined", b"x")
    assert len(broker.messages("undefined")) == 1


def test_the_next_thing_to_do(broker: Broker, client, clock) -> None:
    """The earliest of timers, waits and members."""
    assert broker.next_ms is None
    client.beat("g", "orders")
    assert broker.next_ms == broker.now_ms + 120_001
    client.send(TIMER_DELAY_SEC=10)
    due_ms = broker.next_ms
    assert due_ms is not None
    assert due_ms <= broker.now_ms + 10_999
    client.pull(0, flags=6, suspendTimeoutMillis=500)
    assert broker.next_ms == broker.now_ms + 500
    clock.advance(200)
    broker.tick()
    assert broker.next_ms is None


def test_messages_may_be_seen_later(broker: Broker, client, other, clock) -> None:
    """Some time after they were answered, in order, as on a real broker."""
    broker.entry_delay_ms = 5
    client.pull(0, flags=6, suspendTimeoutMillis=1000)
    assert [other.send().ext["queueOffset"] for _ in "12"] == ["0", "1"]
    assert client.late == []
    assert other.get(30, topic="orders", queueId=0).ext["offset"] == "0"
    assert broker.next_ms == broker.now_ms + 5
    clock.advance(0.005)
    broker.tick()
    assert client.late[0].ext["nextBeginOffset"] == "2"
    assert other.get(30, topic="orders", queueId=0).ext["offset"] == "2"
    other.send()
    broker.stop()
    assert len(broker.messages("orders")) == 3


def test_a_restart_keeps_what_is_on_disk(broker: Broker, client) -> None:
    """Messages, timers, offsets, definitions; members, locks and waits are gone."""
    broker.groups.put(GroupConfig("g"))
    client.send()
    client.send(TIMER_DELAY_SEC=60)
    client.get(15, consumerGroup="g", topic="orders", queueId=0, commitOffset=1)
    lock = format_lock_request(LockRequest("g", "a", (Queue("orders", "broker-a", 0),)))
    client.get(41, lock)
    client.beat("g", "orders")
    client.pull(0, flags=6, suspendTimeoutMillis=500, queueId=1)
    broker.stop()
    broker.start()
    assert len(broker.messages("orders")) == 1
    assert len(broker.timers) == 1
    assert broker.offsets.find("g", "orders", 0) == 1
    assert broker.members.client_ids("g") == []
    assert len(broker.holds) == 0
    rival = format_lock_request(LockRequest("g", "b", (Queue("orders", "broker-a", 0),)))
    assert parse_locked(client.get(41, rival).body)


def test_a_crash_loses_young_commits_only(broker: Broker, client) -> None:
    """No message."""
    broker.groups.put(GroupConfig("g"))
    client.send()
    client.get(15, consumerGroup="g", topic="orders", queueId=0, commitOffset=1)
    broker.stop(crash=True)
    broker.start()
    assert len(broker.messages("orders")) == 1
    assert broker.offsets.find("g", "orders", 0) is None
