"""The data plane of one bridge: its parts, and the order in which they begin and end."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from bridge.app.background import background
from bridge.app.stores import Stores
from bridge.connectors.base import Reach
from bridge.connectors.registry import Registry
from bridge.dataplane.buses import Buses
from bridge.dataplane.delayed import DelayedEvents
from bridge.dataplane.host import BridgeHost
from bridge.dataplane.ingress.put import Ingress
from bridge.dataplane.ingress.subscribe import Subscriptions
from bridge.dataplane.ingress.tail import Tail
from bridge.dataplane.making import Retire, Surroundings
from bridge.dataplane.redrive import Redrives
from bridge.dataplane.retention import Retention
from bridge.dataplane.sending import Timing
from bridge.dataplane.status import lags
from bridge.model.clock import Clock
from bridge.settings.sections import Limits, Settings
from bridge.telemetry import Telemetry

log = structlog.get_logger()


class Flow:
    """What moves events, from the ingress to the targets; ``moving`` sets it going."""

    def __init__(self, settings: Settings, stores: Stores, telemetry: Telemetry, clock: Clock, retire: Retire) -> None:
        """``retire``: a target that wants no more is paused by whoever can."""
        reach, limits = _reach(settings), settings.limits
        self.kinds = Registry.discover(reach=reach)
        timing = Timing(clock, asyncio.sleep, lambda: random.uniform(-1, 1))  # noqa: S311 - jitter
        host = BridgeHost(clock, reach)
        around = Surroundings(
            self.kinds, host, stores.dead_letters, stores.timers, telemetry, timing, clock, retire=retire
        )
        self.buses = Buses(stores.catalog, stores.buses, around)
        self.delayed = DelayedEvents(stores.timers, self.buses, stores.catalog, clock, asyncio.sleep)
        self.ingress = host.ingress = self._ingress(limits, telemetry, clock)
        self.subscriptions = Subscriptions(self.buses, limits.subscribers)
        self.tail = Tail(self.buses, limits.subscribers)
        self.redrives = Redrives(self.buses, stores.dead_letters, clock, asyncio.sleep)
        self.retention = Retention(self.buses, telemetry, timing)
        telemetry.ask(lambda: lags(self.buses))

    def _ingress(self, limits: Limits, telemetry: Telemetry, clock: Clock) -> Ingress:
        return Ingress(
            self.buses,
            telemetry,
            clock,
            request_size=limits.request_size,
            bytes_in_flight=limits.bytes_in_flight,
            delayed=self.delayed,
        )

    @asynccontextmanager
    async def moving(self, failed: asyncio.Event, drain_s: float) -> AsyncIterator[None]:
        """As long as the block, and then drained for at most ``drain_s``. ``failed`` is set when a part fails.

        Raises why it could not start.
        """
        async with background(self.buses.run(), failed) as flow, background(self.retention.run(), failed):
            await self._ready(flow)
            await self.delayed.begin()
            async with background(self.redrives.run(), failed), background(self.delayed.run(), failed):
                yield
                await self.delayed.drain()
            await self._drain(drain_s)

    async def _ready(self, flow: "asyncio.Task[None]") -> None:
        ready = asyncio.ensure_future(self.buses.ready.wait())
        await asyncio.wait((ready, flow), return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if flow.done():
            await flow  # raises why it could not start

    async def _drain(self, within_s: float) -> None:
        try:
            async with asyncio.timeout(within_s):
                await self.buses.drain()
        except TimeoutError:
            log.warning("some deliveries are still under way; they are made again at the next start")


def _reach(settings: Settings) -> Reach:
    """How far targets may reach. Who can reach the bridge only from this machine may let it reach this machine."""
    if settings.targets.allow_private != "auto":
        return Reach(settings.targets.allow_private)
    doors = (settings.http.address, settings.grpc.address)
    return Reach.LOOPBACK if all(door.is_loopback for door in doors) else Reach.ASKED
