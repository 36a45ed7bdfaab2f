"""A bridge whose buses live on a cluster, for tests that look at it from both sides."""

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from bridge.client import Client
from bridge.rocketmq.admin import Groups, Topics
from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.offsets import Offsets
from bridge.stores.bus.rocketmq.registry import Registry
from bridge.stores.timers.sql import SqlTimers
from bridge.testing.process import BridgeProcess
from tests.faults.history.look import read_timers
from tests.faults.history.record import Names, Place

Json = dict[str, Any]
ANSWER_S = 40.0


class BusBridge:
    """``prefix`` is how its topics and groups begin; ``client`` speaks to it while it runs."""

    client: Client

    def __init__(self, folder: Path, name_server: str, prefix: str, *, catalog: str = "", **environ: str) -> None:
        """``catalog``: URL of a database that instances share; SQLite of its own if there is none."""
        variables = {"BRIDGE_ROCKETMQ_TOPIC_PREFIX": prefix, "BRIDGE_CATALOG_URL": catalog} | environ
        given = {name: value for name, value in variables.items() if value}
        self.process = BridgeProcess(folder, "--store", f"rocketmq://{name_server}", environ=given)
        self._is_shared = bool(catalog)
        self._catalog = catalog or f"sqlite:///{folder / 'data' / 'catalog.db'}"
        self.folder = folder
        self.name_server = name_server
        self.prefix = prefix
        self.life = 0
        """Which of its lives this is, from 1; 0 while it is dead or starts."""
        self._lives = 0
        self._stack = AsyncExitStack()

    async def cursors(self, bus: str) -> dict[str, dict[int, int]]:
        """Where all cursors of a bus stand, as the broker and the registry say."""
        found: dict[str, dict[int, int]] = {}
        registry = Registry(self._catalog)
        await registry.open("")
        try:
            row = await registry.find(bus)
            assert row is not None
            async with Cluster([self.name_server]) as cluster:
                for partition, queue in enumerate(row.queues):
                    for name, place in (await registry.places.within(row.id, partition)).items():
                        committed = await Offsets(cluster, place.group).committed(queue)
                        found.setdefault(name, {})[partition] = place.start if committed is None else committed
        finally:
            await registry.close()
        return found

    async def parked(self) -> dict[Names, dict[Place, int]]:
        """What waits durably for its next attempt, by target; of all instances that share the catalog."""
        timers = SqlTimers(self._catalog if self._is_shared else f"sqlite:///{self.folder / 'data' / 'timers.db'}")
        await timers.open()
        try:
            return (await read_timers(timers))[0]
        finally:
            await timers.close()

    def divisions(self) -> list[Json]:
        """What its log says of partitions that it gave away or took."""
        path = self.folder / "log"
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines if '"a bus was divided"' in line]

    def division_times(self) -> list[float]:
        """When that was, in monotonic seconds."""
        apart = time.monotonic() - time.time()  # noqa: TID251 - a log has times of the day
        return [datetime.fromisoformat(line["timestamp"]).timestamp() + apart for line in self.divisions()]

    def topic(self, bus: str) -> str:
        return f"{self.prefix}-{bus}"

    async def start(self) -> None:
        await asyncio.to_thread(self.process.start)
        self.client = await self._stack.enter_async_context(Client(self.process.http, timeout_s=ANSWER_S))
        self._lives += 1
        self.life = self._lives

    async def kill(self) -> None:
        self.life = 0
        await asyncio.to_thread(self.process.kill)
        await self._stack.aclose()

    async def stop(self) -> int:
        """In good order; its exit code."""
        self.life = 0
        await self._stack.aclose()
        return await asyncio.to_thread(self.process.stop)

    async def close(self) -> None:
        if self.process.running:
            await self.kill()

    async def apply(self, *documents: Json) -> None:
        await self.client.apply("\n---\n".join(map(json.dumps, documents)))

    async def put(self, bus: str, *events: Json) -> None:
        for result in await self.client.put_batch(bus, events):
            assert result.error is None, result.error

    async def reasons(self) -> dict[str, str]:
        """Why it says that it is not ready; empty when it is."""
        return await asyncio.to_thread(_reasons, f"http://{self.process.http}/readyz")

    def lines(self, name: str) -> list[Json]:
        """What a file target wrote so far; a line that is not complete yet is left out."""
        path = self.folder / name
        text = path.read_bytes() if path.exists() else b""
        return [json.loads(line) for line in text[: text.rfind(b"\n") + 1].splitlines()]

    async def until_lines(self, name: str, number: int, seconds: float = 30) -> list[Json]:
        async with asyncio.timeout(seconds):
            while len(found := self.lines(name)) < number:
                await asyncio.sleep(0.02)
        return found


def _reasons(url: str) -> dict[str, str]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            said = json.load(answer)
    except urllib.error.HTTPError as answer:
        with answer:
            said = json.load(answer)
    return dict(said["reasons"])


@asynccontextmanager
async def serving(folder: Path, name_server: str, prefix: str, **more: str) -> AsyncIterator[BusBridge]:
    """One that runs, and is killed at the end of the block."""
    bridge = BusBridge(folder, name_server, prefix, **more)
    await bridge.start()
    try:
        yield bridge
    finally:
        await bridge.close()


async def sweep(cluster: Cluster, prefix: str) -> None:
    """Delete what a bridge of this prefix has left on a cluster."""
    topics, groups = Topics(cluster), Groups(cluster)
    for name in await topics.names():
        if name.startswith(f"{prefix}-"):
            await topics.delete(name)
            await groups.delete(name)
