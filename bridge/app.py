"""The composition root: puts stores, planes and listeners together, starts them in order and stops them in reverse."""

import asyncio
import gc
import os
import random
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

import grpc
import structlog
import uvicorn
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME as HEALTH
from grpc_health.v1.health import aio as health  # type: ignore[attr-defined]  # it ships no types
from grpc_reflection.v1alpha import reflection

from bridge.connectors.base import Reach
from bridge.connectors.registry import Registry
from bridge.controlplane.delayed import Delayed
from bridge.controlplane.grpc import OperationsService, ResourcesService, handler
from bridge.controlplane.http import make_app
from bridge.controlplane.letters import Letters
from bridge.controlplane.operations import Operations
from bridge.controlplane.pauses import Pauses
from bridge.controlplane.resources import Resources
from bridge.controlplane.trials import Trials
from bridge.crashpoints import arm
from bridge.dataplane.buses import Buses
from bridge.dataplane.delayed import DelayedEvents
from bridge.dataplane.host import BridgeHost
from bridge.dataplane.ingress.grpc import SERVICE, EventsService
from bridge.dataplane.ingress.http import EventsApp
from bridge.dataplane.ingress.put import Ingress
from bridge.dataplane.ingress.subscribe import Subscriptions
from bridge.dataplane.ingress.tail import Tail
from bridge.dataplane.sending import Timing
from bridge.dataplane.redrive import Redrives
from bridge.dataplane.retention import Retention
from bridge.dataplane.making import Surroundings
from bridge.dataplane.status import bus_status, lags
from bridge.errors import BridgeError, NotFound, StartError
from bridge.model.clock import Clock, system_clock
from bridge.model.status import Status
from bridge.model.times import format_time
from bridge.settings import Address, Settings
from bridge.stores.bus.base import BusStore
from bridge.stores.bus.lmdb import LmdbBusStore
from bridge.stores.bus.memory import MemoryBusStore
from bridge.stores.catalog.base import Catalog
from bridge.stores.catalog.memory import MemoryCatalog
from bridge.stores.catalog.sql import SqlCatalog
from bridge.stores.deadletters.base import DeadLetters
from bridge.stores.deadletters.memory import MemoryDeadLetters
from bridge.stores.deadletters.sql import SqlDeadLetters
from bridge.stores.timers.base import Timers
from bridge.stores.timers.memory import MemoryTimers
from bridge.stores.timers.sql import SqlTimers
from bridge.telemetry import Telemetry, set_up_logging
from bridge.version import VERSION

log = structlog.get_logger()

SERVICES = (SERVICE, "bridge.v1.Resources", "bridge.v1.Operations")
CALLS_AT_ONCE = 256  # each may hold a whole request in memory before we are asked


