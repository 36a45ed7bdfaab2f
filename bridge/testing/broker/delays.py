"""Storing what was sent alone: at once, or in the place where it waits."""

from bridge.rocketmq.errors import TooLarge
from bridge.rocketmq.records import StoredMessage
from bridge.testing.broker.log import Record
from bridge.testing.broker.sends import too_large
from bridge.testing.broker.state import Broker
from bridge.testing.broker.timers import Delay, plan_delay


def store_sent(broker: Broker, message: StoredMessage) -> tuple[Record, Delay | None]:
    """Store a message, or let it wait if its properties say so. Refused with 13 if it is too large."""
    if len(message.body) > broker.config.number("maxMessageSize"):
        raise too_large(broker)
    delay = plan_delay(message, broker.config, broker.now_ms)
    if delay is not None:
        message = message._replace(topic=delay.topic, queue_id=delay.queue_id, properties=delay.properties)
    try:
        record = broker.store(message)
    except TooLarge as error:
        raise too_large(broker) from error
    if delay is not None:
        broker.timers.add(record.message, delay.due_ms, broker.now_ms)
    return record, delay
