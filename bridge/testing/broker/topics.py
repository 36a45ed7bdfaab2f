"""Topics of one broker: their definitions, what names are allowed, what attributes mean."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace

from bridge.rocketmq.codes import ResponseCode
from bridge.rocketmq.configs import TopicConfig
from bridge.testing.broker.requests import FAQ, Refusal

RETRY, DEAD = "%RETRY%", "%DLQ%"
TIMER_TOPIC, SCHEDULE_TOPIC = "rmq_sys_wheel_timer", "SCHEDULE_TOPIC_XXXX"
_LEGAL = "^[%|a-zA-Z0-9_-]+$"
_SYSTEM = {
    "TBW102",
    SCHEDULE_TOPIC,
    "BenchmarkTest",
    "RMQ_SYS_TRANS_HALF_TOPIC",
    "RMQ_SYS_TRANS_OP_HALF_TOPIC",
    "RMQ_SYS_TRACE_TOPIC",
    "TRANS_CHECK_MAX_TIME_TOPIC",
    "SELF_TEST_TOPIC",
    "OFFSET_MOVED_EVENT",
    "CHECKPOINT_TOPIC",
}
_NOT_TO_SEND = _SYSTEM - {"TBW102", "BenchmarkTest", "RMQ_SYS_TRACE_TOPIC", "CHECKPOINT_TOPIC"}
_ATTRIBUTES = {
    "message.type": {"NORMAL", "FIFO", "DELAY", "TRANSACTION", "MIXED", "UNSPECIFIED", "PRIORITY", "LITE"},
    "queue.type": {"SimpleCQ", "BatchCQ"},
    "cleanup.policy": {"DELETE", "COMPACTION"},
    "reserve.time": None,
}
_FIXED = {"queue.type", "cleanup.policy"}
"""Attributes that only a new topic takes."""


class Topics:
    """By name. ``announce(config)`` is told of every one that is new or changed: name servers learn of it."""

    def __init__(self, cluster: str, broker: str, *, more_queues: int = 0) -> None:
        """``more_queues`` are added to what a request for a new topic asks for, so that brokers differ."""
        self.announce: Callable[[TopicConfig], None] = lambda _: None
        self._own = {cluster, broker}
        self._more = more_queues
        self._table = {config.name: config for config in _initial(cluster, broker)}

    def __iter__(self) -> Iterator[TopicConfig]:
        return iter(self._table.values())

    def __contains__(self, name: str) -> bool:
        return name in self._table

    def find(self, name: str) -> TopicConfig | None:
        return self._table.get(name)

    def put(self, config: TopicConfig) -> None:
        """As it is, without any check."""
        self._table[config.name] = config
        self.announce(config)

    def delete(self, name: str) -> None:
        """Nothing happens to a name that is not there."""
        self._table.pop(name, None)

    def is_system(self, name: str) -> bool:
        return name in _SYSTEM or name in self._own or name.startswith("rmq_sys_")

    def check_send(self, name: str) -> None:
        """Refused with 29 for a bad name, 16 for a topic of the broker's own."""
        check_name(name)
        if name in _NOT_TO_SEND:
            raise Refusal(ResponseCode.NO_PERMISSION, f"Sending message to topic[{name}] is forbidden.")

    def define(self, asked: TopicConfig, *, mixed: bool) -> None:
        """Create or change a topic as request 17 does; ``mixed``: may its type be MIXED? Refused with 29 or 1."""
        check_name(asked.name)
        if self.is_system(asked.name):
            conflict = f"The topic[{asked.name}] is conflict with system topic."
            raise Refusal(ResponseCode.INVALID_PARAMETER, conflict)
        if asked.attributes.get("message.type") == "MIXED" and not mixed:
            raise Refusal(ResponseCode.INVALID_PARAMETER, "MIXED message type is not supported.")
        known = self._table.get(asked.name)
        attributes = _altered(known, asked)
        more = self._more if known is None else 0
        read, write = asked.read_queues + more, asked.write_queues + more
        self.put(replace(asked, read_queues=read, write_queues=write, attributes=attributes))

    def internal(self, name: str, queues: int = 1) -> TopicConfig:
        """The topic that the broker makes for itself (retries and dead letters of a group), made if needed."""
        if name not in self._table:
            self.put(TopicConfig(name, queues, queues, 6))
        return self._table[name]

    def created_by_send(self, name: str, queues: int) -> TopicConfig:
        """What the first send to an unknown topic makes of it, where brokers allow that."""
        number = min(queues, 8)
        self.put(TopicConfig(name, number, number, 6))
        return self._table[name]


