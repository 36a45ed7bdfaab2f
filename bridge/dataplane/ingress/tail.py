"""Reading back over HTTP: a page of events, or server-sent events as they arrive."""

import asyncio
from collections.abc import AsyncIterator
from typing import NamedTuple

import msgspec

from bridge.codec.json import format_event
from bridge.dataplane.buses import Buses
from bridge.dataplane.reading import Batch, Entry, Reader, parse_time, start_offsets
from bridge.errors import BridgeError, InvalidInput, Overloaded, problem
from bridge.model.times import format_time
from bridge.rules.pattern import Pattern, parse_pattern
from bridge.stores.bus.base import BusLog

HEARTBEAT_S = 15.0
MOST = 1_000
"""Events in one page, at most."""

Query = dict[str, str]


class Shown(msgspec.Struct, frozen=True, rename="camel"):
    """One event as it is shown to readers."""

    partition: int
    offset: int
    received_time: str
    event: msgspec.Raw


class Page(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    events: list[Shown]
    next_page_token: str = ""
    """Give it as ``from`` to go on; empty at the end."""


class _Wish(NamedTuple):
    log: BusLog
    offsets: dict[int, int]
    pattern: Pattern | None
    until: float | None
    limit: int


class Tail:
    """At most ``most`` followers at once."""

    def __init__(self, buses: Buses, most: int) -> None:
        self._buses = buses
        self._free = most
        self._closing = asyncio.Event()

    def close(self) -> None:
        """End every stream."""
        self._closing.set()

    async def page(self, bus: str, query: Query) -> Page:
        """``from`` (earliest by default), ``to``, ``pattern``, ``limit`` (100 by default)."""
        wish = await self._wish(bus, query, start="earliest", limit=100)
        if wish.limit > MOST:
            raise InvalidInput(f"at most {MOST} events a page", path="$.limit")
        found: list[Entry] = []
        async for batch in Reader(wish.log, wish.pattern).batches(wish.offsets, until=wish.until):
            room = wish.limit - len(found)
            found += batch.entries[:room]
            if len(found) == wish.limit:
                return Page([show(entry) for entry in found], _token(batch, room, wish.log))
        return Page([show(entry) for entry in found])

    async def follow(self, bus: str, query: Query) -> AsyncIterator[bytes]:
        """Server-sent events from ``from`` (latest by default); the first item only opens the stream."""
        wish = await self._wish(bus, query, start="latest", limit=0)
        if not self._free:
            raise Overloaded("too many readers follow already", after_s=10)
        self._free -= 1
        try:
            yield b": welcome\n\n"
            left = wish.limit
            batches = Reader(wish.log, wish.pattern).batches(wish.offsets, until=wish.until, follow=True)
            async for batch in self._until_closed(batches):
                entries = batch.entries if batch is not None else []
                if wish.limit:
                    entries = entries[:left]
                    left -= len(entries)
                yield b"".join(map(_event, entries)) if entries else b": still here\n\n"
                if wish.limit and not left:
                    return
        except BridgeError as error:  # the bus was deleted, the server stops
            yield b"event: error\ndata: " + msgspec.json.encode(problem(error)) + b"\n\n"
        finally:
            self._free += 1

    async def _until_closed(self, batches: AsyncIterator[Batch]) -> AsyncIterator[Batch | None]:
        """The batches that hold something, and None whenever nothing came for a while."""
        closing = asyncio.ensure_future(self._closing.wait())
        coming = asyncio.ensure_future(anext(batches))
        try:
            while not closing.done():
                done, _ = await asyncio.wait(
                    (coming, closing), timeout=HEARTBEAT_S, return_when=asyncio.FIRST_COMPLETED
                )
                if coming in done:
                    try:
                        batch = coming.result()
                    except StopAsyncIteration:
                        return
                    coming = asyncio.ensure_future(anext(batches))
                    if batch.entries:
                        yield batch
                elif not done:
                    yield None
        finally:
            closing.cancel()
            coming.cancel()

    async def _wish(self, bus: str, query: Query, *, start: str, limit: int) -> _Wish:
        unknown = sorted(set(query) - {"from", "to", "pattern", "limit"})
        if unknown:
            raise InvalidInput("this query parameter is not known here", path=f"$.{unknown[0]}")
        text = query.get("limit", str(limit))
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise InvalidInput(f"{text!r} is not a number of events", path="$.limit")
        try:
            pattern = parse_pattern(query["pattern"]) if query.get("pattern") else None
        except BridgeError as error:
            raise error.under("$.pattern") from error
        until = parse_time(query["to"], "$.to") if "to" in query else None
        running = await self._buses.get(bus)
        offsets = await start_offsets(running.log, query.get("from", start))
        return _Wish(running.log, offsets, pattern, until, int(text))


def _token(batch: Batch, taken: int, log: BusLog) -> str:
    """Positions behind the last event shown; empty when that is the end."""
    offsets = dict(batch.offsets)
    if taken < len(batch.entries):
        partition, offset = batch.entries[taken].position
        offsets[partition] = offset
    if all(offset >= log.bounds(p).end for p, offset in offsets.items()):
        return ""
    return ",".join(f"{p}:{offset}" for p, offset in sorted(offsets.items()))


def show(entry: Entry) -> Shown:
    return Shown(*entry.position, format_time(entry.received), msgspec.Raw(format_event(entry.event)))


def _event(entry: Entry) -> bytes:
    partition, offset = entry.position
    return b"id: %d:%d\ndata: %s\n\n" % (partition, offset, msgspec.json.encode(show(entry)))
