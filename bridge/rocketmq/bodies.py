"""JSON bodies of requests and answers, except routes and definitions: read and written. Pure.

Every ``parse_`` raises Malformed for what it cannot read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from bridge.rocketmq.loosejson import dumps, dumps_object_keys, loads, reading
from bridge.rocketmq.routes import Queue


@reading("a list of topics")
def parse_topic_list(body: bytes) -> list[str]:
    """Answer of 206 and 224."""
    return _texts(loads(body)["topicList"])


def format_topic_list(topics: Iterable[str]) -> bytes:
    return dumps({"topicList": list(topics)})


@reading("a list of consumers")
def parse_consumer_list(body: bytes) -> list[str]:
    """Answer of 38: client ids, as often as each is connected."""
    return _texts(loads(body)["consumerIdList"])


def format_consumer_list(client_ids: Iterable[str]) -> bytes:
    return dumps({"consumerIdList": list(client_ids)})


@dataclass(frozen=True, slots=True)
class LockRequest:
    """Body of 41 and 42."""

    group: str
    client_id: str
    queues: tuple[Queue, ...]
    only_this_broker: bool = False


@reading("a request to lock queues")
def parse_lock_request(body: bytes) -> LockRequest:
    members = loads(body)
    queues = tuple(_queue(queue) for queue in members["mqSet"])
    return LockRequest(
        str(members["consumerGroup"]), str(members["clientId"]), queues, bool(members.get("onlyThisBroker"))
    )


def format_lock_request(request: LockRequest) -> bytes:
    return dumps(
        {
            "consumerGroup": request.group,
            "clientId": request.client_id,
            "onlyThisBroker": request.only_this_broker,
            "mqSet": [_queue_members(queue) for queue in request.queues],
        }
    )


@reading("a list of locked queues")
def parse_locked(body: bytes) -> set[Queue]:
    """Answer of 41: the queues that the client holds now."""
    return {_queue(queue) for queue in loads(body)["lockOKMQSet"]}


def format_locked(queues: Iterable[Queue]) -> bytes:
    return dumps({"lockOKMQSet": [_queue_members(queue) for queue in queues]})


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a consumer wants of a topic. ``version`` is compared by brokers: the newest one counts."""

    topic: str
    expression: str = "*"
    expression_type: str = "TAG"
    version: int = 0


@dataclass(frozen=True, slots=True)
class ConsumerData:
    """A client's membership in one consumer group."""

    group: str
    subscriptions: tuple[Subscription, ...]
    consume_type: str = "CONSUME_ACTIVELY"
    message_model: str = "CLUSTERING"
    consume_from: str = "CONSUME_FROM_LAST_OFFSET"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Body of 34. One without groups only keeps the connection alive."""

    client_id: str
    producer_groups: tuple[str, ...] = ()
    consumers: tuple[ConsumerData, ...] = ()


@reading("a heartbeat")
def parse_heartbeat(body: bytes) -> Heartbeat:
    members = loads(body)
    producers = tuple(str(producer["groupName"]) for producer in members.get("producerDataSet") or ())
    consumers = tuple(_consumer(consumer) for consumer in members.get("consumerDataSet") or ())
    return Heartbeat(str(members["clientID"]), producers, consumers)


def format_heartbeat(heartbeat: Heartbeat) -> bytes:
    return dumps(
        {
            "clientID": heartbeat.client_id,
            "producerDataSet": [{"groupName": group} for group in heartbeat.producer_groups],
            "consumerDataSet": [_consumer_members(consumer) for consumer in heartbeat.consumers],
            "heartbeatFingerprint": 0,
            "withoutSub": False,
        }
    )


@reading("a broker's state")
def parse_runtime_info(body: bytes) -> dict[str, str]:
    """Answer of 28: names and values of a broker's state, text all of them."""
    return {str(name): str(value) for name, value in loads(body)["table"].items()}


def format_runtime_info(table: Mapping[str, str]) -> bytes:
    return dumps({"table": dict(table)})


@reading("a broker's configuration")
def parse_broker_config(body: bytes) -> dict[str, str]:
    """Answer of 26, body of 25: ``key=value`` lines as Java's properties."""
    lines = [line.partition("=") for line in body.decode().splitlines()]
    return {name.strip(): value.strip() for name, _, value in lines if name.strip() and not name.startswith("#")}


