"""One TCP or TLS connection to a name server or broker: many calls at a time, each with its timeout.

Answers come in any order and are matched by ``opaque``. The frames of one turn of the event loop leave in one write:
that alone gains 40 % at 256 calls in flight. A server closes what was idle for 120 s, so an idle connection is kept
open by heartbeats, and one whose server does not answer them is given up.
"""

import asyncio
import ssl
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Final, cast

from bridge.rocketmq.auth import Credentials, signed
from bridge.rocketmq.bodies import Heartbeat, format_heartbeat
from bridge.rocketmq.codes import RequestCode, ResponseCode
from bridge.rocketmq.errors import (
    CallTimeout,
    CannotConnect,
    ConnectionLost,
    NotRocketMQ,
    Refused,
    RocketMQError,
    error_of,
)
from bridge.rocketmq.frames import ONE_WAY, RESPONSE, Command, FrameReader, encode_head
from bridge.rocketmq.waiting import Waiting

OnPush = Callable[[Command], Command | None]
"""Told of each request that the server sends. What it returns is sent as the answer; None answers 3 (not supported)
unless the request is one-way. Must not block and not raise."""

ONE_WAY_MAX_BYTES: Final = 4 * 2**20
"""A one-way request is refused while the server has this much left to read."""
_HIGH_WATER_BYTES: Final = 2**20
"""Calls wait while the server has this much left to read."""
_LARGE_BYTES: Final = 4096
"""Pieces of this size, on average, are written as they are: joining them costs more than it saves. With batches of 32
messages of 1 KiB, a tenth of a send.
"""
_CLOSE_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """How connections are made and what they prove."""

    credentials: Credentials | None = None
    tls: ssl.SSLContext | None = None
    server_name: str | None = None  # for TLS; None: the host of the address
    client_id: str = "bridge"  # in the heartbeat that keeps an idle connection open
    connect_timeout_s: float = 3.0
    call_timeout_s: float = 3.0  # where a call names none
    keep_alive_s: float = 30.0  # of silence, then a heartbeat


def parse_address(address: str) -> tuple[str, int]:
    """Host and port of ``host:port`` or ``[v6]:port``. Raises Refused."""
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise Refused(f"{address!a} is no address: host:port")
    return host.strip("[]"), int(port)


