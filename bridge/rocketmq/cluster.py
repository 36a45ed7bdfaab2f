"""A cluster: its name servers, the routes of topics, one connection per broker.

Routes list living brokers only, so what was once known is kept: a broker that is down stays known by its last address,
and a topic keeps its last route while name servers know none (that may only mean that a broker restarts).
"""

import asyncio
import logging
import random
import ssl
import time
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, ParamSpec, Self

from bridge.rocketmq.auth import Credentials
from bridge.rocketmq.codes import RequestCode
from bridge.rocketmq.connection import Access, Connection
from bridge.rocketmq.directory import Directory, Entry
from bridge.rocketmq.errors import CannotConnect, NoBroker, NoRoute, RocketMQError
from bridge.rocketmq.frames import Command
from bridge.rocketmq.links import Backoff, Links
from bridge.rocketmq.nameservers import NO_ANSWER, NameServers, parse_addresses
from bridge.rocketmq.routes import ClusterInfo, Queue, Route, parse_cluster_info, parse_route

__all__ = ["Cluster", "Queue", "Route", "Timings"]

P = ParamSpec("P")
_log = logging.getLogger(__name__)
_IN_USE_REFRESHES: Final = 10
"""A route nobody wanted for so many refreshes is not refreshed any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Seconds, all of them."""

    connect_timeout_s: float = 3.0
    call_timeout_s: float = 3.0
    keep_alive_s: float = 30.0
    refresh_s: float = 30.0  # of the routes in use
    backoff_first_s: float = 0.1  # after a failed connect, calls fail at once for this long; doubles up to
    backoff_last_s: float = 2.0


