"""Definitions of topics and groups (recorded ones are read in test_recorded_frames)."""

from collections.abc import Callable
from typing import Any

import pytest

from bridge.rocketmq.configs import (
    GroupConfig,
    TopicConfig,
    format_group_config,
    format_group_configs,
    format_topic_config,
    format_topic_configs,
    parse_group_config,
    parse_group_configs,
    parse_topic_config,
    parse_topic_configs,
    topic_ext,
    topic_of_ext,
)
from bridge.rocketmq.errors import Malformed

TOPIC = TopicConfig("t", 3, 2, 4, order=True, sys_flag=1, filter_type="MULTI_TAG", attributes={"message.type": "FIFO"})
GROUP = GroupConfig("g", consume_enable=False, retry_queues=2, retry_max_times=0, attributes={"a": "b"})


@pytest.mark.parametrize("config", [TOPIC, TopicConfig("t")])
def test_topics_round_trip(config: TopicConfig) -> None:
    """As arguments of a request and as bodies of answers."""
    assert topic_of_ext(topic_ext(config)) == config
    assert parse_topic_config(format_topic_config(config)) == config
    assert parse_topic_configs(format_topic_configs([config])) == {"t": config}


@pytest.mark.parametrize("config", [GROUP, GroupConfig("g")])
def test_groups_round_trip(config: GroupConfig) -> None:
    """Alone and in the list of all."""
    assert parse_group_config(format_group_config(config)) == config
    assert parse_group_configs(format_group_configs([config])) == {"g": config}


def test_attributes_are_added_and_removed() -> None:
    """``+name=value`` and ``-name``; without any the argument is left out."""
    ext = topic_ext(TopicConfig("t", attributes={"a": "1", "b": ""}))
    assert ext["attributes"] == "+a=1,-b"
    assert topic_of_ext(ext).attributes == {"a": "1", "b": ""}
    assert "attributes" not in topic_ext(TopicConfig("t"))


@pytest.mark.parametrize("attributes", ["a=1", "+a", "-a=1", "+=1", "+", ","])
def test_attributes_that_are_none(attributes: str) -> None:
    """Are malformed."""
    with pytest.raises(Malformed, match="the attribute"):
        topic_of_ext({**topic_ext(TopicConfig("t")), "attributes": attributes})


def test_a_group_needs_its_name_only() -> None:
    """The rest has RocketMQ's defaults."""
    assert parse_group_config(b'{"groupName":"g"}') == GroupConfig("g")


@pytest.mark.parametrize("parse", [parse_topic_config, parse_topic_configs, parse_group_config, parse_group_configs])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[1]",
        b'{"topicConfigTable":{"t":1},"subscriptionGroupTable":{"g":{}}}',
        b'{"groupName":"g","topicName":"t","readQueueNums":"x","retryQueueNums":"x"}',
        b'{"groupName":7}',
    ],
)
def test_bodies_of_another_shape(parse: Callable[[bytes], Any], body: bytes) -> None:
    """Are malformed."""
    with pytest.raises(Malformed, match="that cannot be read"):
        parse(body)


def test_arguments_that_are_missing() -> None:
    """A request to create a topic without its numbers is malformed."""
    with pytest.raises(Malformed):
        topic_of_ext({"topic": "t"})
