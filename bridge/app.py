"""The composition root: puts stores, planes and listeners together, starts them in order and stops them in reverse."""

import asyncio
import gc
import os
import random
import secrets
import signal
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import structlog
import uvicorn
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME as HEALTH
from grpc_health.v1.health import aio as health  # type: ignore[attr-defined]  # it ships no types
from grpc_reflection.v1alpha import reflection
from msgspec.structs import replace

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
from bridge.dataplane.making import Surroundings
from bridge.dataplane.presence import BEAT_S, CancelRedrive, Presence, Report
from bridge.dataplane.redrive import Redrives
from bridge.dataplane.redrive_sharing import AllRedrives
from bridge.dataplane.retention import Retention
from bridge.dataplane.sending import Timing
from bridge.dataplane.status import bus_status, lags, with_unread
from bridge.errors import BridgeError, StartError, StoreUnavailable
from bridge.model.clock import Clock, system_clock
from bridge.model.status import BusStatus, Status
from bridge.model.times import format_time
from bridge.rocketmq.auth import Credentials
from bridge.settings import Address, RocketMq, Settings, lmdb_directory, name_servers
from bridge.siblings import Siblings
from bridge.stores.bus.base import BusStore
from bridge.stores.bus.lmdb.store import LmdbBusStore
from bridge.stores.bus.memory import MemoryBusStore
from bridge.stores.bus.rocketmq.registry import is_sqlite
from bridge.stores.bus.rocketmq.store import Options, RocketMqBusStore
from bridge.stores.catalog.base import Catalog
from bridge.stores.catalog.memory import MemoryCatalog
from bridge.stores.catalog.sql import SqlCatalog
from bridge.stores.copying import Copied, Told, copy_bus
from bridge.stores.deadletters.base import DeadLetters
from bridge.stores.deadletters.memory import MemoryDeadLetters
from bridge.stores.deadletters.sql import SqlDeadLetters
from bridge.stores.instances.base import Instance, Instances
from bridge.stores.instances.sql import SqlInstances
from bridge.stores.timers.base import Timers
from bridge.stores.timers.memory import MemoryTimers
from bridge.stores.timers.sql import SqlTimers
from bridge.telemetry import Telemetry, set_up_logging
from bridge.version import VERSION
from bridge.workers import supervise

log = structlog.get_logger()

NOT_SHARED = (
    "workers share their buses and definitions: that takes a RocketMQ store (--store rocketmq://HOST:9876) and a catalog in "
    "PostgreSQL or MySQL (catalog.url). An LMDB store belongs to one process, as memory and SQLite do"
)
DATA = Path("data")
"""Where what a RocketMQ store does not keep is, unless the catalog is a server."""
SERVICES = (SERVICE, "bridge.v1.Resources", "bridge.v1.Operations")
CALLS_AT_ONCE = 256  # each may hold a whole request in memory before we are asked


