"""Batches (320): several messages of one topic and queue, all or none."""

from bridge.rocketmq.codes import ResponseCode
from bridge.rocketmq.errors import Malformed, RocketMQError
from bridge.rocketmq.records import Message, StoredMessage, decode_batch, encode_properties, message_id
from bridge.testing.broker.requests import NULL, Answer, Refusal, Request
from bridge.testing.broker.sends import SEND_EXT, Send, too_large
from bridge.testing.broker.state import Broker
from bridge.testing.broker.timers import TIMER_PROPERTIES
from bridge.testing.broker.topics import RETRY, TIMER_TOPIC

_LONGEST_PROPERTIES = 32_767


def send_batch(broker: Broker, request: Request, header: Send) -> Answer:
    """All members or none, in order. Nothing is added to them; what the header's properties say is not theirs."""
    if header.topic.startswith(RETRY):
        raise Refusal(ResponseCode.MESSAGE_ILLEGAL, f"batch request does not support retry group {header.topic}")
    if header.properties.get("DELAY", "0") != "0":
        raise too_large(broker)
    if len(request.body) > broker.config.number("maxMessageSize"):
        raise Refusal(ResponseCode.SYSTEM_ERROR, "java.lang.RuntimeException: message body size exceeded")
    place = _place(broker, header)
    records = broker.store_all(_member(request, header, member, place) for member in _members(broker, header, request))
    ids = [message_id(broker.address, record.message.physical_offset) for record in records]
    first = str(records[0].message.queue_offset)
    ext = {**SEND_EXT, "msgId": ",".join(ids), "queueId": str(header.queue_id), "queueOffset": first}
    if unique := header.properties.get("UNIQ_KEY"):
        ext["transactionId"] = unique
    return Answer(ext=ext)


def _place(broker: Broker, header: Send) -> tuple[str, int]:
    """Topic and queue; a timer property in the header takes the members away and may stop every timer."""
    if not any(name in header.properties for name in TIMER_PROPERTIES):
        return header.topic, header.queue_id
    broker.timers.stuck = not broker.config.flag("timerSkipUnknownError")
    return TIMER_TOPIC, 0


def _members(broker: Broker, header: Send, request: Request) -> list[Message]:
    try:
        members = decode_batch(header.topic, request.body)
        sizes = [len(encode_properties(member.properties).encode()) for member in members]
    except Malformed as error:
        raise Refusal(ResponseCode.SYSTEM_ERROR, f"java.nio.BufferUnderflowException: {error.remark}") from error
    except RocketMQError as error:
        raise too_large(broker) from error
    if not members:
        raise Refusal(ResponseCode.SYSTEM_ERROR, NULL)
    if max(sizes) > _LONGEST_PROPERTIES:
        raise too_large(broker)
    return members


def _member(request: Request, header: Send, member: Message, place: tuple[str, int]) -> StoredMessage:
    return StoredMessage(
        *place,
        0,
        member.body,
        dict(member.properties),
        born_time_ms=header.born_ms,
        born_host=request.session.peer,
        sys_flag=header.sys_flag,
        flag=member.flag,
        reconsume_times=header.reconsume_times,
    )
