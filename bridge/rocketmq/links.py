"""One connection per address, made when it is needed and shared by all who need it.

After a failed try, calls fail at once for a while (0.1 s, doubling up to 2 s, each shortened at random by up to a half),
so that nobody knocks in a loop at a server that is down.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from bridge.rocketmq.connection import Connection
from bridge.rocketmq.errors import CannotConnect, RocketMQError

_log = logging.getLogger(__name__)
Spawn = Callable[[Coroutine[Any, Any, None]], "asyncio.Task[None]"]
"""Starts a task whose owner is elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Pauses after failed tries, in seconds. ``jitter`` gives numbers from 0 to 1."""

    first_s: float
    last_s: float
    clock: Callable[[], float]
    jitter: Callable[[], float]

    def pause_s(self, failures: int) -> float:
        """The pause after so many failures in a row."""
        full = min(self.first_s * 2 ** min(failures - 1, 30), self.last_s)
        return float(full * (1 - self.jitter() / 2))


@dataclass(slots=True)
class _Link:
    address: str
    connection: Connection | None = None
    connecting: "asyncio.Task[None] | None" = None
    error: RocketMQError | None = None  # of the last try
    failures: int = 0  # in a row
    again_at: float = 0.0


class Links:
    """``connect`` makes a connection or raises a RocketMQError."""

    def __init__(self, connect: Callable[[str], Awaitable[Connection]], backoff: Backoff, spawn: Spawn) -> None:
        self._connect = connect
        self._backoff = backoff
        self._spawn = spawn
        self._links: dict[str, _Link] = {}

    async def get(self, address: str) -> Connection:
        """The open connection to ``address``. Raises CannotConnect and what else ``connect`` raises."""
        link = self._links.get(address)
        if link is None:
            link = self._links[address] = _Link(address)
        if link.connection is not None and not link.connection.closed:
            return link.connection
        return await self._made(link)

    async def _made(self, link: _Link) -> Connection:
        if link.connecting is None or link.connecting.done():
            self._check_pause(link)
            link.connecting = self._spawn(self._try(link))
        await asyncio.wait([link.connecting])  # goes on for others when this caller is cancelled
        if link.connection is None or link.connection.closed:
            raise link.error.copy() if link.error else CannotConnect("the client is closed", address=link.address)
        return link.connection

    def _check_pause(self, link: _Link) -> None:
        wait_s = link.again_at - self._backoff.clock()
        if link.error is not None and wait_s > 0:
            remark = f"{link.error.remark}; tried {link.failures} times, again in {wait_s:.1f} s"
            raise CannotConnect(remark, address=link.address)

    async def _try(self, link: _Link) -> None:
        link.connection = None
        try:
            connection = link.connection = await self._connect(link.address)
        except RocketMQError as error:
            self._failed(link, error)
            return
        if link.error is not None:
            _log.info("%s: connected after %d failed tries", link.address, link.failures)
        link.error = None
        connection.on_close(lambda: self._closed(link, connection))

    def _closed(self, link: _Link, connection: Connection) -> None:
        """A server that closes before it said anything failed as well: the next try would go the same way."""
        if link.connection is not connection:
            return  # we closed it
        if connection.heard:
            link.failures = 0
        else:
            reason = f"the last connection ended at once: {connection.ended and connection.ended.remark}"
            self._failed(link, CannotConnect(reason, address=link.address))

    def _failed(self, link: _Link, error: RocketMQError) -> None:
        if link.error is None:
            _log.warning("%s; trying again when it is needed", error)
        link.error = error
        link.failures += 1
        link.again_at = self._backoff.clock() + self._backoff.pause_s(link.failures)

    async def close(self) -> None:
        """Close every connection."""
        links, self._links = self._links, {}
        for link in links.values():
            if link.connecting is not None:
                link.connecting.cancel()
            connection, link.connection = link.connection, None
            if connection is not None:
                await connection.close()
