"""The bus log on RocketMQ: a topic for each bus, its partitions are queues, its events are messages that any consumer of
RocketMQ reads, its cursors are consumer groups.

- ``names``: what they are called
- ``changes``: logs made and dropped, here or by others; ``foundations``: what a log stands on; ``topics``: its topic
- ``registry``: which queues are the partitions, in the catalog's database; ``places``: which cursors there are;
  ``numbers``: how partitions are numbered; ``tables``
- ``upkeep``: what runs in the background
- ``log``: a log as its users see it; ``partitions``: all that belongs to one; ``means``: what logs share
- ``writer``: appends, grouped into batches; ``doubt``: those whose answer was lost
- ``partition``: reading a queue; ``ends``: where it ends; ``chunks``: what a pull brings
- ``numbering``, ``breaks``: a queue that lost its end gives offsets twice, its partition does not; ``starts``, ``boots``:
  brokers that were started again
- ``cursors``: positions; ``untold``: those that wait for their broker
- ``division``: which process reads what; ``rivals``: those that have another catalog
- ``trouble``: what goes wrong, and who is told

What is kept, and how long, is the broker's: nothing is trimmed from here.
"""

import asyncio
import os
import secrets
import socket
import ssl
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Literal

import structlog

from bridge.errors import StartError, StoreUnavailable
from bridge.model.clock import Clock, system_clock
from bridge.rocketmq.auth import Credentials
from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.errors import NotRocketMQ, NotSupported, Refused, RocketMQError
from bridge.rocketmq.groups import Cadence
from bridge.rocketmq.producer import Limits, Producer
from bridge.rocketmq.retry import Retry
from bridge.rocketmq.unique import MAKER_BYTES, UniqueIds, client_id
from bridge.stores.bus.base import BusLog
from bridge.stores.bus.lifetime import NamedLogs
from bridge.stores.bus.rocketmq.changes import Changes
from bridge.stores.bus.rocketmq.foundations import Foundations
from bridge.stores.bus.rocketmq.log import RocketMqBusLog
from bridge.stores.bus.rocketmq.means import Means
from bridge.stores.bus.rocketmq.registry import Registry
from bridge.stores.bus.rocketmq.rivals import Rivals
from bridge.stores.bus.rocketmq.topics import BusTopics
from bridge.stores.bus.rocketmq.trouble import PATIENCE_S, Durability, Troubles, store_error
from bridge.stores.bus.rocketmq.upkeep import Upkeep
from bridge.stores.chores import Chores
from bridge.stores.heap import keep_freed_memory

log = structlog.get_logger()

