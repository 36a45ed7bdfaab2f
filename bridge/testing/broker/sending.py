"""Sends: one message (310, and 10 of old clients) or a batch (320).

Differs from a real broker: no transactions, no inner batches (``queue.type`` BatchCQ), no compaction.
"""

from bridge.rocketmq.codes import RequestCode, ResponseCode
from bridge.rocketmq.records import StoredMessage, message_id
from bridge.testing.broker.batches import send_batch
from bridge.testing.broker.delays import store_sent
from bridge.testing.broker.java import hash_map
from bridge.testing.broker.recalls import recall_handle
from bridge.testing.broker.requests import NULL, Answer, Refusal, Request
from bridge.testing.broker.retries import after_retries
from bridge.testing.broker.sends import SEND_EXT, SEND_V1, Send, parse_send, place_send
from bridge.testing.broker.state import Broker, Handler


def send(broker: Broker, request: Request) -> Answer:
    """Store what was sent. Refusals carry the two arguments that every answer to a send has, crashes do not."""
    header = parse_send(request)
    try:
        header = place_send(broker, request, header)
        return (send_batch if header.batch else _send_one)(broker, request, header)
    except Refusal as refusal:
        code, ext, _, remark = refusal.answer
        crashed = (remark or "").startswith("java.")
        raise Refusal(code, remark, ext if crashed else {**SEND_EXT, **ext}) from refusal


def _send_one(broker: Broker, request: Request, header: Send) -> Answer:
    if not request.body:
        raise Refusal(ResponseCode.SYSTEM_ERROR, NULL)
    message = after_retries(broker, header, _message(broker, request, header))
    record, delay = store_sent(broker, message)
    ext = {
        **SEND_EXT,
        "msgId": message_id(broker.address, record.message.physical_offset),
        "queueId": str(header.queue_id),
        "queueOffset": str(record.message.queue_offset),
        "transactionId": message.properties["UNIQ_KEY"],
    }
    if delay is not None and delay.out_ms is not None:
        ext["recallHandle"] = recall_handle(broker, message, delay.out_ms)
    return Answer(ext=ext)


def _message(broker: Broker, request: Request, header: Send) -> StoredMessage:
    """The message with what the broker adds; empty properties are gone, the others in another order."""
    properties = {name: value for name, value in header.properties.items() if value} | SEND_EXT
    properties.setdefault("UNIQ_KEY", f"{request.now_ms:016X}{broker.log.position:016X}")
    properties["CLUSTER"] = broker.cluster
    return StoredMessage(
        header.topic,
        header.queue_id,
        0,
        request.body,
        hash_map(properties.items()),
        born_time_ms=header.born_ms,
        born_host=request.session.peer,
        sys_flag=header.sys_flag,
        flag=header.flag,
        reconsume_times=header.reconsume_times,
    )


HANDLERS: dict[int, Handler] = {
    SEND_V1: send,
    RequestCode.SEND_MESSAGE_V2: send,
    RequestCode.SEND_BATCH_MESSAGE: send,
}