class Cluster:
    """Used as ``async with Cluster(["127.0.0.1:9876"]) as cluster``; nothing is connected before it is needed.

    ``address`` below is ``host:port``; ``broker`` is a broker's name, or an address where a message id gave one.
    """

    def __init__(
        self,
        name_servers: Sequence[str],
        *,
        credentials: Credentials | None = None,
        tls: ssl.SSLContext | None = None,
        server_name: str | None = None,
        client_id: str = "bridge",
        timings: Timings | None = None,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """``name_servers``: ``host:port`` each, or several in one text with ``;`` or ``,`` between. ``server_name`` is
        what a TLS certificate must be for, if not the host of the address. ``clock`` counts seconds; ``jitter`` gives
        numbers from 0 to 1. Raises Refused when a name server has no address or there is none.
        """
        self.name_servers = parse_addresses(name_servers)
        self._timings = timings = timings or Timings()
        self._access = Access(
            credentials=credentials,
            tls=tls,
            server_name=server_name,
            client_id=client_id,
            connect_timeout_s=timings.connect_timeout_s,
            call_timeout_s=timings.call_timeout_s,
            keep_alive_s=timings.keep_alive_s,
        )
        self._clock = clock
        backoff = Backoff(first_s=timings.backoff_first_s, last_s=timings.backoff_last_s, clock=clock, jitter=jitter)
        self._links = Links(self._connect, backoff, self._spawn)
        self._name_servers = NameServers(self.name_servers, self._links.get)
        self._directory = Directory()
        self._asking: dict[str, asyncio.Lock] = {}
        self._located_at = float("-inf")
        self._group: asyncio.TaskGroup | None = None
        self._refreshing: asyncio.Task[None] | None = None
        self._push_listeners: list[Callable[[str, Command], None]] = []
        self._route_listeners: list[Callable[[Route], None]] = []
        self._connect_listeners: list[Callable[[str], None]] = []

    async def __aenter__(self) -> Self:
        self._group = await asyncio.TaskGroup().__aenter__()
        self._refreshing = self._spawn(self._refresh_for_ever())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        group = self._group
        await self.close()
        if group is not None:
            await group.__aexit__(None, None, None)  # the block's own error goes on as it is

    async def close(self) -> None:
        """Close every connection; waiting calls raise ConnectionLost, new ones CannotConnect. Also at the block's end."""
        self._group = None
        if self._refreshing is not None:
            self._refreshing.cancel()
        await self._links.close()

    async def route(self, topic: str, *, fresh: bool = False) -> Route:
        """The route of a topic: as known (refreshed every 30 s while in use), or asked for now if ``fresh``.

        The last good route is kept when no name server answers or none knows the topic; without one this raises
        NoRoute, or CannotConnect and its like when no name server answered.
        """
        entry, now = self._directory.entry(topic), self._clock()
        entry.used_at = now
        if entry.route is None or fresh or now - entry.asked_at > 2 * self._timings.refresh_s:
            await self._ask_once(topic, entry, entry.begun if fresh else entry.answered)
        if entry.route is None:
            error = entry.error.copy() if entry.error else NoRoute(f"no name server knows the topic {topic}")
            error.maybe_done = False  # what the route was wanted for has not begun
            raise error
        return entry.route

    async def find_route(self, topic: str) -> Route | None:
        """Ask a name server now, without any memory: None if it knows no living broker for the topic.

        Raises as ``call_name_server``.
        """
        ext = {"topic": topic, "acceptStandardJsonOnly": "true"}
        try:
            answer = await self.call_name_server(RequestCode.GET_ROUTEINFO_BY_TOPIC, ext)
        except NoRoute:
            return None
        return parse_route(topic, answer.body)

    async def info(self) -> ClusterInfo:
        """Ask a name server for every registered broker (106). Raises as ``call_name_server``, and Malformed."""
        answer = await self.call_name_server(RequestCode.GET_BROKER_CLUSTER_INFO, {})
        info = parse_cluster_info(answer.body)
        self._directory.learn_brokers(info.brokers.values())
        return info

    async def broker(self, broker: str) -> Connection:
        """The open connection to a broker's master; made if needed, shared by all. Raises CannotConnect, NoBroker."""
        address = broker if ":" in broker else self._directory.address(broker)
        if address is None:
            address = await self._locate(broker)
        try:
            return await self._links.get(address)
        except CannotConnect:
            moved = await self._relocate(broker, address)
            if moved is None:
                raise
        return await self._links.get(moved)

    async def call_broker(
        self,
        broker: str,
        code: int,
        ext: Mapping[str, str],
        body: bytes = b"",
        *,
        timeout_s: float | None = None,
        accept: Collection[int] = (0,),
    ) -> Command:
        """``Connection.call`` on the broker's connection. Nothing is tried twice. Raises as that and as ``broker``."""
        connection = await self.broker(broker)
        return await connection.call(code, ext, body, timeout_s=timeout_s, accept=accept)

    async def call_name_server(
        self, code: int, ext: Mapping[str, str], body: bytes = b"", *, accept: Collection[int] = (0,)
    ) -> Command:
        """Ask one name server, the next one if it cannot be reached or does not answer.

        Raises the last of these errors when all fail; NoRoute for answer 17, and the error of any other answer.
        """
        return await self._name_servers.call(code, ext, body, accept)

    async def call_name_servers(self, code: int, ext: Mapping[str, str]) -> list[Command]:
        """Ask every name server (deleting a topic). Raises the first error, after all were asked."""
        return await self._name_servers.call_all(code, ext)

    def on_push(self, listener: Callable[[str, Command], None]) -> Callable[[], None]:
        """``listener(address, command)`` for each request a broker sends (40, 220); returns what removes it again."""
        return _added(self._push_listeners, listener)

    def on_route(self, listener: Callable[[Route], None]) -> Callable[[], None]:
        """``listener(route)`` when the route of a topic in use differs from the last one; returns what removes it."""
        return _added(self._route_listeners, listener)

    def on_connect(self, listener: Callable[[str], None]) -> Callable[[], None]:
        """``listener(address)`` when a connection to a broker was made (members must send their heartbeat again);
        returns what removes it.
        """
        return _added(self._connect_listeners, listener)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        if self._group is None:
            work.close()
            raise CannotConnect("the client of the cluster is closed, or not open yet")
        return self._group.create_task(work)

    async def _open(self, address: str) -> Connection:
        return await Connection.open(address, self._access, lambda command: self._pushed(address, command))

    async def _connect(self, address: str) -> Connection:
        connection = await self._open(address)
        if address not in self.name_servers:
            _tell(self._connect_listeners, address)
        return connection

    def _pushed(self, address: str, command: Command) -> None:
        _tell(self._push_listeners, address, command)

    async def _ask_once(self, topic: str, entry: Entry, after: int) -> None:
        """Ask for a route, once for all who wait, unless a question with a number above ``after`` is answered by then."""
        async with self._asking.setdefault(topic, asyncio.Lock()):
            if entry.answered <= after:
                await self._ask(topic, entry)

    async def _ask(self, topic: str, entry: Entry) -> None:
        entry.begun += 1
        try:
            route = await self.find_route(topic)
            if route is None:
                raise NoRoute(f"no name server knows a living broker with the topic {topic}")
        except RocketMQError as error:
            entry.failed(error, self._clock())
            return
        if self._directory.learn(route, self._clock()):
            _tell(self._route_listeners, route)

    async def _locate(self, broker: str) -> str:
        """The address of a broker that no route has named yet."""
        try:
            await self.info()
        except RocketMQError as error:
            raise NoBroker(f"where is the broker {broker}? {error}") from error
        address = self._directory.address(broker)
        if address is None:
            raise NoBroker(f"no master of the broker {broker} is registered at the name server")
        return address

    async def _relocate(self, broker: str, address: str) -> str | None:
        """Another address of a broker that cannot be reached, if name servers know one by now."""
        now = self._clock()
        if ":" in broker or now - self._located_at < self._timings.backoff_last_s:
            return None
        self._located_at = now
        try:
            await self.info()
        except RocketMQError as error:
            _log.warning("the broker %s cannot be reached at %s, and: %s", broker, address, error)
            return None
        moved = self._directory.address(broker)
        return moved if moved != address else None

    async def _refresh_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._timings.refresh_s)
            await self.refresh()

    async def refresh(self) -> None:
        """Ask for every route in use now. What fails is kept as it was, and asked for again next time."""
        since = self._clock() - _IN_USE_REFRESHES * self._timings.refresh_s
        for topic in self._directory.used_since(since):
            entry = self._directory.entry(topic)
            await self._ask_once(topic, entry, entry.answered)
            if isinstance(entry.error, NO_ANSWER):
                return


def _added(listeners: list[Callable[P, None]], listener: Callable[P, None]) -> Callable[[], None]:
    listeners.append(listener)
    return lambda: listeners.remove(listener) if listener in listeners else None


def _tell(listeners: list[Callable[P, None]], *args: P.args, **kwargs: P.kwargs) -> None:
    """One listener's bug is not the others' trouble: it is logged."""
    for listener in list(listeners):
        try:
            listener(*args, **kwargs)
        except Exception:
            _log.exception("a listener of the cluster failed")
