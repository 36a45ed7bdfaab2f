"""Committed offsets, resets, and where a queue's messages are."""

import pytest

from bridge.rocketmq.bodies import parse_offset_table
from bridge.rocketmq.configs import GroupConfig
from bridge.rocketmq.routes import Queue
from bridge.testing.broker import Broker
from bridge.testing.broker.requests import Answer

PLACE = {"consumerGroup": "g", "topic": "orders", "queueId": 0}


@pytest.fixture
def filled(broker: Broker, clock) -> Broker:
    """Queue 0 with messages stored a second apart, and a group."""
    broker.groups.put(GroupConfig("g"))
    for number in range(3):
        broker.put("orders", b"%d" % number)
        clock.advance(1)
    return broker


def reset(client, **changed: object) -> Answer:
    return client.get(
        222, **{"group": "g", "topic": "orders", "queueId": 0, "timestamp": 0, "isForce": "true", **changed}
    )


def test_a_commit_is_found_again(filled: Broker, client) -> None:
    """Also of a queue that is not there."""
    for queue, offset in [(0, 2), (0, 1), (99, 12345)]:
        place = {**PLACE, "queueId": queue}
        assert client.get(15, **place, commitOffset=offset).code == 0
        assert client.get(14, **place).ext["offset"] == str(offset)


def test_a_negative_commit_counts_as_none(filled: Broker, client) -> None:
    """It is taken all the same."""
    assert client.get(15, **PLACE, commitOffset=-7).code == 0
    assert client.get(14, **PLACE, setZeroIfNotFound="false").code == 22


def test_a_young_queue_answers_0_unless_told_not_to(filled: Broker, client) -> None:
    """Not an empty one, nor one whose first message is on disk or gone."""
    assert client.get(14, **PLACE).ext["offset"] == "0"
    assert client.get(14, **PLACE, setZeroIfNotFound="false").code == 22
    assert client.get(14, **{**PLACE, "queueId": 1}).code == 22
    filled.log.memory_bytes = 1
    assert client.get(14, **PLACE).code == 22
    filled.log.memory_bytes = 1 << 40
    filled.log.expire("orders", 0, 1)
    assert client.get(14, **PLACE).code == 22


@pytest.mark.parametrize(
    ("changed", "code"), [({"consumerGroup": "h"}, 26), ({"topic": "nowhere"}, 17), ({"queueId": ""}, 1)]
)
def test_commits_that_are_refused(filled: Broker, client, changed: dict[str, str], code: int) -> None:
    """Unknown group, which is not created, unknown topic, no number."""
    assert client.get(15, **{**PLACE, "commitOffset": 1, **changed}).code == code
    assert "h" not in filled.groups


def test_commits_without_an_offset_or_queue(filled: Broker, client) -> None:
    """29, where other requests without an argument are answered 1."""
    assert client.get(15, **PLACE).code == 29
    assert client.get(15, consumerGroup="g", topic="orders", commitOffset=1).code == 29
    assert client.get(14, consumerGroup="g", topic="orders").code == 1


def test_after_a_reset_commits_are_ignored_until_it_was_told(filled: Broker, client) -> None:
    """They are answered 0 with a remark."""
    assert parse_offset_table(reset(client, offset=1).body) == {Queue("orders", "broker-a", 0): 1}
    answer = client.get(15, **PLACE, commitOffset=3)
    assert (answer.code, answer.remark) == (0, "Offset has been previously reset")
    assert client.get(14, **PLACE).ext["offset"] == "1"
    client.pull(3)
    client.get(15, **PLACE, commitOffset=3)
    assert client.get(14, **PLACE).ext["offset"] == "3"


def test_resets_by_time_are_for_all_queues_or_one(filled: Broker, client) -> None:
    """A negative time is the end; an offset needs a queue."""
    second_ms = filled.now_ms - 2000
    for changed, offsets in [
        ({"queueId": -1}, {0: 0, 1: 0}),
        ({"queueId": -1, "timestamp": -1}, {0: 3, 1: 0}),
        ({"queueId": -1, "offset": 2}, {0: 0, 1: 0}),
        ({"timestamp": second_ms}, {0: 1}),
        ({"queueId": 7}, {7: 0}),
    ]:
        table = parse_offset_table(reset(client, **changed).body)
        assert {queue.id: offset for queue, offset in table.items()} == offsets


@pytest.mark.parametrize(
    ("changed", "code"),
    [({"offset": 4}, 0), ({"offset": 5}, 1), ({"offset": -5}, 1), ({"topic": "nowhere"}, 17), ({"group": "h"}, 26)],
)
def test_resets_beyond_the_queue_are_refused(filled: Broker, client, changed: dict[str, object], code: int) -> None:
    """One beyond the end is not, on real brokers either."""
    assert reset(client, **changed).code == code


def test_offsets_by_time(filled: Broker, client) -> None:
    """The first since, or the last until."""
    second_ms = filled.now_ms - 2000
    for boundary, offset in [({}, "1"), ({"boundaryType": "LOWER"}, "1"), ({"boundaryType": "upper"}, "1")]:
        assert client.get(29, topic="orders", queueId=0, timestamp=second_ms, **boundary).ext["offset"] == offset
    answer = client.get(29, topic="orders", queueId=0, timestamp=second_ms - 1, boundaryType="Upper")
    assert answer.ext["offset"] == "0"


def test_the_ends_of_a_queue(filled: Broker, client) -> None:
    """The next offset, the oldest kept, and when that was stored."""
    first_ms = filled.now_ms - 3000
    filled.log.expire("orders", 0, 1)
    answers = [client.get(code, topic="orders", queueId=0) for code in (30, 31, 32)]
    assert [dict(answer.ext) for answer in answers] == [
        {"offset": "3"},
        {"offset": "1"},
        {"timestamp": str(first_ms + 1000)},
    ]
    filled.log.expire("orders", 0, 3)
    assert client.get(32, topic="orders", queueId=0).ext["timestamp"] == "-1"


@pytest.mark.parametrize("place", [{"topic": "nowhere", "queueId": 0}, {"topic": "orders", "queueId": 77}])
def test_what_is_not_there_answers_as_an_empty_queue(client, place: dict[str, object]) -> None:
    """0 with 0, and no store time."""
    answers = [client.get(code, **place, timestamp=5) for code in (29, 30, 31, 32)]
    assert [(answer.code, *answer.ext.values()) for answer in answers] == [(0, "0")] * 3 + [(0, "-1")]
