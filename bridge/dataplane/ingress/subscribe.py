"""Subscribe: a client reads a bus by gRPC, filtered, from any position, at its own pace.

An ephemeral subscription begins where it is told and ends with the call. A named cursor is durable: it continues behind
what was acknowledged, serves one subscriber at a time, and sends at most ``max_unacknowledged`` events ahead.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable

from google.protobuf.message import DecodeError

from bridge._proto.bridge.v1 import events_pb2 as pb
from bridge._proto.cloudevents.v1.cloudevents_pb2 import CloudEvent
from bridge.codec.protobuf import format_event
from bridge.dataplane.buses import Buses
from bridge.dataplane.reading import Entry, Reader
from bridge.errors import AlreadyExists, BridgeError, InvalidInput, Overloaded, StoreUnavailable
from bridge.model.resource import check_name
from bridge.rules.pattern import Pattern, parse_pattern
from bridge.stores.bus.base import BusLog

AHEAD = 1_000
PREFIX = "subscriber/"
"""Before a cursor's name, so that no subscriber can take one of bridge's own."""


class Subscriptions:
    def __init__(self, buses: Buses, most: int) -> None:
        self._buses = buses
        self._free = most
        self._taken: set[tuple[str, str]] = set()
        self._open: set[Subscription] = set()

    def close(self) -> None:
        """End every call; clients are told to come back."""
        for subscription in self._open:
            subscription.end(StoreUnavailable("the server stops"))

    async def serve(self, requests: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Answer one call. Raises BridgeError for a start that is not right."""
        start = await _first(requests)
        running = await self._buses.get(start.bus)
        key = (start.bus, start.cursor)
        if start.cursor and key in self._taken:
            raise AlreadyExists(f"the cursor {start.cursor!r} has a subscriber already", path="$.cursor")
        if not self._free:
            raise Overloaded("too many subscribers already", after_s=10)
        subscription = Subscription(running.log, start)
        self._free -= 1
        self._taken.add(key)
        self._open.add(subscription)
        try:
            async for answer in subscription.run(requests):
                yield answer
        finally:
            self._free += 1
            self._taken.discard(key)
            self._open.discard(subscription)


