"""A cluster over connections in memory: routes, name servers that fail, brokers that move, on a clock that is moved.

On sockets: tests/contract/test_rocketmq_cluster.py.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Any

import pytest

from bridge.rocketmq.cluster import Cluster, Timings
from bridge.rocketmq.codes import RequestCode
from bridge.rocketmq.errors import (
    CallTimeout,
    CannotConnect,
    Malformed,
    NoBroker,
    NoRoute,
    RocketMQError,
    error_of,
)
from bridge.rocketmq.frames import Command
from bridge.rocketmq.routes import BrokerData, ClusterInfo, QueueData, Route, format_cluster_info, format_route
from bridge.testing.clock import ManualClock

ROUTE, INFO = RequestCode.GET_ROUTEINFO_BY_TOPIC, RequestCode.GET_BROKER_CLUSTER_INFO


def route(topic: str = "t", **brokers: str) -> Route:
    data = {name: BrokerData("c", name, {0: address}) for name, address in brokers.items()}
    return Route(topic, tuple(QueueData(name, 1, 1) for name in brokers), data)


class Link:
    """A connection in memory: its server's function answers."""

    def __init__(self, address: str, network: "Network", push: Callable[[Command], None]) -> None:
        self.address, self.network, self.push = address, network, push
        self.heard, self.closed = True, False
        self.ended: RocketMQError | None = None
        self.listeners: list[Callable[[], None]] = []

    async def call(
        self,
        code: int,
        ext: Mapping[str, str],
        body: bytes = b"",
        *,
        timeout_s: float | None = None,
        accept: Collection[int] = (0,),
    ) -> Command:
        self.network.calls[self.address, int(code)] += 1
        await asyncio.sleep(0)
        await self.network.gate.wait()
        answer = self.network.servers[self.address](code, ext)
        if answer.code not in accept:
            raise error_of(answer.code, answer.remark, self.address)
        return answer

    def on_close(self, listener: Callable[[], None]) -> None:
        self.listeners.append(listener)

    async def close(self) -> None:
        self.closed = True
        for listener in self.listeners:
            listener()


class Network:
    """Servers by address; one that is not there refuses connections."""

    def __init__(self) -> None:
        self.servers: dict[str, Callable[[int, Mapping[str, str]], Command]] = {}
        self.calls: Counter[tuple[str, int]] = Counter()
        self.links: list[Link] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.route: Route | None = route(a="a:1")
        self.info = ClusterInfo({}, {})

    def name_server(self, code: int, ext: Mapping[str, str]) -> Command:
        if code == INFO:
            return Command(0, body=format_cluster_info(self.info))
        if self.route is None or self.route.topic != ext["topic"]:
            return Command(17, remark="No topic route info")
        return Command(0, body=format_route(self.route))


class InMemory(Cluster):
    """Connects to the servers of a Network."""

    def __init__(self, network: Network, *name_servers: str, **options: Any) -> None:
        super().__init__(name_servers or ("ns:1",), jitter=lambda: 0.0, **options)
        self.network = network

    async def _open(self, address: str) -> Any:
        if address not in self.network.servers:
            raise CannotConnect("connection refused", address=address)
        self.network.links.append(Link(address, self.network, lambda command: self._pushed(address, command)))
        return self.network.links[-1]


def fine(code: int, ext: Mapping[str, str]) -> Command:
    return Command(0, ext=dict(ext))


def failing(error: RocketMQError) -> Callable[[int, Mapping[str, str]], Command]:
    def answer(code: int, ext: Mapping[str, str]) -> Command:
        raise error

    return answer


@pytest.fixture
def network() -> Network:
    network = Network()
    network.servers = {"ns:1": network.name_server, "ns:2": network.name_server, "a:1": fine}
    return network


async def test_a_route_is_asked_for_once(network: Network) -> None:
    """By many at a time, and for as long as it is refreshed."""
    async with InMemory(network) as cluster:
        network.gate.clear()
        calls = [asyncio.ensure_future(cluster.route("t")) for _ in range(5)]
        await asyncio.sleep(0)
        network.gate.set()
        assert await asyncio.gather(*calls) == [route(a="a:1")] * 5
        assert await cluster.route("t") == route(a="a:1")
    assert network.calls["ns:1", ROUTE] == 1


