"""A dead target and a million events behind: what the others lose, what it costs, how fast one comes back, how fast a start is.

``python -m tests.bench.bench_backlog [--events 1000000]``: two to three minutes, and 5 GiB of disk for a while.

Two bridges take turns: in one, beside the target that is measured, a dead one and a paused one have a backlog. Then the
paused one is resumed, and its rate compared with that of the live cursor. Last, a bridge is started on as many parked
retries. Goals: the others within 10 %; under 400 MiB; no less than the live rate; under 2 s.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import uvloop

from bridge.codec.chunks import encode_event
from bridge.dataplane.making import retry_queue
from bridge.dataplane.parking import Parked
from bridge.model.event import DataForm, Event
from bridge.stores.deadletters.base import Attempt
from bridge.stores.timers.base import Timer
from bridge.stores.timers.sql import SqlTimers
from bridge.testing.process import BridgeProcess
from tests.bench import load
from tests.bench.bench_flow import anonymous_mib

BATCH = 100
ROUND = 100_000
ROUNDS = 5
NOBODY = "http://127.0.0.1:9/"


def target(name: str, **more: object) -> dict:
    return {"name": name, "kind": "file", "config": {"path": name}, **more}


DEAD = {"name": "dead", "kind": "http", "config": {"url": NOBODY}}
BEHIND = target("behind", paused=True)


def apply(bridge: BridgeProcess, *targets: dict) -> None:
    bus = {"kind": "Bus", "name": load.BUS, "spec": {}}
    rules = [{"kind": "Rule", "bus": load.BUS, "name": t["name"], "spec": {"targets": [t]}} for t in targets]
    post(bridge, "/v1/apply", msgspec.json.encode([bus, *rules]))


def post(bridge: BridgeProcess, path: str, body: bytes = b"{}") -> None:
    headers = {"content-type": "application/json"}
    urllib.request.urlopen(urllib.request.Request(f"http://{bridge.http}{path}", body, headers)).close()


class Lines:
    """How many lines a growing file has; what was counted once is not read again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0
        self.count = 0

    def look(self) -> int:
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._read)
                while piece := file.read(2**22):
                    self._read += len(piece)
                    self.count += piece.count(b"\n")
        return self.count

    async def until(self, count: int) -> None:
        while self.look() < count:
            await asyncio.sleep(0.01)


async def throughput(bridge: BridgeProcess, lines: Lines, requests: list[bytes], times: int = 1) -> float:
    """Events per second from the first put until the target has the last."""
    wanted = lines.look() + times * len(requests) * BATCH
    began = time.perf_counter()
    for _ in range(times):
        await load.grpc_stream(bridge.grpc, requests[1:], BATCH)
    await lines.until(wanted)
    return times * len(requests) * BATCH / (time.perf_counter() - began)


async def beside_a_backlog(folder: Path, events: int) -> None:
    requests = load.put_requests(ROUND, BATCH)
    with BridgeProcess(folder / "alone") as alone, BridgeProcess(folder / "beside") as beside:
        apply(alone, target("live"))
        apply(beside, target("live"), DEAD, BEHIND)
        lines = {bridge: Lines(bridge.folder / "live") for bridge in (alone, beside)}
        await throughput(alone, lines[alone], requests)
        rate = await throughput(beside, lines[beside], requests, max(1, events // ROUND))
        note(f"while {events:,} events pile up at a dead and a paused target", f"{rate:,.0f}/s")
        rates: dict[BridgeProcess, list[float]] = {alone: [], beside: []}
        for _ in range(ROUNDS):
            for bridge, found in rates.items():
                found.append(await throughput(bridge, lines[bridge], requests))
        without, with_it = (statistics.median(found) for found in rates.values())
        note("the live target, alone", f"{without:,.0f}/s")
        note("the live target, beside that backlog", f"{with_it:,.0f}/s", f"{with_it / without:.2f}")
        memory(beside)
        await rejoin(beside, lines[beside].count, without)


async def rejoin(bridge: BridgeProcess, count: int, live: float) -> None:
    lines = Lines(bridge.folder / "behind")
    began = time.perf_counter()
    post(bridge, f"/v1/buses/{load.BUS}/rules/behind/targets/behind/resume")
    await lines.until(count)
    rate = count / (time.perf_counter() - began)
    note(f"a target {count:,} events behind comes back", f"{rate:,.0f}/s", f"{rate / live:.2f}")
    memory(bridge)


def memory(bridge: BridgeProcess) -> None:
    resident = psutil.Process(bridge.pid).memory_info().rss / 2**20
    note("memory: anonymous; resident, with pages of the log", f"{anonymous_mib(bridge.pid):.0f}; {resident:.0f} MiB")


def parked(number: int) -> Iterator[Timer]:
    """As a lane parks them, due tomorrow."""
    now = time.time()  # noqa: TID251 - another process's clock
    queue = retry_queue(load.BUS, "dead", "dead") + "0"
    attempt = Attempt(started=now, duration_s=0.01, outcome="cannot connect to 127.0.0.1:9")
    for n in range(number):
        event = Event(f"event-{n:09}", "/junction/7", "light.changed", {}, load.data(n), DataForm.JSON)
        form, text = encode_event(event)
        body = msgspec.msgpack.encode(Parked(form, text, now, "", None, now, 1, (attempt,)))
        yield Timer(queue=queue, id=f"{0:05}:{n:020}", due=now + 86_400 + n / 1000, body=body)


async def start_with_parked(folder: Path, events: int) -> None:
    bridge = BridgeProcess(folder)
    bridge.start()
    apply(bridge, DEAD)
    bridge.stop()
    note("start until ready, nothing parked", f"{started(bridge):.2f} s")
    timers = SqlTimers(f"sqlite:///{bridge.data}/timers.db")
    await timers.open()
    waiting = parked(events)
    while batch := [timer for _, timer in zip(range(1000), waiting, strict=False)]:
        await timers.add(batch)
    await timers.close()
    note(f"start until ready, {events:,} retries parked", f"{started(bridge):.2f} s")
    with bridge:
        asked = time.perf_counter()
        urllib.request.urlopen(f"http://{bridge.http}/v1/status").close()
        note("status then", f"{time.perf_counter() - asked:.2f} s")
        memory(bridge)


def started(bridge: BridgeProcess) -> float:
    """The best of three."""
    found = []
    for _ in range(3):
        began = time.perf_counter()
        bridge.start()
        found.append(time.perf_counter() - began)
        bridge.stop()
    return min(found)


def note(what: str, figure: str, ratio: str = "") -> None:
    print(f"{what:62}{figure:>16}{ratio:>8}", flush=True)


async def run(events: int) -> None:
    for part in (beside_a_backlog, start_with_parked):
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            await part(Path(folder), events)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=1_000_000)
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(given.events))


if __name__ == "__main__":
    main()
