"""Redrives: dead letters go back to the targets that did not take them, as jobs with progress.

A letter goes through its target's lane only, made anew by the rule as it is now, past its pattern. Once it was taken, or
waits durably for another attempt, the letter is discarded; one that becomes a dead letter again stays, with its new
reason. A crash in between leaves the letter, so that it may be delivered once more. Letters that arrive after the start
are left alone.

Jobs live in memory. After a restart the letters that are left say what is still to be done.
"""

import asyncio
import secrets
from collections.abc import Sequence
from itertools import islice

import structlog
from msgspec.structs import replace

from bridge.dataplane.buses import Buses
from bridge.dataplane.redriving import Job, Pacer, Sleep, Stream, Yard
from bridge.dataplane.tasks import Tasks
from bridge.errors import NotFound, Overloaded, StoreUnavailable
from bridge.model.clock import Clock
from bridge.model.redrive import Redrive
from bridge.stores.deadletters.base import DeadLetters, Filter, Names

log = structlog.get_logger()

MOST_RUNNING = 16
MOST_ENDED = 100
"""Jobs that have ended and can still be asked for."""
LONGEST_END_S = 2.0


class Redrives:
    """``run`` owns the jobs; the other methods may be called while it runs."""

    def __init__(self, buses: Buses, dead_letters: DeadLetters, clock: Clock, sleep: Sleep) -> None:
        self._buses = buses
        self._store = dead_letters
        self._clock = clock
        self._sleep = sleep
        self._jobs: dict[str, Job] = {}
        self._taken: set[str] = set()
        self._tasks: Tasks | None = None

    async def run(self) -> None:
        """Until cancelled. What lanes have by then may still be delivered, and is discarded then."""
        async with asyncio.TaskGroup() as group:
            self._tasks = Tasks(group)
            try:
                await asyncio.Event().wait()
            finally:
                self._tasks.ending = True
                await self._clear()
                self._tasks = None

    async def _clear(self) -> None:
        """Nothing that was taken shall be delivered again."""
        try:
            async with asyncio.timeout(LONGEST_END_S):
                for job in self._jobs.values():
                    await job.clear()
        except TimeoutError:
            log.warning("some redriven dead letters could not be discarded and may be delivered again")

    async def count(self, where: Filter, *, ids: Sequence[str] | None = None) -> int:
        """How many letters a redrive would find now. Raises NotFound, as ``start`` does."""
        return sum((await self._match(where, ids)).values())

    async def start(self, where: Filter, *, ids: Sequence[str] | None = None, rate: float | None = None) -> Redrive:
        """Redrive the letters that agree and, if given, have one of these ids; at most ``rate`` of them per second.

        Raises NotFound (there is no such bus, or none of the ids), Overloaded (too many are running), StoreError.
        """
        if sum(job.state == "running" for job in self._jobs.values()) >= MOST_RUNNING:
            raise Overloaded(f"{MOST_RUNNING} redrives are running; wait for one, or cancel it")
        where = replace(where, upto=await self._store.newest(where.bus))
        counts = await self._match(where, ids)
        if self._tasks is None:
            raise StoreUnavailable("the bridge is starting or stopping")
        yard = Yard(self._buses, self._store, self._tasks, self._clock, self._sleep, self._taken)
        job = Job(secrets.token_hex(4), where.bus, sum(counts.values()), rate, yard)
        self._forget_old()
        self._jobs[job.id] = job
        pacer = Pacer(self._clock, self._sleep, rate)
        job.begin([Stream(job, narrow(where, names), ids, pacer, yard) for names in counts])
        return job.shown()

    async def _match(self, where: Filter, ids: Sequence[str] | None) -> dict[Names, int]:
        await self._buses.get(where.bus)
        counts = await self._store.counts(where, ids=ids)
        if ids and not counts:
            raise NotFound(f"the bus {where.bus} has none of these dead letters", path="$.ids")
        return counts

    def get(self, bus: str, redrive_id: str) -> Redrive:
        """Raises NotFound."""
        return self._get(bus, redrive_id).shown()

    def list(self, bus: str) -> list[Redrive]:
        """Those of a bus that are running or have ended lately, oldest first."""
        return [job.shown() for job in self._jobs.values() if job.bus == bus]

    def all(self) -> tuple[Redrive, ...]:
        """Those of all buses."""
        return tuple(job.shown() for job in self._jobs.values())

    def cancel(self, bus: str, redrive_id: str) -> Redrive:
        """Send no more letters; those that a lane has already go on. One that has ended stays as it is. Raises NotFound."""
        job = self._get(bus, redrive_id)
        job.end("cancelled")
        return job.shown()

    def _get(self, bus: str, redrive_id: str) -> Job:
        job = self._jobs.get(redrive_id)
        if job is None or job.bus != bus:
            raise NotFound(f"there is no redrive {redrive_id} of the bus {bus}")
        return job

    def _forget_old(self) -> None:
        ended = [job.id for job in self._jobs.values() if job.state != "running"]
        for job_id in islice(ended, max(0, len(ended) - MOST_ENDED + 1)):
            del self._jobs[job_id]


def narrow(where: Filter, names: Names) -> Filter:
    """The letters of one target among those that agree."""
    return replace(where, rule=names[0], target=names[1])
