"""The store of timers on this disk: ``python -m tests.bench.bench_timers [number of timers] [folder]``.

About ten seconds with the default of 50,000 timers of each kind; a million take some ten minutes. Bodies are 1,204 bytes, a batch has 500.
Two queues are filled, one after the other: parked retries, whose ids and times ascend, and delayed events, whose ids
ascend while groups and times are in no order. Beside them stands a bare SQLite table that takes the same bytes in the same batches,
with one index. Everything is in a folder of its own that goes afterwards.
"""

import asyncio
import os
import random
import sqlite3
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from time import perf_counter

from bridge.stores.timers.base import Timer
from bridge.stores.timers.sql import SqlTimers

BODY = os.urandom(1204)
BATCH = 500
RETRY, DELAYED = "retry/traffic/red-lights/city-hall", "delayed/traffic"
NOW = 1_790_000_000.0


def retries(number: int) -> Iterator[Timer]:
    for n in range(number):
        yield Timer(queue=RETRY, id=f"{n % 4:05}:{n // 4:020}", due=NOW + n / 1000, body=BODY)


def delayed(number: int) -> Iterator[Timer]:
    chance = random.Random(7)
    for n in range(number):
        group = f"{chance.getrandbits(128):032x}"
        yield Timer(queue=DELAYED, id=f"{n:020}", due=NOW + chance.random() * 1e6, body=BODY, group=group)


def batches(timers: Iterator[Timer]) -> Iterator[list[Timer]]:
    while batch := [timer for _, timer in zip(range(BATCH), timers, strict=False)]:
        yield batch


def bare(folder: Path, number: int) -> None:
    file = sqlite3.connect(folder / "bare.db", isolation_level=None)
    for line in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "CREATE TABLE t (due REAL, id TEXT, body BLOB)"):
        file.execute(line)
    file.execute("CREATE INDEX by_due ON t (due, id)")
    start = perf_counter()
    for batch in batches(retries(number)):
        file.execute("BEGIN")
        file.executemany("INSERT INTO t VALUES (?, ?, ?)", [(timer.due, timer.id, timer.body) for timer in batch])
        file.execute("COMMIT")
    note("bare SQLite, added in batches of 500", number, perf_counter() - start)
    file.close()
    (folder / "bare.db").unlink()


async def fill(store: SqlTimers, name: str, timers: Iterator[Timer], number: int) -> None:
    start = perf_counter()
    for batch in batches(timers):
        await store.add(batch)
    note(f"{name}, added in batches of 500", number, perf_counter() - start)


async def settle(store: SqlTimers, queue: str, number: int) -> None:
    """As a mover does: what is due is read and removed, batch after batch."""
    start = perf_counter()
    while found := await store.due(queue, NOW + 1e6, BATCH):
        await store.remove(queue, [timer.id for timer in found])
    note(f"{queue.split('/', 1)[0]}, read when due and removed", number, perf_counter() - start)


async def one(name: str, call: Callable[[], Awaitable[object]]) -> None:
    start = perf_counter()
    await call()
    print(f"{name:<46}{(perf_counter() - start) * 1e3:>11,.1f} ms")


async def play(folder: Path, number: int) -> None:
    url = f"sqlite:///{folder}/timers.db"
    store = SqlTimers(url)
    await store.open()
    before = anonymous_mib()
    await fill(store, "retries", retries(number), number)
    await fill(store, "delayed", delayed(number), number)
    print(f"{'memory that this took':<46}{anonymous_mib() - before:>11,.0f} MiB")
    print(f"{'on disk':<46}{(folder / 'timers.db').stat().st_size / 2**20:>11,.0f} MiB")
    await store.close()

    async def start() -> None:
        await again.open()
        await again.due(RETRY, NOW, 1)
        await again.next_due(DELAYED)

    again = SqlTimers(url)
    await one("open, first of each queue", start)
    await one("the next 500 that are due", lambda: again.due(DELAYED, NOW + 1e6, BATCH))
    await one("next_due", lambda: again.next_due(DELAYED))
    await one("count", lambda: again.count(DELAYED))
    await one("groups, one each", lambda: again.groups(DELAYED))
    await settle(again, RETRY, number)
    await settle(again, DELAYED, number)
    await again.close()


def note(name: str, number: int, seconds: float) -> None:
    print(f"{name:<46}{number / seconds:>11,.0f} timers/s")


def anonymous_mib() -> float:
    lines = Path("/proc/self/smaps_rollup").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:")) / 1024


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else ".") as place:
        bare(Path(place), count)
        asyncio.run(play(Path(place), count))
