"""A bus on a real RocketMQ cluster: its log alone, then from put to file, with the CPU time of both processes.

``python -m tests.bench.bench_rocketmq [--events 100000] [--name-server 127.0.0.1:9876]``

Expects the cluster of `make cluster-up`, or BRIDGE_TEST_ROCKETMQ; leaves no topic behind.
"""

import argparse
import asyncio
import os
import secrets
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil
import uvloop

from bridge.codec.log import events_of
from bridge.model.log import Chunk, Format
from bridge.stores.bus.rocketmq.store import Options, RocketMqBusStore
from bridge.testing.process import BridgeProcess
from tests.bench import load
from tests.bench.bench_flow import BATCH, anonymous_mib, apply, file_latency, rule, throughput

READ = 300
"""Events in one read, as the pipeline reads them."""


class Cpu:
    """CPU seconds of processes since it was made."""

    def __init__(self, *pids: int) -> None:
        self._processes = [psutil.Process(pid) for pid in pids]
        self._before = [self._seconds(process) for process in self._processes]

    def per_event_us(self, events: int) -> str:
        pairs = zip(self._processes, self._before, strict=True)
        return " · ".join(f"{(self._seconds(process) - before) / events * 1e6:.1f}" for process, before in pairs)

    @staticmethod
    def _seconds(process: psutil.Process) -> float:
        times = process.cpu_times()
        return times.user + times.system


def broker_pid(port: int = int(os.environ.get("BROKER_PORT", "10911"))) -> int:
    """Who listens there."""
    found = [c.pid for c in psutil.net_connections("tcp") if c.status == "LISTEN" and c.laddr.port == port]
    return next(pid for pid in found if pid is not None)


def show(title: str, rate: float, rest: str = "") -> None:
    print(f"{title:56}{rate:10,.0f}   {rest}", flush=True)


async def log_alone(name_server: str, requests: Sequence[bytes]) -> None:
    """Appends of 100 events, 32 at once, and reads of 300, in this process."""
    chunks = [Chunk(Format.PROTOBUF, BATCH, request) for request in requests]
    events = len(chunks) * BATCH
    with tempfile.TemporaryDirectory() as folder:
        options = Options(prefix=f"bench-{secrets.token_hex(4)}")
        store = RocketMqBusStore([name_server], f"sqlite:///{folder}/catalog.db", options=options)
        await store.open()
        log = await store.create(load.BUS, 1)
        try:
            await log.append([(0, chunks[0])])
            cpu, began = Cpu(os.getpid(), broker_pid()), time.perf_counter()
            waiting = iter(chunks)

            async def work() -> None:
                for chunk in waiting:
                    await log.append([(0, chunk)])

            await asyncio.gather(*(work() for _ in range(32)))
            show("append, 100 events, 32 at once", events / (time.perf_counter() - began), cpu.per_event_us(events))
            for title, decode in (("read, as it is", False), ("read and decode", True)):
                cpu, began, offset = Cpu(os.getpid(), broker_pid()), time.perf_counter(), 0
                while found := await log.read(0, offset, READ):
                    offset = found[-1].end
                    if decode:
                        for chunk in found:
                            events_of(chunk)
                show(title, offset / (time.perf_counter() - began), cpu.per_event_us(offset))
        finally:
            await store.drop(load.BUS)
            await store.close()


@contextmanager
def bridge_on(name_server: str, rules: list[dict]) -> Iterator[BridgeProcess]:
    environ = {"BRIDGE_ROCKETMQ_TOPIC_PREFIX": f"bench-{secrets.token_hex(4)}"}
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        flags = ("--store", f"rocketmq://{name_server}")
        with BridgeProcess(Path(folder), *flags, environ=environ) as bridge:
            apply(bridge, rules)
            yield bridge
            url = f"http://{bridge.http}/v1/buses/{load.BUS}?cascade=true"
            urllib.request.urlopen(urllib.request.Request(url, method="DELETE")).close()


async def put_to_file(name_server: str, requests: list[bytes], title: str, rules: list[dict]) -> None:
    with bridge_on(name_server, rules) as bridge:
        file = bridge.folder / "out0"
        if title.startswith("one"):
            cuts = statistics.quantiles(await file_latency(bridge, file), n=100)
            print(f"{'idle put to file, ms: p50, p99':56}{cuts[49]:10.2f}{cuts[98]:8.2f}")
        for stream in (False, True):
            cpu = Cpu(bridge.pid, broker_pid())
            rate = await throughput(bridge, requests, [file], stream)
            show(f"{title}, {'stream' if stream else 'unary batch 100'}", rate, cpu.per_event_us(len(requests) * BATCH))
        rss = psutil.Process(bridge.pid).memory_info().rss / 2**20
        print(f"{'memory afterwards, MiB: anonymous, resident':56}{anonymous_mib(bridge.pid):10.0f}{rss:8.0f}")


async def run(name_server: str, events: int) -> None:
    requests = load.put_requests(events, BATCH)
    print(f"{'1 KiB events; CPU µs per event: bridge · broker':56}{'events/s':>10}")
    await log_alone(name_server, requests)
    await put_to_file(name_server, requests, "one rule", [rule(0, "out0", matches=True)])
    ten = [rule(n, f"out{n}", matches=n == 0) for n in range(10)]
    await put_to_file(name_server, requests, "ten rules, one matches", ten)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--name-server", default=os.environ.get("BRIDGE_TEST_ROCKETMQ", "127.0.0.1:9876"))
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(given.name_server, given.events))


if __name__ == "__main__":
    main()
