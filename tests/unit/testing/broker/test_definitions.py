"""Topics and groups by request."""

import json

import pytest

from bridge.rocketmq.configs import (
    GroupConfig,
    TopicConfig,
    format_group_config,
    parse_group_config,
    parse_group_configs,
    parse_topic_config,
    parse_topic_configs,
    topic_ext,
)
from bridge.testing.broker import Broker


def test_a_topic_is_created_shown_and_deleted(broker: Broker, client) -> None:
    """With its queues and offsets; deleting it again does no harm."""
    config = TopicConfig("t", 3, 3, attributes={"message.type": "NORMAL"})
    assert client.get(17, **topic_ext(config)).code == 0
    assert parse_topic_config(client.get(351, topic="t").body) == config
    assert parse_topic_configs(client.get(21).body)["t"] == config
    broker.put("t", b"x")
    broker.offsets.commit("g", "t", 0, 1, 0)
    assert [client.get(215, topic="t").code for _ in "12"] == [0, 0]
    assert client.get(351, topic="t").code == 17
    assert broker.log.queue("t", 0).maximum == 0
    assert broker.offsets.find("g", "t", 0) is None


def test_a_topic_that_is_made_again_starts_at_0(broker: Broker, client) -> None:
    """While its predecessor's messages are still found by place and key."""
    client.send(b"old", KEYS="k")
    old = broker.messages("orders")[0]
    client.get(215, topic="orders")
    client.get(17, **topic_ext(TopicConfig("orders", 2, 2)))
    assert client.send(b"new", KEYS="k").ext["queueOffset"] == "0"
    assert client.get(33, offset=old.physical_offset).code == 0
    found = client.get(12, topic="orders", key="k", maxNum=9, beginTimestamp=0, endTimestamp=1 << 50)
    assert found.body == b"".join(broker.log.view(p).encoded for p in (0, broker.messages("orders")[0].physical_offset))


@pytest.mark.parametrize("name", ["", " ", "TBW102", "DefaultCluster"])
def test_what_cannot_be_deleted(client, name: str) -> None:
    """29."""
    assert client.get(215, topic=name).code == 29


@pytest.mark.parametrize("attributes", ["+colour=red", "message.type=FIFO", "+", "x"])
def test_bad_attributes(client, attributes: str) -> None:
    """1."""
    ext = {**topic_ext(TopicConfig("t")), "attributes": attributes}
    assert client.get(17, **ext).code == 1


def test_missing_arguments(client) -> None:
    """1, where a name is required."""
    assert [client.get(code).code for code in (17, 215, 351, 207, 352)] == [1] * 5


def test_a_group_is_created_shown_and_deleted(broker: Broker, client) -> None:
    """With its offsets, if that is asked for."""
    config = GroupConfig("g", retry_max_times=3)
    assert client.get(200, format_group_config(config)).code == 0
    shown = client.get(352, group="g").body
    assert parse_group_config(shown) == config
    assert json.loads(shown)["groupRetryPolicy"] == {"type": "CUSTOMIZED"}
    assert parse_group_configs(client.get(201).body) == {"g": config}
    broker.offsets.commit("g", "orders", 0, 1, 0)
    client.get(207, groupName="g", cleanOffset="true")
    assert "g" not in broker.groups
    assert broker.offsets.find("g", "orders", 0) is None


def test_a_group_that_is_deleted_without_its_offsets_is_there_again(broker: Broker, client) -> None:
    """With the usual settings, where brokers create groups."""
    for automatic in ("true", "false"):
        broker.config.update({"autoCreateSubscriptionGroup": automatic})
        client.get(200, format_group_config(GroupConfig("g", retry_max_times=3)))
        broker.offsets.commit("g", "orders", 0, 1, 0)
        client.get(207, groupName="g")
        assert list(broker.groups) == ([GroupConfig("g")] if automatic == "true" else [])
        assert broker.offsets.find("g", "orders", 0) == 1


def test_looking_at_a_group_creates_it(broker: Broker, client) -> None:
    """Unless the broker must not, or the name is bad: 26."""
    assert client.get(352, group="g").code == 0
    assert "g" in broker.groups
    assert client.get(352, group="a.b").code == 26


@pytest.mark.parametrize(
    ("body", "code"), [(b'{"groupName":"g"}', 0), (b'{"groupName":"a.b"}', 29), (b"junk", 1), (b"", 0)]
)
def test_definitions_of_groups(client, body: bytes, code: int) -> None:
    """The name is enough; no body does nothing."""
    assert client.get(200, body).code == code
