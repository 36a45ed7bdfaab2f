"""One bus at work: its log, its rules and its pipeline."""

import asyncio
from collections.abc import Sequence
from functools import partial

import structlog

from bridge.dataplane.making import NO_COUNTS, Surroundings
from bridge.dataplane.pipeline import Pace, Pipeline, Refresh, Wiring, is_gone
from bridge.dataplane.routing import Judgement
from bridge.dataplane.rules import LIVE, RunningRules
from bridge.dataplane.sending import Settled
from bridge.dataplane.stats import BusStats
from bridge.dataplane.targets import RunningTarget
from bridge.dataplane.tasks import Tasks
from bridge.model.bus import BusSpec
from bridge.model.delivery import Delivery
from bridge.model.documents import parse_json
from bridge.model.log import StoredChunk
from bridge.model.resource import Resource
from bridge.stores.bus.base import BusLog

log = structlog.get_logger()


class RunningBus:
    """Made when a bus appears, told of each change, ended when it goes."""

    def __init__(
        self,
        resource: Resource,
        bus_log: BusLog,
        tasks: Tasks,
        around: Surroundings,
        before: "RunningBus | None" = None,
    ) -> None:
        """``before``: the same bus as it was until it was divided anew; its counts go on."""
        self.name = resource.name
        self.created = resource.created
        self.log = bus_log
        past = before.rules.counts() if before is not None else NO_COUNTS
        self.rules: RunningRules = RunningRules(self.name, bus_log, tasks, around, past)
        self.stats: BusStats = (
            before.stats if before is not None else BusStats(self.name, around.telemetry, around.clock)
        )
        self._count_lost = around.telemetry.lost.labels(self.name, "", "").inc
        self._tasks = tasks
        self._sleep = around.timing.sleep
        self._patience_s = around.patience_s
        self._pipeline: Pipeline | None = None
        self.resource = resource
        self.spec = parse_json(bytes(resource.spec), BusSpec)

    async def change(self, resource: Resource) -> None:
        """Follow a changed definition of the bus."""
        self.resource = resource
        self.spec = parse_json(bytes(resource.spec), BusSpec)
        await self.rules.extend()
        if self._pipeline is not None:
            self._pipeline.grow()

    async def run(self, refresh: Refresh) -> None:
        """Carry events from the log to the lanes until cancelled or dropped."""
        wiring = Wiring(
            refresh,
            self._judge,
            unwanted=lambda: not self.rules.routing.rules,
            relieve=self.rules.relieve,
            lost=self._lost,
        )
        while True:
            self._pipeline = Pipeline(self.log, LIVE, wiring, Pace(patience_s=self._patience_s))
            attach = partial(self.rules.attach, self._pipeline, refresh)
            try:
                await self._pipeline.run(begun=attach)  # not earlier: a target that is behind compares where both read
            except Exception as error:
                if self._tasks.ending:
                    raise asyncio.CancelledError from error
                if is_gone(error):
                    return
                log.exception("the flow of a bus failed and begins again", bus=self.name)
            await self._sleep(1)

    def _lost(self, partition: int, first: int, end: int) -> None:
        """Retention was faster than the live cursor."""
        self._count_lost(end - first)
        log.error("retention deleted unread events", bus=self.name, partition=partition, first=first, end=end)

    def _judge(self, partition: int, offset: int, chunks: Sequence[StoredChunk]) -> Judgement:
        return self.rules.routing.judge(partition, offset, chunks)

    async def drain(self) -> None:
        """Read no more, and wait until what was read is delivered or buried."""
        if self._pipeline is not None:
            await self._pipeline.stop_reading()
        for lane in self.rules.lanes():
            lane.hurry()
        while not all(lane.is_quiet for lane in self.rules.lanes()):
            await self._sleep(0.02)

    async def end(self) -> None:
        """Stop all lanes; what is not settled is read again at the next start."""

        async def keep(deliveries: Sequence[Delivery], settled: Settled) -> None:
            pass

        targets = list(self.rules.targets())
        for target in targets:
            await target.lane.stop(keep)
        for target in targets:
            await target.stop()

    def lag(self, target: RunningTarget | None = None) -> int:
        """Events behind the oldest one that is not settled at a target, or that the live cursor has not read."""
        live = self._pipeline.read if self._pipeline is not None else {}
        position = target.position if target is not None else live
        held = {p: self.log.bounds(p) for p in self.log.here}
        return sum(max(0, end - position.get(p, first)) for p, (first, end) in held.items())
