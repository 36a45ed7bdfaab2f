"""All buses at work: follows the catalog, so that what runs is what is defined."""

import asyncio
from collections.abc import Iterable

import structlog

from bridge.dataplane.rules import Surroundings
from bridge.dataplane.running import RunningBus
from bridge.dataplane.tasks import Tasks
from bridge.errors import BridgeError, NotFound, StoreError
from bridge.model.bus import BusSpec
from bridge.model.documents import parse_json
from bridge.model.resource import Resource
from bridge.stores.bus.base import BusStore
from bridge.stores.catalog.base import Catalog, Change

log = structlog.get_logger()


class Buses:
    """``run`` owns everything that moves; the other methods may be called while it runs."""

    def __init__(self, catalog: Catalog, store: BusStore, around: Surroundings) -> None:
        self._catalog = catalog
        self._store = store
        self._around = around
        self._running: dict[str, RunningBus] = {}
        self._flows: dict[str, asyncio.Task[None]] = {}
        self._version = -1
        self._turn = asyncio.Lock()
        self._group: asyncio.TaskGroup | None = None
        self.ready = asyncio.Event()
        """Set once every bus that was defined at the start is at work."""

    async def run(self) -> None:
        """Follow the catalog until cancelled; then stop every flow and lane."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group, self._tasks = group, Tasks(group)
                try:
                    await self._begin()
                    self.ready.set()
                    await self._follow()
                finally:
                    self._tasks.ending = True
        finally:
            self.ready.clear()
            for bus in self._running.values():
                await bus.end()

    async def drain(self) -> None:
        """Stop reading and wait until what was read is delivered or buried; call before ``run`` is cancelled."""
        await asyncio.gather(*(bus.drain() for bus in self.all()))

    def find(self, name: str) -> RunningBus | None:
        return self._running.get(name)

    async def get(self, name: str) -> RunningBus:
        """The bus as it is defined now. Raises NotFound."""
        await self.refresh()
        bus = self._running.get(name)
        if bus is None:
            raise NotFound(f"there is no bus {name!r}", path="$.bus")
        return bus

    def all(self) -> Iterable[RunningBus]:
        return [bus for _, bus in sorted(self._running.items())]

    def broken(self) -> dict[str, str]:
        """Rules that are not in force though they are defined, and why."""
        return {
            f"rule {bus.name}/{name}": entry.broken
            for bus in self._running.values()
            for name, entry in bus.rules.entries.items()
            if entry.broken is not None
        }

    async def refresh(self) -> None:
        """Put every acknowledged definition in force. Cheap when nothing changed."""
        if await self._catalog.version() == self._version or self._group is None:
            return
        async with self._turn:
            changes = await self._catalog.changes(self._version)
            if changes:
                await self._apply(changes)
                self._version = changes[-1].version

    async def _follow(self) -> None:
        while True:
            try:
                await self._catalog.wait(self._version)
                await self.refresh()
            except StoreError as error:
                log.error("the catalog cannot be read; definitions stay as they are", reason=str(error))
                await self._around.timing.sleep(1)

    async def _begin(self) -> None:
        """Start what is defined; finish what a crash interrupted: logs whose bus was deleted are dropped."""
        async with self._turn:
            version = await self._catalog.version()
            buses = {resource.name: resource for resource in await self._catalog.list("Bus")}
            deleted = {
                c.ref.name for c in await self._catalog.changes(0) if c.ref.kind == "Bus" and c.action == "delete"
            }
            for name in deleted - set(buses):
                await self._store.drop(name)
            for resource in buses.values():
                await self._start(resource)
            self._version = version

    async def _apply(self, changes: list[Change]) -> None:
        """Each resource's last change counts; buses first, since rules need theirs."""
        last = {change.ref: change for change in changes}
        for ref, change in last.items():
            if ref.kind == "Bus":
                await self._change_bus(ref.name, change.resource)
        rules: dict[str, list[Change]] = {}
        for ref, change in last.items():
            if ref.kind == "Rule":
                rules.setdefault(ref.bus, []).append(change)
        for name, changed in rules.items():
            bus = self._running.get(name)
            if bus is not None:
                present = [change.resource for change in changed if change.resource is not None]
                await bus.rules.change(present, [change.ref.name for change in changed if change.resource is None])

    async def _change_bus(self, name: str, resource: Resource | None) -> None:
        bus = self._running.get(name)
        if resource is None:
            await self._end(name)
        elif bus is None:
            await self._start(resource)
        elif bus.created != resource.created:  # deleted and made again in between
            await self._end(name)
            await self._start(resource)
        else:
            await self._store.create(name, parse_json(bytes(resource.spec), BusSpec).partitions)
            bus.change(resource)

    async def _start(self, resource: Resource) -> None:
        assert self._group is not None
        try:
            spec = parse_json(bytes(resource.spec), BusSpec)
            bus_log = await self._store.create(resource.name, spec.partitions)
            bus = RunningBus(resource, bus_log, self._tasks, self._around)
        except BridgeError as error:
            log.error("a bus cannot be started", bus=resource.name, reason=str(error))
            return
        await bus.rules.change(await self._catalog.list("Rule", bus=resource.name), [])
        await bus.rules.clean()
        self._running[resource.name] = bus
        self._flows[resource.name] = self._group.create_task(bus.run(self.refresh))

    async def _end(self, name: str) -> None:
        bus = self._running.pop(name, None)
        flow = self._flows.pop(name, None)
        if flow is not None:
            flow.cancel()
        if bus is not None:
            await bus.end()
