"""What lies in a data folder when the bridge is dead: read from a copy, so that the bridge finds the folder as it left it."""

import shutil
import subprocess
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from bridge.codec.chunks import decode_event
from bridge.dataplane.parking import Parked
from bridge.model.log import Format
from bridge.stores.bus.lmdb.store import LmdbBusStore
from bridge.stores.deadletters.base import Filter
from bridge.stores.deadletters.sql import SqlDeadLetters
from bridge.stores.timers.base import Timer
from bridge.stores.timers.sql import SqlTimers
from tests.faults.history.record import Look, Names, Place

ALL = 1_000_000


async def look(data: Path, copy: Path) -> Look:
    shutil.rmtree(copy, ignore_errors=True)
    subprocess.run(["cp", "-r", "--sparse=always", str(data), str(copy)], check=True)
    store, timers = LmdbBusStore(copy), SqlTimers(f"sqlite:///{copy}/timers.db")
    letters = SqlDeadLetters(f"sqlite:///{copy}/deadletters.db")
    async with AsyncExitStack() as stack:
        for each in (store, timers, letters):
            await each.open()
            stack.push_async_callback(each.close)
        ends, cursors = await _logs(store)
        parked, delayed = await read_timers(timers)
        return Look(ends, cursors, parked, await _letters(letters, store.logs()), delayed)


async def _logs(store: LmdbBusStore) -> tuple[dict[str, dict[int, int]], dict[str, dict[str, dict[int, int]]]]:
    ends, cursors = {}, {}
    for name in store.logs():
        log = store.log(name)
        ends[name] = {partition: log.bounds(partition).end for partition in range(log.partitions)}
        cursors[name] = {cursor: await log.cursor(cursor) for cursor in await log.cursors()}
    return ends, cursors


async def read_timers(timers: SqlTimers) -> tuple[dict[Names, dict[Place, int]], dict[str, set[int]]]:
    """What is parked, and what is delayed."""
    parked: dict[Names, dict[Place, int]] = {}
    delayed: dict[str, set[int]] = {}
    for queue in await timers.queues():
        kind, bus, *rest = queue.split("/")
        found = await timers.list(queue, ALL)
        if kind == "delayed":
            delayed[bus] = {int(timer.group) for timer in found}
        else:
            rule, target, *_ = rest  # each life of a target has a queue of its own
            parked.setdefault((bus, rule, target), {}).update((_place(timer.id), _number(timer)) for timer in found)
    return parked, delayed


def _number(timer: Timer) -> int:
    parked = msgspec.msgpack.decode(timer.body, type=Parked)
    return int(decode_event(Format(parked.format), parked.event).id)


def _place(timer_id: str) -> Place:
    partition, offset = timer_id.split(":")
    return int(partition), int(offset)


async def _letters(letters: SqlDeadLetters, buses: list[str]) -> dict[Names, dict[Place, int]]:
    found: dict[Names, dict[Place, int]] = {}
    for bus in buses:
        for letter in await letters.list(Filter(bus=bus), limit=ALL):
            names = (bus, letter.rule, letter.target)
            found.setdefault(names, {})[letter.partition, letter.offset] = int(letter.event_id)
    return found
