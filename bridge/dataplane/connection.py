"""The connection to a target: opened before its first send and again after it was lost, never while a send is under way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridge.connectors.base import Target
from bridge.errors import NotConnected


class Connection:
    """Guards ``open`` and ``close`` of one target, as the contract of connectors demands."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._turn = asyncio.Lock()
        self._idle = asyncio.Event()
        self._idle.set()
        self._users = 0
        self._opened = self._usable = False

    @asynccontextmanager
    async def use(self) -> AsyncIterator[Target]:
        """The open target, for one send. Raises what ``open`` raises."""
        await self._ready()
        self._users += 1
        self._idle.clear()
        try:
            yield self._target
        except NotConnected:
            self._usable = False
            raise
        finally:
            self._users -= 1
            if not self._users:
                self._idle.set()

    async def _ready(self) -> None:
        if not self._usable:
            async with self._turn:
                await self._reopen()

    async def _reopen(self) -> None:
        if self._usable:  # somebody else did it while this one waited
            return
        await self._idle.wait()
        if self._opened:
            await self._target.close()
        self._opened = True
        await self._target.open()
        self._usable = True

    async def close(self) -> None:
        """Let go once no send is under way any more."""
        async with self._turn:
            await self._idle.wait()
            self._usable = False
            if self._opened:
                self._opened = False
                await self._target.close()