async def test_a_fresh_route_is_asked_for_now(network: Network) -> None:
    """A question that began before does not serve, one that began after does."""
    async with InMemory(network) as cluster:
        await cluster.route("t")
        network.route = route(a="a:1", b="b:1")
        assert (await cluster.route("t")).brokers.keys() == {"a"}
        fresh = await asyncio.gather(*(cluster.route("t", fresh=True) for _ in range(5)))
        assert all(found.brokers.keys() == {"a", "b"} for found in fresh)
    assert network.calls["ns:1", ROUTE] == 3, "the first of the five did not wait for the others"


async def test_who_comes_while_a_question_is_asked_gets_a_newer_one(network: Network) -> None:
    """As the answer under way may be older than the wish."""
    async with InMemory(network) as cluster:
        network.gate.clear()
        first = asyncio.ensure_future(cluster.route("t", fresh=True))
        while not network.calls["ns:1", ROUTE]:
            await asyncio.sleep(0)
        later = [asyncio.ensure_future(cluster.route("t", fresh=True)) for _ in range(3)]
        await asyncio.sleep(0)
        network.gate.set()
        await asyncio.gather(first, *later)
    assert network.calls["ns:1", ROUTE] == 2


async def test_routes_in_use_are_refreshed(network: Network) -> None:
    """Those nobody wanted for ten refreshes are not; listeners hear of a change, until they are removed."""
    clock, heard = ManualClock(), []
    async with InMemory(network, clock=clock) as cluster:
        remove = cluster.on_route(heard.append)
        await cluster.route("t")
        await cluster.refresh()
        network.route = route(a="a:1", b="b:1")
        await cluster.refresh()
        assert heard == [route(a="a:1"), route(a="a:1", b="b:1")]
        remove()
        remove()
        network.route = route(a="a:2")
        await cluster.refresh()
        assert await cluster.route("t") == network.route
        assert len(heard) == 2
        asked = network.calls["ns:1", ROUTE]
        clock.advance(301)
        await cluster.refresh()
        assert network.calls["ns:1", ROUTE] == asked
        await cluster.route("t")
        assert network.calls["ns:1", ROUTE] == asked + 1, "it is too old to be handed out unseen"


async def test_the_refresh_runs_by_itself(network: Network) -> None:
    """Every ``refresh_s``."""
    changed = asyncio.Event()
    async with InMemory(network, timings=Timings(refresh_s=0.01)) as cluster:
        await cluster.route("t")
        cluster.on_route(lambda route: changed.set())
        network.route = route(a="a:2")
        await asyncio.wait_for(changed.wait(), 5)


async def test_the_last_good_route_is_kept(network: Network) -> None:
    """While its broker restarts (17), while no name server can be reached, and when one answers nonsense."""
    async with InMemory(network) as cluster:
        known = await cluster.route("t")
        network.route = None
        assert await cluster.route("t", fresh=True) is known
        assert await cluster.find_route("t") is None
        network.servers["ns:1"] = failing(CallTimeout("no answer"))
        assert await cluster.route("t", fresh=True) is known
        network.servers["ns:1"] = lambda code, ext: Command(0, body=b"{")
        assert await cluster.route("t", fresh=True) is known
        with pytest.raises(Malformed):
            await cluster.find_route("t")


async def test_without_a_route(network: Network) -> None:
    """The reason is raised, to each caller anew; what the route was wanted for has not begun."""
    async with InMemory(network) as cluster:
        with pytest.raises(NoRoute, match="no name server knows a living broker with the topic unknown"):
            await cluster.route("unknown")
        network.servers["ns:1"] = failing(CallTimeout("no answer", address="ns:1"))
        errors = [await caught(cluster.route("unknown")) for _ in range(2)]
        assert [type(error) for error in errors] == [CallTimeout, CallTimeout]
        assert errors[0] is not errors[1]
        assert not errors[0].maybe_done


async def caught(awaitable: Any) -> RocketMQError:
    with pytest.raises(RocketMQError) as info:
        await awaitable
    return info.value


