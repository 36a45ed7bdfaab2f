"""Programs that outlive the command that started them: with small shell scripts in their place."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.servers.errors import ServerProblem
from tests.servers.processes import (
    PID_FILE,
    Program,
    describe,
    ensure_alive,
    ensure_started,
    find,
    start,
    stop,
    wait_until_ready,
)

FOREVER = ("sh", "-c", "echo started; while :; do sleep 10; done")
STUBBORN = ("sh", "-c", "trap '' TERM; echo started; while :; do sleep 0.1; done")

Make = Callable[..., Program]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes a program; whatever runs is killed at the end."""
    made: list[Program] = []

    def make(*command: str, name: str = "server") -> Program:
        made.append(Program(name=name, command=command or FOREVER, folder=tmp_path / name, ports={}))
        made[-1] = replace(made[-1], ports={"PORT": 0})
        return made[-1]

    yield make
    for program in made:
        if running := find(program.folder):
            os.killpg(running.pid, signal.SIGKILL)


def ended(pid: int) -> None:
    """Returns once the child has ended."""
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def test_started_found_stopped(make: Make) -> None:
    """By its folder alone; afterwards nothing is left but what it wrote."""
    program = make()
    running = start(program)
    assert find(program.folder) == running
    assert running.address == "127.0.0.1:0"
    assert stop([program.folder]) == ["server"]
    assert find(program.folder) is None
    assert {path.name for path in program.folder.iterdir()} == {"console.log"}
    assert stop([program.folder]) == []


def test_it_outlives_the_terminal(make: Make) -> None:
    """It has a session of its own, and reads from nowhere."""
    running = start(make())
    assert os.getsid(running.pid) == running.pid != os.getsid(0)


def test_a_foreign_process_is_never_touched(make: Make) -> None:
    """A pid file that outlived its process, whose number somebody else has now."""
    program = make()
    other = subprocess.Popen(["sleep", "60"])
    try:
        program.folder.mkdir()
        (program.folder / PID_FILE).write_text(json.dumps({"pid": other.pid, "began": 1.5, "address": "here"}))
        assert find(program.folder) is None
        assert stop([program.folder]) == []
        assert other.poll() is None
        assert not (program.folder / PID_FILE).exists()
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize("text", ["", "17", "{}", '{"pid": 1}', "[1, 2, 3]", "nonsense"])
def test_a_broken_pid_file_means_nobody(make: Make, text: str) -> None:
    """As if it were not there."""
    program = make()
    program.folder.mkdir()
    (program.folder / PID_FILE).write_text(text)
    assert find(program.folder) is None


def test_a_dead_child_does_not_count(make: Make) -> None:
    """A zombie has a number and a beginning, and runs nothing."""
    program = make()
    running = start(program)
    os.kill(running.pid, signal.SIGKILL)
    ended(running.pid)
    assert psutil.Process(running.pid).status() == psutil.STATUS_ZOMBIE
    assert find(program.folder) is None


def test_a_paused_one_is_woken_to_end(make: Make) -> None:
    """Else it would hear nothing of the signal."""
    program = make()
    os.kill(start(program).pid, signal.SIGSTOP)
    assert stop([program.folder]) == ["server"]


def test_one_that_does_not_end_is_reported(make: Make) -> None:
    """It is never killed; its number is told, and its pid file stays."""
    program = make(*STUBBORN)
    running = start(program)
    said = program.folder / "console.log"
    wait_until_ready([], 20, lambda: "" if "started" in said.read_text() else "no word")
    with pytest.raises(ServerProblem, match=rf"server \(process {running.pid}\) was told to stop and still runs"):
        stop([program.folder], wait_s=0)
    assert find(program.folder) == running


def test_started_only_once(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    """One that runs keeps its process and its configuration."""
    program = make()
    ensure_started(program, {"its.conf": "first"})
    running = find(program.folder)
    ensure_started(program, {"its.conf": "second"})
    assert find(program.folder) == running
    assert (program.folder / "its.conf").read_text() == "first"
    assert capsys.readouterr().out == "started server\n"


def test_one_that_runs_keeps_its_port(make: Make) -> None:
    """Asked for another, the command says what to do."""
    program = make()
    start(program)
    with pytest.raises(ServerProblem, match=r"runs already, at 127\.0\.0\.1:0, not 127\.0\.0\.1:1; .*CLUSTER_STATE"):
        ensure_started(replace(program, ports={"PORT": 1}), {})


def test_one_that_ends_shows_its_last_words(make: Make) -> None:
    """Instead of a wait until the time is up."""
    program = make("sh", "-c", "echo one; echo cannot bind >&2; exit 3")
    ended(start(program).pid)
    with pytest.raises(ServerProblem, match=r"(?s)server ended\..*console\.log:\n  one\n  cannot bind$"):
        wait_until_ready([program], 60, lambda: "no answer")


def test_waiting_ends(make: Make) -> None:
    """With what is missing, and where to look."""
    program = make()
    start(program)
    ensure_alive(program)
    with pytest.raises(ServerProblem, match=r"(?s)no answer within 0 s .*console\.log"):
        wait_until_ready([program], 0, lambda: "no answer")


def test_who_holds_no_port_is_not_ready(make: Make) -> None:
    """Even if somebody answers: it may be another server at the same port."""
    program = make()
    start(program)
    with pytest.raises(ServerProblem, match="no open port of server within 0 s"):
        wait_until_ready([program], 0, lambda: "")


def test_rows_for_people(make: Make) -> None:
    """Ready is who runs and answers."""
    program = make()
    running = start(program)
    row = describe(program.folder, lambda address: address == "127.0.0.1:0")
    assert row.ready
    assert row.state.startswith(f"ready  127.0.0.1:0  pid {running.pid}, ")
    silent = describe(program.folder, lambda _: False)
    assert not silent.ready
    assert silent.state.startswith("does not answer  127.0.0.1:0  pid ")
    os.kill(running.pid, signal.SIGSTOP)
    os.waitid(os.P_PID, running.pid, os.WSTOPPED)
    assert describe(program.folder, lambda _: True).state.startswith("paused")
    stop([program.folder])
    assert describe(program.folder, lambda _: True) == ("server", "stopped", False)
