"""Clusters on sockets: one suite, on the fake and, with BRIDGE_TEST_ROCKETMQ=host:port, on a real one; then faults."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator

import pytest

from bridge.rocketmq.cluster import Cluster, Timings
from bridge.rocketmq.codes import RequestCode
from bridge.rocketmq.configs import TopicConfig, parse_topic_config, topic_ext
from bridge.rocketmq.errors import (
    CannotConnect,
    ConnectionLost,
    NoRoute,
    NotSupported,
    TooLarge,
    TopicNotFound,
)
from bridge.rocketmq.frames import Command
from bridge.rocketmq.records import (
    Message,
    decode_messages,
    encode_batch,
    encode_message,
    encode_properties,
    parse_message_id,
)
from bridge.rocketmq.routes import Queue, Route
from bridge.testing.broker import FakeCluster

REAL = os.environ.get("BRIDGE_TEST_ROCKETMQ")
QUICK = Timings(connect_timeout_s=2, call_timeout_s=2, backoff_first_s=0.01, backoff_last_s=0.02)


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.external)])
async def cluster(request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    if request.param == "real":
        if REAL is None:
            pytest.skip("BRIDGE_TEST_ROCKETMQ names no name server")
        async with Cluster([REAL]) as cluster:
            yield cluster
    else:
        async with FakeCluster() as fake, Cluster([fake.name_server]) as cluster:
            yield cluster


@pytest.fixture
async def broker(cluster: Cluster) -> str:
    return next(iter((await cluster.info()).brokers))


@pytest.fixture
async def topic(cluster: Cluster, broker: str) -> AsyncIterator[str]:
    name = f"test_{secrets.token_hex(6)}"
    await cluster.call_broker(broker, RequestCode.UPDATE_AND_CREATE_TOPIC, topic_ext(TopicConfig(name, 3, 2)))
    yield name
    await cluster.call_broker(broker, RequestCode.DELETE_TOPIC_IN_BROKER, {"topic": name})
    await cluster.call_name_servers(RequestCode.DELETE_TOPIC_IN_NAMESRV, {"topic": name})


def sending(topic: str, **changed: str) -> dict[str, str]:
    return {
        "a": "test",
        "b": topic,
        "c": "TBW102",
        "d": "4",
        "e": "1",
        "f": "0",
        "g": "1795425252543",
        "h": "0",
        "i": encode_properties({"KEYS": "k", "CE_ü": "漢"}),
        "j": "0",
        "k": "false",
        "m": "false",
        **changed,
    }


async def pulled(cluster: Cluster, broker: str, topic: str, offset: int) -> Command:
    ext = {
        "consumerGroup": "test_group",
        "topic": topic,
        "queueId": "1",
        "queueOffset": str(offset),
        "maxMsgNums": "32",
        "sysFlag": "6",
        "commitOffset": "0",
        "suspendTimeoutMillis": "1000",
        "subscription": "*",
        "subVersion": "0",
        "expressionType": "TAG",
    }
    return await cluster.call_broker(broker, RequestCode.PULL_MESSAGE, ext, timeout_s=20)


async def until_entered(cluster: Cluster, broker: str, topic: str, end: int) -> None:
    """A real broker enters what it has stored into its queue some milliseconds later."""
    async with asyncio.timeout(10):
        while True:
            asked = await cluster.call_broker(broker, RequestCode.GET_MAX_OFFSET, {"topic": topic, "queueId": "1"})
            if int(asked.ext["offset"]) >= end:
                return
            await asyncio.sleep(0.01)


async def test_a_topic_and_its_route(cluster: Cluster, broker: str, topic: str) -> None:
    """What was defined is what brokers and name servers say."""
    route = await cluster.route(topic)
    assert route.writable == (Queue(topic, broker, 0), Queue(topic, broker, 1))
    assert route.readable == (*route.writable, Queue(topic, broker, 2))
    assert route.master(broker) == (await cluster.broker(broker)).address
    answer = await cluster.call_broker(broker, RequestCode.GET_TOPIC_CONFIG, {"topic": topic})
    assert parse_topic_config(answer.body) == TopicConfig(topic, 3, 2)


async def test_single_messages_and_batches(cluster: Cluster, broker: str, topic: str) -> None:
    """What is sent is what is pulled, field for field and byte for byte; each message is found by its id."""
    sent = await cluster.call_broker(broker, RequestCode.SEND_MESSAGE_V2, sending(topic), b"one")
    many = [Message(topic, b"%d" % n, {"CE_id": str(n), "empty": ""}, flag=n) for n in range(3)]
    batch = await cluster.call_broker(
        broker, RequestCode.SEND_BATCH_MESSAGE, sending(topic, m="true"), encode_batch(many)
    )
    assert (sent.ext["queueOffset"], batch.ext["queueOffset"]) == ("0", "1")
    await until_entered(cluster, broker, topic, 4)
    answer = await pulled(cluster, broker, topic, 0)
    messages = decode_messages(answer.body)
    assert b"".join(map(encode_message, messages)) == answer.body
    assert [message.body for message in messages] == [b"one", b"0", b"1", b"2"]
    assert [message.message_id for message in messages] == [sent.ext["msgId"], *batch.ext["msgId"].split(",")]
    assert messages[0].properties["CE_ü"] == "漢"
    assert [(m.properties, m.flag) for m in messages[1:]] == [(m.properties, m.flag) for m in many]
    address, offset = parse_message_id(messages[2].message_id)
    seen = await cluster.call_broker(address, RequestCode.VIEW_MESSAGE_BY_ID, {"offset": str(offset)})
    assert decode_messages(seen.body) == [messages[2]]


async def test_many_calls_at_a_time(cluster: Cluster, broker: str, topic: str) -> None:
    """64 sends in flight on one connection: each gets its own answer, offsets have no gap."""
    calls = [cluster.call_broker(broker, RequestCode.SEND_MESSAGE_V2, sending(topic), b"%d" % n) for n in range(64)]
    answers = await asyncio.gather(*calls)
    assert sorted(int(answer.ext["queueOffset"]) for answer in answers) == list(range(64))


async def test_a_held_pull_does_not_block_the_connection(cluster: Cluster, broker: str, topic: str) -> None:
    """It is woken by a message that is sent on the same connection."""
    pull = asyncio.ensure_future(pulled(cluster, broker, topic, 0))
    await cluster.call_broker(broker, RequestCode.GET_MAX_OFFSET, {"topic": topic, "queueId": "1"})
    await cluster.call_broker(broker, RequestCode.SEND_MESSAGE_V2, sending(topic), b"wake")
    assert [message.body for message in decode_messages((await pull).body)] == [b"wake"]


async def test_errors_have_their_classes(cluster: Cluster, broker: str, topic: str) -> None:
    """A topic nobody knows, a request nobody knows, a batch above the limit."""
    with pytest.raises(NoRoute):
        await cluster.route("no_such_topic")
    assert await cluster.find_route("no_such_topic") is None
    with pytest.raises(TopicNotFound, match="no_such_topic"):
        await cluster.call_broker(broker, RequestCode.SEND_MESSAGE_V2, sending("no_such_topic"), b"x")
    with pytest.raises(NotSupported):
        await cluster.call_broker(broker, 9999, {})
    body = encode_batch([Message(topic, bytes(2**20))] * 5)
    with pytest.raises(TooLarge):
        await cluster.call_broker(broker, RequestCode.SEND_BATCH_MESSAGE, sending(topic, m="true"), body, timeout_s=20)


async def test_a_broker_is_no_name_server(cluster: Cluster, broker: str) -> None:
    """Who gives the wrong port is asked about it."""
    address = (await cluster.broker(broker)).address
    async with Cluster([address]) as mistaken:
        with pytest.raises(NotSupported, match="is this the address of a name server"):
            await mistaken.route("t")


@pytest.fixture
async def fake() -> AsyncIterator[FakeCluster]:
    async with FakeCluster(brokers=2) as fake:
        fake.create_topic("t", queues=2)
        yield fake


async def until_connected(cluster: Cluster, broker: str) -> None:
    """Try as a caller would: again and again, while the client says when it will knock next."""
    async with asyncio.timeout(10):
        while True:
            try:
                await cluster.broker(broker)
            except CannotConnect:
                await asyncio.sleep(0.005)
            else:
                return


async def test_a_broker_that_restarts(fake: FakeCluster) -> None:
    """Calls in flight fail as lost, later ones cannot connect; the shrunken route is known, the broker stays known,
    and once it is back it is connected to again; listeners hear of both.
    """
    connected: list[str] = []
    routes: list[Route] = []
    async with Cluster([fake.name_server], timings=QUICK) as cluster:
        cluster.on_connect(connected.append)
        cluster.on_route(routes.append)
        await cluster.route("t")
        ext = {"topic": "t", "queueId": "0"}
        await cluster.call_broker("broker-b", RequestCode.GET_MAX_OFFSET, ext)
        held = asyncio.ensure_future(pulled(cluster, "broker-b", "t", 0))
        await asyncio.sleep(0)
        await fake.stop(1)
        with pytest.raises(ConnectionLost):
            await held
        with pytest.raises(CannotConnect):
            await cluster.call_broker("broker-b", RequestCode.GET_MAX_OFFSET, ext)
        await cluster.refresh()
        assert routes[-1].brokers.keys() == {"broker-a"}
        await fake.start(1)
        await until_connected(cluster, "broker-b")
        await cluster.refresh()
        assert routes[-1].brokers.keys() == {"broker-a", "broker-b"}
        assert connected == [fake.brokers[1].address] * 2


async def test_a_topic_whose_only_broker_restarts(fake: FakeCluster) -> None:
    """Name servers do not know it for a while; the last good route is kept."""
    async with Cluster([fake.name_server], timings=QUICK) as cluster:
        route = await cluster.route("t")
        await fake.stop(0)
        await fake.stop(1)
        assert await cluster.find_route("t") is None
        assert await cluster.route("t", fresh=True) is route


async def test_the_other_name_server(fake: FakeCluster) -> None:
    """Is asked when the first one is gone, also for connections that were open."""
    second = await fake.add_name_server()
    async with Cluster([fake.name_server, second], timings=QUICK) as cluster:
        await cluster.route("t")
        await fake.stop_name_server(0)
        assert (await cluster.route("t", fresh=True)).brokers.keys() == {"broker-a", "broker-b"}
        assert await cluster.find_route("t") is not None


async def test_name_servers_that_are_all_gone(fake: FakeCluster) -> None:
    """What is known stays known, brokers stay connected; what is not known cannot be asked."""
    async with Cluster([fake.name_server], timings=QUICK) as cluster:
        await cluster.route("t")
        await cluster.broker("broker-a")
        await fake.stop_name_server(0)
        assert len((await cluster.route("t", fresh=True)).writable) == 4
        await cluster.call_broker("broker-a", RequestCode.GET_MAX_OFFSET, {"topic": "t", "queueId": "0"})
        with pytest.raises(CannotConnect):
            await cluster.find_route("t")
        with pytest.raises(CannotConnect):
            await cluster.route("other")
