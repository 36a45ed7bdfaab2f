"""One story: a bridge is started, driven, killed, looked at and started again, over and over; then it drains."""

import asyncio
import json
import random
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from bridge.client import Client
from bridge.model.status import Status, TargetStatus
from bridge.model.times import parse_time
from tests.faults.history import scene
from tests.faults.history.clock import MovedClock
from tests.faults.history.disk import Disk
from tests.faults.history.doors import Doors
from tests.faults.history.look import look
from tests.faults.history.operating import Operator
from tests.faults.history.plan import Kill
from tests.faults.history.producers import Numbers, Producer
from tests.faults.history.record import End, History, Names, Seen
from tests.faults.history.running import Run, Stuck
from tests.faults.history.scene import NEVER, Watched
from tests.faults.history.sinks import Sinks

PRODUCERS, PAUSE_S = 3, 0.05
FILE: Names = (scene.CALM, "file", "t")
LONGEST_DRAIN_S = 90.0
QUIET_S = 0.8
"""How long it is watched whether a bridge that has nothing to do does nothing."""
DAY_S = 86_400.0


class Story:
    """``disk``: the file system of its data, if it is one that can be filled."""

    def __init__(self, seed: str, folder: Path, disk: Disk | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.history = History()
        self.watched: list[Watched] = list(scene.FIXED)
        self._folder = folder
        self._disk = disk
        self._clock = MovedClock(folder / "clock")
        self._sinks = Sinks(self.history, seed, self._clock)
        self._dice = random.Random(f"{seed}/story")
        numbers = Numbers()
        self._producers = [
            Producer(f"p{name}", self.history, numbers, self._clock, random.Random(f"{seed}/p{name}"), PAUSE_S)
            for name in range(PRODUCERS)
        ]
        dice = random.Random(f"{seed}/operator")
        self._operator = Operator(self.history, self._sinks, self._clock, self.watched, dice)
        self._runs: list[Run] = []
        self._read = 0

    async def run(self, kills: Iterable[Kill]) -> None:
        """Asked for the next kill only when it is due. Raises Stuck."""
        for one in self.watched:
            self._sinks.add(one)
        async with self._sinks.listening():
            try:
                await self._define()
                for kill in kills:
                    await self._live(kill)
                await self._drain()
                await self._rest()
            finally:
                for run in self._runs:
                    run.abandon()

    def _run(self, kill: Kill | None = None) -> Run:
        self._runs.append(Run(self._folder, self._clock.path, kill))
        return self._runs[-1]

    async def _define(self) -> None:
        """The beginning of every story, in which nothing goes wrong."""
        run = self._run()
        await run.start()
        async with Doors.open(run.process) as doors:
            documents = [*scene.buses(), *scene.rules(self._sinks.url)]
            await doors.client.apply("\n---\n".join(json.dumps(one) for one in documents))
        await run.stop()

    async def _live(self, kill: Kill) -> None:
        """One run, which ends by a kill."""
        run = self._run(kill)
        try:
            ready = await run.start()
        except Stuck:
            if self._disk is None or not self._disk.full:
                raise
            self._disk.free()  # it could not start without room
            run = self._run(kill)
            ready = await run.start()
        if ready:
            await self._drive(run, kill)
        await run.end()
        await self._record(run)

    async def _drive(self, run: Run, kill: Kill) -> None:
        async with Doors.open(run.process) as doors, asyncio.TaskGroup() as group:
            work = [producer.work(doors) for producer in self._producers]
            work.append(self._operator.work(doors.client, kill.first))
            if self._disk is not None and (kill.fills or self._disk.full):
                work.append(self._fill(self._disk))
            workers = [group.create_task(one) for one in work]
            await run.live(kill.life_s)
            await run.end()
            await _cancel(workers)

    async def _fill(self, disk: Disk) -> None:
        """Fill the disk and free it again; if the bridge is killed before that, it starts on a full one."""
        if not disk.full:
            await asyncio.sleep(self._dice.uniform(0, 0.5))
            disk.fill()
        await asyncio.sleep(self._dice.uniform(0.2, 0.8))
        disk.free()

    async def _record(self, run: Run, *, clean: bool = False) -> None:
        self._read_file(run.ended)
        found = await look(run.process.data, self._folder / "copy")
        self.history.ends.append(End(run.started, run.ready, run.ended, run.point, found, clean))

    def _read_file(self, ended: float) -> None:
        """What the file target wrote in this run: just before its end, for all that is known."""
        path = self._folder / "file.jsonl"
        text = path.read_bytes()[self._read :] if path.exists() else b""
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            try:
                number = int(msgspec.json.decode(line)["id"])
            except msgspec.DecodeError:
                continue  # half of a line, which a kill left there
            self.history.seen[FILE].append(Seen(number, ended - 1e-6, taken=True))

    # -- the end ---------------------------------------------------------------------------------------------------

    async def _drain(self) -> None:
        """All targets are well, all is resumed: in the end nothing is left to do."""
        if self._disk is not None:
            self._disk.free()
        self._sinks.calm = True
        self._clock.catch_up()
        run = self._run()
        await run.start()
        async with Doors.open(run.process) as doors:
            await self._operator.settle(doors.client)
            await self._until_idle(doors.client)
        await asyncio.sleep(0.3)
        await run.stop()
        await self._record(run, clean=True)
        self.history.last = self.history.ends[-1].look

    async def _until_idle(self, client: Client) -> None:
        end = time.monotonic() + LONGEST_DRAIN_S
        busy = ["not asked yet"]
        while busy:
            if time.monotonic() > end:
                raise Stuck(f"it does not drain: {busy}")
            await asyncio.sleep(0.1)
            await self._operator.mend(client)
            busy = _busy(await client.status()) + await self._delayed(client)

    async def _delayed(self, client: Client) -> list[str]:
        """Delayed events that are to enter today."""
        now = self._clock.now()
        return [
            f"{bus} {one.id} enters at {one.scheduled}"
            for bus in scene.TYPES
            async for one in client.delayed_events(bus)
            if (parse_time(one.scheduled) or 0) < now + DAY_S
        ]

    async def _rest(self) -> None:
        """Once more after a stop in good order: nothing comes again."""
        run = self._run()
        await run.start()
        await asyncio.sleep(QUIET_S)
        await run.stop()
        await self._record(run, clean=True)


async def _cancel(workers: Sequence[asyncio.Task[None]]) -> None:
    """Until they have ended: a call of gRPC that fails at that moment swallows it."""
    while not all(worker.done() for worker in workers):
        for worker in workers:
            worker.cancel()
        await asyncio.wait(workers, timeout=0.1)


def _busy(status: Status) -> list[str]:
    return [
        f"{bus.name}/{rule.name}: {target}"
        for bus in status.buses
        for rule in bus.rules
        for target in rule.targets
        if _is_busy((bus.name, rule.name, target.name), target)
    ]


def _is_busy(names: Names, target: TargetStatus) -> bool:
    if names == NEVER:  # all of it is parked for long
        return bool(target.lag or target.waiting)
    return bool(target.lag or target.waiting or target.parked or target.state not in {"running", "failing"})
