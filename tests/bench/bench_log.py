"""The bus log on this disk, beside what the disk and LMDB can do: ``python -m tests.bench.bench_log [folder]``.

About ten seconds. Events are 1,204 bytes, a batch has 100. Each figure stands beside the bare forms of the same bytes in
the same run: a loop of LMDB transactions, and a loop of ``write`` and ``fdatasync``. Everything is done three times in
turn, in files of its own that go afterwards, and the median is shown: disks and virtual memory have moods. Compare
ratios, not absolute numbers.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, process_time
from typing import NamedTuple

import lmdb

from bridge.model.log import Chunk, Format
from bridge.stores.bus.base import BusLog
from bridge.stores.bus.lmdb.store import LmdbBusStore

EVENT = 1204
BATCH = 100
CALLERS = 16
GROUP = CALLERS // 2
SECONDS = 0.35
ROUNDS = 3
MANY = Chunk(Format.PROTOBUF, BATCH, os.urandom(EVENT * BATCH))
ONE = Chunk(Format.PROTOBUF, 1, os.urandom(EVENT))


class Figure(NamedTuple):
    """Of one round: events per second, CPU µs per event, and seconds each call took."""

    rate: float
    cpu_us: float
    taken: list[float]


figures: dict[str, list[Figure]] = {}


def note(name: str, events: int, taken: list[float], wall: float, cpu: float) -> None:
    figures.setdefault(name, []).append(Figure(events / wall, cpu / events * 1e6, taken))


def repeat(name: str, events: int, step: Callable[[], object]) -> None:
    taken = []
    start, cpu = perf_counter(), process_time()
    while (begin := perf_counter()) < start + SECONDS:
        step()
        taken.append(perf_counter() - begin)
    note(name, events * len(taken), taken, sum(taken), process_time() - cpu)


def bare(folder: Path, size: int, events: int) -> None:
    """The same bytes by LMDB alone and by the disk alone."""
    body = os.urandom(size)
    with lmdb.open(str(folder / "bare"), map_size=2**36) as env:
        count = iter(range(10**9))

        def put() -> None:
            with env.begin(write=True) as txn:
                txn.put(next(count).to_bytes(8, "big"), body, append=True)

        repeat(f"LMDB put + commit of {size:,} bytes", events, put)
    (folder / "bare" / "data.mdb").unlink()
    with (folder / "plain").open("wb", buffering=0) as file:
        repeat(f"write + fdatasync of {size:,} bytes", events, lambda: (file.write(body), os.fdatasync(file.fileno())))
    (folder / "plain").unlink()


@asynccontextmanager
async def fresh_log(folder: Path) -> AsyncIterator[BusLog]:
    store = LmdbBusStore(folder / "log")
    await store.open()
    yield await store.create("traffic", 1)
    await store.close()
    (folder / "log" / "events" / "data.mdb").unlink()
    (folder / "log" / "cursors" / "data.mdb").unlink()


async def append(log: BusLog, name: str, chunk: Chunk, callers: int) -> None:
    """Callers side by side, each waiting for its answer."""
    taken: list[float] = []
    start, cpu = perf_counter(), process_time()

    async def call() -> None:
        while (begin := perf_counter()) < start + SECONDS:
            await log.append([(0, chunk)])
            taken.append(perf_counter() - begin)

    await asyncio.gather(*(call() for _ in range(callers)))
    note(name, chunk.events * len(taken), taken, perf_counter() - start, process_time() - cpu)


async def read(log: BusLog, name: str) -> None:
    """From the first event to the last, as the pipeline reads."""
    taken: list[float] = []
    start, cpu = perf_counter(), process_time()
    offset, end = 0, log.bounds(0).end
    while offset < end:
        begin = perf_counter()
        offset = (await log.read(0, offset, 300))[-1].end
        taken.append(perf_counter() - begin)
    note(name, end, taken, perf_counter() - start, process_time() - cpu)


async def play(folder: Path) -> None:
    bare(folder, EVENT * BATCH * GROUP, BATCH * GROUP)
    async with fresh_log(folder) as log:
        await append(log, f"log, {CALLERS} callers, batches of {BATCH}", MANY, CALLERS)
        await append(log, f"log, one caller, batches of {BATCH}", MANY, 1)
        await read(log, "read in steps of 300, stored in batches")
    bare(folder, EVENT, 1)
    async with fresh_log(folder) as log:
        await append(log, "log, one caller, single events", ONE, 1)
        await read(log, "read in steps of 300, stored singly")
        await append(log, f"log, {CALLERS} callers, single events", ONE, CALLERS)


def show() -> None:
    for name, rounds in figures.items():
        cuts = quantiles([second for figure in rounds for second in figure.taken], n=100)
        print(
            f"{name:<42}{median(f.rate for f in rounds):>11,.0f} events/s  {median(f.cpu_us for f in rounds):>6.2f} µs CPU"
            f"  p50 {cuts[49] * 1e3:5.2f} ms  p99 {cuts[98] * 1e3:5.2f} ms"
        )
    lines = Path("/proc/self/smaps_rollup").read_text("ascii").splitlines()
    kib = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:]}
    print(f"memory: {kib['Anonymous'] / 1024:.0f} MiB anonymous, {kib['Rss'] / 1024:.0f} MiB resident")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else ".") as name:
        for _ in range(ROUNDS):
            asyncio.run(play(Path(name)))
    show()
