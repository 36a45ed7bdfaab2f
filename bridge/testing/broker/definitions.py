"""Topics (17, 21, 215, 351) and consumer groups (200, 201, 207, 352): created, changed, shown, deleted.

Differs from a real broker: members of a group's definition that ``GroupConfig`` does not know are not kept.
"""

from bridge.rocketmq.codes import RequestCode, ResponseCode
from bridge.rocketmq.configs import (
    format_group_config,
    format_group_configs,
    format_topic_config,
    format_topic_configs,
    parse_group_config,
    topic_of_ext,
)
from bridge.rocketmq.errors import Malformed
from bridge.testing.broker.requests import UNSET, Answer, Refusal, Request
from bridge.testing.broker.state import Broker, Handler


def define_topic(broker: Broker, request: Request) -> Answer:
    request.text("topic")
    try:
        asked = topic_of_ext(request.command.ext)
    except Malformed as error:
        raise Refusal(ResponseCode.SYSTEM_ERROR, error.remark) from error
    broker.topics.define(asked, mixed=broker.config.flag("enableMixedMessageType"))
    return Answer(remark=UNSET)


def delete_topic(broker: Broker, request: Request) -> Answer:
    """Its queues and offsets go, its records stay in the log; name servers keep the route until they are asked, too."""
    topic = request.text("topic")
    if not topic.strip():
        raise Refusal(ResponseCode.INVALID_PARAMETER, "The specified topic is blank.")
    if broker.topics.is_system(topic):
        raise Refusal(ResponseCode.INVALID_PARAMETER, f"The topic[{topic}] is conflict with system topic.")
    broker.topics.delete(topic)
    broker.log.forget_queues(topic)
    broker.offsets.forget_topic(topic)
    return Answer()


def show_topic(broker: Broker, request: Request) -> Answer:
    topic = request.text("topic")
    config = broker.topics.find(topic)
    if config is None:
        raise Refusal(ResponseCode.TOPIC_NOT_EXIST, f"No topic in this broker. topic: {topic}")
    return Answer(body=format_topic_config(config))


def show_topics(broker: Broker, _: Request) -> Answer:
    return Answer(body=format_topic_configs(broker.topics))


def define_group(broker: Broker, request: Request) -> Answer:
    """A request without a body is answered 0 and does nothing."""
    if not request.body:
        return Answer()
    try:
        broker.groups.put(parse_group_config(request.body))
    except Malformed as error:
        raise Refusal(ResponseCode.SYSTEM_ERROR, error.remark) from error
    return Answer()


def delete_group(broker: Broker, request: Request) -> Answer:
    """With its offsets it goes for good; without, brokers that create groups make it again, with the usual settings."""
    group = request.text("groupName")
    broker.groups.delete(group)
    if request.flag("cleanOffset"):
        broker.offsets.forget_group(group)
    else:
        broker.groups.reach(group)
    return Answer()


def show_group(broker: Broker, request: Request) -> Answer:
    """Looking creates it, where brokers create groups."""
    group = request.text("group")
    config = broker.groups.reach(group)
    if config is None:
        raise Refusal(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, "No group in this broker")
    policy = b'"groupRetryPolicy":{"type":"CUSTOMIZED"}}'
    return Answer(body=format_group_config(config)[:-1] + b"," + policy)


def show_groups(broker: Broker, _: Request) -> Answer:
    return Answer(body=format_group_configs(broker.groups))


HANDLERS: dict[int, Handler] = {
    RequestCode.UPDATE_AND_CREATE_TOPIC: define_topic,
    RequestCode.DELETE_TOPIC_IN_BROKER: delete_topic,
    RequestCode.GET_TOPIC_CONFIG: show_topic,
    RequestCode.GET_ALL_TOPIC_CONFIG: show_topics,
    RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP: define_group,
    RequestCode.DELETE_SUBSCRIPTIONGROUP: delete_group,
    RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG: show_group,
    RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG: show_groups,
}