class Bridge:
    """One bridge in this process. ``async with Bridge(settings).running() as bridge:``"""

    def __init__(
        self,
        settings: Settings,
        clock: Clock = system_clock,
        *,
        siblings: Callable[[Telemetry], Siblings] | None = None,
    ) -> None:
        """``siblings``: of a worker, which shares its addresses with them."""
        self.settings = settings
        self._clock = clock
        self._started = clock()
        self.failed = asyncio.Event()
        """A part has failed that should never end: nothing but a new start helps."""
        self.telemetry = Telemetry()
        self._siblings = siblings(self.telemetry) if siblings is not None else None
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
        self.instances = _instances(settings)
        self.presence = self._presence(self.instances) if self.instances is not None else None
        self._all_redrives = AllRedrives(self.redrives, self.presence, asyncio.sleep)
        self.resources = Resources(
            self.catalog, self.store, self.kinds, self.delayed.forget, catch_up=self.buses.refresh
        )
        self.operations = Operations(
            status=self.status,
            letters=Letters(self.dead_letters, self._all_redrives),
            delayed=Delayed(self.delayed, self.resources),
            trials=Trials(self.catalog, self.store),
            pauses=Pauses(
                self.resources, self._unblock, clock, is_blocked=self._is_blocked if self.presence is not None else None
            ),
            kinds=self.kinds,
            ready=self.reasons,
            metrics=self._metrics,
        )
        self._retention = Retention(self.buses, self.telemetry, timing)
        self.telemetry.ask(lambda: lags(self.buses))
        self.grpc_address = settings.grpc.address
        self.http_address = settings.http.address

    async def _unblock(self, bus: str, rule: str, target: str, skip: bool) -> None:
        await (await self.buses.get(bus)).rules.find(rule, target).unblock(skip=skip)

    async def _retire(self, bus: str, rule: str, target: str, reason: str) -> None:
        await self.operations.pause(bus, rule, target, reason, by="bridge")

    async def _metrics(self) -> bytes:
        return await self._siblings.metrics() if self._siblings is not None else self.telemetry.text()

    def _presence(self, instances: Instances) -> Presence:
        name = f"{socket.gethostname()[:80]}-{os.getpid()}-{secrets.token_hex(4)}"
        return Presence(
            instances,
            Instance(id=name, address="", started=self._started),
            asyncio.sleep,
            report=self._report,
            obey=self._obey,
        )

    def _obey(self, asked: CancelRedrive) -> None:
        self._all_redrives.cancel_mine(asked)

    async def _report(self) -> Report:
        return Report(status=await self._status(whole=False), redrives=self.redrives.all())

    async def _is_blocked(self, bus: str, rule: str, target: str) -> bool:
        """Whether a target may be blocked at any instance. What others told is a moment old, so it is looked twice."""
        for wait_s in (0.0, 2 * BEAT_S):
            await asyncio.sleep(wait_s)
            if (await self.operations.target(bus, rule, target)).state in {"blocked", "paused"}:
                return True
        return False

    async def status(self) -> Status:
        """Of all instances that share the buses, or of this one alone; with every rule that was acknowledged."""
        with suppress(StoreUnavailable):
            await self.buses.refresh()
        mine = await self._status(whole=True)
        if self.presence is None:
            return mine
        found = await self.presence.together(mine)
        return replace(found, buses=tuple([await self._with_unread(bus) for bus in found.buses]))

    async def _with_unread(self, status: BusStatus) -> BusStatus:
        bus = self.buses.find(status.name)
        return await with_unread(status, bus) if bus is not None else status

    async def _status(self, *, whole: bool) -> Status:
        buses = [await bus_status(bus, self._retention.used, whole=whole) for bus in self.buses.all()]
        return Status(version=VERSION, started=format_time(self._started), buses=tuple(buses))

    async def reasons(self) -> dict[str, str]:
        """Why this bridge is not ready; empty when it is."""
        found = {} if self.buses.ready.is_set() else {"buses": "starting or stopping"}
        if self.ingress.trouble is not None:
            found["store"] = self.ingress.trouble
        found |= {f"store: {what}": reason for what, reason in self.store.problems().items()}
        if self.buses.trouble is not None:
            found["catalog"] = self.buses.trouble
        found |= {f"bus {name}": reason for name, reason in self.buses.waiting.items()}
        return found | self.buses.broken()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Bridge"]:
        """Open the stores, start what is defined, listen; at the end stop listening, drain, close."""
        stores = (self.store, self.catalog, self.dead_letters, self.timers, self.instances)
        async with AsyncExitStack() as stack:
            for store in stores:
                if store is not None:
                    await stack.enter_async_context(_opened(store))
            for part in (self._moving(), self._grpc(), self._http(), self._present()):
                await stack.enter_async_context(part)
            if self._siblings is not None:
                await stack.enter_async_context(self._siblings.answering())
            yield self

    @asynccontextmanager
    async def _moving(self) -> AsyncIterator[None]:
        """The data plane, drained at the end for as long as the settings say."""
        failed = self.failed
        async with _background(self.buses.run(), failed) as flow, _background(self._retention.run(), failed):
            ready = asyncio.ensure_future(self.buses.ready.wait())
            await asyncio.wait((ready, flow), return_when=asyncio.FIRST_COMPLETED)
            ready.cancel()
            if flow.done():
                await flow  # raises why it could not start
            await self.delayed.begin()
            async with _background(self.redrives.run(), failed), _background(self.delayed.run(), failed):
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
            ("grpc.so_reuseport", self._siblings is not None),  # else a second server would take some calls in silence
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
        listener = _listen(self.http_address, share=self._siblings is not None)
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
        async with _background(server.serve(sockets=[listener]), self.failed) as serving:
            try:
                yield
            finally:
                self.tail.close()
                self.resources.stop()
                server.should_exit = True
                await asyncio.wait((serving,))

    @asynccontextmanager
    async def _present(self) -> AsyncIterator[None]:
        """Known to the other instances."""
        if self.presence is None:
            yield
            return
        host, port = self.http_address
        address = Address(socket.gethostname() if host in {"", "0.0.0.0", "::"} else host, port)  # noqa: S104 - no bind
        async with _background(self.presence.run(str(address)), self.failed):
            yield


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
    """The catalog's database has everything but the logs, where it is a server or the store has no directory."""
    if settings.store.url == "memory:":
        url = settings.catalog.url
        catalog = SqlCatalog(url, clock) if url else MemoryCatalog(clock)
        return MemoryBusStore(clock), catalog, MemoryDeadLetters(), MemoryTimers()
    url, folder = _catalog_url(settings), settings.store.directory or DATA
    files = [f"sqlite:///{(folder / name).absolute()}" for name in ("deadletters.db", "timers.db")]
    dead_letters, timers = (url, url) if settings.store.name_servers and not is_sqlite(url) else files
    return (
        _bus_store(settings.store.url, settings, clock),
        SqlCatalog(url, clock),
        SqlDeadLetters(dead_letters),
        SqlTimers(timers),
    )


