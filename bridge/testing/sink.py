"""A small HTTP server that records what it gets and answers by a script; for tests of whatever pushes over HTTP."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from ssl import SSLContext
from typing import NamedTuple, Self


class Received(NamedTuple):
    """A request; header names in lower case. ``connection`` counts connections from 1."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    connection: int


class Answer(NamedTuple):
    status: int = 204
    headers: Mapping[str, str] = {}
    body: bytes = b""

    def encode(self) -> bytes:
        known = self.status in HTTPStatus.__members__.values()
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase if known else 'Unknown'}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.status >= 200 and self.status not in {204, 304}:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


Act = Callable[[Received, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
"""Answers a request by hand: writes what it likes, may close the connection."""


async def silent(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:  # noqa: ARG001
    """Never answers: an Act that ends when the client has gone."""
    await reader.read()


class HttpSink:
    """Each request takes the next line of ``script``; when that is over, ``default``. Use as a context manager."""

    def __init__(
        self, script: Sequence[Answer | Act] = (), *, default: Answer | Act | None = None, tls: SSLContext | None = None
    ) -> None:
        self.script = list(script)
        self.default = default or Answer()
        self.received: list[Received] = []
        self.connections = 0
        self.port = 0
        self._tls = tls
        self._arrived = asyncio.Condition()
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def open_connections(self) -> int:
        return len(self._open)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.drop()
        await self.until(lambda: not self._open)
        await self._server.wait_closed()

    def drop(self) -> None:
        """Cut every connection, idle or not."""
        for writer in self._open:
            writer.transport.abort()

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds that changes with requests and connections."""
        async with self._arrived:
            await self._arrived.wait_for(holds)

    async def wait_for(self, requests: int) -> list[Received]:
        """The requests, when there are so many."""
        await self.until(lambda: len(self.received) >= requests)
        return self.received

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        self._open.add(writer)
        try:
            while (request := await _read(reader, number)) is not None:
                act = self.script.pop(0) if self.script else self.default
                self.received.append(request)
                await self._tell()
                if isinstance(act, Answer):
                    writer.write(act.encode())
                    await writer.drain()
                else:
                    await act(request, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            self._open.discard(writer)
            await self._tell()

    async def _tell(self) -> None:
        async with self._arrived:
            self._arrived.notify_all()


async def _read(reader: asyncio.StreamReader, connection: int) -> Received | None:
    """The next request; None when the client is gone."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")[:-2]
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, target, headers, body, connection)
