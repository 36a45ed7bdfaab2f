"""Offsets: committed ones (14, 15, 222) and those of a queue's messages (29, 30, 31, 32)."""

from bridge.rocketmq.bodies import format_offset_table
from bridge.rocketmq.codes import RequestCode, ResponseCode
from bridge.rocketmq.routes import Queue
from bridge.testing.broker.log import QueueView
from bridge.testing.broker.requests import Answer, Refusal, Request
from bridge.testing.broker.state import Broker, Handler


def committed(broker: Broker, request: Request) -> Answer:
    """Request 14. Unless told not to, it answers 0 for a young queue where nothing was committed."""
    group, topic, queue_id = request.text("consumerGroup"), request.text("topic"), request.number("queueId")
    offset = broker.offsets.find(group, topic, queue_id)
    if offset is not None and offset >= 0:
        return _offset(offset)
    if request.find("setZeroIfNotFound") is not None and not request.flag("setZeroIfNotFound"):
        raise Refusal(ResponseCode.QUERY_NOT_FOUND, "Not found, do not set to zero, maybe this group boot first")
    view = broker.log.queue(topic, queue_id)
    if view.records and view.minimum == 0 and broker.log.in_memory(view.records[0]):
        return _offset(0)
    raise Refusal(ResponseCode.QUERY_NOT_FOUND, "Not found, V3_0_6_SNAPSHOT maybe this group consumer boot first")


def commit(broker: Broker, request: Request) -> Answer:
    """Request 15. Any number and any queue id is taken; ignored after a reset until the next pull was told of it."""
    group, topic = request.text("consumerGroup"), request.text("topic")
    if group not in broker.groups:
        raise Refusal(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, f"Group {group} not exist!")
    if topic not in broker.topics:
        raise Refusal(ResponseCode.TOPIC_NOT_EXIST, f"Topic {topic} not exist!")
    for name, word in (("queueId", "QueueId"), ("commitOffset", "Offset")):
        if request.find(name) is None:
            raise Refusal(ResponseCode.INVALID_PARAMETER, f"{word} is null, topic is {topic}")
    queue_id, offset = request.number("queueId"), request.number("commitOffset")
    if broker.offsets.is_reset(group, topic, queue_id):
        return Answer(remark="Offset has been previously reset")
    broker.offsets.commit(group, topic, queue_id, offset, broker.clock())
    return Answer()


def reset(broker: Broker, request: Request) -> Answer:
    """Request 222: move a group to a time, or one queue of it to an offset. Nothing that waits is woken."""
    group, topic, queue_id = request.find("group") or "null", request.text("topic"), request.number("queueId", -1)
    config = broker.topics.find(topic)
    if config is None:
        raise Refusal(ResponseCode.TOPIC_NOT_EXIST, f"Topic {topic} does not exist")
    if group not in broker.groups:
        raise Refusal(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, f"Group {group} does not exist")
    wish = request.number("offset", -1)
    ids = range(config.read_queues) if queue_id < 0 else [queue_id]
    offsets = {number: _target(broker, request, number, wish if queue_id >= 0 else -1) for number in ids}
    for number, offset in offsets.items():
        broker.offsets.reset(group, topic, number, offset, broker.clock())
    table = {Queue(topic, broker.name, number): offset for number, offset in offsets.items()}
    return Answer(body=format_offset_table(table))


def _target(broker: Broker, request: Request, queue_id: int, wish: int) -> int:
    """The wished offset, refused with 1 further than one beyond the queue; else the first one since the time."""
    view = broker.log.queue(request.text("topic"), queue_id)
    if wish == -1:
        time_ms = request.number("timestamp", 0)
        return view.maximum if time_ms < 0 else view.first_since(time_ms)
    if not view.minimum <= wish <= view.maximum + 1:
        remark = f"Target offset {wish} not in consume queue range [{view.minimum}-{view.maximum}]"
        raise Refusal(ResponseCode.SYSTEM_ERROR, remark)
    return wish


def search(broker: Broker, request: Request) -> Answer:
    """Request 29: by store time, the first offset since it or (``upper``) the last one until it."""
    view, time_ms = _view(broker, request), request.number("timestamp")
    upper = (request.find("boundaryType") or "lower").lower() == "upper"
    return _offset(view.last_until(time_ms) if upper else view.first_since(time_ms))


def maximum(broker: Broker, request: Request) -> Answer:
    return _offset(_view(broker, request).maximum)


def minimum(broker: Broker, request: Request) -> Answer:
    return _offset(_view(broker, request).minimum, remark="")


def earliest(broker: Broker, request: Request) -> Answer:
    """Request 32: when the oldest kept message was stored, -1 without one."""
    records = _view(broker, request).records
    return Answer(ext={"timestamp": str(records[0].message.store_time_ms if records else -1)})


def _view(broker: Broker, request: Request) -> QueueView:
    """Unknown topics and queues are as empty ones."""
    return broker.log.queue(request.text("topic"), request.number("queueId"))


def _offset(offset: int, remark: str | None = None) -> Answer:
    return Answer(ext={"offset": str(offset)}, remark=remark)


HANDLERS: dict[int, Handler] = {
    RequestCode.QUERY_CONSUMER_OFFSET: committed,
    RequestCode.UPDATE_CONSUMER_OFFSET: commit,
    RequestCode.INVOKE_BROKER_TO_RESET_OFFSET: reset,
    RequestCode.SEARCH_OFFSET_BY_TIMESTAMP: search,
    RequestCode.GET_MAX_OFFSET: maximum,
    RequestCode.GET_MIN_OFFSET: minimum,
    RequestCode.GET_EARLIEST_MSG_STORETIME: earliest,
}
