"""The header of a send, read, checked and placed; what the ways of sending share."""

import random
from typing import NamedTuple

from bridge.rocketmq.codes import ResponseCode
from bridge.rocketmq.configs import TopicConfig
from bridge.rocketmq.records import decode_properties
from bridge.testing.broker.requests import NULL, Refusal, Request, integer
from bridge.testing.broker.state import REGION, Broker
from bridge.testing.broker.topics import RETRY, java_text, unknown_topic

SEND_V1 = 10
SEND_EXT = {"MSG_REGION": REGION, "TRACE_ON": "true"}
"""In every answer to a send, and in the properties of what was sent alone."""
_V2 = {
    "topic": "b",
    "defaultTopic": "c",
    "defaultTopicQueueNums": "d",
    "queueId": "e",
    "sysFlag": "f",
    "bornTimestamp": "g",
    "flag": "h",
    "properties": "i",
    "reconsumeTimes": "j",
    "maxReconsumeTimes": "l",
    "batch": "m",
}


class Send(NamedTuple):
    """The header of a send. ``batch`` is what the header says, whatever the request's code."""

    topic: str
    queue_id: int
    sys_flag: int
    born_ms: int
    flag: int
    properties: dict[str, str]
    reconsume_times: int
    max_reconsume_times: int | None
    default_topic: str | None
    default_queues: int | None
    batch: bool


def parse_send(request: Request) -> Send:
    """Required are topic, queue, flags and born time."""
    if request.command.code != SEND_V1:
        named = {name: request.command.ext[short] for name, short in _V2.items() if short in request.command.ext}
        request = Request(request.command._replace(ext=named), request.session, request.now_ms)
    most = request.find("maxReconsumeTimes")
    return Send(
        request.text("topic"),
        request.number("queueId"),
        request.number("sysFlag"),
        request.number("bornTimestamp"),
        request.number("flag"),
        decode_properties(_text(request.find("properties") or "")),
        request.number("reconsumeTimes", 0),
        integer(most) if most is not None else None,
        request.find("defaultTopic"),
        request.number("defaultTopicQueueNums") if request.find("defaultTopicQueueNums") else None,
        request.flag("batch"),
    )


def _text(properties: str) -> str:
    """Half a surrogate pair becomes a question mark, as when Java writes it out."""
    return properties.encode(errors="replace").decode()


def place_send(broker: Broker, request: Request, header: Send) -> Send:
    """The header with a queue that exists. Refused with 16, 17 or 29; a missing write bit is no reason."""
    broker.topics.check_send(header.topic)
    config = _topic(broker, header)
    if header.queue_id >= max(config.write_queues, config.read_queues):
        producer = f"Producer: {request.session.peer}"
        remark = f"request queueId[{header.queue_id}] is illegal, {java_text(config)} {producer}"
        raise Refusal(ResponseCode.INVALID_PARAMETER, remark)
    if header.queue_id >= 0:
        return header
    if not config.write_queues:
        raise Refusal(ResponseCode.SYSTEM_ERROR, "java.lang.ArithmeticException: / by zero")
    return header._replace(queue_id=random.randrange(config.write_queues))  # noqa: S311 - no secret


def _topic(broker: Broker, header: Send) -> TopicConfig:
    """The topic to write to, created where a send creates it. Refused with 17, or 1 by an incomplete header."""
    config = broker.topics.find(header.topic)
    if config is not None:
        return config
    if header.default_queues is None or header.default_topic is None:
        raise Refusal(ResponseCode.SYSTEM_ERROR, NULL)
    if broker.config.flag("autoCreateTopicEnable"):
        return broker.topics.created_by_send(header.topic, header.default_queues)
    if header.topic.startswith(RETRY):
        return broker.topics.internal(header.topic)
    raise unknown_topic(header.topic)


def too_large(broker: Broker) -> Refusal:
    limit = broker.config.number("maxMessageSize")
    return Refusal(
        ResponseCode.MESSAGE_ILLEGAL,
        "the message is illegal, maybe msg body or properties length not matched. "
        f"msg body length limit {limit}B, msg properties length limit 32KB.",
    )
