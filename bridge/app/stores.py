"""Which stores the settings mean. The catalog's database has everything but the logs, where it is a server or the store has
no directory.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from bridge.app.rocketmq import rocketmq_options
from bridge.model.clock import Clock
from bridge.settings.addresses import lmdb_directory, name_servers
from bridge.settings.sections import Settings
from bridge.stores.bus.base import BusStore
from bridge.stores.bus.lmdb.store import LmdbBusStore
from bridge.stores.bus.memory import MemoryBusStore
from bridge.stores.bus.rocketmq.registry import is_sqlite
from bridge.stores.bus.rocketmq.store import RocketMqBusStore
from bridge.stores.catalog.base import Catalog
from bridge.stores.catalog.memory import MemoryCatalog
from bridge.stores.catalog.sql import SqlCatalog
from bridge.stores.deadletters.base import DeadLetters
from bridge.stores.deadletters.memory import MemoryDeadLetters
from bridge.stores.deadletters.sql import SqlDeadLetters
from bridge.stores.instances.base import Instances
from bridge.stores.instances.sql import SqlInstances
from bridge.stores.timers.base import Timers
from bridge.stores.timers.memory import MemoryTimers
from bridge.stores.timers.sql import SqlTimers

DATA = Path("data")
"""Where what a RocketMQ store does not keep is, unless the catalog is a server."""


class Stores(NamedTuple):
    """Of one bridge. ``instances`` is there where several can share the buses."""

    buses: BusStore
    catalog: Catalog
    dead_letters: DeadLetters
    timers: Timers
    instances: Instances | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """All of them, as long as the block."""
        async with AsyncExitStack() as stack:
            for store in self:
                if store is not None:
                    await stack.enter_async_context(opened(store))
            yield


@asynccontextmanager
async def opened(store: BusStore | Catalog | DeadLetters | Timers | Instances) -> AsyncIterator[None]:
    """As long as the block."""
    await store.open()
    try:
        yield
    finally:
        await store.close()


def make_stores(settings: Settings, clock: Clock) -> Stores:
    """Raises StartError, see ``rocketmq_options``."""
    if settings.store.url == "memory:":
        url = settings.catalog.url
        catalog = SqlCatalog(url, clock) if url else MemoryCatalog(clock)
        return Stores(MemoryBusStore(clock), catalog, MemoryDeadLetters(), MemoryTimers())
    url, folder = _catalog_url(settings), settings.store.directory or DATA
    files = [f"sqlite:///{(folder / name).absolute()}" for name in ("deadletters.db", "timers.db")]
    dead_letters, timers = (url, url) if settings.store.name_servers and not is_sqlite(url) else files
    return Stores(
        bus_store(settings.store.url, settings, clock),
        SqlCatalog(url, clock),
        SqlDeadLetters(dead_letters),
        SqlTimers(timers),
        SqlInstances(url) if are_shared(settings) else None,
    )


def bus_store(url: str, settings: Settings, clock: Clock) -> BusStore:
    """The store of this URL, with everything else as set. Raises StartError, see ``rocketmq_options``."""
    folder, servers = lmdb_directory(url), name_servers(url)
    if folder is not None:
        return LmdbBusStore(folder, clock)
    if not servers:
        return MemoryBusStore(clock)
    catalog, options = _catalog_url(settings), rocketmq_options(settings.rocketmq)
    return RocketMqBusStore(servers, catalog, clock, shared=not is_sqlite(catalog), options=options)


def are_shared(settings: Settings) -> bool:
    """Whether several instances can share these stores."""
    return bool(settings.store.name_servers) and not is_sqlite(_catalog_url(settings))


def _catalog_url(settings: Settings) -> str:
    folder = settings.store.directory or DATA
    return settings.catalog.url or f"sqlite:///{(folder / 'catalog.db').absolute()}"