def format_broker_config(config: Mapping[str, str]) -> bytes:
    return "".join(f"{name}={value}\n" for name, value in config.items()).encode()


@reading("a table of offsets")
def parse_offset_table(body: bytes) -> dict[Queue, int]:
    """Answer of 222, whose keys are objects: the offset that each queue was reset to."""
    return {queue: int(offset) for queue, offset in _table(body).items()}


def format_offset_table(offsets: Mapping[Queue, int]) -> bytes:
    return _format_table(offsets)


@dataclass(frozen=True, slots=True)
class QueueStats:
    """One queue in the answer of 208 (consume stats). Offsets are next ones; the time is that of the message before
    ``consumed``, 0 if none.
    """

    maximum: int
    consumed: int
    pulled: int
    time_ms: int


@reading("a group's progress")
def parse_consume_stats(body: bytes) -> dict[Queue, QueueStats]:
    names = ("brokerOffset", "consumerOffset", "pullOffset", "lastTimestamp")
    return {queue: QueueStats(*[int(row[name]) for name in names]) for queue, row in _table(body).items()}


def format_consume_stats(stats: Mapping[Queue, QueueStats]) -> bytes:
    return _format_table(
        {
            queue: {
                "brokerOffset": row.maximum,
                "consumerOffset": row.consumed,
                "lastTimestamp": row.time_ms,
                "pullOffset": row.pulled,
            }
            for queue, row in stats.items()
        }
    )


@dataclass(frozen=True, slots=True)
class TopicStats:
    """One queue in the answer of 202."""

    minimum: int
    maximum: int
    time_ms: int


@reading("a topic's state")
def parse_topic_stats(body: bytes) -> dict[Queue, TopicStats]:
    names = ("minOffset", "maxOffset", "lastUpdateTimestamp")
    return {queue: TopicStats(*[int(row[name]) for name in names]) for queue, row in _table(body).items()}


def format_topic_stats(stats: Mapping[Queue, TopicStats]) -> bytes:
    return _format_table(
        {
            queue: {"lastUpdateTimestamp": row.time_ms, "maxOffset": row.maximum, "minOffset": row.minimum}
            for queue, row in stats.items()
        }
    )


def _texts(values: list[Any]) -> list[str]:
    if not all(isinstance(value, str) for value in values):
        raise TypeError("something else than text in a list")
    return values


def _queue(members: dict[str, Any]) -> Queue:
    return Queue(str(members["topic"]), str(members["brokerName"]), int(members["queueId"]))


def _queue_members(queue: Queue) -> dict[str, Any]:
    return {"brokerName": queue.broker, "queueId": queue.id, "topic": queue.topic}


def _table(body: bytes) -> dict[Queue, Any]:
    """``offsetTable``, whose keys are queues written as objects."""
    return {_queue(loads(key)): row for key, row in loads(body)["offsetTable"].items()}


def _format_table(table: Mapping[Queue, Any]) -> bytes:
    rows = {dumps(_queue_members(queue)).decode(): row for queue, row in table.items()}
    return b'{"offsetTable":%b}' % dumps_object_keys(rows)


def _consumer(members: dict[str, Any]) -> ConsumerData:
    return ConsumerData(
        str(members["groupName"]),
        tuple(_subscription(subscription) for subscription in members.get("subscriptionDataSet") or ()),
        str(members["consumeType"]),
        str(members["messageModel"]),
        str(members["consumeFromWhere"]),
    )


def _consumer_members(consumer: ConsumerData) -> dict[str, Any]:
    return {
        "groupName": consumer.group,
        "consumeType": consumer.consume_type,
        "messageModel": consumer.message_model,
        "consumeFromWhere": consumer.consume_from,
        "subscriptionDataSet": [_subscription_members(subscription) for subscription in consumer.subscriptions],
        "unitMode": False,
    }


def _subscription(members: dict[str, Any]) -> Subscription:
    kind = str(members.get("expressionType") or "TAG")
    return Subscription(str(members["topic"]), str(members["subString"]), kind, int(members.get("subVersion") or 0))


def _subscription_members(subscription: Subscription) -> dict[str, Any]:
    return {
        "topic": subscription.topic,
        "subString": subscription.expression,
        "expressionType": subscription.expression_type,
        "tagsSet": [],
        "codeSet": [],
        "subVersion": subscription.version,
        "classFilterMode": False,
    }
