"""The small JSON bodies (recorded ones are read in test_recorded_frames)."""

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from bridge.rocketmq import bodies
from bridge.rocketmq.bodies import ConsumerData, Heartbeat, LockRequest, QueueStats, Subscription, TopicStats
from bridge.rocketmq.errors import Malformed
from bridge.rocketmq.routes import Queue

A, B = Queue("t", "broker-a", 0), Queue("%RETRY%g", "broker-b", 3)
CONSUMER = ConsumerData("g", (Subscription("t", "a || b", "TAG", 7), Subscription("u")), "CONSUME_PASSIVELY")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("topic_list", ["a", "%DLQ%b"]),
        ("consumer_list", ["127.0.0.1@1", "127.0.0.1@1"]),
        ("lock_request", LockRequest("g", "me", (A, B), only_this_broker=True)),
        ("locked", {A, B}),
        ("locked", set()),
        ("heartbeat", Heartbeat("me", ("p",), (CONSUMER,))),
        ("heartbeat", Heartbeat("me")),
        ("runtime_info", {"bootTimestamp": "1", "ü": ""}),
        ("broker_config", {"brokerName": "broker-a", "empty": "", "sum": "1=1"}),
        ("offset_table", {A: 0, B: 2**40}),
        ("consume_stats", {A: QueueStats(7, 2, 6, 1795425252814)}),
        ("topic_stats", {A: TopicStats(0, 7, 1), B: TopicStats(0, 0, 0)}),
        ("topic_stats", {}),
    ],
)
def test_bodies_round_trip(name: str, value: Any) -> None:
    """What is read is what was written."""
    assert getattr(bodies, f"parse_{name}")(getattr(bodies, f"format_{name}")(value)) == value


def readers() -> list[Callable[[bytes], Any]]:
    return [function for name, function in inspect.getmembers(bodies) if name.startswith("parse_")]


@pytest.mark.parametrize("parse", readers(), ids=lambda parse: parse.__name__)
@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        *(
            b"",
            b"null",
            b"[]",
            b'"x"',
            b"{}",
            b'{"table":1}',
            b'{"topicList":[1],"consumerIdList":[null],"lockOKMQSet":1}',
        ),
        *(b'{"offsetTable":{"x":1}}', b'{"offsetTable":{{"topic":"t"}:1}}', b'{"offsetTable":[]}'),
        *(b'{"clientID":"c","consumerDataSet":[1]}', b'{"consumerGroup":"g","clientId":"c","mqSet":[{}]}'),
    ],
)
def test_bodies_of_another_shape_are_malformed(parse: Callable[[bytes], Any], body: bytes) -> None:
    """Whatever is wrong with them."""
    if parse is bodies.parse_broker_config and body != b"\xff":
        assert isinstance(parse(body), dict)  # lines of text: nearly anything is
        return
    with pytest.raises(Malformed, match="that cannot be read"):
        parse(body)


def test_a_config_has_comments() -> None:
    """Lines that begin with a hash, and empty ones, say nothing."""
    assert bodies.parse_broker_config(b"# comment\n\n a = b \r\nc\n") == {"a": "b", "c": ""}
