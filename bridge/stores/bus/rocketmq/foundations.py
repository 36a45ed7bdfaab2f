"""What a log stands on: its topic and group at the brokers, and its row in the registry. Laid, widened, mended, removed.

The topic and the group are there before anybody uses a log, and gone before its row is. What a crash leaves of a log is
laid, or removed, the next time.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from bridge.errors import StoreUnavailable
from bridge.rocketmq.admin import Groups
from bridge.rocketmq.configs import GroupConfig
from bridge.rocketmq.offsets import Offsets
from bridge.stores.bus.lifetime import dropped
from bridge.stores.bus.rocketmq.cursors import MAIN
from bridge.stores.bus.rocketmq.means import Means
from bridge.stores.bus.rocketmq.names import bus_topic
from bridge.stores.bus.rocketmq.places import Place
from bridge.stores.bus.rocketmq.registry import LogRow
from bridge.stores.bus.rocketmq.rivals import Rivals
from bridge.stores.bus.rocketmq.topics import BusTopics, adopted, needed, spread
from bridge.stores.bus.rocketmq.trouble import persist

T = TypeVar("T")
log = structlog.get_logger()


class Foundations:
    """Of the logs of a store. Methods raise StoreUnavailable and StoreError."""

    def __init__(self, means: Means, topics: BusTopics, rivals: Rivals, prefix: str, patience_s: float) -> None:
        """``prefix``: how topics begin; ``patience_s``: how long brokers are tried."""
        self._means = means
        self._registry = means.registry
        self._topics = topics
        self._rivals = rivals
        self._prefix = prefix
        self._patience_s = patience_s

    async def lay(self, name: str, partitions: int) -> tuple[LogRow, bool]:
        """For a new log: the row that counts, and whether the log is empty for certain.

        Raises Conflict where its topic is there already and has more queues than that.
        """
        topic = bus_topic(self._prefix, name)
        adopts, planned = await self._persist(
            lambda: self._plan(name, topic, partitions), f"cannot make the topic {topic}"
        )
        await self._rivals.check(planned)
        row = await self._claim(planned)
        await self._persist(lambda: self._prepare(row), f"cannot make the topic {topic}")
        is_ours = row.id == planned.id
        if adopts and is_ours:
            log.warning("the topic of a bus was there already; the bus takes it over with its events", topic=topic)
            await self._persist(lambda: self._adopt_cursor(row), f"cannot read the group {topic}")
        return row, is_ours and not adopts

    async def _plan(self, name: str, topic: str, partitions: int) -> tuple[bool, LogRow]:
        """Whether the topic is there already, and the row of the log."""
        brokers = await self._topics.masters()
        there = await self._topics.find(topic, brokers)
        queues = spread(topic, adopted(topic, there, partitions), brokers, partitions)
        return bool(there), LogRow(secrets.token_hex(8), name, topic, queues)

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
        await Groups(self._means.cluster).create(GroupConfig(row.topic), sorted(needed(row.queues)))
        return missing

    async def _adopt_cursor(self, row: LogRow) -> None:
        """How far the live cursor was, before its registry was lost."""
        offsets = Offsets(self._means.cluster, row.topic)
        committed = await asyncio.gather(*[offsets.committed(queue) for queue in row.queues])
        places = {number: Place(row.topic, at) for number, at in enumerate(committed) if at is not None}
        if places:
            await self._registry.places.put(row.id, MAIN, places)

    async def widen(self, row: LogRow, partitions: int) -> tuple[LogRow, bool]:
        """The row with more queues, and whether these are empty for certain. Raises NotFound when it was dropped."""
        wider = await self._persist(lambda: self._plan_wider(row, partitions), f"cannot widen the topic {row.topic}")
        stored = await self._registry.widen(wider)
        if stored.leaving:
            raise dropped(row.name)
        return stored, stored == wider

    async def _plan_wider(self, row: LogRow, partitions: int) -> LogRow:
        queues = spread(row.topic, row.queues, await self._topics.masters(), partitions)
        await self._topics.ensure(queues)
        return row._replace(queues=queues)

    async def mend(self, row: LogRow) -> None:
        """A topic that was deleted, or lost with a broker's disk, is made anew: puts go on, its events are gone."""
        await self._rivals.check(row)
        try:
            if await self._persist(lambda: self._prepare(row), f"cannot see to the topic {row.topic}", patience_s=0):
                log.error("the topic of a bus was missing on a broker and is made anew", topic=row.topic)
        except StoreUnavailable:
            if not self._means.is_shared:  # where others read, too, those on other brokers may go on
                raise

    async def remove(self, row: LogRow, patience_s: float | None = None) -> None:
        """All of it. The row is marked as leaving before, so that a crash is no way back."""
        groups = {row.topic, *await self._registry.places.groups(row.id)}
        doing = f"cannot delete the topic {row.topic}"
        await self._persist(lambda: self._topics.delete(row.queues, groups), doing, patience_s)
        await self._registry.remove(row.id)

    async def _persist(self, work: Callable[[], Awaitable[T]], doing: str, patience_s: float | None = None) -> T:
        patience_s = self._patience_s if patience_s is None else patience_s
        return await persist(work, doing, doing, self._means.troubles, patience_s)
