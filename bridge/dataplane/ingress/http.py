"""Events over HTTP: ``/v1/buses/{bus}/events``, bare ASGI. Everything else is passed on.

POST puts (CloudEvents binary, structured, batched, JSON and protobuf), GET reads back or follows, OPTIONS answers the
webhook handshake (CloudEvents webhook specification, section 4).
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, MutableMapping
from math import ceil
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import structlog

from bridge.codec.chunks import format_put_results
from bridge.dataplane.ingress.put import Ingress
from bridge.dataplane.ingress.tail import Tail
from bridge.errors import BridgeError, InvalidInput, MethodNotAllowed, Overloaded, TooLarge, problem

log = structlog.get_logger()

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

DISCARDED = 64 * 2**20
"""Bytes of a refused request that are read and forgotten."""
_ALLOWED = b"GET, HEAD, OPTIONS, POST"
_ROUTE = re.compile(r"/v1/buses/([^/]+)/events/?")


class EventsApp:
    """Wraps the application that answers every other route."""

    def __init__(self, ingress: Ingress, tail: Tail, others: App) -> None:
        self._ingress = ingress
        self._tail = tail
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        route = _ROUTE.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if route is None:
            await self._others(scope, receive, send)
            return
        try:
            await self._answer(route[1], scope, receive, send)
        except BridgeError as error:
            await _refuse(send, error)
        except Exception:
            log.exception("a request failed", path=scope["path"])
            await _refuse(send, BridgeError("this is a fault of the server; its log says more"))

    async def _answer(self, bus: str, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["method"]:
            case "POST":
                await self._put(bus, scope, receive, send)
            case "GET" | "HEAD":
                await self._read(bus, scope, receive, send)
            case "OPTIONS":
                await _reply(send, 200, b"", _consent(scope["headers"]))
            case _:
                raise MethodNotAllowed(f"{scope['method']} is not possible here; allowed: {_ALLOWED.decode()}")

    async def _put(self, bus: str, scope: Scope, receive: Receive, send: Send) -> None:
        headers = scope["headers"]
        announced = next((value for name, value in headers if name == b"content-length"), None)
        size = int(announced) if announced is not None else self._ingress.request_size
        body = _Body(receive)
        try:
            with self._ingress.admitted(bus, size):
                stored, _ = await self._ingress.put_http(bus, headers, await body.read(size))
        except BridgeError:
            await body.discard()
            raise
        await _reply(send, 200, format_put_results(stored.judged, stored.offsets))

    async def _read(self, bus: str, scope: Scope, receive: Receive, send: Send) -> None:
        query = _query(scope["query_string"])
        if query.pop("watch", "false") == "true":
            lines = self._tail.follow(bus, query)
            first = await anext(lines)  # an unknown bus or a bad pattern is still a plain problem
            await send({"type": "http.response.start", "status": 200, "headers": _STREAM})
            await _stream(first, lines, receive, send)
            return
        await _reply(send, 200, msgspec.json.encode(await self._tail.page(bus, query)))


_STREAM = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-store")]


def _query(text: bytes) -> dict[str, str]:
    pairs = parse_qsl(text.decode("latin-1"), keep_blank_values=True)
    query = dict(pairs)
    if len(query) != len(pairs):
        raise InvalidInput("a query parameter is given twice")
    return query


class _Body:
    """The body of one request."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._complete = False

    async def read(self, limit: int) -> bytes:
        """All of it. Raises TooLarge beyond ``limit`` bytes, InvalidInput when the client goes before its end."""
        parts = []
        size = 0
        while not self._complete:
            part = await self._part()
            size += len(part)
            if size > limit:
                raise TooLarge(f"the request has more than {limit} bytes")
            parts.append(part)
        return b"".join(parts) if len(parts) > 1 else parts[0]

    async def discard(self) -> None:
        """Read on and forget, so that a client that is still sending gets to see the answer; up to a point."""
        size = 0
        while not self._complete and size < DISCARDED:
            size += len(await self._part())

    async def _part(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise InvalidInput("the request ended before its body did")
        self._complete = not message.get("more_body")
        part: bytes = message.get("body", b"")
        return part


async def _stream(first: bytes, lines: Any, receive: Receive, send: Send) -> None:
    """Send until the client goes or the lines end."""

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        raise ConnectionResetError

    async def forward() -> None:
        await send({"type": "http.response.body", "body": first, "more_body": True})
        async for line in lines:
            await send({"type": "http.response.body", "body": line, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        watching.cancel()

    try:
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(gone())
            group.create_task(forward())
    except* ConnectionResetError:
        pass
    finally:
        await lines.aclose()


def _consent(headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Anybody who can reach this listener may send events to it, so consent is given to whoever asks."""
    asked = {name: value for name, value in headers if name.startswith(b"webhook-request-")}
    answer = [(b"allow", _ALLOWED)]
    if b"webhook-request-origin" in asked:
        answer.append((b"webhook-allowed-origin", asked[b"webhook-request-origin"]))
        answer.append((b"webhook-allowed-rate", b"*"))
    return answer


async def _refuse(send: Send, error: BridgeError) -> None:
    headers = []
    if isinstance(error, Overloaded):
        headers.append((b"retry-after", str(ceil(error.after_s)).encode()))
    if isinstance(error, MethodNotAllowed):
        headers.append((b"allow", _ALLOWED))
    await _reply(send, error.status, msgspec.json.encode(problem(error)), headers, b"application/problem+json")


async def _reply(
    send: Send,
    status: int,
    body: bytes,
    headers: list[tuple[bytes, bytes]] | None = None,
    content_type: bytes = b"application/json",
) -> None:
    all_headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode()), *(headers or [])]
    await send({"type": "http.response.start", "status": status, "headers": all_headers})
    await send({"type": "http.response.body", "body": body})
