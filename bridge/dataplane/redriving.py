"""A redrive at work: one job, in which each target has a stream of its own, so that none waits for another.

A stream reads some letters, gives them to its target's lane, and keeps them (``sending.Keeper``) until it hears what they
became. A letter that another job holds is not sent a second time.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple

import structlog

from bridge.codec.chunks import decode_event
from bridge.crashpoints import crash_point
from bridge.dataplane.buses import Buses
from bridge.dataplane.persist import until_stored
from bridge.dataplane.sending import Became
from bridge.dataplane.tasks import Tasks
from bridge.errors import BridgeError, StoreError
from bridge.model.clock import Clock
from bridge.model.delivery import Delivery
from bridge.model.log import Position
from bridge.model.redrive import Redrive, State
from bridge.model.times import format_time
from bridge.stores.deadletters.base import DeadLetter, DeadLetters, Filter

log = structlog.get_logger()

PAGE = 50
"""Letters of one target that are read, and given to its lane, at a time."""
IDS_AT_ONCE = 500
AGAIN_S = 1.0
"""After so long, letters that a lane has let go of are given to the target's lane as it is then."""

STILL_DEAD = "some became dead letters once more: see their reasons"
TAKEN = "some are in another redrive"
BROKEN = "something failed inside; the server's log says what"

Sleep = Callable[[float], Awaitable[None]]


class Yard(NamedTuple):
    """What all jobs share. ``taken``: the ids of letters that a stream has."""

    buses: Buses
    store: DeadLetters
    tasks: Tasks
    clock: Clock
    sleep: Sleep
    taken: set[str]


class Job:
    """What became of the letters of one redrive so far; it is done when every stream is."""

    def __init__(self, job_id: str, bus: str, matched: int, rate: float | None, yard: Yard) -> None:
        self.id = job_id
        self.bus = bus
        self.state: State = "running"
        self.sent = self.delivered = self.parked = self.failed = 0
        self.reason = ""
        self._matched = matched
        self._rate = rate
        self._yard = yard
        self._started = yard.clock()
        self._ended = 0.0
        self._streams: Sequence[Stream] = ()
        self._flows: list[asyncio.Task[None]] = []

    def begin(self, streams: "Sequence[Stream]") -> None:
        self._streams = streams
        self._flows = [self._yard.tasks.spawn(stream.run()) for stream in streams]
        self.look()

    def look(self) -> None:
        """See whether there is nothing left to do."""
        if not any(stream.busy for stream in self._streams):
            self.end("done")

    def end(self, state: State, reason: str = "") -> None:
        """Read no more letters, unless it has ended already."""
        if self.state != "running":
            return
        self.state, self.reason, self._ended = state, reason or self.reason, self._yard.clock()
        for flow in self._flows:
            flow.cancel()
        log.info(
            "a redrive has ended", bus=self.bus, redrive=self.id, state=state, matched=self._matched,
            delivered=self.delivered, parked=self.parked, failed=self.failed, reason=self.reason,
        )  # fmt: skip

    async def clear(self) -> None:
        """Discard now what lanes have taken."""
        for stream in self._streams:
            await stream.clear()

    def shown(self) -> Redrive:
        return Redrive(
            id=self.id,
            bus=self.bus,
            state=self.state,
            matched=self._matched,
            sent=self.sent,
            delivered=self.delivered,
            parked=self.parked,
            failed=self.failed,
            rate=self._rate or 0.0,
            started=format_time(self._started),
            ended=format_time(self._ended) if self._ended else "",
            reason=self.reason,
        )


