"""A full disk: the call fails as a whole, nothing acknowledged is lost, and it goes on once there is room."""

import asyncio
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from bridge.errors import StartError, StoreUnavailable
from bridge.model.log import Chunk, Format
from bridge.stores.bus.base import BusLog
from bridge.stores.bus.lmdb.store import LmdbBusStore
from bridge.stores.catalog.sql import SqlCatalog

SIZE = 8 * 2**20


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB of our own."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(place)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root may mount")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def chunk(number: int, size: int = 50_000) -> Chunk:
    return Chunk(Format.PROTOBUF, 1, number.to_bytes(4, "big") + bytes(size))


async def fill(log: BusLog, start: int) -> int:
    """Append until it does not go on; how many were acknowledged."""
    number = start
    while True:
        try:
            await log.append([(0, chunk(number)), (1, chunk(number))])
        except StoreUnavailable as error:
            assert "No space left" in error.reason  # noqa: PT017 - the loop ends with it
            return number
        number += 1


async def stored(log: BusLog) -> list[int]:
    assert log.bounds(0) == log.bounds(1)
    found: list[int] = []
    while chunks := await log.read(0, len(found), 100):
        found += [int.from_bytes(c.body[:4], "big") for c in chunks]
    return found


async def test_a_full_disk_refuses_and_recovers(disk: Path) -> None:
    """With the file system really full; readers, cursors of the past and retention go on."""
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(2 * 2**20))
    store = LmdbBusStore(disk / "log")
    await store.open()
    log = await store.create("traffic", 2)
    await log.commit("live", {0: 1})
    first = await fill(log, 0)
    for refused in await asyncio.gather(*(log.append([(0, chunk(99))]) for _ in range(5)), return_exceptions=True):
        assert isinstance(refused, StoreUnavailable)
    assert await stored(log) == list(range(first))
    assert await log.cursor("live") == {0: 1}
    ballast.unlink()
    second = await fill(log, first)
    assert second > first
    assert await stored(log) == list(range(second))
    await store.close()
    again = LmdbBusStore(disk / "log")
    await again.open()
    log = again.log("traffic")
    assert await stored(log) == list(range(second))
    assert await log.trim(keep_bytes=SIZE // 4) > 0
    assert await log.append([(0, chunk(7))]) == [second]
    await again.close()


async def test_no_room_at_the_start_is_a_start_error(disk: Path) -> None:
    """With the directory and the reason; it starts once there is room."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    with pytest.raises(StartError, match=r"log.*No space left"):
        await LmdbBusStore(disk / "log").open()
    with pytest.raises(StartError, match=r"catalog\.db"):
        await SqlCatalog(f"sqlite:///{disk}/catalog.db").open()
    ballast.unlink()
    store = LmdbBusStore(disk / "log")
    await store.open()
    await store.close()


async def test_a_read_only_directory_is_a_start_error(disk: Path) -> None:
    """With its name and the reason."""
    store = LmdbBusStore(disk / "log")
    await store.open()
    await store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with pytest.raises(StartError, match=r"log.*Read-only"):
        await LmdbBusStore(disk / "log").open()
    with pytest.raises(StartError, match=r"catalog\.db"):
        await SqlCatalog(f"sqlite:///{disk}/catalog.db").open()


LIMITED = """
import asyncio, resource, sys
from pathlib import Path
from bridge.errors import StoreUnavailable
from bridge.model.log import Chunk, Format
from bridge.stores.bus.lmdb.store import LmdbBusStore

async def main():
    store = LmdbBusStore(Path(sys.argv[1]))
    await store.open()
    log = await store.create("traffic", 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, hard))
    stored = 0
    try:
        while True:
            await log.append([(0, Chunk(Format.PROTOBUF, 1, bytes(30_000)))])
            stored += 1
    except StoreUnavailable as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert await log.append([(0, Chunk(Format.PROTOBUF, 1, bytes(30_000)))]) == [stored]
    assert sum(c.events for c in await log.read(0, 0, 1000)) == stored + 1
    await store.close()
    print("went on after", stored)

asyncio.run(main())
"""


def test_a_limit_on_the_size_of_files_is_like_a_full_disk(tmp_path: Path) -> None:
    """Also without root."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)], check=True, capture_output=True, text=True, timeout=60
    )
    refused, went_on = done.stdout.splitlines()
    assert "File too large" in refused or "Input/output error" in refused
    assert int(went_on.split()[-1]) > 10


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
async def test_a_directory_without_permission_is_a_start_error(tmp_path: Path) -> None:
    """With its name and the reason."""
    tmp_path.chmod(0o500)
    with pytest.raises(StartError, match=r"Permission denied"):
        await LmdbBusStore(tmp_path / "log").open()
    tmp_path.chmod(0o700)


async def test_growth_without_address_space_is_refused_and_harms_nobody(tmp_path: Path) -> None:
    """The log goes on within what it has."""
    store = LmdbBusStore(tmp_path, map_size=2**20)
    await store.open()
    log = await store.create("traffic", 1)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    stored = 0
    resource.setrlimit(resource.RLIMIT_AS, (used + 2**19, limits[1]))
    try:
        while True:
            await log.append([(0, chunk(stored))])
            stored += 1
    except StoreUnavailable as error:
        assert "cannot grow beyond 1048576 bytes" in error.reason  # noqa: PT017 - the loop ends with it
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    assert sum(c.events for c in await log.read(0, 0, 1000)) == stored
    assert await log.append([(0, chunk(stored))]) == [stored]
    await store.close()
