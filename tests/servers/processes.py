"""Programs that outlive the command that started them, known by a pid file.

A pid alone may by now belong to somebody else, so the file also holds when the process began; whoever does not match is
never touched. They are stopped by SIGTERM and a wait, never by a name and never by SIGKILL.
"""

import json
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from tests.servers.errors import ServerProblem
from tests.servers.ports import check_ports

PID_FILE, LOG_FILE = "pid", "console.log"
LOG_LINES = 15
STOP_WAIT_S = 90
POLL_S = 0.2

_children: list[subprocess.Popen[bytes]] = []
"""Python warns of a child that is forgotten while it runs; to leave these running is what they are for."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """``folder`` takes its pid file, console log and data; ``ports`` are what it listens on; ``user`` None: ours."""

    name: str
    command: tuple[str, ...]
    folder: Path
    ports: Mapping[str, int]
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None

    @property
    def address(self) -> str:
        """Of the first of its ports."""
        return f"127.0.0.1:{next(iter(self.ports.values()))}"


@dataclass(frozen=True)
class Running:
    """A process: ``began`` in seconds since 1970, as the system tells it; ``address``: its main one."""

    pid: int
    began: float
    address: str


class Row(NamedTuple):
    """A server in the table of ``status``."""

    name: str
    state: str
    ready: bool


def find(folder: Path) -> Running | None:
    """The process that the folder's pid file means, if it lives."""
    try:
        known = Running(**json.loads((folder / PID_FILE).read_text("ascii")))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return None
    return known if _alive(known) else None


def start(program: Program) -> Running:
    """Starts it in a session of its own. Raises ServerProblem if one of its ports is taken."""
    check_ports(program.name, program.ports)
    program.folder.mkdir(parents=True, exist_ok=True)
    with (program.folder / LOG_FILE).open("ab") as log:
        child = subprocess.Popen(
            program.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=program.folder,
            env=os.environ | dict(program.environment),
            start_new_session=True,
            **as_user(program.user),
        )
    _children.append(child)
    running = Running(child.pid, psutil.Process(child.pid).create_time(), program.address)
    (program.folder / PID_FILE).write_text(json.dumps(asdict(running)), "ascii")
    return running


def as_user(user: str | None) -> dict[str, Any]:
    """For ``subprocess``: that user and their own group, and no other group of ours."""
    if user is None:
        return {}
    known = pwd.getpwnam(user)
    return {"user": known.pw_uid, "group": known.pw_gid, "extra_groups": []}


def stop(folders: Sequence[Path], sign: signal.Signals = signal.SIGTERM, wait_s: float = STOP_WAIT_S) -> list[str]:
    """Ends the folders' processes, all at once, and waits for them. Returns the names of those that ran. One that is
    paused is woken, so that it can end. Raises ServerProblem when the time is up.
    """
    known = {folder: running for folder in folders if (running := find(folder))}
    for running in known.values():
        _tell(running, sign)
    end = time.monotonic() + wait_s
    for folder, running in known.items():
        _wait_for_end(folder.name, running, end)
    for folder in folders:
        (folder / PID_FILE).unlink(missing_ok=True)
    return [folder.name for folder in known]


def ensure_started(program: Program, files: Mapping[str, str]) -> None:
    """Starts it unless it runs; its configuration files are written anew before each start. Raises ServerProblem if it
    runs at another port than it should now.
    """
    if running := find(program.folder):
        if running.address != program.address:
            raise ServerProblem(
                f"{program.name} runs already, at {running.address}, not {program.address}; stop it before you change its "
                "port, or give a second one a folder of its own with CLUSTER_STATE=..."
            )
        return
    program.folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (program.folder / name).write_text(text, "utf-8")
    start(program)
    print(f"started {program.name}", flush=True)


def wait_until_ready(programs: Sequence[Program], wait_s: float, missing: Callable[[], str]) -> None:
    """Until ``missing`` says nothing any more, and each program holds its own port: who answers there might be another.

    Raises ServerProblem when a program ends, or the time does.
    """
    end = time.monotonic() + wait_s
    while said := missing() or _without_port(programs):
        for program in programs:
            ensure_alive(program)
        if time.monotonic() > end:
            logs = "".join(f"\n  {program.folder / LOG_FILE}" for program in programs)
            raise ServerProblem(f"{said} within {wait_s:.0f} s (CLUSTER_WAIT=seconds waits longer){logs}")
        time.sleep(POLL_S)


def _without_port(programs: Sequence[Program]) -> str:
    names = [program.name for program in programs if not _holds_port(program)]
    return f"no open port of {', '.join(names)}" if names else ""


def _holds_port(program: Program) -> bool:
    running = find(program.folder)
    if running is None:
        return False
    held = psutil.Process(running.pid).net_connections("tcp")
    return any(c.status == psutil.CONN_LISTEN and program.address.endswith(f":{c.laddr.port}") for c in held)


def describe(folder: Path, answers: Callable[[str], bool]) -> Row:
    """The folder's process in one line; ``answers`` asks whoever is at its address."""
    running = find(folder)
    if running is None:
        return Row(folder.name, "stopped", ready=False)
    process = psutil.Process(running.pid)
    paused = process.status() == psutil.STATUS_STOPPED
    ready = not paused and answers(running.address)
    state = "ready" if ready else "paused" if paused else "does not answer"
    return Row(
        folder.name, f"{state}  {running.address}  pid {running.pid}, {_own_mib(process):.0f} MiB of memory", ready
    )


def _own_mib(process: psutil.Process) -> float:
    """Without the pages of mapped files: a broker maps its whole log, which is the system's cache and no need of its own."""
    memory = process.memory_info()
    return float(memory.rss - getattr(memory, "shared", 0)) / 2**20


def ensure_alive(program: Program) -> None:
    """Raises ServerProblem with the end of its log if the program has ended."""
    if not find(program.folder):
        log = program.folder / LOG_FILE
        raise ServerProblem(f"{program.name} ended. The end of {log}:\n{tail(log)}")


def tail(log: Path) -> str:
    """The last lines of a log, indented."""
    lines = log.read_text("utf-8", "replace").splitlines() if log.is_file() else []
    return "\n".join(f"  {line}" for line in lines[-LOG_LINES:])


def _alive(known: Running) -> bool:
    try:
        process = psutil.Process(known.pid)
        return bool(process.create_time() == known.began) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _tell(running: Running, sign: signal.Signals) -> None:
    try:
        os.kill(running.pid, sign)
        os.kill(running.pid, signal.SIGCONT)
    except ProcessLookupError:
        pass  # it has ended just now, by itself
    except PermissionError as error:
        raise ServerProblem(f"process {running.pid} belongs to another user, who must stop it") from error


def _wait_for_end(name: str, known: Running, end: float) -> None:
    while _alive(known):
        if time.monotonic() > end:
            raise ServerProblem(
                f"{name} (process {known.pid}) was told to stop and still runs; look at it before you kill it"
            )
        time.sleep(POLL_S)
