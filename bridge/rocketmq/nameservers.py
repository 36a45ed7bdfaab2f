"""The name servers of a cluster: each knows everything, so one that answers is enough, and the next one stands in."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final

from bridge.rocketmq.connection import Connection, parse_address
from bridge.rocketmq.errors import (
    CallTimeout,
    CannotConnect,
    ConnectionLost,
    NoRoute,
    NotRocketMQ,
    NotSupported,
    Refused,
    RocketMQError,
    TopicNotFound,
)
from bridge.rocketmq.frames import Command

NO_ANSWER: Final = (CannotConnect, ConnectionLost, CallTimeout, NotRocketMQ)
"""After these another name server is asked; any other error is an answer, and the others would say the same."""


class NameServers:
    """``connect`` gives the open connection to an address, or raises CannotConnect."""

    def __init__(self, addresses: tuple[str, ...], connect: Callable[[str], Awaitable[Connection]]) -> None:
        self.addresses = addresses
        self._connect = connect
        self._current = 0  # the one that answered last

    async def call(self, code: int, ext: Mapping[str, str], body: bytes, accept: Collection[int]) -> Command:
        """Ask one, beginning with the one that answered last.

        Raises the last one's error when none answers; NoRoute for answer 17, and the error of any other answer.
        """
        error: RocketMQError | None = None
        first, number = self._current, len(self.addresses)
        for turn in range(number):
            index = (first + turn) % number
            try:
                answer = await self._call(self.addresses[index], code, ext, body, accept)
            except NO_ANSWER as reason:
                error = reason
            else:
                self._current = index
                return answer
        assert error is not None
        raise error

    async def call_all(self, code: int, ext: Mapping[str, str]) -> list[Command]:
        """Ask every one. Raises the first error, after all were asked."""
        calls = [self._call(address, code, ext, b"", (0,)) for address in self.addresses]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return [answer for answer in answers if isinstance(answer, Command)]

    async def _call(
        self, address: str, code: int, ext: Mapping[str, str], body: bytes, accept: Collection[int]
    ) -> Command:
        try:
            connection = await self._connect(address)
            return await connection.call(code, ext, body, accept=accept)
        except TopicNotFound as error:
            raise NoRoute(error.remark, code=error.code, address=address) from error
        except NotSupported as error:
            remark = f"{error.remark}; is this the address of a name server?"
            raise NotSupported(remark, code=error.code, address=address) from error


def parse_addresses(name_servers: Sequence[str]) -> tuple[str, ...]:
    """Addresses of name servers, each once; one text may hold several, with ``;``, ``,`` or blanks between.

    Raises Refused when there is none, or one is no address.
    """
    found = [address for text in name_servers for address in re.split(r"[;,\s]+", text) if address]
    for address in found:
        parse_address(address)
    if not found:
        raise Refused("a cluster needs the address of a name server")
    return tuple(dict.fromkeys(found))
