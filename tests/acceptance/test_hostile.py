"""Targets that behave as badly as they can, beside one that is well: each is explained, and nobody else waits for it."""

import asyncio
import json
import shutil
import ssl
import statistics
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.testing.process import BridgeProcess
from bridge.testing.sink import Act, Answer, HttpSink, Received, silent
from tests.acceptance.conftest import Door, bus, event, rule, to_file, until

YEAR = str(366 * 86_400)
TURNS = """
import runpy, socket
import bridge.connectors.web as web
web.LOOKUP_S = 0.0  # each connection asks anew
known, asked = socket.getaddrinfo, []
def ask(host, port, *rest, **more):
    if host != "turns.example":
        return known(host, port, *rest, **more)
    asked.append(host)
    address = "127.0.0.1" if len(asked) == 1 else "10.0.0.1"
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]
socket.getaddrinfo = ask
runpy.run_module("bridge", run_name="__main__")
"""
"""A bridge on a machine where a name leads to this machine when it is first looked up, and into a network after that."""


def says(data: bytes, again: bytes = b"") -> Act:
    """Sends bytes as they stand and closes; ``again``: without end instead."""

    async def act(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        while again:
            writer.write(again)
            await writer.drain()
        writer.close()

    return act


async def drip(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Headers of which each byte comes in time, and the end never."""
    writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not reader.at_eof():
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


MEAN: dict[str, Answer | Act] = {
    "garbage": says(b"\x16\x03\x01\x02\x00\x01\xff\xfe no HTTP at all\r\n\r\n"),
    "headers": says(b"HTTP/1.1 200 OK\r\n", again=b"X-More: again\r\n" * 1000),
    "drip": drip,
    "gibibyte": says(b"HTTP/1.1 500 X\r\nContent-Length: 1073741824\r\n\r\n", again=b"x" * 65536),
    "breaks": says(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "silent": silent,
    "redirect": Answer(302, {"Location": "http://169.254.169.254/latest"}),
    "year": Answer(429, {"Retry-After": YEAR}, b"come back next year"),
    "word": Answer(503, {"Retry-After": "soon"}),
    "turns": says(b"HTTP/1.1 503 X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
}
"""By the last part of the path."""

REASONS = {
    "garbage": "broken answer",
    "headers": "broken answer",
    "drip": "no answer in time",
    "gibibyte": "status 500: xxx",
    "breaks": "the connection was closed before an answer came",
    "silent": "no answer in time",
    "redirect": "status 302: redirects are not followed (to http://169.254.169.254/latest)",
    "year": f"status 429: come back next year (Retry-After: {YEAR})",
    "word": "status 503 (Retry-After: soon, which is no time)",
    "turns": "turns.example: 10.0.0.1 is no public address",
    "certificate": "the certificate of 127.0.0.1 is not trusted",
}
"""What status and dead letter say."""


class Servers:
    """Sinks in a loop of their own, in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._open: list[HttpSink] = []
        self._thread.start()

    def start(self, act: Answer | Act, tls: ssl.SSLContext | None = None) -> HttpSink:
        sink = HttpSink(default=act, tls=tls)
        self._do(sink.__aenter__)
        self._open.append(sink)
        return sink

    def stop(self) -> None:
        for sink in self._open:
            self._do(sink.__aexit__)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Callable[[], Awaitable[Any]]) -> None:
        async def run() -> None:
            await work()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(20)


@pytest.fixture
def servers() -> Iterator[Servers]:
    made = Servers()
    yield made
    made.stop()


async def route(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    act = MEAN[request.target.rpartition("/")[2]]
    if isinstance(act, Answer):
        writer.write(act.encode())
        await writer.drain()
    else:
        await act(request, reader, writer)


def self_signed(folder: Path) -> ssl.SSLContext:
    """For a server that nobody has reason to trust."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command")
    cert, key = folder / "cert.pem", folder / "key.pem"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test",
               "-addext", "subjectAltName=IP:127.0.0.1", "-out", str(cert), "-keyout", str(key)]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    return context


def mean(name: str, url: str, **more: Any) -> dict[str, Any]:
    """A rule of its own, whose target gives up at once: before its breaker opens."""
    target = {
        "name": "t",
        "kind": "http",
        "config": {"url": url},
        "timeout": "500ms",
        "retry": {"maxAttempts": 1},
        **more,
    }
    return rule(name, "b", target)


def latencies(door: Door, first: int, count: int) -> list[float]:
    """Seconds from the put until the good target has the event, one at a time."""
    path, found = door.process.folder / "good", []
    for number in range(first, first + count):
        size = path.stat().st_size if path.exists() else 0
        began = time.perf_counter()
        door.put("b", event(number))
        until(lambda size=size: path.exists() and path.stat().st_size > size)
        found.append(time.perf_counter() - began)
    return found


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_each_is_explained_and_nobody_else_is_slowed(tmp_path: Path, servers: Servers) -> None:
    """All at once, while events keep coming: status and dead letter of each say why, and the good one gets all, as fast."""
    http = servers.start(route)
    tls = servers.start(Answer(), self_signed(tmp_path))
    urls = {name: f"{http.url}/{name}" for name in MEAN} | {"certificate": tls.url}
    urls["turns"] = f"http://turns.example:{http.port}/turns"
    with BridgeProcess(tmp_path / "bridge", program=("-c", TURNS)) as process:
        door = Door(process)
        door.apply(bus("b", partitions=2), rule("good", "b", to_file("good")))
        latencies(door, 0, 10)
        before = latencies(door, 10, 40)
        door.apply(*(mean(name, url) for name, url in urls.items()))
        door.put("b", *(event(number, subject=str(number)) for number in range(100, 400)))
        beside = latencies(door, 1000, 100)
        until(lambda: len({line["id"] for line in door.lines("good")}) == 450)
        for name in urls:
            letter = until(lambda name=name: letter_of(door, name), 30)
            assert letter["reason"] == ("rejected" if name in {"redirect", "turns"} else "exhausted-attempts"), name
            assert REASONS[name] in door.target("b", name, "t")["lastError"]["reason"], name
        assert len(door.lines("good")) == 450, "something came twice"
    assert statistics.median(beside) < max(0.1, 5 * statistics.median(before))
    assert max(beside) < 2.0


async def crawl(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes everything, five a second."""
    await asyncio.sleep(0.2)
    writer.write(Answer().encode())
    await writer.drain()


def test_one_that_crawls_is_waited_for_by_nobody(fresh: Door, servers: Servers) -> None:
    """It always has some room soon, and never enough; so it gets a cursor of its own like one that stands still."""
    url = servers.start(crawl).url
    slow = [{"name": f"slow{n}", "kind": "http", "config": {"url": url}, "concurrency": 1} for n in range(5)]
    fresh.apply(bus("b"), rule("good", "b", to_file("good")), rule("slow", "b", *slow))
    latencies(fresh, 0, 5)
    fresh.put("b", *(event(number) for number in range(100, 300)))
    beside = latencies(fresh, 1000, 10)
    until(lambda: fresh.target("b", "slow", "slow0")["state"] == "behind", 5)
    assert max(beside) < 1.0


def letter_of(door: Door, name: str) -> dict[str, Any] | None:
    """One that says what is to be said of it; a name that turns private fails differently before."""
    found = door.http("GET", f"/v1/buses/b/dead-letters?rule={name}&limit=1000").body["items"]
    return next((letter for letter in found if REASONS[name] in letter["detail"]), None)


def test_a_year_is_bounded_by_the_policy_and_shown(fresh: Door, servers: Servers) -> None:
    """Nothing waits longer than an hour for a target's wish, or as its policy says; status tells until when, and why."""
    url = servers.start(MEAN["year"]).url
    hour = {"name": "hour", "kind": "http", "config": {"url": url}}
    moment = {**hour, "name": "moment", "retry": {"schedule": ["10ms"], "maxAttempts": 2, "retryAfterMax": "300ms"}}
    fresh.apply(bus("b"), rule("r", "b", hour, moment, to_file("good")))
    fresh.put("b", event(1))
    until(lambda: len(fresh.lines("good")) == 1)
    (letter,) = until(lambda: fresh.http("GET", "/v1/buses/b/dead-letters").body["items"])
    began, ended = (datetime.fromisoformat(attempt["started"]) for attempt in letter["attempts"])
    assert (letter["target"], letter["detail"]) == ("moment", REASONS["year"])
    assert 0.3 <= (ended - began).total_seconds() < 5
    shown = until(lambda: (found := fresh.target("b", "r", "hour"))["parked"] and found)
    assert (shown["state"], shown["reason"]) == ("failing", REASONS["year"])
    assert 3500 < (datetime.fromisoformat(shown["nextAttempt"]) - began).total_seconds() < 3700


async def picky(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Refuses a whole request for one bad event in it, and says not which."""
    bad = any(one["id"].startswith("bad") for one in json.loads(request.body))
    writer.write(Answer(400 if bad else 204).encode())
    await writer.drain()


def test_the_bad_events_of_a_batch_are_found(door: Door, servers: Servers) -> None:
    """They alone are dead letters; the others arrive once, whatever they were together with."""
    sink = servers.start(picky)
    target = {"name": "t", "kind": "http", "config": {"url": sink.url, "mode": "batched"}, "batch": {"wait": "200ms"}}
    door.apply(bus("b"), rule("r", "b", target))
    ids = [f"bad-{number}" if number in {7, 40, 41} else str(number) for number in range(80)]
    door.put("b", *map(event, ids))
    letters = until(lambda: len(found := door.http("GET", "/v1/buses/b/dead-letters").body["items"]) == 3 and found)
    assert {(letter["eventId"], letter["reason"]) for letter in letters} == {
        (f"bad-{number}", "rejected") for number in (7, 40, 41)
    }
    until(lambda: door.target("b", "r", "t")["delivered"] == 77)
    taken = [one["id"] for request in sink.received for one in json.loads(request.body) if is_good(request)]
    assert sorted(taken) == sorted(one for one in ids if not one.startswith("bad"))


def is_good(request: Received) -> bool:
    return b'"bad' not in request.body


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"retry": {"schedule": ["0s"]}}, "retry.schedule[0]"),
        ({"retry": {"schedule": ["1s", "-5s"]}}, "retry.schedule[1]"),
        ({"retry": {"maxAttempts": 10**9}}, "retry.maxAttempts"),
        ({"retry": {"retryAfterMax": "400d"}}, "retry.retryAfterMax"),
        ({"rate": "0/s"}, "rate"),
        ({"rate": "-1/s"}, "rate"),
        ({"timeout": "0s"}, "timeout"),
    ],
)
def test_what_could_never_work_is_refused_at_every_door(shared: Door, members: dict[str, Any], path: str) -> None:
    """By its path, and nothing of it is stored."""
    bad = rule("r", "b", to_file("out", **members))
    got = shared.http("POST", "/v1/apply", [bus("b"), bad])
    assert (got.status, got.body["code"], got.body["path"]) == (400, "INVALID_CONFIG", f"$[1].spec.targets[0].{path}")
    assert shared.http("GET", "/v1/buses/b").status == 404
    said = shared.cli("apply", "-f", "-", given=json.dumps(bad), code=1)
    assert said == ""