def check_name(name: str) -> None:
    """Refused with 29 unless it is a name for a topic."""
    if not name.strip():
        raise Refusal(ResponseCode.INVALID_PARAMETER, "The specified topic is blank.")
    if not re.fullmatch(_LEGAL, name):
        remark = f"The specified topic: {name}, contains illegal characters, allowing only {_LEGAL}"
        raise Refusal(ResponseCode.INVALID_PARAMETER, remark)
    if len(name) > (longest := 255 if name.startswith((RETRY, DEAD)) else 127):
        remark = f"The specified topic: {name}, is longer than topic max length: {longest}"
        raise Refusal(ResponseCode.INVALID_PARAMETER, remark)


def unknown_topic(name: str, *, gap: str = "") -> Refusal:
    """The answer of sends and pulls; the two differ by a blank."""
    remark = f"topic[{name}] not exist, apply first please!{gap}\n{FAQ}"
    return Refusal(ResponseCode.TOPIC_NOT_EXIST, remark)


def java_text(config: TopicConfig) -> str:
    """``TopicConfig.toString()``, as remarks quote it."""
    bits = "".join(letter if config.perm & bit else "-" for letter, bit in (("R", 4), ("W", 2), ("X", 1)))
    attributes = ", ".join(f"{name}={value}" for name, value in config.attributes.items())
    return (
        f"TopicConfig [topicName={config.name}, readQueueNums={config.read_queues}, "
        f"writeQueueNums={config.write_queues}, perm={bits}, topicFilterType={config.filter_type}, "
        f"topicSysFlag={config.sys_flag}, order={str(config.order).lower()}, attributes={{{attributes}}}]"
    )


def _altered(known: TopicConfig | None, asked: TopicConfig) -> dict[str, str]:
    """The topic's attributes after the change; "" removes one. Refused with 1."""
    after = dict(known.attributes) if known else {}
    for name, value in asked.attributes.items():
        _check_attribute(known, name, value)
        after[name] = value
    return {name: value for name, value in after.items() if value}


def _check_attribute(known: TopicConfig | None, name: str, value: str) -> None:
    if name not in _ATTRIBUTES:
        raise Refusal(ResponseCode.SYSTEM_ERROR, f"unsupported key: {name}")
    if known is None and not value:
        remark = f"only add attribute is supported while creating topic. key: {name}"
        raise Refusal(ResponseCode.SYSTEM_ERROR, remark)
    if known is not None and not value and name not in known.attributes:
        raise Refusal(ResponseCode.SYSTEM_ERROR, f"attempt to delete a nonexistent key: {name}")
    if known is not None and name in _FIXED:
        raise Refusal(ResponseCode.SYSTEM_ERROR, f"attempt to update an unchangeable attribute. key: {name}")
    legal = _ATTRIBUTES[name]
    if legal is None:
        if value and not value.lstrip("-").isdigit():
            raise Refusal(ResponseCode.SYSTEM_ERROR, f'For input string: "{value}"')
    elif value and value not in legal:
        raise Refusal(ResponseCode.SYSTEM_ERROR, f"value is not in set: [{', '.join(sorted(legal))}]")


def _initial(cluster: str, broker: str) -> list[TopicConfig]:
    of_one_queue = ["SELF_TEST_TOPIC", "OFFSET_MOVED_EVENT", TIMER_TOPIC, f"{cluster}_REPLY_TOPIC"]
    transactions = [f"RMQ_SYS_{kind}TRANS_{half}_TOPIC" for kind in ("", "ROCKSDB_") for half in ("HALF", "OP_HALF")]
    return [
        TopicConfig("BenchmarkTest", 1024, 1024),
        TopicConfig(cluster, 16, 16, 7),
        TopicConfig(broker, 1, 1, 7),
        TopicConfig(SCHEDULE_TOPIC, 18, 18),
        TopicConfig(f"rmq_sys_REVIVE_LOG_{cluster}", 8, 8),
        TopicConfig(f"rmq_sys_SYNC_BROKER_MEMBER_{broker}", 1, 1, 1),
        *[TopicConfig(name, 1, 1) for name in of_one_queue + transactions],
    ]
