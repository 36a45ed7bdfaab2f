"""Puts, durable, beside a server of the same kind that does nothing, in the same run; server and client on a CPU each.

``python -m tests.bench.bench_put [--rounds 3] [--events 60000]``
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import uvloop

from bridge.testing.process import BridgeProcess
from tests.bench import load
from tests.bench.load import Rate

BATCH = 100
Case = Callable[[str, str], Coroutine[Any, Any, Rate]]


def cases(events: int) -> dict[str, Case]:
    """By name: what is called with the gRPC and the HTTP address of a server."""
    few = events // 20
    single, batches = load.put_requests(few, 1), load.put_requests(events, BATCH)
    one, many = [load.json_event(n) for n in range(few)], load.json_batches(events, BATCH)
    structured, batched = "application/cloudevents+json", "application/cloudevents-batch+json"
    return {
        "gRPC unary, single": lambda grpc, _: load.grpc_unary(grpc, single, 1, 64),
        "gRPC unary, batch 100": lambda grpc, _: load.grpc_unary(grpc, batches, BATCH, 16),
        "gRPC stream, batch 100": lambda grpc, _: load.grpc_stream(grpc, batches, BATCH),
        "HTTP, single": lambda _, http: load.http_posts(http, one, 1, 32, structured),
        "HTTP, batch 100": lambda _, http: load.http_posts(http, many, BATCH, 16, batched),
    }


def define_bus(address: str) -> None:
    body = b'{"spec":{"retention":{"size":"256MiB"}}}'
    request = urllib.request.Request(f"http://{address}/v1/buses/{load.BUS}", body, method="PUT")
    request.add_header("content-type", "application/json")
    urllib.request.urlopen(request).close()


def measure(rounds: int, events: int) -> dict[str, tuple[float, float]]:
    """Events per second, idle and durable: medians over interleaved rounds."""
    found: dict[str, tuple[list[float], list[float]]] = {}
    os.sched_setaffinity(0, {0})  # the children inherit it
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        command = [sys.executable, "-m", "tests.bench.idle_server"]
        idle = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert idle.stdout is not None
            idle_grpc, idle_http = idle.stdout.readline().split()
            with BridgeProcess(Path(folder)) as bridge:
                define_bus(bridge.http)
                os.sched_setaffinity(0, {1})
                to_run = cases(events)
                with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                    for _ in range(rounds):
                        for name, case in to_run.items():
                            nothing, durable = found.setdefault(name, ([], []))
                            nothing.append(runner.run(case(idle_grpc, idle_http)).per_second)
                            durable.append(runner.run(case(bridge.grpc, bridge.http)).per_second)
        finally:
            idle.kill()
            idle.wait()
            os.sched_setaffinity(0, range(os.cpu_count() or 1))
    return {name: (statistics.median(a), statistics.median(b)) for name, (a, b) in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=60_000)
    given = parser.parse_args()
    print(f"{'put, 1 KiB events':26}{'idle server/s':>16}{'durable/s':>14}{'share':>8}")
    for name, (nothing, durable) in measure(given.rounds, given.events).items():
        print(f"{name:26}{nothing:16,.0f}{durable:14,.0f}{durable / nothing:8.2f}")


if __name__ == "__main__":
    main()
