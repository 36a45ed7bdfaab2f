"""A cluster that a test may break: processes of this machine at ports that nobody else has, data in a folder of its own."""

import asyncio
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

import psutil

from tests.servers import local, rocketmq
from tests.servers.errors import ServerProblem
from tests.servers.ports import check_ports
from tests.servers.processes import find
from tests.servers.settings import BROKER_NAMES, Settings

NAME_SERVER, (BROKER, OTHER) = rocketmq.NAME_SERVER, BROKER_NAMES
FIRST_PORT, LAST_PORT, APART = 11_000, 32_000, 50
NEIGHBOURS = (-2, 0, 1, 8, 10, 11)
"""Which ports a broker takes beside its own, and a second one."""
WAIT_S = 120


class OwnCluster:
    """``up`` starts what does not run; the names above are what the other methods take."""

    def __init__(self, state: Path, *, brokers: int = 1) -> None:
        name_server, broker = _ports()
        self.settings = Settings(
            state=state,
            cache=Path(os.environ.get("CLUSTER_CACHE") or Path.home() / ".cache" / "bridge-cluster"),
            runner="local",
            wait_s=WAIT_S,
            name_server_port=name_server,
            broker_port=broker,
            brokers=brokers,
        )

    @property
    def name_server(self) -> str:
        return self.settings.name_server

    @property
    def broker_address(self) -> str:
        return self.address(BROKER)

    def address(self, broker: str) -> str:
        return f"127.0.0.1:{self.settings.broker_ports()[broker]}"

    def pid(self, name: str) -> int:
        running = find(self.settings.state / name)
        assert running is not None, f"{name} does not run"
        return running.pid

    async def up(self) -> None:
        """Ready when this returns. Raises ServerProblem."""
        await asyncio.to_thread(local.up, self.settings)

    async def kill(self, name: str) -> None:
        """SIGKILL; it is gone when this returns, and its store is left as a crash leaves it."""
        process = psutil.Process(self.pid(name))
        process.kill()
        await asyncio.to_thread(process.wait, 30)

    def pause(self, name: str) -> None:
        """SIGSTOP: its connections stay open, and nobody answers."""
        os.kill(self.pid(name), signal.SIGSTOP)

    def resume(self, name: str) -> None:
        os.kill(self.pid(name), signal.SIGCONT)

    def resume_all(self) -> None:
        for name in (NAME_SERVER, *self.settings.broker_ports()):
            if running := find(self.settings.state / name):
                os.kill(running.pid, signal.SIGCONT)

    def clean(self) -> None:
        """Stop it and delete what it kept."""
        local.clean(self.settings)


async def until(holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Returns once something holds that happens elsewhere: in a process that tells nobody."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.02)


def _ports() -> list[int]:
    """Five digits each, so that a relay's port can stand in an answer in place of theirs, and none that the system gives
    to clients: one that calls a server that is down would get its very port now and then, and talk to itself.
    """
    while True:
        found = random.sample(range(FIRST_PORT, LAST_PORT, APART), 2)
        try:
            for port in found:
                check_ports("own", {str(step): port + step for step in NEIGHBOURS})
        except ServerProblem:
            continue
        return found
