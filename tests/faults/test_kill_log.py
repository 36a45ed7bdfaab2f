"""SIGKILL at random moments: what was acknowledged is there, in order, and offsets stay dense."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.stores.bus.base import BusLog, Usage
from bridge.stores.bus.lmdb.store import LmdbBusStore

WRITER = """
import asyncio, sys
from pathlib import Path
from bridge.model.log import Chunk, Format
from bridge.stores.bus.lmdb.store import LmdbBusStore

async def put(log, caller, told):
    number = 0
    while True:
        body = f'"{caller}-{number}"'.encode()
        (offset,) = await log.append([(0, Chunk(Format.JSON, 1, body))])
        if told:
            sys.stdout.write(f"{offset} {caller}-{number}\\n")
            sys.stdout.flush()
        number += 1

async def delete(store):
    while True:
        log = await store.create("waste", 3)
        for _ in range(20):
            await log.append([(p, Chunk(Format.PROTOBUF, 1, bytes(5000))) for p in range(3)])
            await log.trim(keep_bytes=40_000)
            await log.commit("live", {0: 1})
        await store.drop("waste")

async def main():
    store = LmdbBusStore(Path(sys.argv[1]), map_size=256 * 1024)
    await store.open()
    log = await store.create("traffic", 1)
    async with asyncio.TaskGroup() as group:
        for caller in range(8):
            group.create_task(put(log, f"{sys.argv[2]}.{caller}", True))
        if sys.argv[3] == "deleting":
            group.create_task(delete(store))

asyncio.run(main())
"""


async def recount(log: BusLog) -> Usage:
    """Usage as the chunks say."""
    kept = [chunk for p in range(log.partitions) for chunk in await log.read(p, 0, 10**6)]
    times = [chunk.time for chunk in kept]
    return Usage(sum(c.events for c in kept), sum(len(c.body) for c in kept), min(times, default=None))


@pytest.mark.parametrize("work", ["appending", "deleting"])
async def test_killed_at_random_moments_nothing_acknowledged_is_lost(tmp_path: Path, work: str) -> None:
    """Six processes one after another on one log, each killed while eight callers write.

    In half of the cases another log is filled, trimmed and dropped meanwhile.
    """
    choice = random.Random(20261124)
    acknowledged: dict[int, str] = {}
    for run in range(6):
        command = [sys.executable, "-c", WRITER, str(tmp_path), str(run), work]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(choice.randrange(50, 1500)):
                offset, name = writer.stdout.readline().split()
                acknowledged[int(offset)] = name
            writer.kill()
            for line in writer.stdout.read().splitlines(keepends=True):
                if line.endswith("\n"):  # the last line may be cut
                    offset, name = line.split()
                    acknowledged[int(offset)] = name
    store = LmdbBusStore(tmp_path)
    await store.open()
    log = store.log("traffic")
    chunks = await log.read(0, 0, 10**6)
    names = [name for chunk in chunks for name in chunk.body.decode().replace('"', "").split(",")]
    assert len(names) == log.bounds(0).end == sum(chunk.events for chunk in chunks)
    assert {offset: names[offset] for offset in acknowledged} == acknowledged
    assert len(set(names)) == len(names)
    for each in store.logs():
        assert await store.log(each).usage() == await recount(store.log(each))
    await store.close()
