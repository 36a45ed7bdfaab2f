"""The classic retry: a message that a consumer gave back (36), or sent to its group's retry topic itself."""

from bridge.rocketmq.codes import RequestCode, ResponseCode
from bridge.rocketmq.records import StoredMessage, message_id
from bridge.testing.broker.delays import store_sent
from bridge.testing.broker.java import hash_map
from bridge.testing.broker.requests import FAQ, Answer, Refusal, Request
from bridge.testing.broker.sends import Send
from bridge.testing.broker.state import Broker, Handler
from bridge.testing.broker.topics import DEAD, RETRY


def after_retries(broker: Broker, header: Send, message: StoredMessage) -> StoredMessage:
    """A message for a group's retry topic is a dead letter after too many tries, or while the group holds any lock."""
    if not header.topic.startswith(RETRY):
        return message
    name = header.topic.removeprefix(RETRY)
    group = broker.groups.reach(name)
    if group is None:
        raise Refusal(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, f"subscription group not exist, {name} {FAQ}")
    most = group.retry_max_times if header.max_reconsume_times is None else header.max_reconsume_times
    if header.reconsume_times <= most and not broker.locks.any_held(name, broker.now_ms):
        return message
    broker.topics.internal(DEAD + name)
    properties = hash_map([*message.properties.items(), ("DELAY", "-1")])
    return message._replace(topic=DEAD + name, queue_id=0, properties=properties)


def send_back(broker: Broker, request: Request) -> Answer:
    """Request 36: a consumer gives a message back; it comes again on the group's retry topic or is a dead letter."""
    name = request.text("group")
    group = broker.groups.reach(name)
    if group is None:
        raise Refusal(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, f"subscription group not exist, {name} {FAQ}")
    offset, level = request.number("offset"), request.number("delayLevel")
    record = broker.log.view(offset)
    if record is None:
        raise Refusal(ResponseCode.SYSTEM_ERROR, f"look message by offset failed, {offset}")
    most = request.number("maxReconsumeTimes", group.retry_max_times)
    dead = record.message.reconsume_times >= most or level < 0
    if dead:
        request.text("originTopic")  # required for dead letters only; whatever it says is taken
    topic = broker.topics.internal((DEAD if dead else RETRY) + name, 1 if dead else group.retry_queues)
    store_sent(broker, _again(broker, record.message, topic.name, 0 if dead else level))
    return Answer()


def _again(broker: Broker, message: StoredMessage, topic: str, level: int) -> StoredMessage:
    """The message as it comes back; level 0 starts at 10 s and grows, except for a dead letter."""
    properties = dict(message.properties)
    properties.setdefault("RETRY_TOPIC", message.topic)
    properties.setdefault("ORIGIN_MESSAGE_ID", message_id(broker.address, message.physical_offset))
    properties["WAIT"] = "false"
    properties["DELAY"] = str(level or 3 + message.reconsume_times) if topic.startswith(RETRY) else "0"
    again = message.reconsume_times + 1
    return message._replace(topic=topic, queue_id=0, properties=hash_map(properties.items()), reconsume_times=again)


HANDLERS: dict[int, Handler] = {RequestCode.CONSUMER_SEND_MSG_BACK: send_back}
