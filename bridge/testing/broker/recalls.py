"""Recalls (370): a timer message that is not due yet is taken back by the handle that its send was answered with."""

import base64
import binascii

from bridge.rocketmq.codes import RequestCode, ResponseCode
from bridge.rocketmq.records import StoredMessage
from bridge.testing.broker.requests import UNSET, Answer, Refusal, Request
from bridge.testing.broker.state import REGION, Broker, Handler


def recall(broker: Broker, request: Request) -> Answer:
    """Request 370: a timer message that is not due yet is never delivered. Said again, it is answered 0 again."""
    region = {"MSG_REGION": REGION}
    if not broker.config.flag("recallMessageEnable"):
        raise Refusal(ResponseCode.NO_PERMISSION, "recall failed, operation is forbidden", region)
    topic = request.text("topic")
    if topic not in broker.topics:
        raise Refusal(ResponseCode.TOPIC_NOT_EXIST, f"recall failed, the topic[{topic}] not exist", region)
    parts = _read_handle(request.find("recallHandle") or "")
    if parts is None:
        raise Refusal(ResponseCode.ILLEGAL_OPERATION, "recall handle is invalid", region)
    _, real_topic, name, deliver, unique = parts
    if real_topic != topic:
        raise Refusal(ResponseCode.ILLEGAL_OPERATION, "recall failed, topic not match", region)
    if name != broker.name:
        raise Refusal(ResponseCode.ILLEGAL_OPERATION, "recall failed, broker service not available", region)
    left_ms = (int(deliver) if deliver.isdecimal() else -1) - broker.now_ms
    if not 0 < left_ms < broker.config.number("timerMaxDelaySec") * 1000:
        raise Refusal(ResponseCode.ILLEGAL_OPERATION, "recall failed, timestamp invalid", region)
    broker.timers.recall(topic, unique)
    return Answer(ext={**region, "msgId": unique}, remark=UNSET)


def recall_handle(broker: Broker, message: StoredMessage, out_ms: int) -> str:
    text = f"v1 {message.topic} {broker.name} {out_ms + 1} {message.properties['UNIQ_KEY']}"
    return base64.urlsafe_b64encode(text.encode()).decode()


def _read_handle(handle: str) -> list[str] | None:
    try:
        parts = base64.urlsafe_b64decode(handle).decode().split(" ")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return parts if len(parts) == 5 and parts[0] == "v1" else None


HANDLERS: dict[int, Handler] = {RequestCode.RECALL_MESSAGE: recall}