class Pacer:
    """Lets the streams of a job take turns so that together they keep to its rate."""

    def __init__(self, clock: Clock, sleep: Sleep, rate: float | None) -> None:
        """``rate`` in letters per second; None for no limit."""
        self.page = PAGE if rate is None else max(1, min(PAGE, int(rate)))
        self._letter_s = 1 / rate if rate is not None else 0.0
        self._clock = clock
        self._sleep = sleep
        self._free_at = float("-inf")
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until ``page`` letters may be sent; say by ``spend`` how many were."""
        async with self._turn:
            wait_s = min(self._free_at - self._clock(), self.page * self._letter_s)  # a clock may be set back
            if wait_s > 0:
                await self._sleep(wait_s)
            yield

    def spend(self, letters: int) -> None:
        self._free_at = max(self._free_at, self._clock()) + letters * self._letter_s


class Stream:
    """The letters of one target within a job. The keeper of those that its lane has."""

    def __init__(self, job: Job, where: Filter, ids: Sequence[str] | None, pacer: Pacer, yard: Yard) -> None:
        self._job = job
        self._where = where
        self._ids = sorted(set(ids)) if ids is not None else None
        self._pacer = pacer
        self._yard = yard
        self._reading = True
        self._out: dict[Position, DeadLetter] = {}
        self._gone: list[tuple[Became, DeadLetter]] = []
        self._clearing = False
        self._clear_turn = asyncio.Lock()

    @property
    def busy(self) -> bool:
        return self._reading or bool(self._out) or bool(self._gone) or self._clearing

    async def run(self) -> None:
        """Give every letter to the lane. Cancelled when the job ends; what is being given then still is."""
        try:
            for ids in self._parts():
                await self._run(ids)
        except StoreError as error:
            self._job.end("failed", str(error))
        except Exception:
            log.exception("a redrive failed", bus=self._job.bus, redrive=self._job.id)
            self._job.end("failed", BROKEN)
        finally:
            self._reading = False
            self._job.look()

    def _parts(self) -> Iterable[Sequence[str] | None]:
        if self._ids is None:
            return (None,)
        return (self._ids[start : start + IDS_AT_ONCE] for start in range(0, len(self._ids), IDS_AT_ONCE))

    async def _run(self, ids: Sequence[str] | None) -> None:
        after = ""
        while True:
            async with self._pacer.turn():
                page = await self._yard.store.list(self._where, ids=ids, limit=self._pacer.page, after=after)
                if not page:
                    return
                after = page[-1].id
                letters = self._take(page)
                crash_point("redrive-taken")
                self._pacer.spend(len(letters))
            if letters:  # shielded: whoever stops waiting for a lane that is full leaves them there
                await asyncio.shield(self._yard.tasks.spawn(self._give(letters)))

    def _take(self, page: Sequence[DeadLetter]) -> list[DeadLetter]:
        """Those that no other job has; they are ours from now on."""
        letters = [letter for letter in page if letter.id not in self._yard.taken]
        if len(letters) < len(page):
            self._job.failed += len(page) - len(letters)
            self._job.reason = TAKEN
        self._yard.taken.update(letter.id for letter in letters)
        self._out.update((_position(letter), letter) for letter in letters)
        self._job.sent += len(letters)
        return letters

    async def _give(self, letters: Sequence[DeadLetter]) -> None:
        """To the lane of the target as it is now; waits while that is full."""
        try:
            bus = await until_stored(lambda: self._yard.buses.get(self._job.bus), "definitions", self._job.bus)
            events = [(decode_event(x.format, x.event), _position(x), x.received or x.time) for x in letters]
            assert self._where.rule is not None
            assert self._where.target is not None
            await bus.rules.redeliver(self._where.rule, self._where.target, events, self)
        except BridgeError as error:
            self._fail(letters, str(error))
        except Exception:
            log.exception("dead letters cannot be redriven", bus=self._job.bus, redrive=self._job.id)
            self._fail(letters, BROKEN)

    async def done(self, deliveries: Sequence[Delivery], became: Became) -> None:
        """See sending.Keeper."""
        letters = [self._out[d.position] for d in deliveries if d.position in self._out]
        if became == "buried":
            self._fail(letters, STILL_DEAD)
        elif became != "released":
            self._gone += [(became, letter) for letter in letters]
            self._forget(letters)
            await self._clear_soon()
        elif self._yard.tasks.ending or self._job.state != "running":
            self._release(letters)
        else:
            self._yard.tasks.spawn(self._give_again(letters))

    async def _give_again(self, letters: Sequence[DeadLetter]) -> None:
        await self._yard.sleep(AGAIN_S)
        if self._job.state == "running":
            await self._give(letters)
        else:
            self._release(letters)

    def _fail(self, letters: Sequence[DeadLetter], reason: str) -> None:
        still = [letter for letter in letters if _position(letter) in self._out]
        self._job.failed += len(still)
        if still:
            self._job.reason = reason
        self._release(still)

    def _release(self, letters: Sequence[DeadLetter]) -> None:
        self._forget(letters)
        self._yard.taken.difference_update(letter.id for letter in letters)
        self._job.look()

    def _forget(self, letters: Sequence[DeadLetter]) -> None:
        for letter in letters:
            self._out.pop(_position(letter), None)

    async def _clear_soon(self) -> None:
        """Beside the lane; once nobody is left to do it, while the lane waits."""
        if self._yard.tasks.ending:
            await self.clear()
        elif not self._clearing:
            self._clearing = True
            self._yard.tasks.spawn(self.clear())

    async def clear(self) -> None:
        """Discard the letters that are done with, those of many sends at once."""
        try:
            async with self._clear_turn:
                while self._gone:
                    await self._discard(self._gone[:])
        finally:
            self._clearing = False
            self._job.look()

    async def _discard(self, gone: Sequence[tuple[Became, DeadLetter]]) -> None:
        letters = [letter for _, letter in gone]
        crash_point("redrive-before-discarded")
        await until_stored(lambda: self._yard.store.discard(letters), "redriven dead letters", self._job.bus)
        crash_point("redrive-discarded")
        del self._gone[: len(gone)]
        parked = sum(became == "parked" for became, _ in gone)
        self._job.parked += parked
        self._job.delivered += len(gone) - parked
        self._yard.taken.difference_update(letter.id for letter in letters)


def _position(letter: DeadLetter) -> Position:
    return Position(letter.partition, letter.offset)
