"""`bridge copy`."""

import asyncio
import json
from pathlib import Path

from bridge.codec.log import encode_event, join_events
from bridge.model.event import Event
from bridge.model.log import Chunk, Format
from bridge.stores.bus.lmdb.store import LmdbBusStore


def fill(folder: Path, *buses: str) -> None:
    """A store with three events on each bus."""

    async def work() -> None:
        store = LmdbBusStore(folder)
        await store.open()
        for bus in buses:
            log = await store.create(bus, 2)
            raws = [encode_event(Event(f"{n}", "/s", "t", {}))[1] for n in range(2)]
            chunk = Chunk(Format.JSON, 2, join_events(Format.JSON, raws))
            await log.append([(0, chunk), (1, Chunk(Format.JSON, 1, raws[0]))])
        await store.close()

    asyncio.run(work())


def test_all_buses_are_copied(run, tmp_path: Path) -> None:
    """Their events are counted and have a digest; a second run finds them there."""
    fill(tmp_path / "a", "traffic", "orders")
    urls = ("--from", f"lmdb:{tmp_path}/a", "--to", f"lmdb:{tmp_path}/b")
    head, *rows = run("copy", *urls).stdout.splitlines()
    assert head.split() == ["BUS", "PARTITIONS", "EVENTS", "DIGEST"]
    assert [row.split()[:3] for row in rows] == [["orders", "2", "3"], ["traffic", "2", "3"]]
    assert rows[0].split()[3] == rows[1].split()[3]
    assert "is there already" in run("copy", *urls, code=1).stderr


def test_one_bus_is_copied(run, tmp_path: Path) -> None:
    """The others are left out."""
    fill(tmp_path / "a", "traffic", "orders")
    result = run("copy", "--from", f"lmdb:{tmp_path}/a", "--to", f"lmdb:{tmp_path}/b", "--bus", "orders", "-o", "json")
    (copied,) = json.loads(result.stdout)
    assert (copied["bus"], copied["events"], len(copied["digest"])) == ("orders", 3, 64)


def test_what_cannot_be_copied(run, tmp_path: Path) -> None:
    """No buses, no such bus, one store twice, no store at all."""
    fill(tmp_path / "a")
    source, target = f"lmdb:{tmp_path}/a", f"lmdb:{tmp_path}/b"
    assert run("copy", "--from", source, "--to", target).stderr == "there are no buses\n"
    assert "no log of a bus nope" in run("copy", "--from", source, "--to", target, "--bus", "nope", code=1).stderr
    assert "the same store" in run("copy", "--from", source, "--to", source, code=2).stderr
    assert "is no store" in run("copy", "--from", source, "--to", "nowhere", code=1).stderr
