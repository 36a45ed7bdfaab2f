"""Several instances on one machine behind one address: `bridge serve --workers N`.

One Python process keeps one core busy. The *supervisor* starts N *workers*, each a bridge of its own in a process of its
own, which divide the partitions of the buses among themselves as instances on N machines would. They listen on the same
address: the system gives each new connection to one of them (``SO_REUSEPORT``).

The supervisor starts a worker again that ended, and stops all when it is told to. It moves no event. A worker whose
supervisor is gone stops: its standard input ends.
"""

import asyncio
import contextlib
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from contextlib import ExitStack
from typing import Any

import msgspec
import structlog

from bridge.app.listening import held
from bridge.errors import StartError
from bridge.settings.sections import Settings
from bridge.settings.showing import as_flags
from bridge.telemetry import set_up_logging
from bridge.version import VERSION

log = structlog.get_logger()

FIRST_REST_S, LONGEST_REST_S = 1.0, 30.0
"""How long a worker that ended rests before it is started again; twice as long each time, until it has lived for long."""
GRACE_S = 5.0
"""How long a worker may take to stop beyond ``stop.drain``."""
PROGRAM = ("-m", "bridge.app.workers")
"""What Python runs as a worker."""
READY = b"ready\n"
"""What a worker writes once it serves."""


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker reads from its standard input: one line of JSON. ``folder``: where its siblings can be asked."""

    number: int
    settings: dict[str, str]
    folder: str


class Worker:
    """One of them: its process now, and how it fared."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._process: Process | None = None
        self._stopping = asyncio.Event()
        self._told: set[signal.Signals] = set()
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Start it, again and again, until it is told to stop. Raises StartError when it never came up at all."""
        rest_s = FIRST_REST_S
        while not self._stopping.is_set():
            began = asyncio.get_running_loop().time()
            code = await self._live()
            if self._stopping.is_set():
                return
            if not self.ready.is_set():
                raise StartError(f"worker {self._orders.number} ended with {code} before it was ready")
            if asyncio.get_running_loop().time() - began > LONGEST_REST_S:
                rest_s = FIRST_REST_S
            log.error("a worker ended and is started again", worker=self._orders.number, code=code, rest_s=rest_s)
            await asyncio.sleep(rest_s)
            rest_s = min(2 * rest_s, LONGEST_REST_S)

    async def _live(self) -> int:
        """One life; returns its exit code. It has a group of its own: Ctrl-C reaches the supervisor alone."""
        process = self._process = await asyncio.create_subprocess_exec(
            sys.executable, *PROGRAM, stdin=PIPE, stdout=PIPE, start_new_session=True
        )
        try:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(msgspec.json.encode(self._orders) + b"\n")
            while line := await process.stdout.readline():
                if line == READY:
                    self.ready.set()
                    log.info("a worker is ready", worker=self._orders.number, pid=process.pid)
            return await process.wait()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()

    def tell(self, number: signal.Signals) -> None:
        """End it, for good. Each signal is sent once: a second one means something else."""
        self._stopping.set()
        if self._process is not None and self._process.returncode is None and number not in self._told:
            self._told.add(number)
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def ended(self) -> None:
        """Return when its process has ended."""
        if self._process is not None:
            await self._process.wait()


def supervise(settings: Settings) -> int:
    """Run workers until told to stop; returns the exit code."""
    set_up_logging(settings.log.level, settings.log.format)
    try:
        with ExitStack() as stack:
            grpc = stack.enter_context(held(settings.grpc.address, "gRPC"))
            http = stack.enter_context(held(settings.http.address, "HTTP"))
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="bridge-workers-"))
            flags = as_flags(settings) | {"grpc.listen": str(grpc), "http.listen": str(http), "server.workers": "1"}
            orders = [Orders(number=n, settings=flags, folder=folder) for n in range(1, settings.server.workers + 1)]
            asyncio.run(_run(orders, settings, f"  gRPC  {grpc}\n  HTTP  http://{http}"))
    except StartError as error:
        sys.stderr.write(f"bridge cannot start: {error}\n")
        return 1
    return 0


async def _run(orders: list[Orders], settings: Settings, addresses: str) -> None:
    """Raises StartError when a worker never comes up."""
    workers = [Worker(one) for one in orders]
    asked = _obey_signals(workers)
    ready = asyncio.gather(*(worker.ready.wait() for worker in workers))
    running = asyncio.gather(*(worker.run() for worker in workers))
    try:
        await _first_of(ready, running, asked)
        if ready.done() and not asked.is_set():
            sys.stdout.write(_welcome(len(workers), addresses, settings))
            sys.stdout.flush()
            await _first_of(running, asked)
        if running.done():
            running.result()
    finally:
        await _stop(workers, settings.stop.drain + GRACE_S)
        for rest in (ready, running):
            rest.cancel()
        await asyncio.gather(ready, running, return_exceptions=True)


async def _first_of(*things: "asyncio.Future[Any] | asyncio.Event") -> None:
    """Return once something is done, or set."""
    waiting = [asyncio.ensure_future(thing.wait()) for thing in things if isinstance(thing, asyncio.Event)]
    await asyncio.wait(
        [*waiting, *(thing for thing in things if not isinstance(thing, asyncio.Event))],
        return_when=asyncio.FIRST_COMPLETED,
    )
    for one in waiting:
        one.cancel()


async def _stop(workers: list[Worker], within_s: float) -> None:
    """In good order for a while, then at once: what was acknowledged is durable."""
    for worker in workers:
        worker.tell(signal.SIGTERM)
    ended = asyncio.gather(*(worker.ended() for worker in workers))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            await asyncio.shield(ended)
    for worker in workers:
        worker.tell(signal.SIGKILL)
    await ended


def _obey_signals(workers: list[Worker]) -> asyncio.Event:
    """The first SIGINT or SIGTERM sets what is returned, the second one ends all workers at once."""
    asked = asyncio.Event()

    def tell() -> None:
        if asked.is_set():
            for worker in workers:
                worker.tell(signal.SIGKILL)
            return
        sys.stdout.write("stopping; once more stops at once\n")
        sys.stdout.flush()
        asked.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, tell)
    return asked


def _welcome(number: int, addresses: str, settings: Settings) -> str:
    return f"""\
bridge {VERSION} is ready, with {number} workers. Ctrl-C stops it.
{addresses}  (API: /docs, metrics: /metrics)
  data  {settings.store.url}
Try, in another terminal:
  bridge status
"""
