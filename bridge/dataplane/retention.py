"""Retention: deletes what a bus no longer keeps, now and then, and counts it."""

import structlog

from bridge.dataplane.buses import Buses
from bridge.dataplane.lanes import Timing
from bridge.dataplane.running import RunningBus
from bridge.errors import NotFound, StoreError
from bridge.telemetry import Telemetry

log = structlog.get_logger()

EVERY_S = 10.0


class Retention:
    def __init__(self, buses: Buses, telemetry: Telemetry, timing: Timing) -> None:
        self._buses = buses
        self._telemetry = telemetry
        self._timing = timing

    async def run(self) -> None:
        """Trim every bus until cancelled."""
        while True:
            for bus in self._buses.all():
                await self._trim(bus)
            await self._timing.sleep(EVERY_S)

    async def _trim(self, bus: RunningBus) -> None:
        kept = bus.spec.retention
        if kept.age is None and kept.size is None:
            return
        before = self._timing.clock() - kept.age if kept.age is not None else None
        try:
            deleted = await bus.log.trim(before=before, keep_bytes=kept.size)
        except (StoreError, NotFound) as error:
            log.warning("retention could not delete", bus=bus.name, reason=str(error))
            return
        if deleted:
            self._telemetry.trimmed.labels(bus.name).inc(deleted)
            log.info("retention deleted events", bus=bus.name, events=deleted)
