"""From put to target: throughput and idle latency for a file and an http target, and the memory it takes.

``python -m tests.bench.bench_flow [--events 100000]``
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import uvloop

from bridge.testing.process import BridgeProcess
from tests.bench import load
from tests.bench.sink import SinkProcess

BATCH = 100


def apply(bridge: BridgeProcess, rules: list[dict]) -> None:
    kept = {"retention": {"size": "512MiB"}} if (bridge.data / "events").exists() else {}  # else the brokers decide
    bus = {"kind": "Bus", "name": load.BUS, "spec": kept}
    text = "\n---\n".join(json.dumps(one) for one in [bus, *rules]).encode()
    request = urllib.request.Request(f"http://{bridge.http}/v1/apply", text, {"content-type": "application/yaml"})
    urllib.request.urlopen(request).close()


def rule(number: int, path: str, matches: bool, target: dict | None = None) -> dict:
    pattern = {"type": ["light.changed" if matches else f"other.{number}"], "data": {"to": ["red"]}}
    target = target or {"name": "file", "kind": "file", "config": {"path": path}}
    return {"kind": "Rule", "bus": load.BUS, "name": f"r{number}", "spec": {"pattern": pattern, "targets": [target]}}


@contextmanager
def bridge_with(rules: list[dict]) -> Iterator[BridgeProcess]:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder, BridgeProcess(Path(folder)) as bridge:
        apply(bridge, rules)
        yield bridge


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


async def throughput(bridge: BridgeProcess, requests: list[bytes], files: list[Path], stream: bool) -> float:
    """Events per second from the first put until every file has every event."""
    events = len(requests) * BATCH
    before = [lines(path) for path in files]
    began = time.perf_counter()
    if stream:
        await load.grpc_stream(bridge.grpc, requests[1:], BATCH)
    else:
        await load.grpc_unary(bridge.grpc, requests[1:], BATCH, 32)
    while any(lines(path) - had < events for path, had in zip(files, before, strict=True)):
        await asyncio.sleep(0.02)
    return events / (time.perf_counter() - began)


def anonymous_mib(pid: int) -> float:
    return sum(m.anonymous for m in psutil.Process(pid).memory_maps()) / 2**20


async def file_latency(bridge: BridgeProcess, path: Path, puts: int = 300) -> list[float]:
    """Milliseconds from the client's call to the line in the file, one event at a time on an idle bus."""
    requests = load.put_requests(puts, 1)
    found = []
    async with load.grpc.aio.insecure_channel(bridge.grpc) as channel:
        put = channel.unary_unary(load.METHOD)
        await put(requests[0])
        for request in requests:
            await asyncio.sleep(0.02)
            size = path.stat().st_size if path.exists() else 0
            began = time.perf_counter()
            answer = asyncio.ensure_future(put(request))
            while not path.exists() or path.stat().st_size == size:
                await asyncio.sleep(0.0003)  # spinning would hold up the client's own threads
            found.append((time.perf_counter() - began) * 1000)
            await answer
    return found


async def http_flow(events: int) -> tuple[float, float, float]:
    """Pushes per second, and idle p50 and p99 in ms, to a sink in another process."""
    with SinkProcess() as sink:
        target = {"name": "there", "kind": "http", "config": {"url": sink.url}, "concurrency": 32}
        with bridge_with([rule(0, "", matches=True, target=target)]) as bridge:
            began = time.perf_counter()
            await load.grpc_unary(bridge.grpc, load.put_requests(events, BATCH)[1:], BATCH, 16)
            while sink.count() < events:
                await asyncio.sleep(0.02)
            rate = events / (time.perf_counter() - began)
            found = []
            async with load.grpc.aio.insecure_channel(bridge.grpc) as channel:
                put = channel.unary_unary(load.METHOD)
                for request in load.put_requests(200, 1):
                    await asyncio.sleep(0.02)
                    began = time.time()  # noqa: TID251 - compared with the sink's clock
                    await put(request)
                    while (last := sink.last()) < began:
                        await asyncio.sleep(0.001)
                    found.append((last - began) * 1000)
    return rate, statistics.median(found), statistics.quantiles(found, n=100)[98]


async def run(events: int) -> None:
    requests = load.put_requests(events, BATCH)
    print(f"{'put to file, 1 KiB events, whole event per line':56}{'events/s':>10}")
    for title, rules in (
        ("one rule, all match", [rule(0, "out", matches=True)]),
        ("ten rules, one matches", [rule(n, f"out{n}", matches=n == 0) for n in range(10)]),
        ("ten rules, all match", [rule(n, f"out{n}", matches=True) for n in range(10)]),
    ):
        with bridge_with(rules) as bridge:
            names = [
                r["spec"]["targets"][0]["config"]["path"]
                for r in rules
                if "light.changed" in r["spec"]["pattern"]["type"]
            ]
            files = [bridge.folder / name for name in names]
            few = requests if len(files) == 1 else requests[: len(requests) // 4]
            if title.startswith("one"):
                cuts = statistics.quantiles(await file_latency(bridge, files[0]), n=100)
                print(f"{'idle put to file, ms: p50, p99':56}{cuts[49]:10.2f}{cuts[98]:8.2f}")
            for stream in (False, True):
                rate = await throughput(bridge, few, files, stream)
                print(f"{title + (', stream' if stream else ', unary batch 100'):56}{rate:10,.0f}")
            if title.startswith("one"):
                print(f"{'anonymous memory afterwards, MiB':56}{anonymous_mib(bridge.pid):10.0f}")
    rate, p50, p99 = await http_flow(min(events, 10_000))
    print(f"{'put to http, one request per event, 32 at once':56}{rate:10,.0f}")
    print(f"{'idle put to http, ms: p50, p99':56}{p50:10.2f}{p99:8.2f}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=100_000)
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(given.events))


if __name__ == "__main__":
    main()
