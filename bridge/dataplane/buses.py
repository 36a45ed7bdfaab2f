"""All buses at work: follows the catalog, so that what runs is what is defined."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress

import structlog

from bridge.dataplane.making import Surroundings
from bridge.dataplane.persist import until_stored
from bridge.dataplane.running import RunningBus
from bridge.dataplane.tasks import Tasks
from bridge.errors import BridgeError, NotFound, StoreError, StoreUnavailable
from bridge.model.bus import BusSpec
from bridge.model.documents import parse_json
from bridge.model.resource import Ref, Resource
from bridge.stores.bus.base import BusLog, BusStore
from bridge.stores.catalog.base import Catalog, Change

log = structlog.get_logger()

FRESH_S = 0.5
"""How old what is known of a shared bus may be for a put. (What rules say is asked anew for each batch that they judge.)"""
CATALOG_AGAIN_S = 1.0
"""How long until the catalog is asked again that could not be read."""
RESTART_S = 2.0
"""How long until a bus is tried again that could not be started."""


class Buses:
    """``run`` owns everything that moves; the other methods may be called while it runs."""

    def __init__(self, catalog: Catalog, store: BusStore, around: Surroundings) -> None:
        self._catalog = catalog
        self._store = store
        self._around = around
        self._running: dict[str, RunningBus] = {}
        self._flows: dict[str, asyncio.Task[None]] = {}
        self._version = -1
        self._read_at = float("-inf")
        self._turn = asyncio.Lock()
        self._group: asyncio.TaskGroup | None = None
        self.waiting: dict[str, str] = {}
        """Buses that cannot be started yet, and why."""
        self.trouble: str | None = None
        """Why the catalog cannot be read; None when it can."""
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
        """The bus as it is defined now. Raises NotFound, and StoreUnavailable while it cannot be started.

        One that instances share, and that is at work here, is given as it was at most ``FRESH_S`` ago, and while the
        catalog cannot be read as it was then: whoever puts an event need not ask a database.
        """
        bus = self._running.get(name)
        if bus is not None and bus.log.is_shared and self._around.clock() - self._read_at < FRESH_S:
            return bus
        try:
            await self.refresh()
        except StoreUnavailable:
            if bus is None or not bus.log.is_shared:
                raise
        bus = self._running.get(name)
        if bus is None and name in self.waiting:
            raise StoreUnavailable(self.waiting[name])
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
        """Put every acknowledged definition in force. Cheap when nothing changed. Raises StoreError."""
        began = self._around.clock()
        if await self._catalog.version() == self._version or self._group is None:
            self._was_read(began)
            return
        async with self._turn:
            changes = await self._catalog.changes(self._version)
            if changes:
                await self._apply(changes)
                self._version = changes[-1].version
            self._was_read(began)

    def _was_read(self, began: float) -> None:
        self._read_at = began
        if self.trouble is not None:
            log.info("the catalog can be read again")
        self.trouble = None

    async def _refresh_surely(self) -> None:
        """For flows: no event may be judged before it is known what is in force; they wait while the catalog is away.

        That it is away ``_follow`` tells, which asks until it is back: a flow may end before.
        """
        while True:
            try:
                await self.refresh()
            except StoreError as error:
                log.debug("events wait for the catalog", reason=str(error))
                await self._around.timing.sleep(CATALOG_AGAIN_S)
            else:
                return

    async def _follow(self) -> None:
        """A catalog that is back may have nothing new to wait for, so it is read before that."""
        while True:
            try:
                await self.refresh()
                await self._catalog.wait(self._version)
            except StoreError as error:
                self._cannot_read(str(error))
                await self._around.timing.sleep(CATALOG_AGAIN_S)

    def _cannot_read(self, reason: str) -> None:
        if self.trouble is None:
            log.error("the catalog cannot be read; definitions stay as they are, and events wait", reason=reason)
        self.trouble = reason

    async def _begin(self) -> None:
        """Start what is defined; finish what a crash interrupted: logs whose bus was deleted are dropped."""
        async with self._turn:
            version = await self._catalog.version()
            buses = {resource.name: resource for resource in await self._catalog.list("Bus")}
            deleted = {
                c.ref.name for c in await self._catalog.changes(0) if c.ref.kind == "Bus" and c.action == "delete"
            }
            for name in deleted - set(buses):
                if (
                    await self._catalog.find(Ref("Bus", "", name)) is None
                ):  # nor made again by another instance just now
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
            await bus.change(resource)

    async def _start(self, resource: Resource) -> None:
        try:
            spec = parse_json(bytes(resource.spec), BusSpec)
            bus_log = await self._store.create(resource.name, spec.partitions)
            await bus_log.divide()
            if bus_log.is_shared:
                log.info("a bus was divided", bus=resource.name, partitions=sorted(bus_log.here))
            await self._set_to_work(resource, bus_log)
        except StoreUnavailable as error:
            self.waiting[resource.name] = str(error)
            log.error("a bus cannot be started yet", bus=resource.name, reason=str(error))
            self._tasks.spawn(self._start_later(resource))
        except BridgeError as error:
            self.waiting.pop(resource.name, None)
            log.error("a bus cannot be started", bus=resource.name, reason=str(error))
        else:
            self.waiting.pop(resource.name, None)
            if bus_log.is_shared:
                self._tasks.spawn(self._watch(resource.name, bus_log))

    async def _start_later(self, resource: Resource) -> None:
        """Again, if it is still defined then. Until it has started it is waiting: who puts to it is told why."""
        await self._around.timing.sleep(RESTART_S)
        async with self._turn:
            now = await until_stored(lambda: self._catalog.find(resource.ref), "a definition", resource.name)
            if now is not None and now.created == resource.created and resource.name not in self._running:
                await self._start(now)
            else:
                self.waiting.pop(resource.name, None)

    async def _set_to_work(self, resource: Resource, bus_log: BusLog, before: RunningBus | None = None) -> None:
        """Begin to read what is to be read here."""
        assert self._group is not None
        bus = RunningBus(resource, bus_log, self._tasks, self._around, before)
        try:
            await bus.rules.change(await self._catalog.list("Rule", bus=resource.name), [])
            await bus.rules.clean()
            await bus.rules.extend()
        except BaseException:
            await bus.end()
            raise
        self._running[resource.name] = bus
        self._flows[resource.name] = self._group.create_task(bus.run(self._refresh_surely))

    async def _watch(self, name: str, bus_log: BusLog) -> None:
        """Follow how a shared log is divided, until its bus is gone."""
        divided = True
        while True:
            await (bus_log.until_divided() if divided else self._around.timing.sleep(RESTART_S))
            async with self._turn:
                bus = self._running.get(name)
                if bus is None or bus.log is not bus_log:
                    return
                try:
                    divided = await self._divide(bus)
                except NotFound:  # it is being deleted, as the catalog will say
                    return

    async def _divide(self, bus: RunningBus) -> bool:
        """End what is read here, and begin with other partitions. What is not settled is delivered by who reads it then:
        so what was read is delivered first, if that takes no longer than a moment.

        False when that is not possible now: until it is, nothing of the bus is read here, but it takes events. Raises
        NotFound when its log is gone.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(self._around.drain_s):
                await bus.drain()
        flow = self._flows.pop(bus.name, None)
        if flow is not None:
            flow.cancel()
            await asyncio.gather(flow, return_exceptions=True)
        await bus.end()
        try:
            await bus.log.divide()
            log.info("a bus was divided", bus=bus.name, partitions=sorted(bus.log.here))
            await self._set_to_work(bus.resource, bus.log, bus)
        except StoreError as error:
            self.waiting[bus.name] = str(error)
            log.error("a bus cannot be divided yet", bus=bus.name, reason=str(error))
            return False
        self.waiting.pop(bus.name, None)
        return True

    async def _end(self, name: str) -> None:
        bus = self._running.pop(name, None)
        flow = self._flows.pop(name, None)
        if flow is not None:
            flow.cancel()
        if bus is not None:
            await bus.end()
