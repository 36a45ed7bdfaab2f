"""How a bridge is: what it tells of itself, what all instances that share its buses tell together, why it is not ready."""

from contextlib import suppress

from msgspec.structs import replace

from bridge.app.flow import Flow
from bridge.dataplane.buses import Buses
from bridge.dataplane.presence import Presence, Report
from bridge.dataplane.status import bus_status, with_unread
from bridge.errors import StoreUnavailable
from bridge.model.status import BusStatus, Status
from bridge.model.times import format_time
from bridge.stores.bus.base import BusStore
from bridge.version import VERSION


class OwnStatus:
    """Of this bridge alone. ``started``: seconds since the epoch."""

    def __init__(self, flow: Flow, started: float) -> None:
        self._flow = flow
        self._started = started

    async def status(self, *, whole: bool) -> Status:
        """``whole``: with what only one instance needs to tell."""
        buses = [await bus_status(bus, self._flow.retention.used, whole=whole) for bus in self._flow.buses.all()]
        return Status(version=VERSION, started=format_time(self._started), buses=tuple(buses))

    async def report(self) -> Report:
        """What the other instances are told."""
        return Report(status=await self.status(whole=False), redrives=self._flow.redrives.all())


class CommonStatus:
    """Of all instances that share the buses, or of this one alone."""

    def __init__(self, own: OwnStatus, buses: Buses, presence: Presence | None) -> None:
        self._own = own
        self._buses = buses
        self._presence = presence

    async def status(self) -> Status:
        """With every rule that was acknowledged."""
        with suppress(StoreUnavailable):
            await self._buses.refresh()
        mine = await self._own.status(whole=True)
        if self._presence is None:
            return mine
        found = await self._presence.together(mine)
        return replace(found, buses=tuple([await self._with_unread(bus) for bus in found.buses]))

    async def _with_unread(self, status: BusStatus) -> BusStatus:
        bus = self._buses.find(status.name)
        return await with_unread(status, bus) if bus is not None else status


def reasons(flow: Flow, store: BusStore) -> dict[str, str]:
    """Why a bridge is not ready, by part; empty when it is."""
    found = {} if flow.buses.ready.is_set() else {"buses": "starting or stopping"}
    if flow.ingress.trouble is not None:
        found["store"] = flow.ingress.trouble
    found |= {f"store: {what}": reason for what, reason in store.problems().items()}
    if flow.buses.trouble is not None:
        found["catalog"] = flow.buses.trouble
    found |= {f"bus {name}": reason for name, reason in flow.buses.waiting.items()}
    return found | flow.buses.broken()