CLOSE_S = 10.0
"""A close waits so long for what is under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """``cluster``: of several at the same name servers. ``prefix``: how topics and groups begin. ``batch_bytes``: what
    brokers take at once (their ``maxMessageSize``). ``patience_s``: how long storing, making and deleting are tried;
    ``reading_patience_s``: how long a reader waits for a broker that is down.
    """

    credentials: Credentials | None = None
    tls: ssl.SSLContext | None = None
    server_name: str | None = None
    cluster: str = ""
    prefix: str = "bridge"
    batch_bytes: int = 4 * 2**20 - 2**12
    cadence: Cadence = field(default_factory=Cadence)
    patience_s: float = 10.0
    reading_patience_s: float = PATIENCE_S
    send_timeout_s: float = 5.0


class RocketMqBusStore(NamedLogs[RocketMqBusLog]):
    durable = True
    retention: Literal["ours", "broker"] = "broker"

    def __init__(
        self,
        name_servers: Sequence[str],
        registry_url: str,
        clock: Clock = system_clock,
        *,
        shared: bool = False,
        options: Options | None = None,
    ) -> None:
        """``name_servers``: ``host:port`` each; ``registry_url``: SQLAlchemy URL of the catalog's database; ``shared``:
        other processes with the same catalog read the same buses.
        """
        super().__init__()
        self._options = options = options or Options()
        self._shared = shared
        self._clock = clock
        self._registry = Registry(registry_url)
        try:
            self._cluster = Cluster(
                name_servers,
                credentials=options.credentials,
                tls=options.tls,
                server_name=options.server_name,
                client_id=client_id(socket.gethostname(), os.getpid(), secrets.token_bytes(4)),
            )
        except Refused as error:
            raise StartError(f"the store's name servers: {error}") from error
        self._chores = Chores()
        self._troubles = Troubles()
        self._stack = AsyncExitStack()

    async def open(self) -> None:
        """A cluster that cannot be reached is waited for; only what will never work is a StartError."""
        keep_freed_memory()
        async with AsyncExitStack() as stack:
            catalog, rows = await self._registry.open(secrets.token_hex(8))
            stack.push_async_callback(self._registry.close)
            await stack.enter_async_context(self._cluster)
            stack.push_async_callback(self._chores.close)
            await self._greet()
            upkeep = self._assemble(catalog)
            for row in rows:
                if not row.leaving:
                    await self._changes.know(row)
            self._stack = stack.pop_all()
        self._closed = False
        self._stack.callback(self._cluster.on_connect(upkeep.connected))
        await upkeep.start()

    async def _greet(self) -> None:
        """Whether a name server answers, and is one."""
        try:
            await self._cluster.info()
        except (NotRocketMQ, NotSupported) as error:
            raise StartError(str(store_error("cannot use the store's name servers", error))) from error
        except RocketMQError as error:
            self._troubles.failed("name server", StoreUnavailable(f"no name server answers: {error}"))

    def _assemble(self, catalog: str) -> Upkeep:
        """What works on the logs, of a process that has this catalog."""
        options = self._options
        means = self._make_means(f"{socket.gethostname()}@{os.getpid()}@{catalog}-{secrets.token_hex(8)}")
        rivals = Rivals(self._cluster, means.client_id, catalog, shared=self._shared)
        topics = BusTopics(self._cluster, options.cluster)
        foundations = Foundations(means, topics, rivals, options.prefix, options.patience_s)
        self._changes = Changes(means, foundations, rivals, self._logs)
        return Upkeep(means, rivals, self._changes, self._logs)

    def _make_means(self, member: str) -> Means:
        options = self._options
        limits = Limits(message_bytes=options.batch_bytes, timeout_s=options.send_timeout_s)
        return Means(
            cluster=self._cluster,
            producer=Producer(
                self._cluster,
                options.prefix,
                limits=limits,
                retry=Retry(budget_s=options.patience_s),
                clock=self._clock,
            ),
            registry=self._registry,
            chores=self._chores,
            troubles=self._troubles,
            durability=Durability(),
            clock=self._clock,
            ids=UniqueIds(os.urandom(MAKER_BYTES), self._clock),
            token=lambda: secrets.token_hex(4),
            client_id=member,
            is_shared=self._shared,
            cadence=options.cadence,
            batch_bytes=options.batch_bytes,
            patience_s=options.reading_patience_s,
        )

    async def close(self) -> None:
        if self._closed:
            return
        self._end_all()
        try:
            async with asyncio.timeout(CLOSE_S):
                await asyncio.gather(*[self._finish(each) for each in self._logs.values()])
                await self._changes.until_done()
        except TimeoutError:
            log.warning("RocketMQ did not answer at the end; what was not acknowledged may be stored or not")
        await asyncio.gather(*[each.parts.end() for each in self._logs.values()])
        await self._stack.aclose()

    async def _finish(self, each: RocketMqBusLog) -> None:
        await each.parts.finish()
        await each.parts.leave()

    def problems(self) -> Mapping[str, str]:
        """What does not work at the moment."""
        found = dict(self._troubles.current)
        for each in self._logs.values():
            found |= each.parts.problems
        return found

    async def create(self, name: str, partitions: int) -> BusLog:
        self._check()
        return await self._changes.create(name, partitions)

    async def drop(self, name: str) -> None:
        self._check()
        await self._changes.drop(name)
