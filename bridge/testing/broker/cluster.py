"""A cluster in this process: name servers and brokers on 127.0.0.1, for tests of whatever speaks RocketMQ.

    async with FakeCluster(brokers=2) as fake:
        fake.create_topic("orders", queues=4)
        fake.faults.busy(3)
        ...  # a client of fake.name_server
        assert [message.body for message in fake.brokers[0].messages("orders")] == [b"1"]

Time is the clock's. Who moves a clock by hand calls ``tick`` to see at once what is due; it is looked for every 20 ms
anyway while something waits.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial
from ssl import SSLContext
from types import TracebackType
from typing import Self

from bridge.model.clock import Clock, system_clock
from bridge.rocketmq.auth import Credentials
from bridge.rocketmq.configs import GroupConfig, TopicConfig
from bridge.rocketmq.frames import Command
from bridge.testing.broker.faults import NAME_SERVER, Faults
from bridge.testing.broker.names import Names
from bridge.testing.broker.requests import Answer, Refusal, Request
from bridge.testing.broker.running import RunningBroker
from bridge.testing.broker.server import Asked, Hooks, Server
from bridge.testing.broker.state import Broker
from bridge.testing.broker.users import Users

_KEPT_REQUESTS = 10_000


class FakeCluster:
    """``async with`` starts and stops all of it. A bug of the fake itself is raised at the end of the block."""

    def __init__(
        self,
        brokers: int = 1,
        *,
        clock: Clock = system_clock,
        credentials: Credentials | None = None,
        queues_differ: Sequence[int] = (),
        tls: SSLContext | None = None,
        config: Mapping[str, str] | None = None,
    ) -> None:
        """Make ``broker-a``, ``broker-b`` and so on.

        ``credentials``: of a super user, requests to brokers must be signed then (more users: ``users.add``).
        ``queues_differ``: so many queues more than asked for gets a new topic on each broker. ``config``: settings of all
        brokers by RocketMQ's names, see ``config.DEFAULTS``.
        """
        more = [*queues_differ, *[0] * brokers]
        names = [f"broker-{chr(ord('a') + number)}" for number in range(brokers)]
        self.brokers = [Broker(n, clock=clock, config=config, more_queues=m) for n, m in zip(names, more, strict=False)]
        self.names = Names()
        self.faults = Faults()
        self.users = Users(credentials)
        self.asked: deque[Asked] = deque(maxlen=_KEPT_REQUESTS)
        self._clock = clock
        self._tls = tls
        self._failures: list[Exception] = []
        self._running = [self._run(broker) for broker in self.brokers]
        self._name_servers = [self._name_server()]

    @property
    def name_server(self) -> str:
        """Address of the first one."""
        return self._name_servers[0].address

    @property
    def name_servers(self) -> list[str]:
        return [server.address for server in self._name_servers]

    async def __aenter__(self) -> Self:
        for server in self._name_servers:
            await server.start()
        for number in range(len(self.brokers)):
            await self.start(number)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for running in self._running:
            running.cancel()
            await running.server.close()
        for server in self._name_servers:
            await server.close()
        if self._failures:
            raise ExceptionGroup("the fake broker has bugs", self._failures)

    async def start(self, number: int = 0) -> None:
        """Start a broker that is stopped, on its old port with its data; name servers learn of it."""
        running = self._running[number]
        await running.server.start()
        broker = running.broker
        broker.address = running.server.address
        broker.start()
        self.names.register(broker)
        running.plan()

    async def stop(self, number: int = 0, *, crash: bool = False) -> None:
        """Stop a broker: its connections close, name servers forget it, members, locks and waits end. After a ``crash``
        the commits of the last seconds are lost too; no message is.
        """
        running = self._running[number]
        await running.server.stop(crash=crash)
        running.cancel()
        running.broker.stop(crash=crash)
        self.names.forget(running.broker)

    async def restart(self, number: int = 0, *, crash: bool = False) -> None:
        await self.stop(number, crash=crash)
        await self.start(number)

    def freeze(self, number: int = 0) -> None:
        """As SIGSTOP: the broker takes connections and requests, and does nothing, until ``thaw``."""
        self._running[number].server.freeze()
        self._running[number].cancel()

    def thaw(self, number: int = 0) -> None:
        """Everything that came meanwhile is carried out."""
        self._running[number].server.freeze(on=False)
        self._running[number].plan()

    async def add_name_server(self) -> str:
        """One more, which knows the same; returns its address."""
        server = self._name_server()
        self._name_servers.append(server)
        await server.start()
        return server.address

    async def stop_name_server(self, number: int = 0) -> None:
        await self._name_servers[number].stop()

    async def start_name_server(self, number: int = 0) -> None:
        await self._name_servers[number].start()

    def redirect(self, number: int, address: str | None) -> None:
        """Routes name this address for a broker, of a proxy or of nobody; None: its own again."""
        broker = self.brokers[number]
        if address is None:
            self.names.redirects.pop(broker.name, None)
        else:
            self.names.redirects[broker.name] = address

    def create_topic(self, name: str, queues: int = 4, *, perm: int = 6) -> None:
        """On every broker, as request 17 does."""
        for broker in self.brokers:
            broker.topics.define(TopicConfig(name, queues, queues, perm), mixed=True)

    def create_group(self, name: str) -> None:
        """On every broker."""
        for broker in self.brokers:
            broker.groups.put(GroupConfig(name))

    def tick(self) -> None:
        """Deliver, answer and drop now what is due by the clock."""
        for running in self._running:
            if running.server.running and not running.server.frozen:
                running.tick()

    def requests(self, code: int) -> list[Command]:
        """The requests of this kind that came to any server, oldest first (of the last 10,000)."""
        return [asked.command for asked in self.asked if asked.command.code == code and not asked.command.is_response]

    def _run(self, broker: Broker) -> RunningBroker:
        running = RunningBroker(broker, self._failures.append)
        hooks = Hooks(
            answer=partial(running.carry_out, self.users),
            closed=broker.disconnect,
            asked=self.asked.append,
            failed=self._failures.append,
            binary=lambda: broker.config["rocketmq.serialize.type"] == "ROCKETMQ",
        )
        running.server = Server(broker.name, hooks, self.faults, self._clock, self._tls)
        broker.topics.announce = partial(self.names.announce, broker)
        return running

    def _name_server(self) -> Server:
        hooks = Hooks(self._ask_names, lambda _: None, self.asked.append, self._failures.append, lambda: False)
        return Server(NAME_SERVER, hooks, self.faults, self._clock, self._tls)

    def _ask_names(self, request: Request) -> Answer:
        try:
            return self.names.answer(request)
        except Refusal as refusal:
            return refusal.answer
