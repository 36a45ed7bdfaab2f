"""A bus on RocketMQ beside RocketMQ's own clients and tools: both sides see the same events, and who read how far."""

import asyncio
import importlib.util
import json
import re
import secrets
from base64 import b64decode
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.offsets import Offsets
from tests.cluster.bus import BusBridge, Json, serving, sweep
from tests.cluster.official import Official
from tests.cluster.tools import CONSUMER, PRODUCER, Tools, queue_lines

pytestmark = [pytest.mark.external, pytest.mark.timeout(240)]

with_official = pytest.mark.skipif(
    importlib.util.find_spec("rocketmq") is None, reason="rocketmq-python-client is not installed"
)

BUS = {"kind": "Bus", "name": "traffic", "spec": {"partitions": 2}}
TO_FILE = {"name": "file", "kind": "file", "config": {"path": "out"}}
RULE = {"kind": "Rule", "bus": "traffic", "name": "all", "spec": {"targets": [TO_FILE]}}


def event(number: int, **more: object) -> Json:
    return {
        "specversion": "1.0",
        "id": f"e{number}",
        "source": "/junction/7",
        "type": "light.changed",
        "subject": f"straße {number}",
        "data": {"to": "röt", "number": number},
        **more,
    }


@pytest.fixture
async def bridge(cluster: Cluster, name_server: str, tmp_path: Path) -> AsyncIterator[BusBridge]:
    """With the bus ``traffic`` of two partitions, and a rule that writes every event to the file ``out``."""
    prefix = f"peers{secrets.token_hex(4)}"
    async with serving(tmp_path / "bridge", name_server, prefix) as bridge:
        await bridge.apply(BUS, RULE)
        yield bridge
    await sweep(cluster, prefix)


@pytest.fixture
def official(proxy: str, tmp_path: Path) -> Official:
    return Official(proxy, tmp_path)


@with_official
async def test_the_official_client_reads_our_events(
    bridge: BusBridge, cluster: Cluster, group: str, official: Official
) -> None:
    """In RocketMQ's binding of CloudEvents: attributes as properties, the data as body, key and tag."""
    sent = [event(number, traceparent=f"00-{number:032x}-{number:016x}-01") for number in range(4)]
    await bridge.put("traffic", *sent)
    topic = bridge.topic("traffic")
    for queue in (await cluster.route(topic)).readable:
        await Offsets(cluster, group).commit(queue, 0)
    got = {one["keys"][0]: one for one in await official.run("consume", topic, group, "4")}
    for one in sent:
        message = got[one["id"]]
        assert json.loads(message["body"].encode("latin-1")) == one["data"]
        assert message["tag"] == "light.changed"
        attributes = {f"CE_{name}": value for name, value in one.items() if name != "data"}
        assert attributes.items() <= message["properties"].items()


@with_official
async def test_a_target_gets_what_the_official_client_sends(bridge: BusBridge, official: Official) -> None:
    """A message that knows nothing of CloudEvents, and one that is an event in the binding."""
    plain = {"body": '{"n": 1}', "tag": "TagP", "keys": "kp", "colour": "grün"}
    theirs = {"CE_specversion": "1.0", "CE_id": "x1", "CE_source": "/theirs", "CE_type": "t", "CE_own": "ü"}
    as_event = {"body": "<x/>", "CE_contenttype": "application/xml", **theirs}
    receipts = await official.run(
        "produce", bridge.topic("traffic"), given=f"{json.dumps(plain)}\n{json.dumps(as_event)}"
    )
    got = {one["id"]: one for one in await bridge.until_lines("out", 2)}
    first = got[receipts[0]["id"]]
    assert (first["source"], first["type"]) == (f"/rocketmq/{bridge.topic('traffic')}", "org.apache.rocketmq.message")
    assert (first["data"], first["rocketmqtags"], first["rocketmqkeys"], first["colour"]) == (
        ({"n": 1}, "TagP", "kp", "grün")
    )
    second = got["x1"]
    assert (second["source"], second["type"], second["own"]) == ("/theirs", "t", "ü")
    assert (second["datacontenttype"], b64decode(second["data_base64"])) == ("application/xml", b"<x/>")


async def test_java_sees_the_partitions_and_who_read_how_far(bridge: BusBridge, cluster: Cluster, tools: Tools) -> None:
    """A queue for each partition, the events in them, and the live cursor as the consumer group of the topic's name."""
    results = await bridge.client.put_batch("traffic", [event(number) for number in range(20)])
    await bridge.until_lines("out", 20)
    ends = {p: sum(r.position is not None and r.position.partition == p for r in results) for p in (0, 1)}
    topic = bridge.topic("traffic")
    offsets = Offsets(cluster, topic)
    queues = (await cluster.route(topic)).readable
    async with asyncio.timeout(10):
        while [await offsets.committed(queue) for queue in queues] != [ends[queue.id] for queue in queues]:
            await asyncio.sleep(0.05)
    status, progress = await asyncio.gather(
        tools.admin("topicStatus", "-t", topic), tools.admin("consumerProgress", "-g", topic, "-t", topic)
    )
    (broker,) = {queue.broker for queue in queues}
    assert queue_lines(status, columns=(0, 1, 2, 3)) == [(broker, p, 0, end) for p, end in ends.items()]
    assert queue_lines(progress, columns=(1, 2, 3, 4)) == [(broker, p, end, end) for p, end in ends.items()]
    assert (await bridge.client.target("traffic", "all", "file")).lag == 0


async def test_java_reads_our_events_and_we_read_javas(
    bridge: BusBridge, cluster: Cluster, group: str, tools: Tools
) -> None:
    """RocketMQ's example Consumer and Producer, on the topic of the bus."""
    await bridge.put("traffic", *[event(number) for number in range(5)])
    topic = bridge.topic("traffic")
    for queue in (await cluster.route(topic)).readable:
        await Offsets(cluster, group).commit(queue, 0)
    pattern = r"CE_id=(\w+),.*?body=\[([-\d, ]*)\]"
    read = await tools.says(5, pattern, CONSUMER, "-g", group, "-t", topic, "-s", "light.changed", "-f", "false")
    bodies = {event_id: bytes(byte % 256 for byte in json.loads(f"[{body}]")) for event_id, body in read}
    assert {event_id: json.loads(body) for event_id, body in bodies.items()} == {
        f"e{number}": event(number)["data"] for number in range(5)
    }
    said = await tools.run(PRODUCER, "-g", "peers_java", "-t", topic, "-a", "TagJ", "-k", "key-j", "-c", "3")
    ids = re.findall(r"msgId=(\w+), offsetMsgId", said)
    lines = {one["id"]: one for one in await bridge.until_lines("out", 8)}
    assert [lines[each]["rocketmqtags"] for each in ids] == ["TagJ"] * 3
    pages = await bridge.client.read("traffic", start="earliest")
    assert {json.loads(bytes(entry.event))["id"] for entry in pages.events} == lines.keys()