def _catalog_url(settings: Settings) -> str:
    folder = settings.store.directory or DATA
    return settings.catalog.url or f"sqlite:///{(folder / 'catalog.db').absolute()}"


def _bus_store(url: str, settings: Settings, clock: Clock) -> BusStore:
    """The store of this URL, with everything else as set."""
    folder, servers = lmdb_directory(url), name_servers(url)
    if folder is not None:
        return LmdbBusStore(folder, clock)
    if not servers:
        return MemoryBusStore(clock)
    catalog = _catalog_url(settings)
    return RocketMqBusStore(
        servers, catalog, clock, shared=not is_sqlite(catalog), options=_rocketmq(settings.rocketmq)
    )


def _rocketmq(chosen: RocketMq) -> Options:
    """Raises StartError for certificates that cannot be read."""
    credentials = (
        Credentials(chosen.access_key, chosen.secret_key, chosen.security_token or None) if chosen.access_key else None
    )
    return Options(
        credentials=credentials,
        tls=_tls(chosen) if chosen.tls else None,
        server_name=chosen.tls_server_name or None,
        cluster=chosen.cluster,
        prefix=chosen.topic_prefix,
        batch_bytes=chosen.message_size - 2**12,
    )


def _tls(chosen: RocketMq) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=chosen.tls_ca or None)
        if chosen.tls_cert:
            context.load_cert_chain(chosen.tls_cert, chosen.tls_key or None)
    except OSError as error:
        raise StartError(f"cannot use the certificates of [rocketmq] (tls_ca, tls_cert, tls_key): {error}") from error
    return context


def _instances(settings: Settings) -> Instances | None:
    """Where instances that share the buses know of each other; None where there can be only one."""
    url = _catalog_url(settings)
    return SqlInstances(url) if settings.store.name_servers and not is_sqlite(url) else None


@asynccontextmanager
async def _opened(store: BusStore | Catalog | DeadLetters | Timers | Instances) -> AsyncIterator[None]:
    await store.open()
    try:
        yield
    finally:
        await store.close()