class Subscription:
    """One subscriber at work."""

    def __init__(self, log: BusLog, start: pb.SubscribeRequest.Start) -> None:
        self._log = log
        self._start = start
        self._pattern = _pattern(start)
        if start.cursor:
            check_name(start.cursor, "$.cursor")
        self._cursor = PREFIX + start.cursor if start.cursor else None
        self._ahead = start.max_unacknowledged or AHEAD
        self._unacknowledged: dict[int, deque[int]] = {}
        self._last_sent: dict[int, int] = {}
        self._moved = asyncio.Event()
        self._outgoing: asyncio.Queue[bytes | BridgeError] = asyncio.Queue(4)

    def end(self, why: BridgeError) -> None:
        """Tell the client why; events that are on their way may be lost to it, and come again to its cursor."""
        while self._outgoing.full():
            self._outgoing.get_nowait()
        self._outgoing.put_nowait(why)

    async def run(self, requests: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Deliveries out, acknowledgements in, until the client ends the call."""
        offsets = await self._offsets()
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._read(offsets)),
                group.create_task(self._hear(requests)),
            ]
            try:
                while True:
                    answer = await self._outgoing.get()
                    if isinstance(answer, BridgeError):
                        raise answer
                    yield answer
            finally:
                for task in tasks:
                    task.cancel()

    async def _offsets(self) -> dict[int, int]:
        """The cursor's positions; where it has none, what the start says."""
        offsets = await self._begin()
        if self._cursor is not None:
            saved = await self._log.cursor(self._cursor)
            await self._log.commit(self._cursor, {p: o for p, o in offsets.items() if p not in saved})
            offsets |= saved
        return offsets

    async def _begin(self) -> dict[int, int]:
        log, start = self._log, self._start
        partitions = range(log.partitions)
        match start.WhichOneof("position"):
            case "time":
                time = start.time.seconds + start.time.nanos / 1e9
                return {p: await log.offset_at(p, time) for p in partitions}
            case "offsets":
                unknown = [p for p in start.offsets.offsets if p not in partitions]
                if unknown:
                    raise InvalidInput(f"there is no partition {unknown[0]}", path="$.offsets")
                return dict(start.offsets.offsets)
            case "edge" if start.edge == pb.EARLIEST:
                return {p: log.bounds(p).first for p in partitions}
            case _:
                return {p: log.bounds(p).end for p in partitions}

    async def _read(self, offsets: dict[int, int]) -> None:
        try:
            async for batch in Reader(self._log, self._pattern).batches(offsets, follow=True):
                entries = batch.entries
                while entries:
                    room = await self._room(len(entries))
                    self._sent(entries[:room])
                    await self._outgoing.put(_response(entries[:room]))
                    entries = entries[room:]
        except BridgeError as error:
            await self._outgoing.put(error)

    async def _room(self, wanted: int) -> int:
        """How many events may go out now; waits until it is at least one. Ephemeral ones never wait."""
        if self._cursor is None:
            return wanted
        while (room := self._ahead - sum(map(len, self._unacknowledged.values()))) <= 0:
            self._moved.clear()
            await self._moved.wait()
        return min(room, wanted)

    def _sent(self, entries: list[Entry]) -> None:
        if self._cursor is None:
            return
        for entry in entries:
            partition, offset = entry.position
            self._unacknowledged.setdefault(partition, deque()).append(offset)
            self._last_sent[partition] = offset

    async def _hear(self, requests: AsyncIterator[bytes]) -> None:
        """Acknowledgements, until the client has no more to say; the deliveries go on."""
        try:
            async for body in requests:
                request = _parse(body)
                if request.WhichOneof("request") != "acknowledge":
                    raise InvalidInput("only the first message of a call says where to start", path="$.start")
                await self._acknowledge(request.acknowledge.positions)
        except BridgeError as error:
            await self._outgoing.put(error)

    async def _acknowledge(self, positions: Iterable[pb.Position]) -> None:
        if self._cursor is None:
            raise InvalidInput("an ephemeral subscription has nothing to acknowledge", path="$.acknowledge")
        done: dict[int, int] = {}
        for partition, offset in ((position.partition, position.offset) for position in positions):
            if offset > self._last_sent.get(partition, -1):
                raise InvalidInput(f"{partition}:{offset} was not sent in this call", path="$.acknowledge.positions")
            waiting = self._unacknowledged[partition]
            while waiting and waiting[0] <= offset:
                done[partition] = waiting.popleft() + 1
        if done:
            await self._log.commit(self._cursor, done)
            self._moved.set()


async def _first(requests: AsyncIterator[bytes]) -> pb.SubscribeRequest.Start:
    async for body in requests:
        request = _parse(body)
        if request.WhichOneof("request") == "start":
            return request.start
        break
    raise InvalidInput("the first message of a call says where to start", path="$.start")


def _parse(body: bytes) -> pb.SubscribeRequest:
    try:
        return pb.SubscribeRequest.FromString(body)
    except DecodeError as error:
        raise InvalidInput(f"not a SubscribeRequest: {error}") from error


def _pattern(start: pb.SubscribeRequest.Start) -> Pattern | None:
    try:
        return parse_pattern(start.pattern) if start.pattern else None
    except BridgeError as error:
        raise error.under("$.pattern") from error


def _response(entries: list[Entry]) -> bytes:
    response = pb.SubscribeResponse()
    for entry in entries:
        delivery = response.deliveries.add()
        delivery.position.partition, delivery.position.offset = entry.position
        delivery.received.FromMilliseconds(int(entry.received * 1000))
        delivery.event.CopyFrom(CloudEvent.FromString(format_event(entry.event)))
    return response.SerializeToString()
