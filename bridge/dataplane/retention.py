"""Retention: deletes what a bus no longer keeps, now and then, and counts it; warns before that meets what is undelivered.

How near it is to a target says ``used``: 0 where nothing waits, 1 where its oldest undelivered event is being deleted. By
age that is exact. By size it is an estimate: the bytes that came at or after that event, if all events of the bus were of
one size.
"""

import asyncio
from collections.abc import Iterator
from typing import NamedTuple

import structlog

from bridge.dataplane.buses import Buses
from bridge.dataplane.running import RunningBus
from bridge.dataplane.sending import Timing
from bridge.dataplane.targets import RunningTarget
from bridge.errors import NotFound, StoreError
from bridge.model.bus import Retention as Kept
from bridge.model.times import format_time
from bridge.stores.bus.base import BusLog, Usage
from bridge.telemetry import Telemetry

log = structlog.get_logger()

EVERY_S = 10.0
NEAR = 0.8
"""From here on the log warns, once."""
FAR = 0.7
"""Below it, a target is out of danger: the next time is told again."""

Key = tuple[str, str, str]
"""Bus, rule, target."""


class Oldest(NamedTuple):
    """A target's oldest undelivered event: when it came (None: nothing waits); ``lost``: others before it are gone already."""

    time: float | None
    lost: bool


class Retention:
    def __init__(self, buses: Buses, telemetry: Telemetry, timing: Timing) -> None:
        self._buses = buses
        self._telemetry = telemetry
        self._timing = timing
        self._used: dict[Key, float] = {}
        self._told: dict[Key, bool] = {}
        """Targets of which the log has spoken, and whether of a loss."""
        telemetry.ask(self._gauges)

    def used(self, bus: str, rule: str, target: str) -> float | None:
        """How near retention is to a target's oldest undelivered event, when last looked at; None where all is kept."""
        return self._used.get((bus, rule, target))

    async def run(self) -> None:
        """Look and trim until cancelled."""
        while True:
            await self.turn()
            await self._timing.sleep(EVERY_S)

    async def turn(self) -> None:
        """Look at every target, then trim every bus. What cannot be read or deleted now is logged and left for later."""
        used: dict[Key, float] = {}
        for bus in self._buses.all():
            kept = bus.spec.retention
            if kept.age is None and kept.size is None:
                continue
            try:
                used |= await self._look(bus)
                await self._trim(bus)
            except (StoreError, NotFound) as error:
                log.warning("retention could not look or delete", bus=bus.name, reason=str(error))
        self._used = used
        self._told = {key: lost for key, lost in self._told.items() if key in used}

    async def _trim(self, bus: RunningBus) -> None:
        kept = bus.spec.retention
        before = self._timing.clock() - kept.age if kept.age is not None else None
        deleted = await bus.log.trim(before=before, keep_bytes=kept.size)
        if deleted:
            self._telemetry.trimmed.labels(bus.name).inc(deleted)
            log.info("retention deleted events", bus=bus.name, events=deleted)

    async def _look(self, bus: RunningBus) -> dict[Key, float]:
        look = Look(bus.log, bus.spec.retention, await bus.log.usage(), self._timing.clock())
        found: dict[Key, float] = {}
        for target in list(bus.rules.targets()):
            key = (bus.name, target.names.rule, target.names.target)
            oldest = await look.oldest(target)
            found[key] = await look.used(oldest)
            self._tell(key, found[key], oldest)
        return found

    def _tell(self, key: Key, used: float, oldest: Oldest) -> None:
        bus, rule, target = key
        if used < FAR:
            self._told.pop(key, None)
        elif oldest.lost:
            if self._told.get(key):
                return
            self._told[key] = True
            log.error(
                "retention deleted events that this target has not got; how many it misses is told when it goes on",
                bus=bus, rule=rule, target=target,
            )  # fmt: skip
        elif used >= NEAR and key not in self._told and oldest.time is not None:
            self._told[key] = False
            log.warning(
                "retention comes near the oldest event that a target has not got",
                bus=bus, rule=rule, target=target, used=round(used, 2), received=format_time(oldest.time),
            )  # fmt: skip

    def _gauges(self) -> Iterator[tuple[str, str, dict[str, str], float]]:
        for (bus, rule, target), used in self._used.items():
            labels = {"bus": bus, "rule": rule, "target": target}
            yield "retention_used", "How near retention is to the oldest undelivered event (1: it goes)", labels, used


class Look:
    """One look at a bus, which asks the log only once for what several targets have in common."""

    def __init__(self, bus_log: BusLog, kept: Kept, usage: Usage, now: float) -> None:
        self._log = bus_log
        self._kept = kept
        self._usage = usage
        self._now = now
        self._times: dict[tuple[int, int], float | None] = {}
        self._bytes: dict[float, float] = {}

    async def oldest(self, target: RunningTarget) -> Oldest:
        times, lost = [], False
        for partition, offset in target.position.items():
            first, end = self._log.bounds(partition)
            lost |= offset < first
            if max(offset, first) < end:
                times.append(await self._time(partition, max(offset, first)))
        return Oldest(min((time for time in times if time is not None), default=None), lost)

    async def used(self, oldest: Oldest) -> float:
        if oldest.lost or oldest.time is None:
            return float(oldest.lost)
        age, size = self._kept.age, self._kept.size
        shares = [0.0]
        if age is not None:
            shares.append(_share(self._now - oldest.time, age))
        if size is not None:
            shares.append(_share(await self._bytes_from(oldest.time), size))
        return min(1.0, max(shares))

    async def _time(self, partition: int, offset: int) -> float | None:
        """When the event at this offset came; None when it has just been deleted with all behind it."""
        place = (partition, offset)
        if place not in self._times:
            chunks = await self._log.read(partition, offset, 1)
            self._times[place] = chunks[0].time if chunks else None
            await asyncio.sleep(0)  # a chunk may have megabytes, and a bus thousands of targets
        return self._times[place]

    async def _bytes_from(self, time: float) -> float:
        """Those of events from this time on; about."""
        if time not in self._bytes:
            events = 0
            for partition in range(self._log.partitions):
                events += self._log.bounds(partition).end - await self._log.offset_at(partition, time)
            self._bytes[time] = events * self._usage.size_bytes / max(1, self._usage.events)
        return self._bytes[time]


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 1.0
