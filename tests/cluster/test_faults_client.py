"""Our client while parts of a real cluster die, stop or lie: every answer it gives its callers is true.

What it says is stored is stored, once, where it says; what it says is not stored is not; the rest it calls unknown. It
goes on by itself when the cluster does, and its readers miss nothing and see nothing twice.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator

import pytest

from bridge.rocketmq.admin import Brokers, Topics
from bridge.rocketmq.cluster import Cluster, Timings
from bridge.rocketmq.configs import TopicConfig
from bridge.rocketmq.consumer import Cause, Puller
from bridge.rocketmq.errors import Busy, CallTimeout, CannotConnect, NoRoute, TopicNotFound
from bridge.rocketmq.offsets import Offsets
from bridge.rocketmq.producer import Limits, Producer
from bridge.rocketmq.records import Message
from bridge.rocketmq.retry import NEVER
from tests.cluster.load import Load
from tests.cluster.own import BROKER, NAME_SERVER, OwnCluster
from tests.cluster.relay import Relay, relayed

pytestmark = [pytest.mark.external, pytest.mark.timeout(240)]

PAUSE_S = 30


@pytest.fixture
async def cluster(own: OwnCluster) -> AsyncIterator[Cluster]:
    async with Cluster([own.name_server]) as cluster:
        yield cluster


@pytest.fixture
async def topic(cluster: Cluster) -> str:
    name = f"faults_{secrets.token_hex(6)}"
    await Topics(cluster).create(TopicConfig(name, 4, 4))
    return name


class TestProcesses:
    """Of the cluster: killed, stopped, started again."""

    async def test_the_broker_is_killed(self, own: OwnCluster, cluster: Cluster, topic: str) -> None:
        """Twice, under load. Nothing acknowledged is lost, and sends and pulls go on once it is back."""
        load = Load(cluster, topic)
        async with load.running():
            for _ in range(2):
                await load.more(200)
                await own.kill(BROKER)
                await own.up()
            await load.more(200)
        await load.check()
        assert load.told.errors["ConnectionLost"]

    async def test_the_name_server_is_killed(self, own: OwnCluster, cluster: Cluster, topic: str) -> None:
        """Who knows a route goes on as if nothing had happened; who asks for a new one is told at once."""
        load = Load(cluster, topic)
        async with load.running():
            await load.more(200)
            await own.kill(NAME_SERVER)
            await load.more(500)
            await cluster.refresh()
            with pytest.raises(CannotConnect):
                await cluster.route("another")
            await load.more(500)
            await own.up()
            await cluster.route(topic, fresh=True)
            await load.more(200)
        await load.check()
        assert (load.told.errors, load.trouble) == ({}, {})

    async def test_both_are_killed(self, own: OwnCluster, cluster: Cluster, topic: str) -> None:
        """And come back one after the other."""
        load = Load(cluster, topic)
        async with load.running():
            await load.more(200)
            await asyncio.gather(own.kill(NAME_SERVER), own.kill(BROKER))
            await own.up()
            await load.more(200)
        await load.check()

    async def test_the_broker_stops_for_half_a_minute(self, own: OwnCluster, cluster: Cluster, topic: str) -> None:
        """Its connections stay open. Each call ends by its timeout, and a new one does not hang either."""
        load = Load(cluster, topic)
        async with load.running():
            await load.more(200)
            own.pause(BROKER)
            try:
                began = asyncio.get_running_loop().time()
                with pytest.raises((CallTimeout, CannotConnect)):
                    await Offsets(cluster, "g").maximum((await cluster.route(topic)).readable[0])
                assert asyncio.get_running_loop().time() - began < 10
                await asyncio.sleep(PAUSE_S)
            finally:
                own.resume(BROKER)
            await load.more(200)
        await load.check()
        assert load.told.unknown, "no send was under way when it stopped"


class TestAnswers:
    """What a broker that lives may say."""

    async def test_it_is_busy(self, own: OwnCluster, cluster: Cluster, topic: str) -> None:
        """Sends that wait 1 ms for a thread are refused: who tries again gets all of them stored, once."""
        brokers = Brokers(cluster)
        await brokers.change_config(BROKER, {"waitTimeMillsInSendQueue": "1"})
        try:
            with pytest.raises(Busy):
                await _flood(Producer(cluster, retry=NEVER, limits=Limits(calls=2000)), topic, rounds=200)
            load = Load(cluster, topic, Producer(cluster, limits=Limits(calls=2000)))
            async with load.running(senders=500):
                await load.more(5000)
        finally:
            await brokers.change_config(BROKER, {"waitTimeMillsInSendQueue": "2000"})
        assert not load.told.unknown

    async def test_the_topic_is_deleted_under_its_users(self, own: OwnCluster, cluster: Cluster, topic: str) -> None:
        """A send is told at once, a reader when its hold ends; made anew, it is a new one for both."""
        queue = (await cluster.route(topic)).writable[0]
        producer, puller = Producer(cluster), Puller(cluster, "g", queue)
        await producer.send_many(queue, [Message(topic, b"old")] * 3)
        assert len((await puller.pull(0)).messages) == 3
        reading = asyncio.ensure_future(puller.pull(3, wait_s=1))
        await Topics(cluster).delete(topic)
        with pytest.raises((TopicNotFound, NoRoute)):
            await producer.send(Message(topic, b"nowhere"), queue)
        with pytest.raises(TopicNotFound):
            await reading
        await Topics(cluster).create(TopicConfig(topic, 4, 4))
        pulled = await puller.pull(3, wait_s=0)
        assert pulled.gap is not None
        assert (pulled.gap.cause, pulled.next_offset) == (Cause.EMPTY, 0)
        assert (await producer.send(Message(topic, b"new"), queue)).offset == 0
        assert [message.body for message in (await puller.pull(0)).messages] == [b"new"]


async def _flood(producer: Producer, topic: str, rounds: int) -> None:
    """Many sends at once, again and again; raises the first error of a round."""
    for _ in range(rounds):
        sends = [producer.send(Message(topic, bytes(2000))) for _ in range(2000)]
        for sent in await asyncio.gather(*sends, return_exceptions=True):
            if isinstance(sent, BaseException):
                raise sent


class TestWires:
    """Between client and cluster: relays that delay, cut and swallow."""

    @pytest.fixture
    async def relays(self, own: OwnCluster) -> AsyncIterator[tuple[Relay, Relay]]:
        async with relayed(own.name_server, own.broker_address) as relays:
            yield relays

    @pytest.fixture
    async def cluster(self, relays: tuple[Relay, Relay]) -> AsyncIterator[Cluster]:
        async with Cluster([relays[0].address], timings=Timings(call_timeout_s=1)) as cluster:
            yield cluster

    async def test_a_long_way(self, relays: tuple[Relay, Relay], cluster: Cluster, topic: str) -> None:
        """100 ms each way: everything works, and many calls at once take as long as one."""
        load = Load(cluster, topic)
        async with relays[0].delayed(0.1), relays[1].delayed(0.1), load.running(senders=200):
            await load.more(2000)
        await load.check()
        assert (load.told.errors, load.trouble) == ({}, {})

    async def test_connections_are_cut(self, relays: tuple[Relay, Relay], cluster: Cluster, topic: str) -> None:
        """Ten times, under load."""
        load = Load(cluster, topic)
        async with load.running():
            for _ in range(10):
                await load.more(50)
                relays[0].cut()
                relays[1].cut()
            await load.more(200)
        await load.check()
        assert load.told.errors["ConnectionLost"]

    async def test_a_black_hole(self, relays: tuple[Relay, Relay], cluster: Cluster, topic: str) -> None:
        """Ten seconds without any answer, and connections that stay open."""
        load = Load(cluster, topic, Producer(cluster, limits=Limits(timeout_s=1)))
        async with load.running():
            await load.more(200)
            async with relays[0].swallowing(), relays[1].swallowing():
                await asyncio.sleep(10)
            await load.more(200)
        await load.check()
        assert load.told.errors["CallTimeout"]
