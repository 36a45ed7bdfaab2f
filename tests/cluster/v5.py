"""The official client of RocketMQ's gRPC protocol, in a process of its own: it claims the proto names of others.

``python -P v5.py PROXY produce TOPIC``: takes messages as lines of JSON (body, tag, keys, properties), tells the id and
offset of each. ``python -P v5.py PROXY consume TOPIC GROUP COUNT``: tells so many messages, each acknowledged.
"""

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

from rocketmq import ClientConfiguration, Credentials, FilterExpression, Message, Producer, SimpleConsumer
from rocketmq.v5.exception import InternalErrorException

INVISIBLE_S, AWAIT_S, ROUNDS = 30, 5, 24


def produce(configuration: ClientConfiguration, topic: str) -> Iterator[dict[str, Any]]:
    producer = Producer(configuration, (topic,))
    producer.startup()
    try:
        for line in sys.stdin:
            receipt = producer.send(made(topic, **json.loads(line)))
            yield {"id": receipt.message_id, "offset": receipt.offset}
    finally:
        producer.shutdown()


def made(topic: str, body: str, tag: str = "", keys: str = "", **properties: str) -> Message:
    message = Message()
    message.topic = topic
    message.body = body.encode()
    if tag:
        message.tag = tag
    if keys:
        message.keys = keys
    for name, value in properties.items():
        message.add_property(name, value)
    return message


def consume(configuration: ClientConfiguration, topic: str, group: str, count: int) -> Iterator[dict[str, Any]]:
    consumer = SimpleConsumer(configuration, group, {topic: FilterExpression()}, await_duration=AWAIT_S)
    consumer.startup()
    try:
        for _ in range(ROUNDS):
            for message in receive(consumer):
                yield told(message)
                consumer.ack(message)
                count -= 1
            if count <= 0:
                return
    finally:
        consumer.shutdown()


def receive(consumer: SimpleConsumer) -> list[Message]:
    """None while the proxy has not seen the client's settings yet, for which the client does not wait."""
    try:
        return consumer.receive(32, INVISIBLE_S)
    except InternalErrorException:
        time.sleep(0.5)
        return []


def told(message: Message) -> dict[str, Any]:
    return {
        "id": message.message_id,
        "body": message.body.decode("latin-1"),
        "tag": message.tag,
        "keys": sorted(message.keys),
        "properties": message.properties,
        "corrupted": message.corrupted,
    }


def main(proxy: str, verb: str, topic: str, *rest: str) -> None:
    configuration = ClientConfiguration(proxy, Credentials(), request_timeout=10)
    if verb == "produce":
        lines = produce(configuration, topic)
    else:
        group, count = rest
        lines = consume(configuration, topic, group, int(count))
    for line in lines:
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
