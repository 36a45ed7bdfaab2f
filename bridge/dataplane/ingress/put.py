"""Putting events: find the bus, admit, judge, append, answer. What every door does, whatever it speaks."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from bridge.codec.chunks import Judged, judge_events, judge_http, judge_put_request, parse_put_request
from bridge.dataplane.buses import Buses
from bridge.dataplane.running import RunningBus
from bridge.errors import InvalidInput, Overloaded, StoreError, TooLarge
from bridge.model.clock import Clock
from bridge.model.event import Event
from bridge.telemetry import Telemetry

Headers = Sequence[tuple[bytes, bytes]]
"""Names in lower case, as ASGI gives them."""


class Stored(NamedTuple):
    """A request's events, judged and durable: ``offsets`` holds the first offset of each chunk."""

    judged: Judged
    offsets: list[int]


class Ingress:
    """The one way into the logs. Bounded: what is under way never holds more than ``bytes_in_flight``."""

    def __init__(
        self, buses: Buses, telemetry: Telemetry, clock: Clock, *, request_size: int, bytes_in_flight: int
    ) -> None:
        self._buses = buses
        self._telemetry = telemetry
        self._clock = clock
        self.request_size = request_size
        self._free = bytes_in_flight
        self._freed = asyncio.Event()
        self.trouble: str | None = None
        """Why the last append failed; None when it did not."""

    @contextmanager
    def admitted(self, size_bytes: int) -> Iterator[None]:
        """Hold so many bytes for a request. Raises TooLarge and Overloaded before anything is read or stored."""
        if size_bytes > self.request_size:
            raise TooLarge(f"the request has {size_bytes} bytes; at most {self.request_size} are taken")
        if size_bytes > self._free:
            self._telemetry.overloaded.inc()
            raise Overloaded("too many bytes are under way; come back a little later")
        self._free -= size_bytes
        try:
            yield
        finally:
            self._free += size_bytes
            self._freed.set()

    async def room(self, size_bytes: int) -> None:
        """Return once so many bytes are free: for streams, which can be held back instead of turned away."""
        while size_bytes > self._free:
            self._freed.clear()
            await self._freed.wait()

    async def put_request(self, body: bytes) -> Stored:
        """Bytes of a bridge.v1.PutEventsRequest."""
        began = self._clock()
        with self.admitted(len(body)):
            request = parse_put_request(body)
            bus = await self._buses.get(request.bus)
            judged = judge_put_request(request, bus.log.partitions, bus.spec.limits.event_size)
            return await self._append(bus, judged, began)

    async def put_http(self, bus_name: str, headers: Headers, body: bytes) -> tuple[Stored, bool]:
        """An HTTP request in any CloudEvents mode, admitted by the caller; and whether it holds a single event.

        Raises a single event's error.
        """
        began = self._clock()
        bus = await self._buses.get(bus_name)
        judged, single = judge_http(headers, body, bus.log.partitions, bus.spec.limits.event_size)
        stored = await self._append(bus, judged, began)
        if single and judged.errors:
            raise judged.errors[0]
        return stored, single

    async def put_events(self, bus_name: str, events: Sequence[Event]) -> Mapping[int, InvalidInput]:
        """Events that are values already: why which of them (by index) were refused; the others are durable."""
        began = self._clock()
        bus = await self._buses.get(bus_name)
        judged = judge_events(events, bus.log.partitions, bus.spec.limits.event_size)
        await self._append(bus, judged, began)
        return judged.errors

    async def _append(self, bus: RunningBus, judged: Judged, began: float) -> Stored:
        try:
            offsets = await bus.log.append(judged.chunks) if judged.chunks else []
        except StoreError as error:
            self.trouble = str(error)
            raise
        self.trouble = None
        bus.stats.stored(
            len(judged.ids) - len(judged.errors),
            sum(len(chunk.body) for _, chunk in judged.chunks),
            self._clock() - began,
        )
        for refusal in judged.errors.values():
            bus.stats.refused(refusal.code)
        return Stored(judged, offsets)