class Connection(asyncio.Protocol):
    """Made by ``open``. Once closed it stays so: ``closed`` tells, and every call raises CannotConnect.

    ``heard``: the server has sent anything at all, so it is RocketMQ; ``ended``: why it is closed, None while it is open.
    The methods of asyncio.Protocol are for the event loop alone.
    """

    def __init__(self, address: str, access: Access, on_push: OnPush | None = None) -> None:
        """For ``open``, which connects."""
        self.address = address
        self._access = access
        self._on_push = on_push
        self._loop = asyncio.get_running_loop()
        self._waiting = Waiting(self._loop)
        self._reader = FrameReader()
        self._opaques = count(1)
        self._out: list[bytes] = []  # what this turn of the event loop sends
        self._writable = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self._heard_at = self._loop.time()
        self.heard = False
        self.ended: RocketMQError | None = None
        self._lost = self._loop.create_future()
        self._on_close: list[Callable[[], None]] = []
        self._keep_alive: asyncio.TimerHandle | None = None

    @classmethod
    async def open(cls, address: str, access: Access | None = None, on_push: OnPush | None = None) -> "Connection":
        """Connect to ``host:port``. Raises CannotConnect (refused, unknown host, no TLS, timeout), Refused (no address)."""
        host, port = parse_address(address)
        access = access or Access()
        connection = cls(address, access, on_push)
        name = (access.server_name or host) if access.tls else None
        try:
            async with asyncio.timeout(access.connect_timeout_s):
                await connection._loop.create_connection(
                    lambda: connection, host, port, ssl=access.tls, server_hostname=name
                )
        except TimeoutError as error:
            raise CannotConnect(f"no connection within {access.connect_timeout_s:g} s", address=address) from error
        except (OSError, UnicodeError) as error:
            raise CannotConnect(_why_not(error), address=address) from error
        return connection

    @property
    def closed(self) -> bool:
        return self.ended is not None

    async def call(
        self,
        code: int,
        ext: Mapping[str, str],
        body: bytes = b"",
        *,
        timeout_s: float | None = None,
        accept: Collection[int] = (0,),
    ) -> Command:
        """Send a request and return its answer, if its code is one of ``accept``.

        Raises the error of any other code (``errors.error_of``); CannotConnect when nothing was sent; CallTimeout,
        ConnectionLost and NotRocketMQ when it may have been done; Refused and TooLarge for what cannot be sent.
        """
        timeout_s = self._access.call_timeout_s if timeout_s is None else timeout_s
        if not self._writable.is_set():
            await self._until_writable(timeout_s)
        opaque = self._send(code, ext, body, 0)
        future = self._waiting.add(opaque, timeout_s)
        try:
            answer = await future
        except CallTimeout as error:
            error.address = self.address
            raise
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                future.exception()  # seen, though nobody wants it any more
            raise
        finally:
            self._waiting.drop(opaque)
        if answer.code not in accept:
            raise error_of(answer.code, answer.remark, self.address)
        return answer

    def one_way(self, code: int, ext: Mapping[str, str], body: bytes = b"") -> None:
        """Send a request that gets no answer.

        Raises CannotConnect (also when the server does not read what was sent), Refused and TooLarge.
        """
        if self._transport and self._transport.get_write_buffer_size() > ONE_WAY_MAX_BYTES:
            raise CannotConnect("the server does not read what is sent; nothing was added", address=self.address)
        self._send(code, ext, body, ONE_WAY)

    def on_close(self, listener: Callable[[], None]) -> None:
        """``listener`` is called once, when the connection is closed by whomever; at once if it is closed already."""
        if self.closed:
            listener()
        else:
            self._on_close.append(listener)

    async def close(self) -> None:
        """Close; calls that wait for an answer raise ConnectionLost. May be called again."""
        self._flush()
        self._finish(ConnectionLost("we closed the connection", address=self.address))
        if self._transport is not None:
            self._transport.close()
            await asyncio.wait([self._lost], timeout=_CLOSE_S)
            self._transport.abort()

    async def _until_writable(self, timeout_s: float) -> None:
        """Wait while the server does not read what was sent."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._writable.wait()
        except TimeoutError as error:
            raise CannotConnect(
                f"for {timeout_s:g} s the server did not read what was sent; this was not sent", address=self.address
            ) from error

    def _send(self, code: int, ext: Mapping[str, str], body: bytes, flag: int) -> int:
        if self.ended is not None:
            raise CannotConnect(f"the connection is closed: {self.ended.remark}", address=self.address)
        opaque = next(self._opaques) & 0x7FFFFFFF
        if self._access.credentials is not None:
            ext = signed(ext, body, self._access.credentials)
        self._write(Command(code, opaque, flag, ext, None, body))
        return opaque

    def _write(self, command: Command) -> None:
        head = encode_head(command)
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(head)
        if command.body:
            self._out.append(command.body)

    def _flush(self) -> None:
        if self._out and self._transport is not None and self.ended is None:
            if sum(map(len, self._out)) > _LARGE_BYTES * len(self._out):
                self._transport.writelines(self._out)
            else:
                self._transport.write(b"".join(self._out))
        self._out = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(_HIGH_WATER_BYTES)
        self._writable.set()
        self._heard_at = self._loop.time()
        self._keep_alive = self._loop.call_later(self._access.keep_alive_s, self._check_alive)

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        try:
            for command in self._reader.feed(data):
                self.heard = True
                if command.flag & RESPONSE:
                    self._waiting.settle(command)
                else:
                    self._pushed(command)
        except NotRocketMQ as error:
            error.address = self.address
            self._give_up(error)

    def _pushed(self, command: Command) -> None:
        """The server asks. Its ``opaque`` is of its own counting and may equal one of ours."""
        answer = None
        try:
            answer = self._on_push(command) if self._on_push else None
        except Exception as error:
            message = f"what a request {command.code} from {self.address} meant here failed"
            self._loop.call_exception_handler({"message": message, "exception": error, "protocol": self})
        if not command.is_one_way and self.ended is None:
            unknown = f"request type {command.code} not supported"
            self._write(answer or command.answer(ResponseCode.REQUEST_CODE_NOT_SUPPORTED, remark=unknown))

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        reason = f"the connection broke: {_why_not(exc)}" if exc else "the server closed the connection"
        if not self.heard:
            reason += ", and never said anything: does RocketMQ listen there, and does it want TLS?"
        self._finish(ConnectionLost(reason, address=self.address))
        if not self._lost.done():
            self._lost.set_result(None)

    def _give_up(self, error: RocketMQError) -> None:
        self._finish(error)
        if self._transport is not None:
            self._transport.abort()

    def _finish(self, error: RocketMQError) -> None:
        """From now on nothing is sent, and nobody waits. Only the first reason counts."""
        if self.ended is not None:
            return
        self.ended = error
        self._writable.set()
        if self._keep_alive is not None:
            self._keep_alive.cancel()
        self._waiting.fail(error.copy)
        for listener in self._on_close:
            listener()
        self._on_close.clear()

    def _check_alive(self) -> None:
        """After a silence send a heartbeat, which any server answers in some way."""
        keep_alive_s = self._access.keep_alive_s
        silence_s = self._loop.time() - self._heard_at
        if silence_s >= keep_alive_s:
            body = format_heartbeat(Heartbeat(self._access.client_id))
            opaque = self._send(RequestCode.HEART_BEAT, {}, body, 0)
            self._waiting.add(opaque, self._access.call_timeout_s).add_done_callback(self._judge_alive)
            silence_s = 0.0
        self._keep_alive = self._loop.call_later(keep_alive_s - silence_s, self._check_alive)

    def _judge_alive(self, answer: "asyncio.Future[Command]") -> None:
        silence_s = self._loop.time() - self._heard_at
        if isinstance(answer.exception(), CallTimeout) and silence_s >= self._access.call_timeout_s:
            self._give_up(ConnectionLost(f"no sign of life for {silence_s:.1f} s", address=self.address))


def _why_not(error: Exception) -> str:
    """The system's reason in a few words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or error}"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
