"""Members of groups: heartbeats (34), leaving (35), lists (38, 203), queue locks (41, 42)."""

import json

from bridge.rocketmq.bodies import (
    Subscription,
    format_consumer_list,
    format_locked,
    parse_heartbeat,
    parse_lock_request,
)
from bridge.rocketmq.codes import RequestCode, ResponseCode
from bridge.rocketmq.errors import Malformed
from bridge.testing.broker.filters import tags_of
from bridge.testing.broker.java import java_hash
from bridge.testing.broker.members import Group, Member
from bridge.testing.broker.requests import Answer, Refusal, Request
from bridge.testing.broker.state import Broker, Handler
from bridge.testing.broker.topics import RETRY


def heartbeat(broker: Broker, request: Request) -> Answer:
    """Members are told of a change before the answer goes out, the new one too. Groups and retry topics are created."""
    try:
        beat = parse_heartbeat(request.body)
    except Malformed as error:
        raise Refusal(ResponseCode.SYSTEM_ERROR, error.remark) from error
    member = Member(beat.client_id, request.command.language, request.command.version, request.now_ms)
    for data in beat.consumers:
        config = broker.groups.reach(data.group)
        if config is None:
            continue
        broker.topics.internal(RETRY + data.group, config.retry_queues)
        if broker.members.beat(request.session, member, data):
            broker.notify(data.group)
    return Answer(ext={"IS_SUPPORT_HEART_BEAT_V2": "true", "IS_SUB_CHANGE": "true"})


def leave(broker: Broker, request: Request) -> Answer:
    """The connection's own member leaves, whatever client id is said; the others are told, also if nobody left."""
    group = request.find("consumerGroup")
    if group:
        broker.groups.reach(group)
        broker.members.leave(request.session, group)
        broker.notify(group)
    return Answer()


def members(broker: Broker, request: Request) -> Answer:
    group = request.text("consumerGroup")
    ids = broker.members.client_ids(group)
    if not ids:
        raise Refusal(ResponseCode.SYSTEM_ERROR, f"no consumer for this group, {group}")
    return Answer(body=format_consumer_list(ids))


def connections(broker: Broker, request: Request) -> Answer:
    name = request.text("consumerGroup")
    group = broker.members.find(name)
    if group is None:
        raise Refusal(ResponseCode.CONSUMER_NOT_ONLINE, f"the consumer group[{name}] not online")
    return Answer(body=json.dumps(_connections(group), ensure_ascii=False, separators=(",", ":")).encode())


def _connections(group: Group) -> dict[str, object]:
    data = group.data
    return {
        "connectionSet": [
            {
                "clientAddr": session.peer,
                "clientId": member.client_id,
                "language": member.language,
                "version": member.version,
            }
            for session, member in group.members.items()
        ],
        "consumeFromWhere": data.consume_from if data else None,
        "consumeType": data.consume_type if data else None,
        "messageModel": data.message_model if data else None,
        "subscriptionTable": {topic: _subscription(sub) for topic, sub in group.subscriptions.items()},
    }


def _subscription(sub: Subscription) -> dict[str, object]:
    tags = tags_of(sub.expression) if sub.expression_type == "TAG" else []
    return {
        "classFilterMode": False,
        "codeSet": [java_hash(tag) for tag in tags],
        "expressionType": sub.expression_type,
        "subString": sub.expression,
        "subVersion": sub.version,
        "tagsSet": tags,
        "topic": sub.topic,
    }


def lock(broker: Broker, request: Request) -> Answer:
    """Any client id is granted what is free; topics and members are not asked for."""
    try:
        asked = parse_lock_request(request.body)
    except Malformed as error:
        raise Refusal(ResponseCode.SYSTEM_ERROR, error.remark) from error
    return Answer(body=format_locked(broker.locks.lock(asked.group, asked.client_id, asked.queues, request.now_ms)))


def unlock(broker: Broker, request: Request) -> Answer:
    try:
        asked = parse_lock_request(request.body)
    except Malformed as error:
        raise Refusal(ResponseCode.SYSTEM_ERROR, error.remark) from error
    broker.locks.unlock(asked.group, asked.client_id, asked.queues)
    return Answer()


HANDLERS: dict[int, Handler] = {
    RequestCode.HEART_BEAT: heartbeat,
    RequestCode.UNREGISTER_CLIENT: leave,
    RequestCode.GET_CONSUMER_LIST_BY_GROUP: members,
    RequestCode.GET_CONSUMER_CONNECTION_LIST: connections,
    RequestCode.LOCK_BATCH_MQ: lock,
    RequestCode.UNLOCK_BATCH_MQ: unlock,
}