async def test_brokers_are_found_by_route_by_name_and_by_address(network: Network) -> None:
    """One connection serves them all; a broker that no route named is looked up among all."""
    network.servers["b:1"] = fine
    network.info = ClusterInfo({"b": BrokerData("c", "b", {0: "b:1"})}, {"c": ("b",)})
    async with InMemory(network) as cluster:
        await cluster.route("t")
        assert (await cluster.call_broker("a", 30, {"topic": "t"})).ext == {"topic": "t"}
        assert await cluster.broker("a") is await cluster.broker("a:1")
        assert network.calls["ns:1", INFO] == 0
        assert (await cluster.broker("b")).address == "b:1"
        assert (await cluster.info()).clusters == {"c": ("b",)}
        with pytest.raises(NoBroker, match="no master of the broker z is registered"):
            await cluster.broker("z")
        network.servers["ns:1"] = failing(CallTimeout("no answer"))
        with pytest.raises(NoBroker, match=r"where is the broker z\? no answer") as info:
            await cluster.broker("z")
        assert not info.value.maybe_done
    assert [link.address for link in network.links if link.address == "a:1"] == ["a:1"]


async def test_a_broker_that_is_down_stays_known(network: Network) -> None:
    """By its last address: it is waited for there, not forgotten."""
    clock = ManualClock()
    async with InMemory(network, clock=clock) as cluster:
        await cluster.route("t")
        del network.servers["a:1"]
        network.route = None
        with pytest.raises(CannotConnect, match="a:1: connection refused"):
            await cluster.broker("a")
        network.servers["a:1"] = fine
        clock.advance(1)
        assert (await cluster.broker("a")).address == "a:1"


async def test_a_broker_that_moved_is_found(network: Network) -> None:
    """When its old address does not answer, name servers are asked for the new one, now and then."""
    clock = ManualClock()
    async with InMemory(network, clock=clock) as cluster:
        await cluster.route("t")
        del network.servers["a:1"]
        for _ in range(3):
            with pytest.raises(CannotConnect):
                await cluster.broker("a")
        assert network.calls["ns:1", INFO] == 1
        network.servers["a:2"] = fine
        network.info = ClusterInfo({"a": BrokerData("c", "a", {0: "a:2"})}, {})
        clock.advance(2)
        assert (await cluster.broker("a")).address == "a:2"
        assert (await cluster.broker("a")).address == "a:2"
        network.servers["ns:1"] = failing(CallTimeout("no answer"))
        del network.servers["a:2"]
        await network.links[-1].close()
        clock.advance(2)
        with pytest.raises(CannotConnect, match="a:2"):
            await cluster.broker("a")


async def test_listeners_hear_of_pushes_and_connections(network: Network, caplog: pytest.LogCaptureFixture) -> None:
    """Connections to brokers only; a listener's bug is logged and does not keep the others from hearing."""
    pushes, connections = [], []

    def broken(*args: object) -> None:
        raise RuntimeError("a bug")

    async with InMemory(network) as cluster:
        cluster.on_connect(connections.append)
        cluster.on_push(broken)
        cluster.on_push(lambda address, command: pushes.append((address, command.code)))
        await cluster.route("t")
        await cluster.broker("a")
        with caplog.at_level(logging.ERROR):
            network.links[-1].push(Command(40, 1, 2))
    assert connections == ["a:1"]
    assert pushes == [("a:1", 40)]
    assert "a listener of the cluster failed" in caplog.text


async def test_after_closing_nothing_is_connected(network: Network) -> None:
    """Neither before the block begins. Closing twice is fine."""
    cluster = InMemory(network)
    with pytest.raises(CannotConnect, match="closed, or not open yet"):
        await cluster.broker("a:1")
    async with cluster:
        await cluster.broker("a:1")
        await cluster.close()
        assert network.links[0].closed
        with pytest.raises(CannotConnect, match="closed, or not open yet"):
            await cluster.broker("a:1")
    await cluster.close()


async def test_an_error_in_the_block_comes_out(network: Network) -> None:
    """As it is, with everything closed."""

    async def breaking() -> None:
        async with InMemory(network) as cluster:
            await cluster.broker("a:1")
            raise KeyError

    with pytest.raises(KeyError):
        await breaking()
    assert network.links[0].closed
