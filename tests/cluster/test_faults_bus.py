"""A bridge under load while its RocketMQ cluster dies, stops or lies, and while it dies itself.

It stays up, loses nothing that it acknowledged, keeps the order of keys, says at /readyz what is wrong, and goes on by
itself once the trouble is over.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.rocketmq.admin import Brokers, Topics
from bridge.rocketmq.cluster import Cluster
from tests.cluster.bus import BusBridge
from tests.cluster.ordeal import BUS, Ordeal
from tests.cluster.own import BROKER, NAME_SERVER, OTHER, OwnCluster
from tests.cluster.relay import Relay, relayed

pytestmark = [pytest.mark.external, pytest.mark.timeout(300)]

PAUSE_S = 30


@pytest.fixture
async def bridge(own: OwnCluster, tmp_path: Path) -> AsyncIterator[BusBridge]:
    """Not started yet."""
    bridge = BusBridge(tmp_path / "bridge", own.name_server, f"faults{secrets.token_hex(4)}")
    yield bridge
    await bridge.close()


@pytest.fixture
def ordeal(bridge: BusBridge, tmp_path: Path) -> Ordeal:
    return Ordeal(tmp_path, [bridge])


class TestProcesses:
    async def test_the_broker_is_killed(self, own: OwnCluster, bridge: BusBridge, ordeal: Ordeal) -> None:
        """Twice. Meanwhile puts are refused or wait, and /readyz names the broker."""
        async with ordeal.running():
            pid = bridge.process.pid
            for _ in range(2):
                await ordeal.more(300)
                await ordeal.arriving(300)
                await own.kill(BROKER)
                await ordeal.says(own.broker_address)
                await own.up()
                await ordeal.ready()
            await ordeal.more(300)
            assert bridge.process.pid == pid
        await ordeal.check()

    async def test_the_name_server_is_killed(self, own: OwnCluster, bridge: BusBridge, ordeal: Ordeal) -> None:
        """Routes are known: events flow as before, and /readyz says that nobody could start now."""
        async with ordeal.running():
            await ordeal.more(300)
            await own.kill(NAME_SERVER)
            await ordeal.says("name server")
            await ordeal.more(1000)
            await ordeal.arriving(1000)
            await own.up()
            await ordeal.ready()
            await ordeal.more(300)
        await ordeal.check()
        assert ordeal.outcomes.keys() == {"acknowledged"}

    async def test_it_starts_before_its_cluster(self, own: OwnCluster, bridge: BusBridge, ordeal: Ordeal) -> None:
        """Killed with both of its servers, it comes up first, says what it waits for, and goes on when they are there."""
        async with ordeal.running():
            await ordeal.more(300)
            await own.kill(NAME_SERVER)
            await ordeal.kill(bridge, and_broker=lambda: own.kill(BROKER))
            await bridge.start()
            await ordeal.says("name server")
            await own.up()
            await ordeal.ready()
            await ordeal.more(300)
        await ordeal.check()

    async def test_the_broker_stops_for_half_a_minute(self, own: OwnCluster, bridge: BusBridge, ordeal: Ordeal) -> None:
        """Its connections stay open and nobody answers: no put hangs, and afterwards nothing is missing or there twice."""
        async with ordeal.running():
            await ordeal.more(300)
            own.pause(BROKER)
            try:
                await ordeal.says(own.broker_address)
                await asyncio.sleep(PAUSE_S)
            finally:
                own.resume(BROKER)
            await ordeal.ready()
            await ordeal.more(300)
        await ordeal.check()

    async def test_the_bridge_is_killed(self, own: OwnCluster, bridge: BusBridge, ordeal: Ordeal) -> None:
        """Five times. What was delivered and not committed comes again, and nothing else does."""
        async with ordeal.running():
            for _ in range(5):
                await ordeal.more(200)
                await ordeal.kill(bridge)
                await bridge.start()
            await ordeal.more(200)
        await ordeal.check()

    async def test_bridge_and_broker_are_killed_together(
        self, own: OwnCluster, bridge: BusBridge, ordeal: Ordeal
    ) -> None:
        """The broker forgets the commits of some seconds: they are doubled, and nothing is lost."""
        async with ordeal.running():
            for _ in range(2):
                await ordeal.more(300)
                await ordeal.arriving(300)
                await ordeal.kill(bridge, and_broker=lambda: own.kill(BROKER))
                await own.up()
                await bridge.start()
            await ordeal.more(300)
        await ordeal.check()


class TestAnswers:
    async def test_the_broker_is_busy(self, own: OwnCluster, bridge: BusBridge, ordeal: Ordeal) -> None:
        """It turns away what waits 1 ms for a thread: puts come back later or wait, and each is stored once."""
        async with Cluster([own.name_server]) as cluster:
            brokers = Brokers(cluster)
            await brokers.change_config(BROKER, {"waitTimeMillsInSendQueue": "1"})
            try:
                async with ordeal.running(producers=40):
                    await ordeal.more(5000)
            finally:
                await brokers.change_config(BROKER, {"waitTimeMillsInSendQueue": "2000"})
        await ordeal.check()

    async def test_the_topic_is_deleted(self, own: OwnCluster, bridge: BusBridge, ordeal: Ordeal) -> None:
        """Its events are gone with it. /readyz says so; applying the bus again makes it anew, and events flow."""
        async with ordeal.running():
            await ordeal.more(300)
            await ordeal.arriving(300)
            async with Cluster([own.name_server]) as cluster:
                await Topics(cluster).delete(bridge.topic(BUS))
            await ordeal.says("deleted the topic")
            assert bridge.process.running
            await ordeal.mend()
            await ordeal.ready()
            gone = ordeal.forget()
            await ordeal.more(300)
        assert gone
        await ordeal.check()


class TestWires:
    """Between bridge and cluster: relays that delay, cut and swallow."""

    @pytest.fixture
    async def relays(self, own: OwnCluster) -> AsyncIterator[tuple[Relay, Relay]]:
        async with relayed(own.name_server, own.broker_address) as relays:
            yield relays

    @pytest.fixture
    async def bridge(self, relays: tuple[Relay, Relay], tmp_path: Path) -> AsyncIterator[BusBridge]:
        bridge = BusBridge(tmp_path / "bridge", relays[0].address, f"faults{secrets.token_hex(4)}")
        yield bridge
        await bridge.close()

    async def test_a_long_way(self, relays: tuple[Relay, Relay], bridge: BusBridge, ordeal: Ordeal) -> None:
        """100 ms each way: slower, and nothing else."""
        async with relays[0].delayed(0.1), relays[1].delayed(0.1), ordeal.running():
            await ordeal.more(500)
            await ordeal.arriving(500)
            assert not await bridge.reasons()
        await ordeal.check()
        assert ordeal.outcomes.keys() == {"acknowledged"}

    async def test_connections_are_cut(self, relays: tuple[Relay, Relay], bridge: BusBridge, ordeal: Ordeal) -> None:
        """Twenty times, under load: what was on its way is looked for before it is sent again."""
        async with ordeal.running():
            for _ in range(20):
                await ordeal.more(20)
                relays[0].cut()
                relays[1].cut()
            await ordeal.ready()
            await ordeal.more(200)
        await ordeal.check()

    async def test_a_black_hole(self, relays: tuple[Relay, Relay], bridge: BusBridge, ordeal: Ordeal) -> None:
        """Fifteen seconds: puts are told that they failed, /readyz says where it hangs."""
        async with ordeal.running():
            await ordeal.more(300)
            async with relays[0].swallowing(), relays[1].swallowing():
                await ordeal.says(relays[1].address)
                await asyncio.sleep(15)
            await ordeal.ready()
            await ordeal.more(300)
        await ordeal.check()


class TestTwoBrokers:
    """A bus whose partitions lie on two brokers."""

    @pytest.fixture
    async def own(self, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OwnCluster]:
        own = OwnCluster(tmp_path_factory.mktemp("two"), brokers=2)
        try:
            await own.up()
            yield own
        finally:
            await asyncio.to_thread(own.clean)

    async def test_one_of_them_is_killed(self, own: OwnCluster, bridge: BusBridge, ordeal: Ordeal) -> None:
        """Its partitions wait for it: no key moves to another one. The others go on."""
        async with ordeal.running():
            await ordeal.more(300)
            await ordeal.arriving(300)
            await own.kill(OTHER)
            await ordeal.says(own.address(OTHER))
            await ordeal.more(30)
            await own.up()
            await ordeal.ready()
            await ordeal.more(300)
        await ordeal.check()
