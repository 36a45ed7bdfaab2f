"""Pulls (11, 361): what a queue holds from an offset on, or a wait for it.

Differs from a real broker: waits end on time (there up to 5 s late), everything counts as in memory unless the log is
told otherwise, messages are there as soon as their send is answered unless the broker is told otherwise (there some
milliseconds later), and replicas are never suggested.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from bridge.rocketmq.codes import RequestCode, ResponseCode
from bridge.rocketmq.configs import GroupConfig, TopicConfig
from bridge.testing.broker.config import Config
from bridge.testing.broker.filters import SCANNED, Wanted, compile_filter
from bridge.testing.broker.holds import Held
from bridge.testing.broker.log import Log, QueueView, Record
from bridge.testing.broker.requests import FAQ, Answer, Refusal, Request
from bridge.testing.broker.state import Broker, Handler
from bridge.testing.broker.topics import unknown_topic

COMMIT, SUSPEND, SUBSCRIPTION = 1, 2, 4
"""Bits of a pull's ``sysFlag``."""


@dataclass(frozen=True, slots=True)
class Pull:
    """The header of a pull. What clients may leave out has a default."""

    group: str
    topic: str
    queue_id: int
    offset: int
    most: int
    flags: int
    commit: int
    suspend_ms: int | None


class Found(NamedTuple):
    """What came of looking: ``status`` is the remark of the answer."""

    code: int
    status: str
    next_offset: int
    body: bytes = b""


def pull(broker: Broker, request: Request) -> Answer | None:
    """Answer, or hold the request until a message comes or its time is over."""
    header = _parse(request)
    wanted = _check(broker, request, header)
    found = _look(broker, header, wanted)
    if header.flags & COMMIT:
        broker.offsets.commit(header.group, header.topic, header.queue_id, header.commit, broker.clock())
    if found.code == ResponseCode.PULL_NOT_FOUND and header.flags & SUSPEND:
        _hold(broker, request, header, wanted)
        return None
    return _answer(broker, header, found)


def _parse(request: Request) -> Pull:
    return Pull(
        request.text("consumerGroup"),
        request.text("topic"),
        request.number("queueId"),
        request.number("queueOffset"),
        request.number("maxMsgNums"),
        request.number("sysFlag"),
        request.number("commitOffset", 0),
        request.number("suspendTimeoutMillis") if request.find("suspendTimeoutMillis") else None,
    )


def _check(broker: Broker, request: Request, header: Pull) -> Wanted:
    """May it be read, and which messages are wanted? An unknown group is created on the way, where brokers do that."""
    group = broker.groups.require(header.group)
    if not group.consume_enable:
        raise Refusal(ResponseCode.NO_PERMISSION, f"subscription group no permission, {header.group}")
    config = broker.topics.find(header.topic)
    if config is None:
        raise unknown_topic(header.topic, gap=" ")
    _check_queue(request, header, config)
    own = bool(header.flags & SUBSCRIPTION)
    expression, kind = _own(request) if own else _subscription(broker, request, header, group)
    wanted = compile_filter(expression, kind)
    if kind in {None, "", "TAG"}:
        return wanted
    if own and request.find("subVersion") is None:
        raise Refusal(ResponseCode.SUBSCRIPTION_PARSE_FAILED, "parse the consumer's subscription failed")
    if not broker.config.flag("enablePropertyFilter"):
        remark = f"The broker does not support consumer to filter message by {kind}"
        raise Refusal(ResponseCode.SYSTEM_ERROR, remark)
    return wanted


def _own(request: Request) -> tuple[str | None, str | None]:
    """The subscription that the request itself carries."""
    return request.find("subscription"), request.find("expressionType")


def _check_queue(request: Request, header: Pull, config: TopicConfig) -> None:
    if not config.perm & 4:
        raise Refusal(ResponseCode.NO_PERMISSION, f"the topic[{header.topic}] pulling message is forbidden")
    if not 0 <= header.queue_id < config.read_queues:
        remark = (
            f"queueId[{header.queue_id}] is illegal, topic:[{header.topic}] "
            f"topicConfig.readQueueNums:[{config.read_queues}] consumer:[/{request.session.peer}]"
        )
        raise Refusal(ResponseCode.INVALID_PARAMETER, remark)


