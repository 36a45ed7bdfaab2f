"""What a store does in the background: it follows its brokers and what other processes do, and shows that it is there."""

import asyncio
from collections.abc import Mapping

import structlog

from bridge.errors import BridgeError, StoreUnavailable
from bridge.rocketmq.errors import RocketMQError
from bridge.stores.bus.rocketmq.changes import Changes
from bridge.stores.bus.rocketmq.log import RocketMqBusLog
from bridge.stores.bus.rocketmq.means import Means
from bridge.stores.bus.rocketmq.partitions import Partitions
from bridge.stores.bus.rocketmq.rivals import Rivals

log = structlog.get_logger()

REFRESH_S = 3.0
"""How often brokers are asked for the ends of partitions of which nothing was heard."""
SYNC_S = 5.0
"""How often the registry is asked for what other processes did."""
SHOW_S = 30.0
"""How often a process shows that it is there; brokers forget it after two minutes."""


class Upkeep:
    """From ``start`` until the store's chores end."""

    def __init__(self, means: Means, rivals: Rivals, changes: Changes, logs: Mapping[str, RocketMqBusLog]) -> None:
        """``logs``: those of the store by name, as they are at any time."""
        self._means = means
        self._troubles = means.troubles
        self._rivals = rivals
        self._changes = changes
        self._logs = logs

    async def start(self) -> None:
        """Returns once every broker was asked for the ends of its partitions."""
        await self._refresh(float("inf"))
        for work in (self._refresh_for_ever(), self._sync_for_ever(), self._show_for_ever()):
            self._means.chores.run(work)

    def connected(self, address: str) -> None:
        """A broker is there, perhaps again."""
        for each in self._logs.values():
            each.parts.starts.connected(address)
        self._means.chores.run(self._check_starts())

    async def _check_starts(self) -> None:
        await asyncio.gather(*[each.parts.starts.check_doubtful() for each in list(self._logs.values())])

    async def _refresh_for_ever(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(REFRESH_S)
            await self._refresh(loop.time() - REFRESH_S)

    async def _refresh(self, older_than: float) -> None:
        await asyncio.gather(*[each.parts.refresh(older_than) for each in list(self._logs.values())])

    async def _sync_for_ever(self) -> None:
        """Follow the registry, and see whether a name server is there."""
        while True:
            await asyncio.sleep(SYNC_S)
            try:
                await self._changes.sync()
                await self._check_starts()
                await self._means.cluster.info()
                self._troubles.works("name server")
            except RocketMQError as error:
                self._troubles.failed("name server", StoreUnavailable(f"no name server answers: {error}"))
            except BridgeError as error:
                log.warning("what other instances did cannot be seen", reason=error.reason)

    async def _show_for_ever(self) -> None:
        """Show that we are here, and see whether somebody else is."""
        while True:
            for each in list(self._logs.values()):
                await self._rivals.show(each.parts.row)
                await self._look_for_rivals(each.parts)
            await asyncio.sleep(SHOW_S)

    async def _look_for_rivals(self, parts: Partitions) -> None:
        what = f"group {parts.row.topic}"
        try:
            await self._rivals.check(parts.row)
        except StoreUnavailable as error:
            parts.troubles.failed(what, error)
        else:
            parts.troubles.works(what)
