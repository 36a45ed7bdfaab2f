"""A bus under load while something is done to its cluster, and whether it kept its promises.

Producers put numbered events through every door of one or several bridges; targets are files, and sinks over HTTP, one of
which asks for the order of keys. What each put was told and what arrived where is recorded and checked as the histories of
``tests/faults/history`` are: nothing acknowledged is lost, nothing is made up, keys keep their order, and only what was in
flight when a bridge was killed comes twice.
"""

import asyncio
import json
import random
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

from tests.cluster.bus import BusBridge, Json
from tests.faults.history.accounts import describe
from tests.faults.history.clock import MovedClock
from tests.faults.history.doors import Doors, Parcel
from tests.faults.history.losses import forged, lost, settled_too_early
from tests.faults.history.orders import disordered, stored_in_disorder
from tests.faults.history.record import End, History, Look, Numbered, Place, Put
from tests.faults.history.scene import Watched, watched
from tests.faults.history.sinks import Sinks

BUS, TYPE, PARTITIONS = "traffic", "n", 4
WATCHED = (watched(BUS, "plain", TYPE), watched(BUS, "keyed", TYPE, ordered=True))
KEYS = 4
"""Of each producer: events of one key come from one producer, one call after the other."""
REST_S = 0.05
SOON = {"schedule": ["50ms", "200ms"], "maxAttempts": 1000, "maxAge": "1d"}
DRAIN_S = 120
SETTLE_S = 3.0
"""In so long what a target has taken is committed, or a bridge that gives a partition away has ended what is under way."""
FORGOTTEN_S = 15.0
"""Commits of so long are lost when a broker is killed: it flushes them every 5 s, 10 s after its start for the first time."""
LOG_S = 0.2
"""How exactly it is known when something happened in another process."""


