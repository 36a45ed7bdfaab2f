"""One bridge: its parts put together, begun in order and ended in reverse."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from bridge.app.flow import Flow
from bridge.app.grpc import grpc_door
from bridge.app.http import http_door
from bridge.app.presence import make_presence, present
from bridge.app.siblings import Siblings
from bridge.app.status import CommonStatus, OwnStatus, reasons
from bridge.app.stores import make_stores
from bridge.controlplane.delayed import Delayed
from bridge.controlplane.letters import Letters
from bridge.controlplane.operations import Operations
from bridge.controlplane.pauses import Pauses
from bridge.controlplane.resources import Resources
from bridge.controlplane.trials import Trials
from bridge.dataplane.presence import BEAT_S, CancelRedrive, Presence
from bridge.dataplane.redrive_sharing import AllRedrives
from bridge.model.clock import Clock, system_clock
from bridge.model.status import Status
from bridge.settings.sections import Settings
from bridge.telemetry import Telemetry


class Bridge:
    """One bridge in this process. ``async with Bridge(settings).running() as bridge:``"""

    def __init__(
        self,
        settings: Settings,
        clock: Clock = system_clock,
        *,
        siblings: Callable[[Telemetry], Siblings] | None = None,
    ) -> None:
        """``siblings``: of a worker, which shares its addresses with them. Raises StartError."""
        self.settings = settings
        self.grpc_address, self.http_address = settings.grpc.address, settings.http.address
        self.failed = asyncio.Event()
        """A part has failed that should never end: nothing but a new start helps."""
        self._clock, started = clock, clock()
        self._telemetry = Telemetry()
        self._siblings = siblings(self._telemetry) if siblings is not None else None
        self._stores = make_stores(settings, clock)
        self.flow = Flow(settings, self._stores, self._telemetry, clock, self._retire)
        own = OwnStatus(self.flow, started)
        self._presence = self._make_presence(own, started)
        self._redrives = AllRedrives(self.flow.redrives, self._presence, asyncio.sleep)
        self._status = CommonStatus(own, self.flow.buses, self._presence)
        self.resources = self._make_resources()
        self.operations = self._make_operations()

    def _make_presence(self, own: OwnStatus, started: float) -> Presence | None:
        """None where there can be only one instance."""
        if self._stores.instances is None:
            return None
        return make_presence(self._stores.instances, started, own.report, self._obey)

    def _make_resources(self) -> Resources:
        flow, stores = self.flow, self._stores
        return Resources(stores.catalog, stores.buses, flow.kinds, flow.delayed.forget, catch_up=flow.buses.refresh)

    def _make_operations(self) -> Operations:
        is_blocked = self._is_blocked if self._presence is not None else None
        return Operations(
            status=self.status,
            letters=Letters(self._stores.dead_letters, self._redrives),
            delayed=Delayed(self.flow.delayed, self.resources),
            trials=Trials(self._stores.catalog, self._stores.buses),
            pauses=Pauses(self.resources, self._unblock, self._clock, is_blocked=is_blocked),
            kinds=self.flow.kinds,
            ready=self.reasons,
            metrics=self._metrics,
        )

    async def status(self) -> Status:
        """Of all instances that share the buses, or of this one alone; with every rule that was acknowledged."""
        return await self._status.status()

    async def reasons(self) -> dict[str, str]:
        """Why this bridge is not ready; empty when it is."""
        return reasons(self.flow, self._stores.buses)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Bridge"]:
        """Open the stores, start what is defined, listen; at the end stop listening, drain, close."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._stores.opened())
            await stack.enter_async_context(self.flow.moving(self.failed, self.settings.stop.drain))
            await self._open_doors(stack)
            if self._presence is not None:
                await stack.enter_async_context(present(self._presence, self.http_address, self.failed))
            if self._siblings is not None:
                await stack.enter_async_context(self._siblings.answering())
            yield self

    async def _open_doors(self, stack: AsyncExitStack) -> None:
        share, failed = self._siblings is not None, self.failed
        inside = (self.settings, self.flow, self.resources, self.operations)
        self.grpc_address = await stack.enter_async_context(grpc_door(*inside, share=share))
        self.http_address = await stack.enter_async_context(http_door(*inside, share=share, failed=failed))

    # What the parts ask of each other

    async def _metrics(self) -> bytes:
        return await self._siblings.metrics() if self._siblings is not None else self._telemetry.text()

    async def _retire(self, bus: str, rule: str, target: str, reason: str) -> None:
        await self.operations.pause(bus, rule, target, reason, by="bridge")

    async def _unblock(self, bus: str, rule: str, target: str, skip: bool) -> None:
        await (await self.flow.buses.get(bus)).rules.find(rule, target).unblock(skip=skip)

    async def _is_blocked(self, bus: str, rule: str, target: str) -> bool:
        """Whether a target may be blocked at any instance. What others told is a moment old, so it is looked twice."""
        for wait_s in (0.0, 2 * BEAT_S):
            await asyncio.sleep(wait_s)
            if (await self.operations.target(bus, rule, target)).state in {"blocked", "paused"}:
                return True
        return False

    def _obey(self, asked: CancelRedrive) -> None:
        self._redrives.cancel_mine(asked)
