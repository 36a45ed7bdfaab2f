"""Streams at the gRPC door: however they end, what they held is free again."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import grpc
import pytest

from bridge._proto.bridge.v1.events_pb2 import PutEventsRequest
from bridge.dataplane.ingress.grpc import EventsService
from bridge.dataplane.ingress.put import Ingress
from bridge.errors import NotFound
from bridge.model.bus import BusSpec
from bridge.telemetry import Telemetry

REQUEST = PutEventsRequest(bus="a").SerializeToString() + b"\x82\x01\x80\x32" + bytes(0x1900)
"""Of 6 KiB, in an unknown field."""


class Aborted(Exception):
    """What a call ended with."""


class Context:
    """As much of a call's context as the service uses."""

    async def abort_with_status(self, status: Any) -> None:
        raise Aborted(status.code)


class Buses:
    """Each is found; getting it waits until the test says so, and then there is none."""

    def __init__(self) -> None:
        self.asked, self.go_on = asyncio.Semaphore(0), asyncio.Event()

    def find(self, _: str) -> Any:
        return SimpleNamespace(spec=BusSpec())

    async def get(self, _: str) -> Any:
        self.asked.release()
        await self.go_on.wait()
        raise NotFound("there is no bus a")


class World:
    """A stream of many requests, of which one has room at a time."""

    def __init__(self) -> None:
        self.buses: Any = Buses()
        self.door = Ingress(self.buses, Telemetry(), lambda: 1000.0, request_size=10_000, bytes_in_flight=20_000)
        self.read = 0
        service, subscriptions, context = EventsService, None, Context()
        answers = service(self.door, subscriptions).stream_events(self.requests(), context)  # type: ignore[arg-type]
        self.call = asyncio.ensure_future(anext(answers))

    async def requests(self) -> AsyncIterator[bytes]:
        for _ in range(10):
            self.read += 1
            yield REQUEST

    def is_free(self) -> bool:
        with self.door.admitted("a", 10_000), self.door.admitted("b", 10_000):
            return True


async def test_a_stream_is_read_as_far_as_there_is_room() -> None:
    """One request is under way and one waits; when the first fails, the call ends and holds nothing."""
    world = World()
    await world.buses.asked.acquire()
    for _ in range(5):
        await asyncio.sleep(0)
    assert world.read == 2
    world.buses.go_on.set()
    with pytest.raises(Aborted) as caught:
        await world.call
    assert caught.value.args == (grpc.StatusCode.NOT_FOUND,)
    await asyncio.sleep(0)
    assert world.is_free()


@pytest.mark.parametrize("turns", range(6))
async def test_a_stream_that_is_cancelled_holds_nothing(turns: int) -> None:
    """At whatever moment."""
    world = World()
    for _ in range(turns):
        await asyncio.sleep(0)
    world.call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await world.call
    await asyncio.sleep(0)
    assert world.is_free()
