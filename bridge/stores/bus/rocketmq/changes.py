"""Changes of which logs there are: made and dropped here, or by other processes with the same catalog.

One change at a time, and each is carried through although its caller leaves.
"""

import asyncio

import structlog

from bridge.errors import Conflict, StoreError
from bridge.stores.bus.lifetime import dropped
from bridge.stores.bus.rocketmq.foundations import Foundations
from bridge.stores.bus.rocketmq.log import RocketMqBusLog
from bridge.stores.bus.rocketmq.means import Means
from bridge.stores.bus.rocketmq.registry import LogRow
from bridge.stores.bus.rocketmq.rivals import Rivals

log = structlog.get_logger()

FINISH_S = 10.0
"""A drop waits so long for what is under way; others wait for the drop."""


class Changes:
    """Methods raise StoreUnavailable and StoreError."""

    def __init__(self, means: Means, foundations: Foundations, rivals: Rivals, logs: dict[str, RocketMqBusLog]) -> None:
        """``logs``: those of the store by name, changed in place."""
        self._means = means
        self._registry = means.registry
        self._foundations = foundations
        self._rivals = rivals
        self._logs = logs
        self._turn = asyncio.Lock()

    async def know(self, row: LogRow) -> RocketMqBusLog:
        """A log that was registered before."""
        found = RocketMqBusLog(self._means, row)
        await found.parts.breaks.load()
        self._logs[row.name] = found
        return found

    async def create(self, name: str, partitions: int) -> RocketMqBusLog:
        """As the contract of a store has it."""
        return await asyncio.shield(self._means.chores.begin(self._create(name, partitions)))

    async def drop(self, name: str) -> None:
        """As the contract of a store has it."""
        if name in self._logs:
            self._logs[name].is_leaving = True
        await asyncio.shield(self._means.chores.begin(self._drop(name)))

    async def sync(self) -> None:
        """Logs that others have dropped are gone; what a drop left behind is deleted now."""
        async with self._turn:
            rows = {row.name: row for row in await self._registry.all()}
            for name in list(self._logs):
                self._compare(name, rows.get(name))
            for row in rows.values():
                if row.leaving:
                    await self._foundations.remove(row, patience_s=0)

    async def until_done(self) -> None:
        """Return once a change under way is whole."""
        async with self._turn:
            pass

    # Making

    async def _create(self, name: str, partitions: int) -> RocketMqBusLog:
        async with self._turn:
            row = await self._registry.find(name)
            self._compare(name, row)
            if row is not None and row.leaving:
                await self._foundations.remove(row)
                row = None
            if row is None:
                return await self._make(name, partitions)
            if partitions < len(row.queues):
                raise Conflict(f"the log {name} has {len(row.queues)} partitions; they cannot become {partitions}")
            return await self._keep(row, partitions)

    async def _make(self, name: str, partitions: int) -> RocketMqBusLog:
        row, is_empty = await self._foundations.lay(name, partitions)
        made = await self.know(row)
        await self._rivals.show(row)
        if is_empty:
            made.parts.begin()
        else:
            await self._learn(made)
        await made.parts.starts.check()
        return made

    async def _keep(self, row: LogRow, partitions: int) -> RocketMqBusLog:
        """A log that is registered, with at least so many partitions."""
        found = self._logs.get(row.name)
        if found is None:
            found = await self.know(row)
        elif len(row.queues) > found.partitions:
            found.parts.grow(row)
        if partitions > len(row.queues):
            wider, is_empty = await self._foundations.widen(row, partitions)
            found.parts.grow(wider, empty=is_empty)
        await self._foundations.mend(found.parts.row)
        await self._learn(found)
        return found

    async def _learn(self, found: RocketMqBusLog) -> None:
        await found.parts.refresh(float("inf"))
        await found.parts.starts.check()
        if not self._means.is_shared:
            found.parts.check_known(range(found.partitions))

    # Dropping

    async def _drop(self, name: str) -> None:
        async with self._turn:
            found = self._logs.get(name)
            try:
                row = await self._registry.find(name)
                if row is not None and found is not None:
                    found.is_leaving = True
                    await _finish(found)
                if row is not None:
                    await self._registry.leave(row.id)
            except StoreError:
                if found is not None:
                    found.is_leaving = False
                raise
            self._forget(name)
            if row is not None:
                await self._foundations.remove(row)

    def _forget(self, name: str) -> None:
        gone = self._logs.pop(name, None)
        if gone is not None:
            gone.end(lambda: dropped(name))
            self._means.chores.run(gone.parts.end())

    def _compare(self, name: str, row: LogRow | None) -> None:
        """Another process may have dropped a log, and made one of its name."""
        found = self._logs.get(name)
        if found is not None and (row is None or row.leaving or row.id != found.parts.row.id):
            self._forget(name)


async def _finish(found: RocketMqBusLog) -> None:
    try:
        async with asyncio.timeout(FINISH_S):
            await found.parts.finish()
            await found.parts.settle()
    except TimeoutError:
        log.warning("what was under way in a bus that is deleted is given up", bus=found.name)