@asynccontextmanager
async def _background(work: Coroutine[Any, Any, None], failed: asyncio.Event) -> AsyncIterator["asyncio.Task[None]"]:
    """A task that lives as long as the block. ``failed`` is set when it fails."""
    task = asyncio.ensure_future(work)

    def ended(_: "asyncio.Task[None]") -> None:
        if not task.cancelled() and task.exception() is not None:
            log.error("a part of the service failed", exc_info=task.exception())
            failed.set()

    task.add_done_callback(ended)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait((task,))


def _listen(address: Address, *, share: bool) -> socket.socket:
    """A listening socket. Raises StartError: bound by us, so that a port in use is told plainly."""
    try:
        family, *_, sockaddr = socket.getaddrinfo(
            address.host or None, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if share:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(sockaddr)
        listener.listen(1024)
    except OSError as error:
        raise StartError(f"cannot listen on {address} for HTTP: {error.strerror or error}") from error
    listener.setblocking(False)
    return listener


def serve(settings: Settings) -> int:
    """Run a bridge until it is told to stop; returns the exit code. Errors of the start are logged, not raised."""
    if settings.server.workers == 1:
        return _run(_serve(settings), settings)
    if _instances(settings) is None:
        sys.stderr.write(f"bridge cannot start: {NOT_SHARED}\n")
        return 1
    return supervise(settings)


def work(settings: Settings, number: int, folder: Path, tell: Callable[[], None]) -> int:
    """The same for one of several workers; it also stops when its standard input ends. ``tell`` that it is ready."""
    return _run(_work(settings, lambda telemetry: Siblings(folder, number, telemetry.text), tell), settings)


def _run(serving: Coroutine[Any, Any, int], settings: Settings) -> int:
    set_up_logging(settings.log.level, settings.log.format)
    _calm_collector()
    with asyncio.Runner(loop_factory=_loop()) as runner:
        try:
            arm(os.environ)
            return runner.run(serving)
        except BridgeError as error:
            sys.stderr.write(f"bridge cannot start: {error}\n")
            return 1


async def _serve(settings: Settings) -> int:
    stop = asyncio.Event()
    _obey_signals(stop)
    async with Bridge(settings).running() as bridge:
        sys.stdout.write(_welcome(bridge))
        sys.stdout.flush()
        code = await _until(stop, bridge.failed)
        sys.stdout.write("stopping; once more stops at once\n")
        sys.stdout.flush()
    return code


async def _until(stop: asyncio.Event, failed: asyncio.Event) -> int:
    """The exit code, once one of them is set: whoever watches this process starts it again after a failure."""
    waiting = [asyncio.ensure_future(event.wait()) for event in (stop, failed)]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for one in waiting:
        one.cancel()
    return int(failed.is_set())


async def _work(settings: Settings, siblings: Callable[[Telemetry], Siblings], tell: Callable[[], None]) -> int:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    _obey_signals(stop)

    def left_alone() -> None:
        loop.remove_reader(0)
        stop.set()

    loop.add_reader(0, left_alone)
    async with Bridge(settings, siblings=siblings).running() as bridge:
        tell()
        return await _until(stop, bridge.failed)


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
    store = bridge.settings.store
    place = store.url if store.name_servers else "in memory: gone when it stops"
    return f"""\
bridge {VERSION} is ready. Ctrl-C stops it.
  gRPC  {bridge.grpc_address}
  HTTP  http://{bridge.http_address}  (API: /docs, metrics: /metrics)
  data  {store.directory.absolute() if store.directory else place}
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


async def copy(
    source: Settings, target: Settings, buses: Sequence[str], begin: Callable[[str, int], Told]
) -> list[Copied]:
    """Copy buses (none named: all) from one store to another, see ``stores.copying``; ``begin`` is told each one's name."""
    one, other = (_bus_store(settings.store.url, settings, system_clock) for settings in (source, target))
    async with _opened(one), _opened(other):
        return [await copy_bus(one, other, name, partial(begin, name)) for name in buses or one.logs()]
