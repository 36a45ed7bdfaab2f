"""Putting events: find the bus, admit, judge, append, answer. What every door does, whatever it speaks."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import inf
from typing import NamedTuple

from bridge.codec.chunks import Judged, find_bus, judge_events, judge_http, judge_put_request, parse_put_request
from bridge.crashpoints import crash_point
from bridge.dataplane.buses import Buses
from bridge.dataplane.delayed import DelayedEvents
from bridge.dataplane.ingress.quota import Quota
from bridge.dataplane.running import RunningBus
from bridge.errors import BridgeError, InvalidInput, Overloaded, StoreError, TooLarge
from bridge.model.clock import Clock
from bridge.model.event import Event
from bridge.telemetry import Telemetry

Headers = Sequence[tuple[bytes, bytes]]
"""Names in lower case, as ASGI gives them."""
Release = Callable[[object], None]
"""Gives back what a request held; its argument means nothing, so that it can be told when a task is done."""


class Stored(NamedTuple):
    """A request's events, judged and durable: ``offsets`` holds the first offset of each chunk."""

    judged: Judged
    offsets: list[int]


class Ingress:
    """The one way into the logs. Bounded: what is under way never holds more than ``bytes_in_flight``.

    Of these no bus may have more than its own limit, so that a flooded one does not close the door to the others.
    """

    def __init__(
        self,
        buses: Buses,
        telemetry: Telemetry,
        clock: Clock,
        *,
        request_size: int,
        bytes_in_flight: int,
        delayed: DelayedEvents | None = None,
    ) -> None:
        """Without ``delayed`` no event waits for its ``delivertime``."""
        self._buses = buses
        self._telemetry = telemetry
        self._clock = clock
        self._delayed = delayed
        self.request_size = request_size
        self._quota = Quota(bytes_in_flight)
        self._freed = asyncio.Event()
        self.trouble: str | None = None
        """Why the last append failed; None when it did not."""

    @contextmanager
    def admitted(self, bus: str, size_bytes: int) -> Iterator[None]:
        """Hold so many bytes for a request to a bus. Raises TooLarge and Overloaded before anything is read or stored."""
        release = self._admit(bus, size_bytes)
        try:
            yield
        finally:
            release(None)

    async def room(self, body: bytes) -> Release:
        """Hold room for a PutEventsRequest once there is; call what comes back when it is done with.

        For streams, which can be held back instead of turned away. Raises InvalidInput, TooLarge, and Overloaded where
        waiting would be in vain.
        """
        bus, size = find_bus(body), len(body)
        while self._lack(bus, size) is not None and size <= self._quota.total:
            self._freed.clear()
            await self._freed.wait()
        return self._admit(bus, size)

    def _lack(self, bus: str, size_bytes: int) -> str | None:
        if size_bytes > self.request_size:
            raise TooLarge(f"the request has {size_bytes} bytes; at most {self.request_size} are taken")
        found = self._buses.find(bus)
        return self._quota.lack(bus, size_bytes, found.spec.limits.bytes_in_flight if found is not None else None)

    def _admit(self, bus: str, size_bytes: int) -> Release:
        lack = self._lack(bus, size_bytes)
        if lack is not None:
            self._telemetry.overloaded.inc()
            raise Overloaded(lack)
        self._quota.take(bus, size_bytes)

        def release(_: object = None) -> None:
            self._quota.give(bus, size_bytes)
            self._freed.set()

        return release

    async def put_request(self, body: bytes) -> Stored:
        """Bytes of a bridge.v1.PutEventsRequest."""
        with self.admitted(find_bus(body), len(body)):
            return await self.put_admitted(body)

    async def put_admitted(self, body: bytes) -> Stored:
        """The same for one that has its room."""
        began = self._clock()
        request = parse_put_request(body)
        bus = await self._buses.get(request.bus)
        judged = judge_put_request(request, bus.log.partitions, bus.spec.limits.event_size, self._now(began))
        return await self._append(bus, judged, began)

    async def put_http(self, bus_name: str, headers: Headers, body: bytes) -> tuple[Stored, bool]:
        """An HTTP request in any CloudEvents mode, admitted by the caller; and whether it holds a single event.

        Raises a single event's error.
        """
        began = self._clock()
        bus = await self._buses.get(bus_name)
        judged, single = judge_http(headers, body, bus.log.partitions, bus.spec.limits.event_size, self._now(began))
        stored = await self._append(bus, judged, began)
        if single and judged.errors:
            raise judged.errors[0]
        return stored, single

    async def put_events(self, bus_name: str, events: Sequence[Event]) -> Mapping[int, InvalidInput]:
        """Events that are values already: why which of them (by index) were refused; the others are durable."""
        began = self._clock()
        bus = await self._buses.get(bus_name)
        judged = judge_events(events, bus.log.partitions, bus.spec.limits.event_size, self._now(began))
        await self._append(bus, judged, began)
        return judged.errors

    async def _append(self, bus: RunningBus, judged: Judged, began: float) -> Stored:
        try:
            offsets = await self._store(bus, judged)
        except StoreError as error:
            self.trouble = str(error)
            raise
        self.trouble = None
        bus.stats.stored(
            len(judged.ids) - len(judged.errors) - len(judged.delayed),
            sum(len(chunk.body) for _, chunk in judged.chunks),
            self._clock() - began,
        )
        for refusal in judged.errors.values():
            bus.stats.refused(refusal.code)
        return Stored(judged, offsets)

    def _now(self, began: float) -> float:
        """What a ``delivertime`` is compared with."""
        return inf if self._delayed is None else began

    async def _store(self, bus: RunningBus, judged: Judged) -> list[int]:
        """Those that wait come first, as they can be taken back when the others cannot be stored."""
        delayed = list(judged.delayed.values())
        waiting = await self._delayed.add(bus, delayed) if delayed and self._delayed is not None else []
        if waiting:
            crash_point("delayed-before-answer")
        try:
            offsets = await bus.log.append(judged.chunks) if judged.chunks else []
        except BridgeError:
            if waiting and self._delayed is not None:
                await self._withdraw(self._delayed, bus, waiting)
            raise
        crash_point("append-before-answer")
        return offsets

    @staticmethod
    async def _withdraw(delayed: DelayedEvents, bus: RunningBus, waiting: Sequence[str]) -> None:
        """Where they cannot be taken back, nobody may hear that nothing was stored."""
        try:
            await delayed.withdraw(bus.name, waiting)
        except StoreError as error:
            raise StoreError(
                f"events for now were not stored, but those for later cannot be taken back: {error}"
            ) from error