class Bridge:
    """One bridge in this process. ``async with Bridge(settings).running() as bridge:``"""

    def __init__(self, settings: Settings, clock: Clock = system_clock) -> None:
        self.settings = settings
        self._clock = clock
        self._started = clock()
        self.telemetry = Telemetry()
        self.store, self.catalog, self.dead_letters, self.timers = _stores(settings, clock)
        reach = _reach(settings)
        self.kinds = Registry.discover(reach=reach)
        timing = Timing(clock, asyncio.sleep, lambda: random.uniform(-1, 1))  # noqa: S311 - jitter
        host = BridgeHost(clock, reach)
        around = Surroundings(
            self.kinds, host, self.dead_letters, self.timers, self.telemetry, timing, clock, retire=self._retire
        )
        self.buses = Buses(self.catalog, self.store, around)
        self.delayed = DelayedEvents(self.timers, self.buses, self.catalog, clock, asyncio.sleep)
        limits = settings.limits
        self.ingress = host.ingress = Ingress(
            self.buses,
            self.telemetry,
            clock,
            request_size=limits.request_size,
            bytes_in_flight=limits.bytes_in_flight,
            delayed=self.delayed,
        )
        self.subscriptions = Subscriptions(self.buses, limits.subscribers)
        self.tail = Tail(self.buses, limits.subscribers)
        self.redrives = Redrives(self.buses, self.dead_letters, clock, asyncio.sleep)
        self.resources = Resources(self.catalog, self.store, self.kinds, self.delayed.forget)
        self.operations = Operations(
            status=self.status,
            letters=Letters(self.dead_letters, self.redrives),
            delayed=Delayed(self.delayed, self.resources),
            trials=Trials(self.catalog, self.store),
            pauses=Pauses(self.resources, self._unblock, clock),
            kinds=self.kinds,
            ready=self.reasons,
            metrics=self.telemetry.text,
        )
        self._retention = Retention(self.buses, self.telemetry, timing)
        self.telemetry.ask(lambda: lags(self.buses))
        self.grpc_address = settings.grpc.address
        self.http_address = settings.http.address

    async def _unblock(self, bus: str, rule: str, target: str, skip: bool) -> None:  # noqa: FBT001 - a seam
        await (await self.buses.get(bus)).rules.find(rule, target).unblock(skip=skip)

    async def _retire(self, bus: str, rule: str, target: str, reason: str) -> None:
        await self.operations.pause(bus, rule, target, reason, by="bridge")

    async def status(self) -> Status:
        buses = [await bus_status(bus, self._retention.used) for bus in self.buses.all()]
        return Status(version=VERSION, started=format_time(self._started), buses=tuple(buses))

    async def reasons(self) -> dict[str, str]:
        """Why this bridge is not ready; empty when it is."""
        found = {} if self.buses.ready.is_set() else {"buses": "starting or stopping"}
        if self.ingress.trouble is not None:
            found["store"] = self.ingress.trouble
        found |= {f"bus {name}": reason for name, reason in self.buses.waiting.items()}
        return found | self.buses.broken()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Bridge"]:
        """Open the stores, start what is defined, listen; at the end stop listening, drain, close."""
        stores = (self.store, self.catalog, self.dead_letters, self.timers)
        async with AsyncExitStack() as stack:
            for store in stores:
                await stack.enter_async_context(_opened(store))
            for part in (self._moving(), self._grpc(), self._http()):
                await stack.enter_async_context(part)
            yield self

    @asynccontextmanager
    async def _moving(self) -> AsyncIterator[None]:
        """The data plane, drained at the end for as long as the settings say."""
        async with _background(self.buses.run()) as flow, _background(self._retention.run()):
            ready = asyncio.ensure_future(self.buses.ready.wait())
            await asyncio.wait((ready, flow), return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
            if flow.done():
                await flow  # raises why it could not start
            await self.delayed.begin()
            async with _background(self.redrives.run()), _background(self.delayed.run()):
                yield
                await self.delayed.drain()
            try:
                async with asyncio.timeout(self.settings.stop.drain):
                    await self.buses.drain()
            except TimeoutError:
                log.warning("some deliveries are still under way; they are made again at the next start")

    @asynccontextmanager
    async def _grpc(self) -> AsyncIterator[None]:
        options = [
            ("grpc.so_reuseport", 0),  # else a second server would take part of the calls in silence
            ("grpc.max_receive_message_length", self.settings.limits.request_size + 2**16),
            ("grpc.max_send_message_length", -1),
        ]
        server = grpc.aio.server(options=options, maximum_concurrent_rpcs=CALLS_AT_ONCE)
        server.add_generic_rpc_handlers(
            (
                EventsService(self.ingress, self.subscriptions).handler(),
                handler(ResourcesService(self.resources)),
                handler(OperationsService(self.operations)),
            )
        )
        healthy = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
        reflection.enable_server_reflection((*SERVICES, HEALTH, reflection.SERVICE_NAME), server)
        try:
            port = server.add_insecure_port(str(self.grpc_address))
        except RuntimeError as error:
            raise StartError(f"cannot listen on {self.grpc_address} for gRPC: is the port in use?") from error
        self.grpc_address = Address(self.grpc_address.host, port)
        await server.start()
        for service in ("", *SERVICES):
            await healthy.set(service, health_pb2.HealthCheckResponse.SERVING)
        try:
            yield
        finally:
            await healthy.enter_graceful_shutdown()
            self.subscriptions.close()
            await server.stop(self.settings.stop.drain)

    @asynccontextmanager
    async def _http(self) -> AsyncIterator[None]:
        listener = _listen(self.http_address)
        self.http_address = Address(self.http_address.host, listener.getsockname()[1])
        app = EventsApp(self.ingress, self.tail, make_app(self.resources, self.operations))
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            http="httptools",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=max(1, round(self.settings.stop.drain)),
        )
        server = _Server(config)
        async with _background(server.serve(sockets=[listener])) as serving:
            try:
                yield
            finally:
                self.tail.close()
                self.resources.stop()
                server.should_exit = True
                await asyncio.wait((serving,))


