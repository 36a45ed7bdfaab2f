"""RocketMQ's official Python client (v5, gRPC, through the proxy) beside ours, on one topic."""

import asyncio
import importlib.util
import json
from pathlib import Path

import pytest

from bridge.errors import StartError
from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.consumer import Puller
from bridge.rocketmq.offsets import Offsets
from bridge.rocketmq.producer import Producer
from bridge.rocketmq.records import Message, StoredMessage
from bridge.stores.bus.rocketmq.store import RocketMqBusStore
from tests.cluster.official import Official

pytestmark = [
    pytest.mark.external,
    pytest.mark.timeout(240),
    pytest.mark.skipif(importlib.util.find_spec("rocketmq") is None, reason="rocketmq-python-client is not installed"),
]


@pytest.fixture
def official(proxy: str, tmp_path: Path) -> Official:
    return Official(proxy, tmp_path)


async def all_of(cluster: Cluster, topic: str, number: int) -> list[StoredMessage]:
    """So many messages from the queues of a topic."""
    found: list[StoredMessage] = []
    async with asyncio.timeout(30):
        for queue in (await cluster.route(topic)).readable:
            offset = 0
            puller = Puller(cluster, "peers_reader", queue)
            while offset < await Offsets(cluster, "peers_reader").maximum(queue):
                pulled = await puller.pull(offset, wait_s=0)
                found += pulled.messages
                offset = pulled.next_offset
    assert len(found) == number
    return found


async def test_we_read_what_it_sends(cluster: Cluster, topic: str, official: Official) -> None:
    """Body, tag, keys, user properties, id and offset."""
    sent = [{"body": f"grüße {n}", "tag": "TagV", "keys": f"key-{n}", "kind": "gruß"} for n in range(5)]
    receipts = await official.run("produce", topic, given="\n".join(map(json.dumps, sent)))
    found = {m.properties["UNIQ_KEY"]: m for m in await all_of(cluster, topic, 5)}
    assert [found[receipt["id"]].queue_offset for receipt in receipts] == [receipt["offset"] for receipt in receipts]
    for receipt, one in zip(receipts, sent, strict=True):
        message = found[receipt["id"]]
        assert message.content() == one["body"].encode()
        assert [message.properties[name] for name in ("TAGS", "KEYS", "kind")] == [one["tag"], one["keys"], one["kind"]]


async def test_it_reads_what_we_send(cluster: Cluster, topic: str, group: str, official: Official) -> None:
    """Single messages and batches, bytes of any kind."""
    queues = (await cluster.route(topic)).writable
    producer, bodies = Producer(cluster), [f"{n}".encode() + b"\x00\xff" for n in range(6)]
    messages = [
        Message(topic, body, {"KEYS": f"a b{n}", "TAGS": "T", "CE_id": str(n)}) for n, body in enumerate(bodies)
    ]
    receipts = [await producer.send(messages[0], queues[0]), *await producer.send_many(queues[1], messages[1:])]
    for queue in queues:
        await Offsets(cluster, group).commit(queue, 0)
    got = {one["id"]: one for one in await official.run("consume", topic, group, "6")}
    assert sorted(got) == sorted(receipt.unique_id for receipt in receipts)
    for n, receipt in enumerate(receipts):
        one = got[receipt.unique_id]
        assert (one["body"].encode("latin-1"), one["tag"], one["keys"]) == (bodies[n], "T", sorted(["a", f"b{n}"]))
        assert one["properties"]["CE_id"] == str(n)
        assert not one["corrupted"]


async def test_a_proxy_is_no_name_server(proxy: str, tmp_path: Path) -> None:
    """A bridge that is given the official client's address says so and does not start."""
    store = RocketMqBusStore([proxy], f"sqlite:///{tmp_path}/catalog.db")
    with pytest.raises(StartError, match="name server"):
        await store.open()
