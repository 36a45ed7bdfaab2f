"""The bus log on RocketMQ: a topic for each bus, its partitions are queues, its events are messages that any consumer of
RocketMQ reads, its cursors are consumer groups.

- ``names``: what they are called
- ``registry``: which queues are the partitions and which cursors there are, in the catalog's database
- ``topics``: making, mending and deleting topics
- ``writer``: appends, grouped into batches; ``doubt``: those whose answer was lost
- ``partition``: reading a queue; ``ends``: where it ends; ``chunks``: what a pull brings
- ``numbering``, ``breaks``: a queue that lost its end gives offsets twice, its partition does not
- ``cursors``: positions
- ``division``: which process reads what; ``rivals``: those that have another catalog
- ``trouble``: what goes wrong, and who is told

What is kept, and how long, is the broker's: nothing is trimmed from here.
"""

import asyncio
import os
import secrets
import socket
import ssl
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import structlog

from bridge.errors import BridgeError, Conflict, NotFound, StartError, StoreError, StoreUnavailable
from bridge.model.clock import Clock, system_clock
from bridge.rocketmq.admin import Groups
from bridge.rocketmq.auth import Credentials
from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.configs import GroupConfig
from bridge.rocketmq.errors import NotRocketMQ, NotSupported, Refused, RocketMQError
from bridge.rocketmq.groups import Cadence
from bridge.rocketmq.offsets import Offsets
from bridge.rocketmq.producer import Limits, Producer
from bridge.rocketmq.retry import Retry
from bridge.rocketmq.unique import MAKER_BYTES, UniqueIds, client_id
from bridge.stores.bus.base import BusLog, BusStore
from bridge.stores.bus.rocketmq.cursors import MAIN
from bridge.stores.bus.rocketmq.log import Means, RocketMqBusLog, dropped
from bridge.stores.bus.rocketmq.names import bus_topic
from bridge.stores.bus.rocketmq.registry import LogRow, Place, Registry
from bridge.stores.bus.rocketmq.rivals import Rivals
from bridge.stores.bus.rocketmq.topics import BusTopics, adopted, needed, spread
from bridge.stores.bus.rocketmq.trouble import PATIENCE_S, Troubles, persist, store_error
from bridge.stores.chores import Chores

T = TypeVar("T")
log = structlog.get_logger()

REFRESH_S = 3.0
"""How often brokers are asked for the ends of partitions of which nothing was heard."""
SYNC_S = 5.0
"""How often the registry is asked for what other processes did."""
SHOW_S = 30.0
"""How often a process shows that it is there; brokers forget it after two minutes."""
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


