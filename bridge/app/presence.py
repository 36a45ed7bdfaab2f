"""Being known to the instances that share the buses, by a name and an address of our own."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from bridge.app.background import background
from bridge.dataplane.presence import CancelRedrive, Presence, Report
from bridge.settings.addresses import Address
from bridge.stores.instances.base import Instance, Instances


def make_presence(
    instances: Instances,
    started: float,
    report: Callable[[], Awaitable[Report]],
    obey: Callable[[CancelRedrive], None],
) -> Presence:
    """Under a name that no other process has, nor this one after a restart."""
    name = f"{socket.gethostname()[:80]}-{os.getpid()}-{secrets.token_hex(4)}"
    mine = Instance(id=name, address="", started=started)
    return Presence(instances, mine, asyncio.sleep, report=report, obey=obey)


@asynccontextmanager
async def present(presence: Presence, http: Address, failed: asyncio.Event) -> AsyncIterator[None]:
    """Known to the other instances, as long as the block."""
    host, port = http
    address = Address(socket.gethostname() if host in {"", "0.0.0.0", "::"} else host, port)  # noqa: S104 - no bind
    async with background(presence.run(str(address)), failed):
        yield
