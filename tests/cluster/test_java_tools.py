"""RocketMQ's own Java tools and our client say the same of one topic: its route, offsets, messages, and who read how far."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from bridge.rocketmq.admin import Groups
from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.consumer import Puller
from bridge.rocketmq.lookup import Lookup
from bridge.rocketmq.loosejson import loads
from bridge.rocketmq.offsets import Offsets
from bridge.rocketmq.producer import Producer
from bridge.rocketmq.records import Message, StoredMessage
from bridge.rocketmq.routes import Queue
from tests.cluster.tools import CONSUMER, PRODUCER, Tools, field, queue_lines

pytestmark = [pytest.mark.external, pytest.mark.timeout(240)]

PRINTED = r"MSGID: (\S+) .*queueId=(\d+).*queueOffset=(\d+).*msgId=(\w+), .*properties=\{(.*)\}, body=.* BODY: (.*)$"


async def queues_of(cluster: Cluster, topic: str) -> tuple[Queue, ...]:
    return (await cluster.route(topic)).readable


async def read(cluster: Cluster, queue: Queue) -> list[StoredMessage]:
    """All that a queue holds."""
    puller, found, offset = Puller(cluster, "peers_reader", queue), list[StoredMessage](), 0
    end = await Offsets(cluster, "peers_reader").maximum(queue)
    while offset < end:
        pulled = await puller.pull(offset, wait_s=0)
        found += pulled.messages
        offset = pulled.next_offset
    return found


async def until_readable(cluster: Cluster, topic: str, number: int) -> None:
    """A stored message takes some milliseconds into its queue."""
    offsets = Offsets(cluster, "peers_reader")
    async with asyncio.timeout(20):
        while True:
            ends = [await offsets.maximum(queue) for queue in await queues_of(cluster, topic)]
            if sum(ends) >= number:
                return
            await asyncio.sleep(0.01)


async def test_routes_and_offsets(cluster: Cluster, topic: str, tools: Tools) -> None:
    """`topicRoute` and `topicStatus` beside our route and our first and next offsets."""
    first, second = await queues_of(cluster, topic)
    producer = Producer(cluster)
    await producer.send_many(first, [Message(topic, b"x")] * 5)
    await producer.send(Message(topic, b"x"), second)
    await until_readable(cluster, topic, 6)
    told, status = await asyncio.gather(tools.admin("topicRoute", "-t", topic), tools.admin("topicStatus", "-t", topic))
    route, told_route = await cluster.route(topic), loads(told.encode())
    (queues,), (broker,) = told_route["queueDatas"], told_route["brokerDatas"]
    (ours,) = route.queues
    assert (queues["brokerName"], queues["readQueueNums"], queues["writeQueueNums"], queues["perm"]) == (
        (ours.broker, ours.read_queues, ours.write_queues, ours.perm)
    )
    assert list(broker["brokerAddrs"].values()) == [route.brokers[ours.broker].master]
    offsets = Offsets(cluster, "peers_reader")
    assert queue_lines(status, columns=(0, 1, 2, 3)) == [
        (queue.broker, queue.id, await offsets.minimum(queue), await offsets.maximum(queue))
        for queue in (first, second)
    ]


async def test_our_messages_as_java_reads_them(cluster: Cluster, topic: str, tools: Tools) -> None:
    """Single and batched ones, with text beyond ASCII: ids, places, properties, body."""
    queue, _ = await queues_of(cluster, topic)
    texts = ["plain", '{"läden": "漢字"}', "last"]
    sent = [
        Message(topic, text.encode(), {"KEYS": f"k{n} all", "TAGS": "Tag", "CE_subject": f"straße {n}"})
        for n, text in enumerate(texts)
    ]
    producer = Producer(cluster)
    receipts = [await producer.send(sent[0], queue), *await producer.send_many(queue, sent[1:])]
    await until_readable(cluster, topic, 3)
    printed = re.findall(PRINTED, await tools.admin("printMsg", "-t", topic, "-d", "true"), re.MULTILINE)
    assert [line[:4] for line in printed] == [
        (receipt.unique_id, str(queue.id), str(receipt.offset), receipt.message_id) for receipt in receipts
    ]
    for message, line in zip(sent, printed, strict=True):
        properties = dict(pair.split("=", 1) for pair in line[4].split(", "))
        assert message.properties.items() <= properties.items()
        assert line[5].encode() == message.body


async def test_java_finds_our_messages_by_key_and_id(cluster: Cluster, topic: str, tools: Tools) -> None:
    """And we find the same ones."""
    queue, _ = await queues_of(cluster, topic)
    body = bytes(range(256))
    receipts = await Producer(cluster).send_many(
        queue, [Message(topic, body, {"KEYS": "other"}), Message(topic, body, {"KEYS": "one two"})]
    )
    await until_readable(cluster, topic, 2)
    by_key, by_id = await asyncio.gather(
        tools.admin("queryMsgByKey", "-t", topic, "-k", "two"),
        tools.admin("queryMsgByUniqueKey", "-t", topic, "-i", receipts[1].unique_id),
    )
    (found,) = [line.split() for line in by_key.splitlines() if not line.startswith("#") and line.strip()]
    assert found[:3] == [receipts[1].unique_id, str(queue.id), "1"]
    assert (field(by_id, "Queue Offset"), field(by_id, "Keys")) == ("1", "[one two]")
    kept = Path(field(by_id, "Message Body Path"))
    assert kept.read_bytes() == body
    kept.unlink()
    (ours,) = await Lookup(cluster).by_key(topic, "two")
    assert (ours.properties["UNIQ_KEY"], ours.queue_offset) == (receipts[1].unique_id, 1)


async def test_javas_messages_as_we_read_them(cluster: Cluster, topic: str, tools: Tools) -> None:
    """RocketMQ's example Producer: what it says it sent, and where."""
    said = await tools.run(PRODUCER, "-g", "peers_java", "-t", topic, "-a", "TagJ", "-k", "key-j", "-c", "4")
    pattern = r"msgId=(\w+), offsetMsgId=(\w+), .*queueId=(\d+)\], queueOffset=(\d+)"
    sent = re.findall(pattern, said)
    await until_readable(cluster, topic, 4)
    found = [message for queue in await queues_of(cluster, topic) for message in await read(cluster, queue)]
    assert sorted(sent) == sorted(
        (m.properties["UNIQ_KEY"], m.message_id, str(m.queue_id), str(m.queue_offset)) for m in found
    )
    assert {m.body for m in found} == {f"Hello RocketMQ {n}".encode() for n in range(4)}
    assert {(m.properties["TAGS"], m.properties["KEYS"]) for m in found} == {("TagJ", "key-j")}