class _Server(uvicorn.Server):
    """Signals are ours, not the server's."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _reach(settings: Settings) -> Reach:
    """How far targets may reach. Who can reach the bridge only from this machine may let it reach this machine."""
    if settings.targets.allow_private != "auto":
        return Reach(settings.targets.allow_private)
    doors = (settings.http.address, settings.grpc.address)
    return Reach.LOOPBACK if all(door.is_loopback for door in doors) else Reach.ASKED


def _stores(settings: Settings, clock: Clock) -> tuple[BusStore, Catalog, DeadLetters, Timers]:
    folder = settings.store.directory
    if folder is None:
        url = settings.catalog.url
        catalog = SqlCatalog(url, clock) if url else MemoryCatalog(clock)
        return MemoryBusStore(clock), catalog, MemoryDeadLetters(), MemoryTimers()
    url = settings.catalog.url or f"sqlite:///{(folder / 'catalog.db').absolute()}"
    dead_letters = f"sqlite:///{(folder / 'deadletters.db').absolute()}"
    timers = f"sqlite:///{(folder / 'timers.db').absolute()}"
    return LmdbBusStore(folder, clock), SqlCatalog(url, clock), SqlDeadLetters(dead_letters), SqlTimers(timers)


@asynccontextmanager
async def _opened(store: BusStore | Catalog | DeadLetters | Timers) -> AsyncIterator[None]:
    await store.open()
    try:
        yield
    finally:
        await store.close()


@asynccontextmanager
async def _background(work: Coroutine[Any, Any, None]) -> AsyncIterator["asyncio.Task[None]"]:
    """A task that lives as long as the block."""
    task = asyncio.ensure_future(work)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait((task,))
        if not task.cancelled() and task.exception() is not None:
            log.error("a part of the service failed", exc_info=task.exception())


def _listen(address: Address) -> socket.socket:
    """A listening socket. Raises StartError: bound by us, so that a port in use is told plainly."""
    try:
        family, *_, sockaddr = socket.getaddrinfo(
            address.host or None, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(sockaddr)
        listener.listen(1024)
    except OSError as error:
        raise StartError(f"cannot listen on {address} for HTTP: {error.strerror or error}") from error
    listener.setblocking(False)
    return listener


def serve(settings: Settings) -> int:
    """Run a bridge until it is told to stop; returns the exit code. Errors of the start are logged, not raised."""
    set_up_logging(settings.log.level, settings.log.format)
    _calm_collector()
    with asyncio.Runner(loop_factory=_loop()) as runner:
        try:
            arm(os.environ)
            runner.run(_serve(settings))
        except BridgeError as error:
            sys.stderr.write(f"bridge cannot start: {error}\n")
            return 1
    return 0


async def _serve(settings: Settings) -> None:
    stop = asyncio.Event()
    _obey_signals(stop)
    async with Bridge(settings).running() as bridge:
        sys.stdout.write(_welcome(bridge))
        sys.stdout.flush()
        await stop.wait()
        sys.stdout.write("stopping; once more stops at once\n")
        sys.stdout.flush()


def _obey_signals(stop: asyncio.Event) -> None:
    """The first SIGINT or SIGTERM stops in good order; the second ends the process: what was acknowledged is durable."""
    loop = asyncio.get_running_loop()

    def asked() -> None:
        if stop.is_set():
            os._exit(130)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked)


def _welcome(bridge: Bridge) -> str:
    folder = bridge.settings.store.directory
    return f"""\
bridge {VERSION} is ready. Ctrl-C stops it.
  gRPC  {bridge.grpc_address}
  HTTP  http://{bridge.http_address}  (API: /docs, metrics: /metrics)
  data  {folder.absolute() if folder else "in memory: gone when it stops"}
Try, in another terminal:
  bridge apply -f examples/traffic-lights.yaml
  bridge put traffic --type light.changed --source /junction/7 --data '{{"to":"red","speed":61}}'
  bridge tail traffic --from earliest
"""


def _calm_collector() -> None:
    """Batches make and drop thousands of objects without cycles: looking for cycles every 700 of them costs a tenth."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def _loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # not on Windows
        return None
    return uvloop.new_event_loop
