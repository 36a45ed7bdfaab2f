"""The HTTP door: CloudEvents in, definitions and operations, metrics."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn

from bridge.app.background import background
from bridge.app.flow import Flow
from bridge.app.listening import listener
from bridge.controlplane.http import make_app
from bridge.controlplane.operations import Operations
from bridge.controlplane.resources import Resources
from bridge.dataplane.ingress.http import EventsApp
from bridge.settings.addresses import Address
from bridge.settings.sections import Settings


@asynccontextmanager
async def http_door(
    settings: Settings,
    flow: Flow,
    resources: Resources,
    operations: Operations,
    *,
    share: bool,
    failed: asyncio.Event,
) -> AsyncIterator[Address]:
    """Open as long as the block; gives the address with its port. ``share`` it with other workers. Raises StartError.

    ``failed`` is set when the server fails.
    """
    address = settings.http.address
    sock = listener(address, "HTTP", share=share)
    app = EventsApp(flow.ingress, flow.tail, make_app(resources, operations))
    server = _Server(_config(app, settings.stop.drain))
    async with background(server.serve(sockets=[sock]), failed) as serving:
        try:
            yield Address(address.host, sock.getsockname()[1])
        finally:
            flow.tail.close()
            resources.stop()
            server.should_exit = True
            await asyncio.wait((serving,))


def _config(app: EventsApp, drain_s: float) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        http="httptools",
        ws="none",
        server_header=False,
        timeout_graceful_shutdown=max(1, round(drain_s)),
    )


class _Server(uvicorn.Server):
    """Signals are ours, not the server's."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
