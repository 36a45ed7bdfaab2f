"""RocketMQ's own benchmark programs and our client, one after the other on one broker, counted by the broker itself.

A client runs in a process of its own; once it is warm, a window of some seconds is measured: what the broker counted
as put or got, and the CPU seconds of client and broker meanwhile. Both are measured alike, so neither counts itself.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psutil

from bridge.rocketmq.admin import Brokers, Groups, Topics
from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.configs import GroupConfig, TopicConfig
from bridge.rocketmq.offsets import Offsets
from tests.bench.priority import prefer
from tests.cluster.own import BROKER, OwnCluster
from tests.servers import rocketmq
from tests.servers.java import find_java, jars
from tests.servers.settings import DOCKER

TOPIC, QUEUES, SIZE = "bench", 8, 1024
PACKAGE = "org.apache.rocketmq.example.benchmark"
GROUPS = {"java": "bench_java", "ours": "bench_ours"}
BACKLOG = 400_000
"""Messages of each queue that consumers begin with: recent ones, which the system still holds in memory."""
JAVA_HEAP = ("-Xms512m", "-Xmx1g")
PUT, GOT = "msgPutTotalTodayNow", "msgGetTotalTodayNow"
START_S, POLL_S = 60, 0.05


class Window(NamedTuple):
    """What happened in some seconds, CPU seconds included."""

    messages: int
    seconds: float
    client_cpu_s: float
    broker_cpu_s: float

    @property
    def rate(self) -> float:
        return self.messages / self.seconds


class Load(NamedTuple):
    """One kind of load, as each side is told of it; ``counted``: the broker's counter of it."""

    name: str
    counted: str
    java: tuple[str, ...]
    """Main class and its words; empty: Java has none of this kind."""
    ours: tuple[str, ...]


def _batch(size: int) -> Load:
    java = (f"{PACKAGE}.BatchProducer", "-w", "4", "-s", str(SIZE), "-b", str(size))
    return Load(f"batches of {size}, 4 in flight", PUT, java, ("batch", "4", str(size)))


SINGLE = Load("single, 64 in flight", PUT, (f"{PACKAGE}.Producer", "-w", "64", "-s", str(SIZE)), ("single", "64"))
GATHERED = Load("single, 64 in flight, gathered", PUT, (), ("gathered", "64"))
CONSUME = Load("consume", GOT, (f"{PACKAGE}.Consumer", "-g", GROUPS["java"], "-p", "false"), ("consume",))
LOADS = (SINGLE, GATHERED, _batch(32), _batch(100), CONSUME)


class Bench:
    """``folder`` takes what the Java programs log."""

    def __init__(self, own: OwnCluster, cluster: Cluster, folder: Path) -> None:
        self._own = own
        self._cluster = cluster
        self._folder = folder
        self._java = find_java()
        self._jars = jars(DOCKER / "pom.xml", own.settings.cache)

    async def prepare(self) -> None:
        await Topics(self._cluster).create(TopicConfig(TOPIC, QUEUES, QUEUES))
        for group in GROUPS.values():
            await Groups(self._cluster).create(GroupConfig(group))

    async def run(self, load: Load, side: str, warm_s: float, seconds: float) -> Window | None:
        """A window of one side under a load; None where there is no such side."""
        words = load.java if side == "java" else load.ours
        if not words:
            return None
        if load is CONSUME:
            await self._rewind(GROUPS[side])
        command = self._java_command(words) if side == "java" else self._our_command(words)
        with self._running(command) as client:
            await self._moving(load.counted, client)
            await asyncio.sleep(warm_s)
            window = await self._window(load.counted, client, seconds)
        if load is CONSUME and await self._is_at_end(GROUPS[side]):
            raise RuntimeError(f"too few messages: {side} read all of them")
        return window

    def _java_command(self, words: Sequence[str]) -> list[str]:
        main, *rest = words
        java, first, *more = rocketmq.tool_command(self._java, self._jars, self._folder, main=main)
        return [java, first, *JAVA_HEAP, *more, *rest, "-t", TOPIC, "-n", self._own.name_server]

    def _our_command(self, words: Sequence[str]) -> list[str]:
        return [sys.executable, "-m", "tests.bench.cluster_client", self._own.name_server, TOPIC, *words]

    @contextmanager
    def _running(self, command: Sequence[str]) -> Iterator[psutil.Process]:
        environment = os.environ | {"ROCKETMQ_HOME": str(self._folder), "NAMESRV_ADDR": self._own.name_server}
        with (self._folder / "client.log").open("w") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, start_new_session=True)
        prefer(process.pid)
        try:
            yield psutil.Process(process.pid)
        finally:
            process.kill()
            process.wait()

    async def _moving(self, counted: str, client: psutil.Process) -> None:
        before = await self._count(counted)
        async with asyncio.timeout(START_S):
            while await self._count(counted) < before + 1000:
                if not client.is_running() or client.status() == psutil.STATUS_ZOMBIE:
                    raise RuntimeError(f"the client ended:\n{(self._folder / 'client.log').read_text()[-2000:]}")
                await asyncio.sleep(POLL_S)

    async def _window(self, counted: str, client: psutil.Process, seconds: float) -> Window:
        broker, loop = psutil.Process(self._own.pid(BROKER)), asyncio.get_running_loop()
        began, count = loop.time(), await self._count(counted)
        cpu = [_cpu_s(client), _cpu_s(broker)]
        await asyncio.sleep(seconds)
        took, counted_now = loop.time() - began, await self._count(counted)
        used = [now - before for now, before in zip((_cpu_s(client), _cpu_s(broker)), cpu, strict=True)]
        return Window(counted_now - count, took, *used)

    async def _count(self, counted: str) -> int:
        return int((await Brokers(self._cluster).runtime(BROKER))[counted])

    async def _rewind(self, group: str) -> None:
        offsets = Offsets(self._cluster, group)
        for queue in (await self._cluster.route(TOPIC)).readable:
            await offsets.commit(queue, max(0, await offsets.maximum(queue) - BACKLOG))

    async def _is_at_end(self, group: str) -> bool:
        return not sum(one.lag for one in await Groups(self._cluster).progress(group, TOPIC))


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
