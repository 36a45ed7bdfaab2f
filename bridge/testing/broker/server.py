"""Frames on 127.0.0.1: one listening port, its connections, and the faults between them and the answers."""

import asyncio
import socket
from collections.abc import Callable
from ssl import SSLContext
from typing import NamedTuple, cast

from bridge.model.clock import Clock
from bridge.rocketmq.codes import ResponseCode
from bridge.rocketmq.errors import NotRocketMQ
from bridge.rocketmq.frames import RESPONSE, Command, FrameReader, encode, encode_binary
from bridge.testing.broker.faults import Fault, Faults
from bridge.testing.broker.requests import Answer, Request

Answering = Callable[[Request], Answer | None]


class Asked(NamedTuple):
    """A request as it came, and the name of the server that it came to."""

    server: str
    command: Command


class Hooks(NamedTuple):
    """What a server does with requests and closed connections; ``asked`` and ``failed`` are told of each request and of
    each bug of the fake itself.
    """

    answer: Answering
    closed: Callable[["Connection"], None]
    asked: Callable[[Asked], None]
    failed: Callable[[Exception], None]
    binary: Callable[[], bool]


class Server:
    """Keeps its port while it is stopped: connections are refused then, and nobody else gets it."""

    def __init__(self, name: str, hooks: Hooks, faults: Faults, clock: Clock, tls: SSLContext | None = None) -> None:
        self.name = name
        self.hooks = hooks
        self.faults = faults
        self.connections: set[Connection] = set()
        self.frozen = False
        self._clock = clock
        self._tls = tls
        self._port: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._empty = asyncio.Event()

    @property
    def address(self) -> str:
        """Known from the first start on."""
        assert self._port is not None
        host, port = self._port.getsockname()
        return f"{host}:{port}"

    @property
    def running(self) -> bool:
        return self._server is not None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._port = self._port or _bound(0)
        sock = _bound(self._port.getsockname()[1])
        self._server = await loop.create_server(lambda: Connection(self), sock=sock, ssl=self._tls)

    async def stop(self, *, crash: bool = False) -> None:
        """Close the port and every connection; ``crash``: without sending what is still to be sent."""
        if self._server is None:
            return
        self._server.close()
        self._server = None
        self.freeze(on=False)
        for connection in list(self.connections):
            connection.abort() if crash else connection.close()
        while self.connections:
            self._empty.clear()
            await self._empty.wait()

    async def close(self) -> None:
        """Stop for good, and give the port back."""
        await self.stop()
        if self._port is not None:
            self._port.close()

    def freeze(self, *, on: bool = True) -> None:
        """Read nothing any more, as a stopped process: connections are made and nothing is answered, until the end."""
        self.frozen = on
        for connection in self.connections:
            connection.freeze(on=on)

    def lost(self, connection: "Connection") -> None:
        self.connections.discard(connection)
        self.hooks.closed(connection)
        if not self.connections:
            self._empty.set()

    def received(self, connection: "Connection", command: Command) -> None:
        """Carry out a request, unless a fault has other plans."""
        self.hooks.asked(Asked(self.name, command))
        if command.is_response:
            return
        fault = self.faults.take(self.name, command.code)
        answer = fault.answer if fault is not None else None
        if fault is None or fault.performed:
            answer = _altered(self._performed(connection, command), answer)
        if fault is not None and fault.closes:
            connection.abort()
        elif answer is not None and (fault is None or fault.told):
            self._tell(connection, command, answer, fault)

    def _performed(self, connection: "Connection", command: Command) -> Answer | None:
        try:
            return self.hooks.answer(Request(command, connection, int(self._clock() * 1000)))
        except Exception as error:
            self.hooks.failed(error)
            return Answer(ResponseCode.SYSTEM_ERROR, remark=f"the fake itself failed: {error!r}")

    def _tell(self, connection: "Connection", command: Command, answer: Answer, fault: Fault | None) -> None:
        if fault is not None and fault.delay_s:
            loop = asyncio.get_running_loop()
            loop.call_later(fault.delay_s, connection.answer, command, answer)
        else:
            connection.answer(command, answer)


class Connection(asyncio.Protocol):
    """A client's connection. Frames of one turn of the event loop leave in one write."""

    def __init__(self, server: Server) -> None:
        self.peer = ""
        self._server = server
        self._reader = FrameReader()
        self._out: list[bytes] = []
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        host, port = transport.get_extra_info("peername")
        self.peer = f"{host}:{port}"
        self._server.connections.add(self)
        if not self._server.running:  # accepted, and only then stopped
            self.abort()
        elif self._server.frozen:
            self.freeze(on=True)

    def data_received(self, data: bytes) -> None:
        """Bytes that are no frame close the connection without an answer."""
        try:
            for command in self._reader.feed(data):
                self._server.received(self, command)
        except NotRocketMQ:
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._server.lost(self)

    def push(self, command: Command) -> None:
        self._send(command)

    def answer(self, request: Command, answer: Answer) -> None:
        """Nobody is told who wanted no answer, or has gone."""
        if not request.is_one_way:
            code, ext, body, remark = answer
            self._send(Command(int(code), request.opaque, RESPONSE, ext, remark, body, "JAVA"))

    def close(self) -> None:
        """Close from this side; what was answered before is still sent."""
        self._flush()
        if self._transport is not None:
            self._transport.close()
            if self._transport.get_write_buffer_size():  # nobody reads: do not wait for that
                self._transport.abort()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def freeze(self, *, on: bool) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        if on:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _send(self, command: Command) -> None:
        if not self._out:
            asyncio.get_running_loop().call_soon(self._flush)
        self._out.append(encode_binary(command) if self._server.hooks.binary() else encode(command))

    def _flush(self) -> None:
        frames, self._out = self._out, []
        if frames and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(frames))


def _altered(answer: Answer | None, wanted: Answer | None) -> Answer | None:
    """What a fault makes of a request's own answer: another code, if it was a success."""
    if answer is None or wanted is None or answer.code != ResponseCode.SUCCESS:
        return answer
    return answer._replace(code=wanted.code)


def _bound(port: int) -> socket.socket:
    """A socket on the port, which may be shared with one that only keeps it."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("127.0.0.1", port))
    return sock
