"""A server that only looks like a bridge: canned answers on real routes, for tests of clients and of the command line.

It runs in a thread of its own, on a loopback port that the system chooses, and remembers what it was asked::

    with FakeServer() as server:
        server.answer("GET", "/v1/status", {"version": "1", "started": "2026-11-24T08:00:00.000Z", "buses": []})
        ... Client(server.address) ...
        assert server.asked[0].path == "/v1/status"
"""

import asyncio
import threading
from collections import defaultdict, deque
from concurrent.futures import Future
from enum import Enum
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec
from aiohttp import web

from bridge.errors import BridgeError, NotFound, problem


class Asked(NamedTuple):
    """One request. ``path`` is decoded, without its query."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Rude(Enum):
    """What a server may do instead of answering."""

    SILENT = "says nothing"
    SLAM = "closes the connection"


class FakeServer:
    """Answers are JSON values, BridgeErrors, ``bytes`` for a stream of server-sent events, or Rude."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.address = ""
        self._answers: dict[tuple[str, str], deque[Any]] = defaultdict(deque)
        self._ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def answer(self, method: str, path: str, *answers: object) -> None:
        """What to answer, one after the other; the last one for good."""
        self._answers[method, path] = deque(answers)

    def __enter__(self) -> Self:
        self._thread.start()
        self._loop, self._stop = self._ready.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception as error:  # the thread that waits for us shall know
            self._ready.set_exception(error)

    async def _serve(self) -> None:
        stop = asyncio.Event()
        runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=0.01)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        self.address = f"{host}:{port}"
        self._ready.set_result((asyncio.get_running_loop(), stop))
        await stop.wait()
        await runner.cleanup()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        query = {name: request.query.getall(name) for name in request.query}
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append(Asked(request.method, request.path, query, headers, await request.read()))
        answers = self._answers.get((request.method, request.path))
        answer = NotFound(f"nothing is canned for {request.method} {request.path}") if not answers else answers[0]
        if answers and len(answers) > 1:
            answers.popleft()
        if answer is Rude.SILENT:
            await asyncio.Event().wait()
        if answer is Rude.SLAM:
            assert request.transport is not None, "the client still waits"
            request.transport.close()
        if isinstance(answer, BridgeError):
            body = msgspec.json.encode(problem(answer))
            return web.Response(status=answer.status, body=body, content_type="application/problem+json")
        if isinstance(answer, bytes):
            return web.Response(body=answer, content_type="text/event-stream")
        body = b"" if isinstance(answer, Rude) else msgspec.json.encode(answer)
        return web.Response(body=body, content_type="application/json")
