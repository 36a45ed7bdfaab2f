"""Pushes per second of the http target, beside bare aiohttp against the same server. ``python -m tests.bench.bench_http_target``

The server runs in a process of its own and does as little as an HTTP server can. Rounds alternate, the best of each counts.
Goal: at least 0.7 of bare aiohttp. On a busy machine trust the ratio of CPU time, which is shown beside that of the rates.
Batched, a request holds 100 events of 1 KiB. Making that body costs as much as sending it, so there bare aiohttp is measured
twice: with one and the same body, and making it each time as the target must.
"""

import asyncio
import multiprocessing
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection

import aiohttp
import uvloop

from bridge.codec.http import format_batched, format_binary
from bridge.connectors.targets.http import HttpTarget
from bridge.model.event import Event
from bridge.testing.connectors import make_delivery, make_event, make_target

REQUESTS = 1_500
ROUNDS = 3
IN_FLIGHT = (1, 8, 64)
BATCH = 100
BATCHED_REQUESTS = 150
DATA = b'{"speed":61,"note":"' + b"x" * 1000 + b'"}'

Push = Callable[[int], Awaitable[None]]


class Server(asyncio.Protocol):
    """Answers 204 to every request with a Content-Length; looks at nothing else."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.rest = b""

    def data_received(self, data: bytes) -> None:
        self.rest += data
        while (end := self.rest.find(b"\r\n\r\n")) >= 0:
            head = self.rest[:end].lower() + b"\r\n"
            at = head.index(b"content-length: ") + 16
            whole = end + 4 + int(head[at : head.index(b"\r\n", at)])
            if len(self.rest) < whole:
                return
            self.rest = self.rest[whole:]
            self.transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")


def serve(parent: Connection) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0)
        parent.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(run())


async def measure(push: Push, in_flight: int, requests: int) -> tuple[float, float]:
    """Requests per second, and CPU microseconds per request of this process."""

    async def worker() -> None:
        for i in range(requests // in_flight):
            await push(i)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(worker() for _ in range(in_flight)))
    done = requests // in_flight * in_flight
    return done / (time.perf_counter() - began), (time.process_time() - cpu) / done * 1e6


Make = Callable[[], bytes]


async def single(url: str) -> None:
    event = make_event("7", DATA, subject="light-3", time="2026-11-24T08:30:00Z")
    headers, body = format_binary(event)
    await compare(url, [event], {"bare": lambda: body}, headers, "binary", REQUESTS)


async def batched(url: str) -> None:
    events = [make_event(str(n), DATA, subject="light-3", time="2026-11-24T08:30:00Z") for n in range(BATCH)]
    headers, body = format_batched(events)
    bodies: dict[str, Make] = {"bare, same body": lambda: body, "bare, makes it": lambda: format_batched(events)[1]}
    await compare(url, events, bodies, headers, "batched", BATCHED_REQUESTS)


async def compare(
    url: str, events: list[Event], bodies: dict[str, Make], headers: dict[str, str], mode: str, requests: int
) -> None:
    target = make_target(HttpTarget, url=url, mode=mode)
    await target.open()
    deliveries = [make_delivery(target, event, offset=offset) for offset, event in enumerate(events)]

    async def ours(_: int) -> None:
        await target.send(deliveries)

    async with aiohttp.ClientSession() as session:

        def bare(make: Make) -> Push:
            async def push(_: int) -> None:
                async with session.post(url, data=make(), headers=headers) as response:
                    await response.read()

            return push

        pushes = {name: bare(make) for name, make in bodies.items()} | {"http target": ours}
        titles = [f"{name:>18} ratio  CPU" for name in bodies]
        print(f"{mode}, {len(events)} event(s) each\n{'in flight':>9}{''.join(titles)}{'http target':>16}")
        for in_flight in IN_FLIGHT:
            found = await rounds(pushes, in_flight, requests)
            rate, cpu = found.pop("http target")
            shown = [f"{r:16,.0f}/s  {rate / r:4.2f} {c / cpu:4.2f}" for r, c in found.values()]
            print(f"{in_flight:>9}{''.join(shown)}{rate:14,.0f}/s")
    await target.close()


async def rounds(pushes: dict[str, Push], in_flight: int, requests: int) -> dict[str, tuple[float, float]]:
    """Of each, the best rate and the least CPU time, each for itself."""
    found = dict.fromkeys(pushes, (0.0, float("inf")))
    for _ in range(ROUNDS):
        for name, push in pushes.items():
            rate, cpu = await measure(push, in_flight, requests)
            found[name] = max(found[name][0], rate), min(found[name][1], cpu)
    return found


async def both(url: str) -> None:
    await single(url)
    await batched(url)


def main() -> None:
    mine, theirs = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    try:
        uvloop.run(both(f"http://127.0.0.1:{mine.recv()}/"))
    finally:
        server.terminate()
        server.join()


if __name__ == "__main__":
    main()
