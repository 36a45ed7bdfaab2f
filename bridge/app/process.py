"""What is the same in every process that runs a bridge: its event loop, what ends it, its exit code."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from bridge.crashpoints import arm
from bridge.errors import BridgeError
from bridge.settings.sections import Settings
from bridge.telemetry import set_up_logging


def run(serving: Coroutine[Any, Any, int], settings: Settings) -> int:
    """Returns the exit code. Errors of the start are told, not raised."""
    set_up_logging(settings.log.level, settings.log.format)
    _calm_collector()
    with asyncio.Runner(loop_factory=_loop()) as runner:
        try:
            arm(os.environ)
            return runner.run(serving)
        except BridgeError as error:
            sys.stderr.write(f"bridge cannot start: {error}\n")
            return 1


def obey_signals(stop: asyncio.Event) -> None:
    """The first SIGINT or SIGTERM stops in good order; the second ends the process: what was acknowledged is durable."""
    loop = asyncio.get_running_loop()

    def asked() -> None:
        if stop.is_set():
            os._exit(130)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked)


async def until(stop: asyncio.Event, failed: asyncio.Event) -> int:
    """The exit code, once one of them is set: whoever watches this process starts it again after a failure."""
    waiting = [asyncio.ensure_future(event.wait()) for event in (stop, failed)]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for one in waiting:
        one.cancel()
    return int(failed.is_set())


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
