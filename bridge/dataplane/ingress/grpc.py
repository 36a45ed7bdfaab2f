"""Events over gRPC: bridge.v1.Events. Requests and answers stay bytes here; the codec cuts and makes them.

Generic handlers, because decoding in the server's own layer would cost more than all of ingress.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, NoReturn

import grpc
import structlog
from grpc_status import rpc_status

from bridge.codec.chunks import format_put_response
from bridge.codec.problems import status_of
from bridge.dataplane.ingress.put import Ingress
from bridge.dataplane.ingress.subscribe import Subscriptions
from bridge.errors import BridgeError

log = structlog.get_logger()

SERVICE = "bridge.v1.Events"
UNDER_WAY = 64
"""Requests of one stream that may wait for their answer; beyond it flow control holds the client back."""

Context = grpc.aio.ServicerContext[bytes, bytes]


class EventsService:
    def __init__(self, ingress: Ingress, subscriptions: Subscriptions) -> None:
        self._ingress = ingress
        self._subscriptions = subscriptions

    def handler(self) -> "grpc.GenericRpcHandler[bytes, bytes]":
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {
                "PutEvents": grpc.unary_unary_rpc_method_handler(self.put_events),
                "StreamEvents": grpc.stream_stream_rpc_method_handler(self.stream_events),
                "Subscribe": grpc.stream_stream_rpc_method_handler(self.subscribe),
            },
        )

    async def put_events(self, request: bytes, context: Context) -> bytes:
        return await _guarded(lambda: self._put(request), context)

    async def stream_events(self, requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
        """One answer per request, in order, many under way."""
        answers: asyncio.Queue[asyncio.Task[bytes] | None] = asyncio.Queue(UNDER_WAY)

        async def take() -> None:
            async for request in requests:
                release = await self._ingress.room(request)
                task = group.create_task(self._put_admitted(request))
                task.add_done_callback(release)  # also of a task that was cancelled before it began
                await answers.put(task)
            await answers.put(None)

        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(take())
                while (answer := await answers.get()) is not None:
                    yield await answer
        except* BridgeError as errors:
            await _abort(errors.exceptions[0], context)

    async def subscribe(self, requests: AsyncIterator[bytes], context: Context) -> AsyncIterator[bytes]:
        try:
            async for answer in self._subscriptions.serve(requests):
                yield answer
        except BridgeError as error:
            await _abort(error, context)

    async def _put(self, request: bytes) -> bytes:
        stored = await self._ingress.put_request(request)
        return format_put_response(stored.judged, stored.offsets)

    async def _put_admitted(self, request: bytes) -> bytes:
        stored = await self._ingress.put_admitted(request)
        return format_put_response(stored.judged, stored.offsets)


async def _guarded(call: Callable[[], Awaitable[bytes]], context: Context) -> bytes:
    try:
        return await call()
    except BridgeError as error:
        await _abort(error, context)
    except Exception:
        log.exception("a call failed")
        await _abort(BridgeError("this is a fault of the server; its log says more"), context)


async def _abort(error: Any, context: Context) -> NoReturn:
    await context.abort_with_status(  # type: ignore[attr-defined]  # the stubs lack it
        rpc_status.to_status(status_of(error))
    )
    raise AssertionError  # abort always raises