class Ordeal:
    """``bridges`` share one catalog and one cluster, or there is only one."""

    def __init__(self, folder: Path, bridges: Sequence[BusBridge], seed: str = "ordeal") -> None:
        self.history = History()
        self.bridges = bridges
        self.doubled = 0  # deliveries of what the same sink had taken before
        self.told: Counter[str] = Counter()  # reasons of /readyz, while trouble lasts
        self._clock = MovedClock(folder / "clock")
        self._sinks = Sinks(self.history, seed, self._clock)
        self._seed = seed
        self._number = 0
        for one in WATCHED:
            self._sinks.add(one)

    @asynccontextmanager
    async def running(self, producers: int = 6) -> AsyncIterator["Ordeal"]:
        """At the end no put begins, and everything that was acknowledged is delivered."""
        async with self._sinks.listening():
            for bridge in self.bridges:
                await bridge.start()
            await self.bridges[0].apply(*documents(self._sinks.url))
            async with asyncio.TaskGroup() as group:
                work = [group.create_task(self._produce(number)) for number in range(producers)]
                yield self
                for each in work:
                    each.cancel()
            await self._drain()
            self.history.last = Look({}, {}, {}, {}, {})

    # -- the load --------------------------------------------------------------------------------------------------

    async def _produce(self, number: int) -> None:
        """Through one bridge as long as that lives, then through another one, or its next life."""
        dice = random.Random(f"{self._seed}/{number}")
        turn = number
        while True:
            bridge = self.bridges[turn % len(self.bridges)]
            turn += 1
            if life := bridge.life:
                async with Doors.open(bridge.process) as doors:
                    while bridge.life == life:
                        await self._put(doors, f"p{number}", dice)
            await asyncio.sleep(REST_S)

    async def _put(self, doors: Doors, name: str, dice: random.Random) -> None:
        numbers = range(self._number + 1, self._number + 1 + dice.randint(1, 9))
        self._number = numbers[-1]
        key = f"{name}{dice.randrange(KEYS)}"
        puts = [Put(Numbered(number, BUS, TYPE, key), time.monotonic()) for number in numbers]
        self.history.puts |= {put.event.number: put for put in puts}
        results = await doors.put([Parcel(put.event) for put in puts], dice)
        for put, result in zip(puts, results, strict=True):
            put.ended = time.monotonic()
            put.outcome, put.place = result
        if any(put.outcome != "acknowledged" for put in puts):
            await asyncio.sleep(REST_S)

    # -- what callers wait for -------------------------------------------------------------------------------------

    @property
    def outcomes(self) -> Counter[str]:
        """Of all puts that came to an end."""
        return Counter(put.outcome for put in self.history.puts.values() if put.ended < float("inf"))

    @property
    def acknowledged(self) -> int:
        return sum(1 for _ in self.history.acknowledged())

    async def more(self, number: int, seconds: float = 90) -> None:
        """Until so many more events are acknowledged."""
        await self._grows(lambda: self.acknowledged, number, seconds)

    async def arriving(self, number: int, seconds: float = 90) -> None:
        """Until so many more deliveries have arrived at each sink."""
        await self._grows(lambda: min(len(self.history.seen[one.names]) for one in WATCHED), number, seconds)

    async def divided(self, seconds: float = 60) -> None:
        """Until each bridge reads some partitions, and together they read all."""
        async with asyncio.timeout(seconds):
            while True:
                shares = [(bridge.divisions() or [{"partitions": []}])[-1]["partitions"] for bridge in self.bridges]
                if all(shares) and sorted(partition for share in shares for partition in share) == list(
                    range(PARTITIONS)
                ):
                    return
                await asyncio.sleep(REST_S)

    async def _grows(self, count: Callable[[], int], number: int, seconds: float) -> None:
        enough = count() + number
        async with asyncio.timeout(seconds):
            while count() < enough:
                await asyncio.sleep(REST_S)

    async def says(self, *words: str, seconds: float = 30) -> None:
        """Until each bridge is not ready and gives a reason with all these words."""
        async with asyncio.timeout(seconds):
            for bridge in self.bridges:
                while not _names(reasons := await bridge.reasons(), words):
                    self.told.update(reasons.values())
                    await asyncio.sleep(REST_S)

    async def ready(self, seconds: float = 60) -> None:
        """Until each bridge says that it is."""
        reasons: Json = {}
        try:
            async with asyncio.timeout(seconds):
                for bridge in self.bridges:
                    while reasons := await bridge.reasons():
                        self.told.update(reasons.values())
                        await asyncio.sleep(REST_S)
        except TimeoutError:
            raise AssertionError(f"not ready after {seconds} s: {reasons}") from None

    async def kill(self, bridge: BusBridge, *, and_broker: Callable[[], Awaitable[None]] | None = None) -> None:
        """SIGKILL for one of them. What its cursor said then is what may come twice; nobody knows where the broker is
        killed, too, which has the commits of some seconds in memory only.
        """
        await bridge.kill()
        look = None
        if and_broker is None:  # cursors first: what is parked by then may be behind them, but not the other way round
            cursors = await bridge.cursors(BUS)
            look = Look({}, {BUS: cursors}, await bridge.parked(), {}, {})
        if and_broker is not None:
            await and_broker()
        self.history.ends.append(End(0.0, 0.0, time.monotonic(), None, look))

    async def mend(self) -> None:
        """Apply the bus again, as an operator does."""
        await self.bridges[0].apply(*documents(self._sinks.url))

    def forget(self) -> int:
        """What was put so far is lost with its topic, and nobody asks for it any more; how much that was."""
        gone = list(self.history.acknowledged())
        for put in gone:
            put.outcome, put.place = "unknown", None
        return len(gone)

    async def _drain(self) -> None:
        live = [bridge for bridge in self.bridges if bridge.process.running]
        busy: list[str] = ["not asked yet"]
        try:
            async with asyncio.timeout(DRAIN_S):
                while busy:
                    await asyncio.sleep(0.1)
                    busy = [text for bridge in live for text in await _busy(bridge)]
        except TimeoutError:
            raise AssertionError(f"it does not drain: {busy}\n{live[0].process.log()[-3000:]}") from None

    # -- what must hold --------------------------------------------------------------------------------------------

    async def check(self) -> None:
        checks = (lost, forged, stored_in_disorder, disordered, settled_too_early)
        violations = [found for each in checks for found in each(self.history, WATCHED)]
        violations += self._doubles()
        assert not violations, "\n".join(violations[:10])
        self._check_files()
        await self._check_log()

    def _doubles(self) -> Iterator[str]:
        """What a sink took twice although it was not in flight when a bridge died, or gave a partition to another one."""
        divisions = [time for bridge in self.bridges for time in bridge.division_times()]
        for one in WATCHED:
            taken: dict[int, list[float]] = defaultdict(list)
            for seen in self.history.seen[one.names]:
                if seen.taken:
                    taken[seen.number].append(seen.time)
            for number, times in taken.items():
                put = self.history.puts[number]
                self.doubled += len(times) - 1
                for before, after in pairwise(times):
                    died = any(_may_come_twice(end, one, put, before, after) for end in self.history.ends)
                    moved = any(before - LOG_S < time < before + SETTLE_S for time in divisions)
                    if not (died or moved):
                        yield f"doubled: {describe(self.history, one, put)}"

    def _check_files(self) -> None:
        """What file targets wrote, in whichever instance."""
        written = {int(line["id"]) for bridge in self.bridges for line in bridge.lines("file.jsonl")}
        missing = {put.event.number for put in self.history.acknowledged()} - written
        assert not missing, f"not in any file: {sorted(missing)[:10]}"

    async def _check_log(self) -> None:
        """Each acknowledged event lies where its answer said, and none is stored twice."""
        stored: dict[Place, int] = {}
        live = next(bridge for bridge in self.bridges if bridge.process.running)
        token = "earliest"
        while token:
            page = await live.client.read(BUS, start=token, limit=1000)
            stored |= {(e.partition, e.offset): int(json.loads(bytes(e.event))["id"]) for e in page.events}
            token = page.next_page_token
        wrong = [put for put in self.history.acknowledged() if put.place and stored.get(put.place) != put.event.number]
        assert not wrong, f"not where it was said to be: {wrong[:5]}"
        twice = [number for number, times in Counter(stored.values()).items() if times > 1]
        assert not twice, f"stored twice: {twice[:10]}"


