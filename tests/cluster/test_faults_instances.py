"""Three bridges that share one bus, on one cluster and one catalog: they come and go and die, and so does what they need.

Whoever reads a partition, nothing acknowledged is lost, keys keep their order, and only what was in flight when an
instance was killed comes twice.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.cluster.bus import BusBridge
from tests.cluster.ordeal import Ordeal
from tests.cluster.own import BROKER, NAME_SERVER, OwnCluster
from tests.cluster.relay import relayed
from tests.databases import new_database

pytestmark = [pytest.mark.external, pytest.mark.timeout(300)]

INSTANCES = 3


@pytest.fixture
def catalog(request: pytest.FixtureRequest) -> Iterator[str]:
    """An empty database, on the server that the test names; else on MariaDB."""
    with new_database(getattr(request, "param", "mariadb")) as url:
        yield url


@pytest.fixture
def name_server(own: OwnCluster) -> str:
    return own.name_server


@pytest.fixture
async def ordeal(name_server: str, catalog: str, tmp_path: Path) -> AsyncIterator[Ordeal]:
    prefix = f"faults{secrets.token_hex(4)}"
    bridges = [BusBridge(tmp_path / f"{n}", name_server, prefix, catalog=catalog) for n in range(INSTANCES)]
    yield Ordeal(tmp_path, bridges)
    for bridge in bridges:
        await bridge.close()


@pytest.mark.parametrize("catalog", ["postgresql", "mariadb"], indirect=True)
async def test_they_come_and_go(ordeal: Ordeal) -> None:
    """In good order: partitions move, and little comes twice."""
    async with ordeal.running():
        await ordeal.divided()
        for bridge in [*ordeal.bridges, *ordeal.bridges]:
            await ordeal.more(300)
            assert await bridge.stop() == 0
            await ordeal.more(300)
            await bridge.start()
            await ordeal.divided()
        await ordeal.more(300)
    await ordeal.check()
    assert ordeal.doubled < 0.1 * ordeal.acknowledged


async def test_one_is_killed(ordeal: Ordeal) -> None:
    """Its partitions wait until the broker lets its locks expire, after a minute; then the others read them."""
    async with ordeal.running():
        await ordeal.divided()
        await ordeal.more(500)
        await ordeal.kill(ordeal.bridges[0])
        await ordeal.more(500)
    await ordeal.check()


async def test_all_are_killed_one_after_the_other(ordeal: Ordeal) -> None:
    """And started again at once."""
    async with ordeal.running():
        await ordeal.divided()
        for bridge in ordeal.bridges:
            await ordeal.more(300)
            await ordeal.kill(bridge)
            await bridge.start()
        await ordeal.more(300)
    await ordeal.check()


async def test_the_cluster_is_killed(own: OwnCluster, ordeal: Ordeal) -> None:
    """The broker, which forgets the locks, then the name server, then both."""
    async with ordeal.running():
        for names in ([BROKER], [NAME_SERVER], [BROKER, NAME_SERVER]):
            await ordeal.more(300)
            await asyncio.gather(*[own.kill(name) for name in names])
            await own.up()
            await ordeal.ready()
        await ordeal.more(300)
    await ordeal.check()


class TestWires:
    @pytest.fixture
    async def relays(self, own: OwnCluster) -> AsyncIterator[tuple]:
        async with relayed(own.name_server, own.broker_address) as relays:
            yield relays

    @pytest.fixture
    def name_server(self, relays: tuple) -> str:
        return relays[0].address

    async def test_connections_are_cut_and_swallowed(self, relays: tuple, ordeal: Ordeal) -> None:
        """Brokers drop members whose connection ends; for a while nobody hears anything."""
        async with ordeal.running():
            for _ in range(5):
                await ordeal.more(100)
                relays[0].cut()
                relays[1].cut()
            async with relays[0].swallowing(), relays[1].swallowing():
                await asyncio.sleep(10)
            await ordeal.ready()
            await ordeal.more(300)
        await ordeal.check()
