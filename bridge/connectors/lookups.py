"""From a name to the addresses that may be connected to: looked up once, judged, and handed on to the connection.

What is judged here is what is connected to. A name is not looked up again in between, so one that leads to a private
address only the second time is judged that second time, too.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from bridge.connectors.addresses import Address
from bridge.errors import Rejected

Refuse = Callable[[Address], str]
"""Why an address may not be connected to; empty when it may."""

AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]
"""As from getaddrinfo: family, type, protocol, canonical name, socket address."""


class Lookups(AbstractResolver):
    """Where a connector of aiohttp gets its addresses from."""

    def __init__(self, refuse: Refuse) -> None:
        self._refuse = refuse

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises OSError when there is no such name, Rejected when none of its addresses may be connected to."""
        allowed: list[ResolveResult] = []
        refused = ""
        for found in await look_up(host, port, family):
            text = _text(found)
            reason = self._refuse(ip_address(text))
            if reason:
                refused = refused or reason
            else:
                allowed.append(
                    ResolveResult(
                        hostname=host,
                        host=text,
                        port=port,
                        family=found[0],
                        proto=found[2],
                        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                    )
                )
        if not allowed:
            raise Rejected(f"{host}: {refused}" if refused else f"{host} has no address")
        return allowed

    async def close(self) -> None:
        """Nothing is kept open."""


async def look_up(host: str, port: int, family: int) -> Sequence[AddressInfo]:
    """In a thread of its own: a name server that does not answer keeps nobody else waiting. Raises OSError."""

    def ask() -> Sequence[AddressInfo]:
        return socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)

    thread = ThreadPoolExecutor(1, thread_name_prefix="look-up")
    try:
        return await asyncio.get_running_loop().run_in_executor(thread, ask)
    finally:
        thread.shutdown(wait=False)


def _text(found: AddressInfo) -> str:
    """The address, with its zone where it has one (``fe80::1%eth0``)."""
    family, _, _, _, address = found
    if family == socket.AF_INET6 and address[3]:
        return f"{address[0].partition('%')[0]}%{address[3]}"
    return str(address[0])
