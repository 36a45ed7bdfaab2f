"""The program of a worker: ``python -m bridge.app.workers``. What it is to do stands in the first line of its standard input,
whose end ends it: then its supervisor is gone.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from bridge.app.bridge import Bridge
from bridge.app.process import obey_signals, run, until
from bridge.app.siblings import Siblings
from bridge.app.supervisor import READY, Orders
from bridge.settings.loading import load_settings
from bridge.settings.sections import Settings
from bridge.telemetry import Telemetry


def main() -> int:
    """Read what it is to do, and do it; returns the exit code."""
    orders = msgspec.json.decode(_first_line(0), type=Orders)
    settings = load_settings(Path(os.devnull), {}, orders.settings)

    def siblings(telemetry: Telemetry) -> Siblings:
        return Siblings(Path(orders.folder), orders.number, telemetry.text)

    return run(_work(settings, siblings), settings)


def _first_line(handle: int) -> bytes:
    """Read byte by byte, so that nothing of what follows is taken away from who waits for its end."""
    line = bytearray()
    while (byte := os.read(handle, 1)) not in {b"\n", b""}:
        line += byte
    return bytes(line)


async def _work(settings: Settings, siblings: Callable[[Telemetry], Siblings]) -> int:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    obey_signals(stop)

    def left_alone() -> None:
        loop.remove_reader(0)
        stop.set()

    loop.add_reader(0, left_alone)
    async with Bridge(settings, siblings=siblings).running() as bridge:
        sys.stdout.buffer.write(READY)
        sys.stdout.flush()
        return await until(stop, bridge.failed)


if __name__ == "__main__":
    sys.exit(main())
