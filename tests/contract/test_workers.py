"""The supervisor of workers, with workers that only say when they begin and end: started, watched, stopped."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

WORKER = """
import json, os, pathlib, signal, sys, threading
orders = json.loads(sys.stdin.readline())
folder, number = pathlib.Path(os.environ["SEEN"]), orders["number"]
(folder / f"{number}.{os.getpid()}").write_text(json.dumps(orders))
def end(how):
    (folder / f"{number}.{os.getpid()}.{how}").touch()
    os._exit(0)
if number == int(os.environ.get("FAILS", "0")):
    os._exit(3)
signal.signal(signal.SIGTERM, lambda *_: os.environ.get("STUBBORN") or end("told"))
print("ready", flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), end("alone")), daemon=True).start()
while True:
    signal.pause()
"""
PROGRAM = """
import sys
import bridge.app.supervisor as supervisor
from bridge.settings.loading import load_settings
from pathlib import Path
supervisor.PROGRAM = ("-c", sys.argv[1])
supervisor.FIRST_REST_S, supervisor.GRACE_S = 0.05, 0.5
flags = {"http.listen": sys.argv[2], "grpc.listen": "127.0.0.1:0", "server.workers": "3", "stop.drain": "200ms",
         "catalog.url": "postgresql://user:secret@nowhere/x"}
sys.exit(supervisor.supervise(load_settings(Path("/dev/null"), {}, flags)))
"""


class Supervisor:
    def __init__(self, folder: Path, http: str = "127.0.0.1:0", **environ: str) -> None:
        self.seen = folder / "seen"
        self.seen.mkdir()
        self.log = folder / "log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, WORKER, http],
                stdout=subprocess.PIPE, stderr=log, text=True, cwd=folder,
                env=os.environ | {"SEEN": str(self.seen)} | environ,
            )  # fmt: skip

    def until_ready(self) -> str:
        assert self.process.stdout is not None
        said = ""
        for line in self.process.stdout:
            said += line
            if line.startswith("Try"):
                return said
        raise AssertionError(self.log.read_text())

    def names(self, pattern: str) -> list[str]:
        return sorted(path.name for path in self.seen.glob(pattern))

    def pids(self) -> dict[int, int]:
        """Of the workers that were started last, by number."""
        paths = sorted(self.seen.glob("[0-9].[0-9]*"), key=lambda path: path.stat().st_mtime_ns)
        found = [path.name.split(".") for path in paths]
        return {int(name[0]): int(name[1]) for name in found if len(name) == 2}

    def wait(self) -> int:
        return self.process.wait(timeout=20)


def until(holds: Callable[[], Any]) -> None:
    end = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < end, "still not so"
        time.sleep(0.01)


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Supervisor]]:
    started: list[Supervisor] = []

    def run(http: str = "127.0.0.1:0", **environ: str) -> Supervisor:
        started.append(Supervisor(tmp_path, http, **environ))
        return started[-1]

    yield run
    for one in started:
        one.process.kill()
        one.process.communicate()
        for pid in one.pids().values():
            if lives(pid):
                os.kill(pid, signal.SIGKILL)


def test_workers_are_started_and_stopped_in_good_order(start: Callable[..., Supervisor]) -> None:
    """It says so once all are ready; each gets the settings, one address, and one signal."""
    supervisor = start()
    said = supervisor.until_ready()
    assert "with 3 workers" in said
    assert "secret" not in said
    pids = supervisor.pids()
    assert sorted(pids) == [1, 2, 3]
    orders = [path.read_text() for path in supervisor.seen.iterdir()]
    assert all('"server.workers":"1"' in text.replace(": ", ":") for text in orders)
    assert len({text.split("http.listen")[1][:20] for text in orders}) == 1
    supervisor.process.send_signal(signal.SIGTERM)
    assert supervisor.wait() == 0
    assert len(supervisor.names("*.told")) == 3
    assert not any(lives(pid) for pid in pids.values())


def test_a_worker_that_ends_is_started_again(start: Callable[..., Supervisor]) -> None:
    """The others go on."""
    supervisor = start()
    supervisor.until_ready()
    before = supervisor.pids()
    os.kill(before[2], signal.SIGKILL)
    until(lambda: supervisor.pids()[2] != before[2])
    after = supervisor.pids()
    assert (after[1], after[3]) == (before[1], before[3])
    assert "a worker ended and is started again" in supervisor.log.read_text()
    supervisor.process.send_signal(signal.SIGINT)
    assert supervisor.wait() == 0
    assert len(supervisor.names("*.told")) == 3


def test_when_one_cannot_start_none_stays(start: Callable[..., Supervisor]) -> None:
    """The exit code says that it failed."""
    supervisor = start(FAILS="2")
    assert supervisor.wait() == 1
    assert "worker 2 ended with 3 before it was ready" in supervisor.log.read_text()
    until(lambda: not any(lives(pid) for pid in supervisor.pids().values()))


def test_workers_that_do_not_stop_in_time_are_killed(start: Callable[..., Supervisor]) -> None:
    """What was acknowledged is durable."""
    supervisor = start(STUBBORN="yes")
    supervisor.until_ready()
    supervisor.process.send_signal(signal.SIGTERM)
    assert supervisor.wait() == 0
    assert supervisor.names("*.told") == []
    assert not any(lives(pid) for pid in supervisor.pids().values())


def test_workers_whose_supervisor_is_gone_end(start: Callable[..., Supervisor]) -> None:
    """However that ended."""
    supervisor = start()
    supervisor.until_ready()
    supervisor.process.kill()
    until(lambda: len(supervisor.names("*.alone")) == 3)


@pytest.mark.parametrize("shares", [False, True])
def test_an_address_that_is_taken_is_refused(start: Callable[..., Supervisor], *, shares: bool) -> None:
    """Also by somebody who would share it: their events would go to us in silence, and ours to them."""
    with socket.socket() as other:
        if shares:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        supervisor = start(address)
        assert supervisor.wait() == 1
        assert f"cannot listen on {address} for HTTP" in supervisor.log.read_text()
        assert supervisor.pids() == {}