def _may_come_twice(end: End, one: Watched, put: Put, before: float, after: float) -> bool:
    """Whether a delivery, taken at ``before`` and ``after``, was not settled for good when a bridge was killed; or was
    just being parked then, so that it comes from there and from the log.
    """
    was_taken = before - LOG_S < end.time <= after
    if end.look is None or put.place is None:
        return was_taken and end.time < before + FORGOTTEN_S
    partition, offset = put.place
    is_parked = put.place in end.look.parked.get(one.names, ())
    is_open = offset >= end.look.committed(one.names, partition)
    if was_taken:
        return is_parked or is_open
    return end.time <= before and is_parked and is_open


def documents(sink: str) -> list[Json]:
    def rule(name: str, target: Json) -> Json:
        spec = {"pattern": {"type": [TYPE]}, "targets": [{"name": "t", "retry": SOON, **target}]}
        return {"kind": "Rule", "bus": BUS, "name": name, "spec": spec}

    def http(name: str) -> Json:
        return {"kind": "http", "config": {"url": f"{sink}/{BUS}/{name}/t"}}

    return [
        {"kind": "Bus", "name": BUS, "spec": {"partitions": PARTITIONS}},
        rule("plain", http("plain")),
        rule("keyed", http("keyed") | {"order": "key"}),
        rule("file", {"kind": "file", "config": {"path": "file.jsonl"}}),
    ]


async def _busy(bridge: BusBridge) -> list[str]:
    status = await bridge.client.status()
    return [
        f"{rule.name}: {target}"
        for bus in status.buses
        for rule in bus.rules
        for target in rule.targets
        if target.lag or target.waiting or target.parked or target.state != "running"
    ]


def _names(reasons: Json, words: Sequence[str]) -> bool:
    return bool(reasons) and all(any(word in f"{k}: {v}" for k, v in reasons.items()) for word in words)
