"""Definitions of topics, as requests and the broker itself make them."""

from dataclasses import replace

import pytest

from bridge.rocketmq.configs import TopicConfig
from bridge.testing.broker.requests import Refusal
from bridge.testing.broker.topics import Topics, check_name, java_text


@pytest.fixture
def topics() -> Topics:
    return Topics("DefaultCluster", "broker-a")


def define(topics: Topics, asked: TopicConfig) -> int:
    """The code that the request is answered with."""
    try:
        topics.define(asked, mixed=False)
    except Refusal as refusal:
        return refusal.answer.code
    return 0


def test_a_definition_is_created_and_changed(topics: Topics) -> None:
    """By one and the same request; name servers are told each time."""
    told: list[TopicConfig] = []
    topics.announce = told.append
    assert define(topics, TopicConfig("orders", 2, 2)) == 0
    assert define(topics, TopicConfig("orders", 4, 3, 4)) == 0
    assert topics.find("orders") == TopicConfig("orders", 4, 3, 4) == told[-1]
    assert len(told) == 2


@pytest.mark.parametrize("name", ["a.b", "", " ", "ä", "x" * 128, "DefaultCluster", "broker-a", "TBW102", "rmq_sys_x"])
def test_bad_and_reserved_names_are_refused(topics: Topics, name: str) -> None:
    """With 29."""
    assert define(topics, TopicConfig(name)) == 29


def test_topics_of_retries_and_dead_letters_may_be_longer() -> None:
    """255 instead of 127 characters."""
    check_name("%RETRY%" + "g" * 248)
    with pytest.raises(Refusal):
        check_name("%RETRY%" + "g" * 249)


def test_attributes_are_added_changed_and_removed(topics: Topics) -> None:
    """An empty value removes one."""
    define(topics, TopicConfig("orders", attributes={"message.type": "NORMAL", "reserve.time": "7"}))
    define(topics, TopicConfig("orders", attributes={"message.type": "FIFO", "reserve.time": ""}))
    config = topics.find("orders")
    assert config is not None
    assert config.attributes == {"message.type": "FIFO"}


@pytest.mark.parametrize(
    "attributes",
    [
        {"colour": "red"},
        {"message.type": "LOUD"},
        {"message.type": ""},
        {"queue.type": "LoudCQ"},
        {"reserve.time": "x"},
    ],
)
def test_attributes_that_do_not_exist_are_refused(topics: Topics, attributes: dict[str, str]) -> None:
    """With 1: unknown names and values, and removing from a topic that is new."""
    assert define(topics, TopicConfig("orders", attributes=attributes)) == 1


def test_an_attribute_that_is_not_there_cannot_be_removed(topics: Topics) -> None:
    """1 again."""
    define(topics, TopicConfig("orders"))
    assert define(topics, TopicConfig("orders", attributes={"message.type": ""})) == 1


def test_some_attributes_are_for_new_topics_only(topics: Topics) -> None:
    """The kind of queue cannot be changed."""
    assert define(topics, TopicConfig("orders", attributes={"queue.type": "BatchCQ"})) == 0
    assert define(topics, TopicConfig("orders", attributes={"queue.type": "SimpleCQ"})) == 1


def test_mixed_topics_need_a_setting(topics: Topics) -> None:
    """29 without it."""
    asked = TopicConfig("orders", attributes={"message.type": "MIXED"})
    assert define(topics, asked) == 29
    topics.define(asked, mixed=True)
    assert "orders" in topics


def test_brokers_may_differ_in_their_queues() -> None:
    """One that was told so adds some to what is asked for, once."""
    topics = Topics("DefaultCluster", "broker-b", more_queues=2)
    topics.define(TopicConfig("orders", 4, 4), mixed=False)
    assert topics.find("orders") == TopicConfig("orders", 6, 6)
    topics.define(TopicConfig("orders", 8, 8), mixed=False)
    assert topics.find("orders") == TopicConfig("orders", 8, 8)


def test_the_broker_registers_topics_of_its_own(topics: Topics) -> None:
    """Named like the cluster and like itself, among others."""
    assert {"DefaultCluster", "broker-a", "SCHEDULE_TOPIC_XXXX"} <= {config.name for config in topics}


def test_what_may_be_sent_to(topics: Topics) -> None:
    """Not to the broker's own topics (16), nor to bad names (29)."""
    for name in ("orders", "DefaultCluster", "rmq_sys_wheel_timer"):
        topics.check_send(name)
    for name, code in [("SCHEDULE_TOPIC_XXXX", 16), ("OFFSET_MOVED_EVENT", 16), ("a b", 29)]:
        with pytest.raises(Refusal) as refused:
            topics.check_send(name)
        assert refused.value.answer.code == code


def test_a_definition_is_quoted_as_java_writes_it() -> None:
    """Permissions as letters, attributes in braces."""
    config = TopicConfig("t", 1, 2, attributes={"a": "b", "c": "d"})
    assert "perm=RW-, " in java_text(config)
    assert java_text(config).endswith("order=false, attributes={a=b, c=d}]")
    assert "perm=R--" in java_text(replace(config, perm=4))
