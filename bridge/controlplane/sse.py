"""A watch as server-sent events (WHATWG HTML, section 9.2): ``id`` is the catalog's version, to resume from."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

import msgspec
from starlette.responses import StreamingResponse

from bridge.controlplane.documents import ResourceView, view
from bridge.controlplane.resources import Watched
from bridge.errors import BridgeError, problem

PULSE = b": still here\n\n"
"""A comment, so that proxies and readers do not take silence for the end."""


async def respond(watch: AsyncIterator[Sequence[Watched]]) -> StreamingResponse:
    """Begin to watch, so that an error then is still the answer's own, and stream the rest."""
    first = await anext(watch)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_stream(first, watch), headers=headers, media_type="text/event-stream")


async def _stream(first: Sequence[Watched], watch: AsyncIterator[Sequence[Watched]]) -> AsyncIterator[bytes]:
    yield _format(first)
    async with aclosing(watch):  # type: ignore[type-var]
        try:
            async for batch in watch:
                yield _format(batch)
        except BridgeError as error:
            yield b"event: error\ndata: %b\n\n" % msgspec.json.encode(problem(error))


def _format(batch: Sequence[Watched]) -> bytes:
    return b"".join(map(_format_one, batch)) or PULSE


def _format_one(watched: Watched) -> bytes:
    resource = watched.resource
    named = ResourceView(kind=resource.kind, bus=resource.bus, name=resource.name)
    data = msgspec.json.encode(named if watched.action == "delete" else view(resource))
    return b"event: %b\nid: %d\ndata: %b\n\n" % (watched.action.encode(), watched.version, data)
