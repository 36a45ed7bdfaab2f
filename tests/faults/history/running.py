"""One run of the bridge: from its start to its death."""

import asyncio
import os
import signal
import time
from pathlib import Path

from bridge.crashpoints import VARIABLE
from bridge.testing.process import BridgeProcess
from tests.faults.history import hurried
from tests.faults.history.plan import Kill

LOOK_EVERY_S = 0.01
NEVER_S = float("inf")
START_S, SLOWEST = 1.5, 3.0
"""What a start takes on a machine that has nothing else to do; how much slower a machine is given more time."""


class Stuck(Exception):
    """The bridge does not start, stop or drain as it should."""


class Run:
    """``ready`` is when it was; infinite: it was not."""

    def __init__(self, folder: Path, clock: Path, kill: Kill | None = None) -> None:
        self._kill = kill
        environ = {"FAULTS_CLOCK": str(clock)}
        if kill is not None and kill.point:
            environ[VARIABLE] = f"{kill.point}:{kill.count}"
        self.process = BridgeProcess(folder, environ=environ, program=("-P", str(hurried.__file__)))
        self.started = time.monotonic()
        self.ready = NEVER_S
        self.ended = NEVER_S
        self.point: str | None = None

    async def start(self) -> bool:
        """Whether it is ready; else it was killed before. Raises Stuck when it ended otherwise."""
        impatient = asyncio.ensure_future(self._kill_early())
        try:
            await asyncio.to_thread(self.process.start)
        except RuntimeError as error:
            self.ended = time.monotonic()
            if f"ended with {-signal.SIGKILL}:" not in str(error):
                raise Stuck(str(error)) from error
            self.point = self._kill.point or None if self._kill else None
            return False
        finally:
            impatient.cancel()
        self.ready = time.monotonic()
        return True

    async def _kill_early(self) -> None:
        if self._kill is not None and self._kill.starting:
            await asyncio.sleep(self._kill.life_s)
            if self.process.running:
                os.kill(self.process.pid, signal.SIGKILL)

    async def live(self, seconds: float) -> None:
        """Until it is dead, or for so long; longer on a machine that is slow."""
        end = time.monotonic() + seconds * min(max(1.0, (self.ready - self.started) / START_S), SLOWEST)
        while self.process.running and time.monotonic() < end:
            await asyncio.sleep(LOOK_EVERY_S)

    async def end(self) -> None:
        """Kill it, if it has not killed itself."""
        if self.ended < NEVER_S:
            return
        if not self.process.running:
            self.point = self._kill.point or None if self._kill else None
        else:
            os.kill(self.process.pid, signal.SIGKILL)
        code = await asyncio.to_thread(self.process.wait)
        self.ended = time.monotonic()
        if code != -signal.SIGKILL:
            raise Stuck(f"it ended with {code}:\n{self.process.log()[-4000:]}")

    def abandon(self) -> None:
        """Whatever it was doing, when the story is over."""
        if self.process.running:
            self.process.kill()

    async def stop(self) -> None:
        """In good order."""
        code = await asyncio.to_thread(self.process.stop)
        self.ended = time.monotonic()
        if code:
            raise Stuck(f"it stopped with {code}:\n{self.process.log()[-4000:]}")