async def test_who_read_how_far(cluster: Cluster, topic: str, group: str, tools: Tools) -> None:
    """`consumerProgress` beside our own, of what we committed; then RocketMQ's example Consumer reads on from there.

    (Without its topic `consumerProgress` asks for the retry topic of the group, which groups that only pull do not have.)
    """
    first, second = await queues_of(cluster, topic)
    for queue in (first, second):
        await Producer(cluster).send_many(queue, [Message(topic, f"{queue.id}-{n}".encode()) for n in range(4)])
    await until_readable(cluster, topic, 8)
    offsets = Offsets(cluster, group)
    assert await offsets.commit(first, 3)
    assert await offsets.commit(second, 1)
    table = await tools.admin("consumerProgress", "-g", group, "-t", topic)
    progress = queue_lines(table, columns=(1, 2, 3, 4))
    assert progress == [(first.broker, first.id, 4, 3), (second.broker, second.id, 4, 1)]
    ours = await Groups(cluster).progress(group, topic)
    assert progress == [(one.queue.broker, one.queue.id, one.maximum, one.committed) for one in ours]
    pattern = r"queueId=(\d+), .*?queueOffset=(\d+).*?body=\[([\d, ]*)\]"
    got = await tools.says(4, pattern, CONSUMER, "-g", group, "-t", topic, "-s", "*", "-f", "false")
    bodies = {(queue_id, offset): bytes(json.loads(f"[{body}]")) for queue_id, offset, body in got}
    expected = [(first, 3), *((second, n) for n in (1, 2, 3))]
    assert bodies == {(str(queue.id), str(n)): f"{queue.id}-{n}".encode() for queue, n in expected}
