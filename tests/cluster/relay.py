"""A crooked wire: a TCP relay between clients and a name server or broker, that delays, cuts and swallows what it carries.

It knows frames only so far as to pass them on whole, and to put its own address in place of the server's where a route
names that: so clients that ask a relayed name server come to the broker through that broker's relay.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Self

LENGTH_BYTES = 4
HELD_FRAMES = 1000
"""So many wait at most for their time; then their sender has to."""


class Relay:
    """Used as ``async with Relay("127.0.0.1:10911") as relay``; ``relay.address`` is where clients connect to."""

    def __init__(self, server: str, *, instead: Mapping[str, str] | None = None) -> None:
        """``instead``: texts of equal length that answers carry in place of others."""
        self.server = server
        self.address = ""
        self._instead = {old.encode(): new.encode() for old, new in (instead or {}).items()}
        self._delay_s = 0.0
        self._open = asyncio.Event()
        self._open.set()
        self._refusing = False
        self._ends: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        host, port = self._listener.sockets[0].getsockname()[:2]
        self.address = f"{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listener.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._listener.wait_closed()

    def cut(self) -> None:
        """Every connection ends at once, with a reset; new ones are taken."""
        for end in self._ends:
            end.transport.abort()

    @asynccontextmanager
    async def delayed(self, seconds: float) -> AsyncIterator[None]:
        """Each frame is passed on so much later, in both directions; their order stays."""
        self._delay_s = seconds
        try:
            yield
        finally:
            self._delay_s = 0.0

    @asynccontextmanager
    async def swallowing(self) -> AsyncIterator[None]:
        """A black hole: connections stay open, new ones are taken, and nothing comes through, in neither direction.

        What came meanwhile is not passed on later: the connections of that time are cut at the end.
        """
        self._open.clear()
        try:
            yield
        finally:
            self.cut()
            self._open.set()

    @asynccontextmanager
    async def refusing(self) -> AsyncIterator[None]:
        """Cuts what is there and hangs up on whoever comes."""
        self._refusing = True
        self.cut()
        try:
            yield
        finally:
            self._refusing = False

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ends.add(writer)
        try:
            if not self._refusing:
                await self._join(reader, writer)
        finally:
            writer.transport.abort()
            self._ends.discard(writer)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = self.server.rpartition(":")
        try:
            there, back = await asyncio.open_connection(host, int(port))
        except OSError:
            return
        self._ends.add(back)
        ways = [asyncio.ensure_future(self._pass(reader, back)), asyncio.ensure_future(self._pass(there, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.wait(ways)
            back.transport.abort()
            self._ends.discard(back)

    async def _pass(self, source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        """Frame by frame, until either end is gone."""
        held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(HELD_FRAMES)
        sending = asyncio.ensure_future(self._send(held, to))
        try:
            while not sending.done():
                length = await source.readexactly(LENGTH_BYTES)
                frame = await source.readexactly(int.from_bytes(length))
                await held.put((asyncio.get_running_loop().time() + self._delay_s, length + self._changed(frame)))
        except (ConnectionError, asyncio.IncompleteReadError):
            await held.join()  # what was sent before an end in good order arrives before that
        finally:
            sending.cancel()
            await asyncio.wait([sending])

    async def _send(self, held: "asyncio.Queue[tuple[float, bytes]]", to: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while True:
                due, frame = await held.get()
                await asyncio.sleep(due - asyncio.get_running_loop().time())
                await self._open.wait()
                to.write(frame)
                await to.drain()
                held.task_done()

    def _changed(self, frame: bytes) -> bytes:
        for old, new in self._instead.items():
            frame = frame.replace(old, new)
        return frame


@asynccontextmanager
async def relayed(name_server: str, broker: str) -> AsyncIterator[tuple[Relay, Relay]]:
    """A relay before a name server and one before its only broker, to which that name server's relay leads."""
    async with Relay(broker) as before_broker:
        assert len(before_broker.address) == len(broker), "the system gave a port with fewer digits"
        async with Relay(name_server, instead={broker: before_broker.address}) as before_name_server:
            yield before_name_server, before_broker
