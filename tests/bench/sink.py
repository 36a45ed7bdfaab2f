"""A server in a process of its own that takes pushes and counts them: the far end of the http target's benchmarks."""

import asyncio
import multiprocessing
import multiprocessing.connection
import multiprocessing.sharedctypes
import time
from typing import Any, Self

import httptools
import uvloop

ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


class _Connection(asyncio.Protocol):
    """Answers every request with 204."""

    def __init__(self, counts: Any) -> None:
        self._counts = counts
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._counts[0] += 1
        self._counts[1] = time.time()  # noqa: TID251 - compared with another process's clock
        self._transport.write(ANSWER)


def _serve(counts: Any, ready: multiprocessing.connection.Connection) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Connection(counts), "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(main())


class SinkProcess:
    """Use as a context manager; ``count`` requests so far, ``last`` the epoch time of the latest."""

    def __enter__(self) -> Self:
        spawn = multiprocessing.get_context("spawn")
        self._counts = spawn.Array("d", 2, lock=False)
        ours, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_serve, args=(self._counts, theirs), daemon=True)
        self._process.start()
        self.url = f"http://127.0.0.1:{ours.recv()}/"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()

    def count(self) -> int:
        return int(self._counts[0])

    def last(self) -> float:
        return float(self._counts[1])