def _subscription(broker: Broker, request: Request, header: Pull, config: GroupConfig) -> tuple[str, str]:
    """What the group's members have subscribed to. Refused with 24, 25 or 16."""
    group = broker.members.find(header.group)
    if group is None:
        raise Refusal(ResponseCode.SUBSCRIPTION_NOT_EXIST, f"the consumer's group info not exist\n{FAQ}")
    if group.data is not None and group.data.message_model == "BROADCASTING" and not config.consume_broadcast_enable:
        remark = f"the consumer group[{header.group}] can not consume by broadcast way"
        raise Refusal(ResponseCode.NO_PERMISSION, remark)
    known = group.subscriptions.get(header.topic)
    if known is None:
        raise Refusal(ResponseCode.SUBSCRIPTION_NOT_EXIST, f"the consumer's subscription not exist\n{FAQ}")
    if known.version < request.number("subVersion", 0):
        raise Refusal(ResponseCode.SUBSCRIPTION_NOT_LATEST, "the consumer's subscription not latest")
    return known.expression, known.expression_type


def _look(broker: Broker, header: Pull, wanted: Wanted) -> Found:
    reset = broker.offsets.take_reset(header.group, header.topic, header.queue_id)
    if reset is not None:
        return Found(ResponseCode.PULL_OFFSET_MOVED, "OFFSET_RESET", reset)
    view = broker.log.queue(header.topic, header.queue_id)
    missed = _outside(view, header.offset)
    if missed is not None:
        return missed
    return _read(broker.log, broker.config, view, header, wanted)


def _outside(view: QueueView, offset: int) -> Found | None:
    """The answer for an offset where there is no message; None if there is one."""
    if view.maximum == 0:
        code = ResponseCode.PULL_OFFSET_MOVED if offset else ResponseCode.PULL_NOT_FOUND
        return Found(code, "NO_MESSAGE_IN_QUEUE", 0)
    if offset < view.minimum:
        return Found(ResponseCode.PULL_OFFSET_MOVED, "OFFSET_TOO_SMALL", view.minimum)
    if offset == view.maximum:
        return Found(ResponseCode.PULL_NOT_FOUND, "OFFSET_OVERFLOW_ONE", offset)
    if offset > view.maximum:
        return Found(ResponseCode.PULL_OFFSET_MOVED, "OFFSET_OVERFLOW_BADLY", view.maximum)
    return None


def _read(log: Log, config: Config, view: QueueView, header: Pull, wanted: Wanted) -> Found:
    """Records from the offset on, up to the limits; always one if one is wanted."""
    taken: list[bytes] = []
    size, offset = 0, header.offset
    end = min(view.maximum, offset + max(SCANNED, header.most))
    while offset < end and len(taken) < max(header.most, 1):
        record = view.at(offset)
        if wanted(record):
            if taken and _is_full(log, config, record, len(taken), size):
                break
            taken.append(record.encoded)
            size += len(record.encoded)
        offset += 1
    if not taken:
        return Found(ResponseCode.PULL_RETRY_IMMEDIATELY, "NO_MATCHED_MESSAGE", offset)
    return Found(ResponseCode.SUCCESS, "FOUND", offset, b"".join(taken))


def _is_full(log: Log, config: Config, record: Record, count: int, size: int) -> bool:
    where = "Memory" if log.in_memory(record) else "Disk"
    most, bytes_ = (
        config.number(f"maxTransferCountOnMessageIn{where}"),
        config.number(f"maxTransferBytesOnMessageIn{where}"),
    )
    return count >= most or size + len(record.encoded) > bytes_


def _hold(broker: Broker, request: Request, header: Pull, wanted: Wanted) -> None:
    """Answer later. Who does not say how long to wait is never answered, as on a real broker."""

    def resume() -> None:
        """Look again as if the client did not want to wait; what it commits was committed already."""
        try:
            again = _look(broker, header, _check(broker, request, header))
            answer = _answer(broker, header, again)
        except Refusal as refusal:
            answer = refusal.answer
        request.session.answer(request.command, answer)

    if header.suspend_ms is None:
        return
    deadline_ms = request.now_ms + header.suspend_ms
    held = Held(request.session, header.offset, wanted, deadline_ms, resume)
    broker.holds.add(header.topic, header.queue_id, held)


def _answer(broker: Broker, header: Pull, found: Found) -> Answer:
    broker.offsets.pulled[header.group, header.topic, header.queue_id] = found.next_offset
    view = broker.log.queue(header.topic, header.queue_id)
    ext: Mapping[str, str] = {
        "suggestWhichBrokerId": "0",
        "nextBeginOffset": str(found.next_offset),
        "minOffset": str(view.minimum),
        "maxOffset": str(view.maximum),
        "topicSysFlag": "0",
        "groupSysFlag": "0",
    }
    return Answer(found.code, ext, found.body, found.status)


HANDLERS: dict[int, Handler] = {RequestCode.PULL_MESSAGE: pull, RequestCode.LITE_PULL_MESSAGE: pull}
