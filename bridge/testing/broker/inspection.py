"""What operators ask: settings (25, 26), the broker's state (28), offsets and statistics (43, 202, 208).

Differs from a real broker: a few of its 487 settings and 80 figures, and rates are 0.
"""

import json

from bridge.rocketmq.bodies import (
    QueueStats,
    TopicStats,
    format_broker_config,
    format_consume_stats,
    format_runtime_info,
    format_topic_stats,
    parse_broker_config,
)
from bridge.rocketmq.codes import RequestCode, ResponseCode
from bridge.rocketmq.configs import TopicConfig
from bridge.rocketmq.routes import Queue
from bridge.testing.broker.log import QueueView
from bridge.testing.broker.requests import Answer, Refusal, Request
from bridge.testing.broker.state import Broker, Handler


def change_settings(broker: Broker, request: Request) -> Answer:
    """Any name is taken; what the fake obeys has effect at once."""
    broker.config.update(parse_broker_config(request.body))
    if broker.config.flag("timerSkipUnknownError"):
        broker.timers.stuck = False
    return Answer()


def settings(broker: Broker, _: Request) -> Answer:
    known = {"brokerName": broker.name, "brokerClusterName": broker.cluster, "brokerId": "0"}
    version = {"version": '{"counter":1,"stateVersion":0,"timestamp":0}'}
    return Answer(ext=version, body=format_broker_config({**known, **broker.config}))


def runtime_info(broker: Broker, _: Request) -> Answer:
    table = {
        "brokerActive": "true",
        "brokerVersionDesc": "V5_5_0",
        "brokerVersion": "513",
        "bootTimestamp": str(broker.boot_ms),
        "commitLogDiskRatio": "0.15",
        "commitLogMaxOffset": str(broker.log.position),
        "commitLogMinOffset": "0",
        "timerReadBehind": "0",
        "timerCongestNum": str(len(broker.timers)),
    }
    return Answer(body=format_runtime_info(table))


def all_offsets(broker: Broker, _: Request) -> Answer:
    """Of all groups, with bare integers as keys: no JSON."""
    table = [
        f"{json.dumps(f'{topic}@{group}')}:{{{','.join(f'{queue}:{offset}' for queue, offset in queues.items())}}}"
        for (group, topic), queues in broker.offsets.places()
    ]
    return Answer(body=f'{{"offsetTable":{{{",".join(table)}}}}}'.encode())


def topic_stats(broker: Broker, request: Request) -> Answer:
    name = request.text("topic")
    config = broker.topics.find(name)
    if config is None:
        raise Refusal(ResponseCode.TOPIC_NOT_EXIST, f"topic[{name}] not exist")
    stats = {
        Queue(name, broker.name, number): _topic_stats(broker.log.queue(name, number))
        for number in range(max(config.read_queues, config.write_queues))
    }
    return Answer(body=format_topic_stats(stats)[:-1] + b',"topicPutTps":0.0}')


def _topic_stats(view: QueueView) -> TopicStats:
    newest_ms = view.records[-1].message.store_time_ms if view.records else 0
    return TopicStats(view.minimum, view.maximum, newest_ms)


def consume_stats(broker: Broker, request: Request) -> Answer:
    """Of one topic, or of all for which the group has committed something."""
    group, topic = request.text("consumerGroup"), request.find("topic")
    configs = [broker.topics.find(name) for name in ([topic] if topic else broker.offsets.topics(group))]
    stats = {
        Queue(config.name, broker.name, number): _queue_stats(broker, group, config, number)
        for config in configs
        if config is not None
        for number in range(config.read_queues)
    }
    return Answer(body=b'{"consumeTps":0.0,' + format_consume_stats(stats)[1:])


def _queue_stats(broker: Broker, group: str, config: TopicConfig, number: int) -> QueueStats:
    view = broker.log.queue(config.name, number)
    consumed = max(broker.offsets.find(group, config.name, number) or 0, 0)
    before = view.minimum <= consumed - 1 < view.maximum
    time_ms = view.at(consumed - 1).message.store_time_ms if before else 0
    pulled = broker.offsets.pulled.get((group, config.name, number), 0)
    return QueueStats(view.maximum, consumed, pulled, time_ms)


HANDLERS: dict[int, Handler] = {
    RequestCode.UPDATE_BROKER_CONFIG: change_settings,
    RequestCode.GET_BROKER_CONFIG: settings,
    RequestCode.GET_BROKER_RUNTIME_INFO: runtime_info,
    RequestCode.GET_ALL_CONSUMER_OFFSET: all_offsets,
    RequestCode.GET_TOPIC_STATS_INFO: topic_stats,
    RequestCode.GET_CONSUME_STATS: consume_stats,
}
