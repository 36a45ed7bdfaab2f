"""The crooked wire itself, before a broker fake: a test that breaks nothing would prove nothing."""

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest

from bridge.rocketmq.cluster import Cluster, Timings
from bridge.rocketmq.errors import CallTimeout, CannotConnect, ConnectionLost
from bridge.rocketmq.offsets import Offsets
from bridge.rocketmq.routes import Queue
from bridge.testing.broker import FakeCluster
from tests.cluster.relay import Relay, relayed

SOON = Timings(connect_timeout_s=2, call_timeout_s=0.3, backoff_first_s=0.01, backoff_last_s=0.02)


class Scene(NamedTuple):
    """A client that reaches a fake through two relays, and asks its broker one thing."""

    names: Relay
    broker: Relay
    cluster: Cluster
    queue: Queue

    async def ask(self) -> int:
        return await Offsets(self.cluster, "g").maximum(self.queue)

    async def ask_again(self) -> int:
        """Until there is an answer."""
        async with asyncio.timeout(5):
            while True:
                try:
                    return await self.ask()
                except (ConnectionLost, CannotConnect):
                    await asyncio.sleep(0.01)


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    async with FakeCluster() as fake:
        fake.create_topic("t", queues=1)
        async with Cluster([fake.name_server]) as direct:
            address = (await direct.route("t")).brokers["broker-a"].master
        assert address is not None
        async with (
            relayed(fake.name_server, address) as (names, broker),
            Cluster([names.address], timings=SOON) as cluster,
        ):
            route = await cluster.route("t")
            assert route.brokers["broker-a"].master == broker.address
            yield Scene(names, broker, cluster, route.writable[0])


async def test_it_carries(scene: Scene) -> None:
    """Straight, unless told otherwise."""
    assert await scene.ask() == 0


async def test_it_delays(scene: Scene) -> None:
    """Both ways: many calls at once each take as long as one."""
    loop = asyncio.get_running_loop()
    async with scene.broker.delayed(0.1):
        began = loop.time()
        assert await asyncio.gather(*[scene.ask() for _ in range(20)]) == [0] * 20
        assert loop.time() - began >= 0.2
    async with scene.broker.delayed(0.2):
        with pytest.raises(CallTimeout):
            await scene.ask()
    assert await scene.ask() == 0


async def test_it_cuts(scene: Scene) -> None:
    """What is under way is lost; the next call connects again."""
    async with scene.broker.delayed(0.1):
        call = asyncio.ensure_future(scene.ask())
        await asyncio.sleep(0.02)
        scene.broker.cut()
        with pytest.raises(ConnectionLost):
            await call
    assert await scene.ask_again() == 0


async def test_it_swallows(scene: Scene) -> None:
    """Nothing is answered, and no connection ends, until it is over."""
    async with scene.broker.swallowing():
        for _ in range(2):
            with pytest.raises(CallTimeout):
                await scene.ask()
    assert await scene.ask_again() == 0


async def test_it_refuses(scene: Scene) -> None:
    """Whoever comes is hung up on."""
    async with scene.broker.refusing():
        with pytest.raises((CannotConnect, ConnectionLost)):
            await scene.ask()
    assert await scene.ask_again() == 0