class RocketMqBusStore(BusStore):
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
        self._topics = BusTopics(self._cluster, options.cluster)
        self._chores = Chores()
        self._troubles = Troubles()
        self._logs: dict[str, RocketMqBusLog] = {}
        self._turn = asyncio.Lock()  # one change of the logs at a time
        self._stack = AsyncExitStack()
        self._closed = True

    async def open(self) -> None:
        """A cluster that cannot be reached is waited for; only what will never work is a StartError."""
        async with AsyncExitStack() as stack:
            catalog, rows = await self._registry.open(secrets.token_hex(8))
            stack.push_async_callback(self._registry.close)
            await stack.enter_async_context(self._cluster)
            stack.push_async_callback(self._chores.close)
            await self._greet()
            self._means = self._make_means(f"{socket.gethostname()}@{os.getpid()}@{catalog}-{secrets.token_hex(8)}")
            self._rivals = Rivals(self._cluster, self._means.client_id, catalog)
            for row in rows:
                if not row.leaving:
                    await self._know(row)
            self._stack = stack.pop_all()
        self._closed = False
        self._stack.callback(self._cluster.on_connect(self._connected))
        await asyncio.gather(*[each.refresh(float("inf")) for each in self._logs.values()])
        self._chores.run(self._refresh_for_ever())
        self._chores.run(self._sync_for_ever())
        self._chores.run(self._show_for_ever())

    async def _greet(self) -> None:
        """Whether a name server answers, and is one."""
        try:
            await self._cluster.info()
        except (NotRocketMQ, NotSupported) as error:
            raise StartError(str(store_error("cannot use the store's name servers", error))) from error
        except RocketMQError as error:
            self._troubles.failed("name server", StoreUnavailable(f"no name server answers: {error}"))

    async def _know(self, row: LogRow) -> RocketMqBusLog:
        """A log that was registered before."""
        found = RocketMqBusLog(self._means, row)
        await found.load()
        self._logs[row.name] = found
        return found

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
        self._closed = True
        for each in self._logs.values():
            each.end(_closed)
        try:
            async with asyncio.timeout(CLOSE_S):
                await asyncio.gather(*[self._finish(each) for each in self._logs.values()])
                async with self._turn:
                    pass  # a change under way is whole
        except TimeoutError:
            log.warning("RocketMQ did not answer at the end; what was not acknowledged may be stored or not")
        await self._stack.aclose()

    async def _finish(self, each: RocketMqBusLog) -> None:
        await each.finish()
        await each.leave()

    def _check(self) -> None:
        if self._closed:
            raise _closed()

    def problems(self) -> Mapping[str, str]:
        """What does not work at the moment."""
        found = dict(self._troubles.current)
        for each in self._logs.values():
            found |= each.problems
        return found

    # Logs

    def log(self, name: str) -> BusLog:
        self._check()
        try:
            return self._logs[name]
        except KeyError:
            raise NotFound(f"there is no log of a bus {name}") from None

    def logs(self) -> list[str]:
        self._check()
        return sorted(self._logs)

    async def create(self, name: str, partitions: int) -> BusLog:
        self._check()
        return await self._whole(self._create(name, partitions))

    async def drop(self, name: str) -> None:
        self._check()
        if name in self._logs:
            self._logs[name].is_leaving = True
        await self._whole(self._drop(name))

    async def _whole(self, change: Coroutine[Any, Any, T]) -> T:
        """Let a change of the logs finish although its caller leaves."""
        return await asyncio.shield(self._chores.begin(change))

    async def _create(self, name: str, partitions: int) -> BusLog:
        async with self._turn:
            row = await self._registry.find(name)
            self._compare(name, row)
            if row is not None and row.leaving:
                await self._dispose(row)
                row = None
            if row is None:
                return await self._make(name, partitions)
            if partitions < len(row.queues):
                raise Conflict(f"the log {name} has {len(row.queues)} partitions; they cannot become {partitions}")
            found = self._logs.get(name)
            if found is None:
                found = await self._know(row)
            elif len(row.queues) > found.partitions:
                found.grow(row)
            if partitions > len(row.queues):
                await self._widen(found, row, partitions)
            await self._mend(found)
            return found

    async def _make(self, name: str, partitions: int) -> BusLog:
        topic = bus_topic(self._options.prefix, name)

        async def plan() -> tuple[bool, LogRow]:
            brokers = await self._topics.masters()
            there = await self._topics.find(topic, brokers)
            queues = spread(topic, adopted(topic, there, partitions), brokers, partitions)
            return bool(there), LogRow(secrets.token_hex(8), name, topic, queues)

        adopts, planned = await self._persist(plan, f"cannot make the topic {topic}")
        await self._rivals.check(planned)
        row = await self._claim(planned)
        await self._persist(lambda: self._prepare(row), f"cannot make the topic {topic}")
        if adopts and row.id == planned.id:
            log.warning("the topic of a bus was there already; the bus takes it over with its events", topic=topic)
            await self._persist(lambda: self._adopt_cursor(row), f"cannot read the group {topic}")
        made = await self._know(row)
        if not self._shared:
            await self._rivals.show(row)
        if adopts or row.id != planned.id:
            await self._learn(made)
        else:
            made.begin()
        await made.check_boots()
        return made

    async def _claim(self, planned: LogRow) -> LogRow:
        """The row that counts: another process may have made the bus at the same moment."""
        try:
            return await self._registry.add(planned)
        except StoreUnavailable:
            found = await self._registry.find(planned.name)
            if found is None:
                raise
            return found

    async def _prepare(self, row: LogRow) -> bool:
        """Topic and group, where they are missing; whether the topic was, somewhere."""
        missing = await self._topics.ensure(row.queues)
        await Groups(self._cluster).create(GroupConfig(row.topic), sorted(needed(row.queues)))
        return missing

    async def _adopt_cursor(self, row: LogRow) -> None:
        """How far the live cursor was, before its registry was lost."""
        offsets = Offsets(self._cluster, row.topic)
        committed = await asyncio.gather(*[offsets.committed(queue) for queue in row.queues])
        places = {number: Place(row.topic, at) for number, at in enumerate(committed) if at is not None}
        if places:
            await self._registry.put(row.id, MAIN, places)

    async def _widen(self, found: RocketMqBusLog, row: LogRow, partitions: int) -> None:
        async def plan() -> LogRow:
            queues = spread(row.topic, row.queues, await self._topics.masters(), partitions)
            await self._topics.ensure(queues)
            return row._replace(queues=queues)

        wider = await self._persist(plan, f"cannot widen the topic {row.topic}")
        stored = await self._registry.widen(wider)
        if stored.leaving:
            raise dropped(row.name)
        found.grow(stored, empty=stored == wider)

    async def _mend(self, found: RocketMqBusLog) -> None:
        """A topic that was deleted, or lost with a broker's disk, is made anew: puts go on, its events are gone."""
        row = found.row
        await self._rivals.check(row)
        try:
            if await self._persist(lambda: self._prepare(row), f"cannot see to the topic {row.topic}", patience_s=0):
                log.error("the topic of a bus was missing on a broker and is made anew", topic=row.topic)
        except StoreUnavailable:
            if not self._shared:  # where others read, too, those on other brokers may go on
                raise
        await self._learn(found)

    async def _learn(self, found: RocketMqBusLog) -> None:
        await found.refresh(float("inf"))
        await found.check_boots()
        if not self._shared:
            found.check_known(range(found.partitions))

    async def _drop(self, name: str) -> None:
        async with self._turn:
            found = self._logs.get(name)
            try:
                row = await self._registry.find(name)
                if row is not None and found is not None:
                    found.is_leaving = True
                    await found.finish()
                    await found.settle()
                if row is not None:
                    await self._registry.leave(row.id)
            except StoreError:
                if found is not None:
                    found.is_leaving = False
                raise
            self._forget(name)
            if row is not None:
                await self._dispose(row)

    async def _dispose(self, row: LogRow, patience_s: float | None = None) -> None:
        groups = {row.topic, *await self._registry.groups(row.id)}
        doing = f"cannot delete the topic {row.topic}"
        await self._persist(lambda: self._topics.delete(row.queues, groups), doing, patience_s)
        await self._registry.remove(row.id)

    def _forget(self, name: str) -> None:
        gone = self._logs.pop(name, None)
        if gone is not None:
            gone.end(lambda: dropped(name))
            self._chores.run(gone.leave())

    def _compare(self, name: str, row: LogRow | None) -> None:
        """Another process may have dropped a log, and made one of its name."""
        found = self._logs.get(name)
        if found is not None and (row is None or row.leaving or row.id != found.row.id):
            self._forget(name)

    async def _persist(
        self, work: Callable[[], Coroutine[Any, Any, T]], doing: str, patience_s: float | None = None
    ) -> T:
        patience_s = self._options.patience_s if patience_s is None else patience_s
        return await persist(work, doing, doing, self._troubles, patience_s)

    # In the background

    def _connected(self, address: str) -> None:
        for each in self._logs.values():
            each.connected(address)
        self._chores.run(self._check_boots())

    async def _check_boots(self) -> None:
        await asyncio.gather(*[each.check_boots(if_due=True) for each in list(self._logs.values())])

    async def _refresh_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(REFRESH_S)
            since = loop.time() - REFRESH_S
            await asyncio.gather(*[each.refresh(since) for each in list(self._logs.values())])

    async def _show_for_ever(self) -> None:
        """Show that we are here, and see whether somebody else is."""
        while True:
            for each in list(self._logs.values()):
                if not self._shared:  # else it is a member anyway
                    await self._rivals.show(each.row)
                await self._look_for_rivals(each.row)
            await asyncio.sleep(SHOW_S)

    async def _look_for_rivals(self, row: LogRow) -> None:
        what = f"group {row.topic}"
        try:
            await self._rivals.check(row)
        except StoreUnavailable as error:
            self._troubles.failed(what, error)
        else:
            self._troubles.works(what)

    async def _sync_for_ever(self) -> None:
        """Follow the registry, and see whether a name server is there."""
        while True:
            await asyncio.sleep(SYNC_S)
            try:
                await self._sync()
                await self._check_boots()
                await self._cluster.info()
                self._troubles.works("name server")
            except RocketMQError as error:
                self._troubles.failed("name server", StoreUnavailable(f"no name server answers: {error}"))
            except BridgeError as error:
                log.warning("what other instances did cannot be seen", reason=error.reason)

    async def _sync(self) -> None:
        """Logs that others have dropped are gone; what a drop left behind is deleted now."""
        async with self._turn:
            rows = {row.name: row for row in await self._registry.all()}
            for name in list(self._logs):
                self._compare(name, rows.get(name))
            for row in rows.values():
                if row.leaving:
                    await self._dispose(row, patience_s=0)


def _closed() -> StoreUnavailable:
    return StoreUnavailable("the store is closed")
