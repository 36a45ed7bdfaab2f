"""Definitions of topics and consumer groups, as requests set them and brokers return them. Pure.

Every ``parse_`` raises Malformed for what it cannot read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge.rocketmq.loosejson import dumps, loads, reading


@dataclass(frozen=True, slots=True)
class TopicConfig:
    """A topic on one broker. ``attributes`` without the ``+`` of requests (``message.type``: ``NORMAL``)."""

    name: str
    read_queues: int = 8
    write_queues: int = 8
    perm: int = 6
    order: bool = False
    sys_flag: int = 0
    filter_type: str = "SINGLE_TAG"
    attributes: Mapping[str, str] = field(default_factory=dict)


def topic_ext(config: TopicConfig) -> dict[str, str]:
    """Arguments of 17 (create or change a topic); an attribute with the value "" is removed (``-name``)."""
    ext = {
        "topic": config.name,
        "defaultTopic": "TBW102",
        "readQueueNums": str(config.read_queues),
        "writeQueueNums": str(config.write_queues),
        "perm": str(config.perm),
        "topicFilterType": config.filter_type,
        "topicSysFlag": str(config.sys_flag),
        "order": "true" if config.order else "false",
    }
    if config.attributes:
        changes = [f"+{name}={value}" if value else f"-{name}" for name, value in config.attributes.items()]
        ext["attributes"] = ",".join(changes)
    return ext


@reading("a request to create a topic")
def topic_of_ext(ext: Mapping[str, str]) -> TopicConfig:
    """The definition in the arguments of 17; attributes to be removed have the value "". Raises Malformed."""
    return TopicConfig(
        ext["topic"],
        int(ext["readQueueNums"]),
        int(ext["writeQueueNums"]),
        int(ext["perm"]),
        ext.get("order") == "true",
        int(ext.get("topicSysFlag") or 0),
        ext.get("topicFilterType") or "SINGLE_TAG",
        _changes(ext.get("attributes") or ""),
    )


@reading("the definition of a topic")
def parse_topic_config(body: bytes) -> TopicConfig:
    """Answer of 351."""
    return _topic(loads(body))


def format_topic_config(config: TopicConfig) -> bytes:
    return dumps(_topic_members(config))


@reading("the definitions of topics")
def parse_topic_configs(body: bytes) -> dict[str, TopicConfig]:
    """Answer of 21: every topic of a broker, by name."""
    table = loads(body)["topicConfigTable"]
    return {str(name): _topic(members) for name, members in table.items()}


def format_topic_configs(configs: Iterable[TopicConfig]) -> bytes:
    table = {config.name: _topic_members(config) for config in configs}
    return dumps({"dataVersion": _DATA_VERSION, "topicConfigTable": table})


@dataclass(frozen=True, slots=True)
class GroupConfig:
    """A consumer group on one broker."""

    name: str
    consume_enable: bool = True
    consume_from_min_enable: bool = True
    consume_broadcast_enable: bool = True
    consume_orderly: bool = False
    retry_queues: int = 1
    retry_max_times: int = 16
    notify_ids_changed: bool = True
    consume_timeout_min: int = 15
    attributes: Mapping[str, str] = field(default_factory=dict)


@reading("the definition of a group")
def parse_group_config(body: bytes) -> GroupConfig:
    """Answer of 352, body of 200."""
    return _group(loads(body))


def format_group_config(config: GroupConfig) -> bytes:
    """Body of 200, answer of 352."""
    return dumps(_group_members(config))


@reading("the definitions of groups")
def parse_group_configs(body: bytes) -> dict[str, GroupConfig]:
    """Answer of 201: every group of a broker, by name."""
    table = loads(body)["subscriptionGroupTable"]
    return {str(name): _group(members) for name, members in table.items()}


def format_group_configs(configs: Iterable[GroupConfig]) -> bytes:
    table = {config.name: _group_members(config) for config in configs}
    return dumps({"dataVersion": _DATA_VERSION, "forbiddenTable": {}, "subscriptionGroupTable": table})


_DATA_VERSION = {"counter": 0, "stateVersion": 0, "timestamp": 0}


def _changes(text: str) -> dict[str, str]:
    changes: dict[str, str] = {}
    for change in text.split(",") if text else ():
        name, _, value = change[1:].partition("=")
        if change[:1] not in {"+", "-"} or not name or bool(value) != (change[0] == "+"):
            raise ValueError(f"the attribute {change!a}")
        changes[name] = value
    return changes


def _topic(members: dict[str, Any]) -> TopicConfig:
    return TopicConfig(
        str(members["topicName"]),
        int(members["readQueueNums"]),
        int(members["writeQueueNums"]),
        int(members["perm"]),
        bool(members.get("order")),
        int(members.get("topicSysFlag") or 0),
        str(members.get("topicFilterType") or "SINGLE_TAG"),
        _attributes(members),
    )


def _topic_members(config: TopicConfig) -> dict[str, Any]:
    return {
        "attributes": dict(config.attributes),
        "order": config.order,
        "perm": config.perm,
        "readQueueNums": config.read_queues,
        "topicFilterType": config.filter_type,
        "topicName": config.name,
        "topicSysFlag": config.sys_flag,
        "writeQueueNums": config.write_queues,
    }


def _group(members: dict[str, Any]) -> GroupConfig:
    """Only the name is needed; the rest has RocketMQ's defaults."""
    given = {name: members[java] for name, java in _GROUP_MEMBERS.items() if java in members}
    given["name"] = members["groupName"]
    for field_name, value in given.items():
        wanted = type(getattr(_PLAIN_GROUP, field_name))
        if not isinstance(value, wanted):
            raise TypeError(f"{field_name} is {value!r:.40}")
    return GroupConfig(**{**given, "attributes": _attributes(members)})


def _group_members(config: GroupConfig) -> dict[str, Any]:
    members = {java: getattr(config, name) for name, java in _GROUP_MEMBERS.items()}
    fixed = {"brokerId": 0, "whichBrokerWhenConsumeSlowly": 1, "groupSysFlag": 0}
    return {**members, **fixed, "attributes": dict(config.attributes)}


def _attributes(members: dict[str, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in (members.get("attributes") or {}).items()}


_GROUP_MEMBERS = {
    "name": "groupName",
    "consume_enable": "consumeEnable",
    "consume_from_min_enable": "consumeFromMinEnable",
    "consume_broadcast_enable": "consumeBroadcastEnable",
    "consume_orderly": "consumeMessageOrderly",
    "retry_queues": "retryQueueNums",
    "retry_max_times": "retryMaxTimes",
    "notify_ids_changed": "notifyConsumerIdsChangedEnable",
    "consume_timeout_min": "consumeTimeoutMinute",
}
_PLAIN_GROUP = GroupConfig("")
