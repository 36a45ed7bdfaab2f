"""Calls an ASGI application without a server: one request and its whole answer, or the beginning of a stream."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec

_Message = MutableMapping[str, Any]
App = Callable[[Any, Callable[[], Awaitable[_Message]], Callable[[_Message], Awaitable[None]]], Awaitable[None]]
Headers = Iterable[tuple[str, str]]


class Answer(NamedTuple):
    """``headers`` have lower-case names."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)


async def call(app: App, method: str, target: str, body: bytes = b"", headers: Headers = ()) -> Answer:
    """Make a request and wait for its end."""
    async with stream(app, method, target, body, headers) as (status, received, chunks):
        return Answer(status, received, b"".join([chunk async for chunk in chunks]))


@asynccontextmanager
async def stream(
    app: App, method: str, target: str, body: bytes = b"", headers: Headers = ()
) -> AsyncIterator[tuple[int, dict[str, str], AsyncIterator[bytes]]]:
    """Make a request; gives status, headers and the body's chunks as they come. Leaving hangs up."""
    path, _, query = target.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": unquote(path), "raw_path": path.encode(), "query_string": query.encode(),
        "root_path": "", "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    requests = [{"type": "http.request", "body": body, "more_body": False}]
    hung_up = asyncio.Event()
    sent: asyncio.Queue[_Message | None] = asyncio.Queue()

    async def receive() -> _Message:
        if requests:
            return requests.pop()
        await hung_up.wait()
        return {"type": "http.disconnect"}

    async def run() -> None:
        try:
            await app(scope, receive, sent.put)
        finally:
            sent.put_nowait(None)

    async def chunks() -> AsyncIterator[bytes]:
        while (message := await sent.get()) is not None:
            if message.get("body"):
                yield message["body"]

    async with asyncio.TaskGroup() as group:
        group.create_task(run())
        start = await sent.get()
        if start is not None:  # None: it failed, and the group raises why
            received = {name.decode().lower(): value.decode() for name, value in start["headers"]}
            yield start["status"], received, chunks()
        hung_up.set()
