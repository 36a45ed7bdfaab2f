"""What `make cluster-up` and its neighbours decide and say."""

import fcntl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.__main__ import KINDS, Kind, choose, main
from tests.servers.errors import ServerProblem
from tests.servers.processes import Row
from tests.servers.settings import Settings


class Servers:
    """A runner that remembers; it has no processes."""

    def __init__(self, *rows: Row, problem: str = "") -> None:
        self.rows, self.problem = rows, problem
        self.done: list[str] = []

    def up(self, settings: Settings) -> None:
        if self.problem:
            raise ServerProblem(self.problem)
        self.done.append("up")

    def down(self, settings: Settings) -> list[str]:
        self.done.append("down")
        return [row.name for row in self.rows]

    def clean(self, settings: Settings) -> list[str]:
        self.done.append("clean")
        return [f"/state/{row.name}" for row in self.rows]

    def status(self, settings: Settings) -> Iterator[Row]:
        yield from self.rows


def kind(machine: Servers, *, running: bool = False) -> Kind:
    return Kind(machine, Servers(), lambda _: running, lambda _, containers: f"welcome {containers}")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs a command on servers of this machine."""

    def run(verb: str, servers: Servers) -> int:
        monkeypatch.setitem(KINDS, "cluster", kind(servers))
        return main(["cluster", verb], {"CLUSTER_STATE": str(tmp_path), "CLUSTER_RUNNER": "local"})

    return run


@pytest.mark.parametrize(
    ("wanted", "running", "engine", "containers"),
    [
        ("auto", False, True, True),
        ("auto", False, False, False),
        ("auto", True, True, False),
        ("local", False, True, False),
        ("docker", True, True, True),
    ],
)
def test_containers_or_processes(wanted: str, running: bool, engine: bool, containers: bool) -> None:
    """Containers where an engine answers, unless processes run already or the variable says otherwise."""
    it = kind(Servers(), running=running)
    settings = Settings(state=Path("/s"), cache=Path("/c"), runner=wanted)
    assert choose(it, settings, lambda: engine) is (it.in_containers if containers else it.on_machine)


def test_wanted_containers_without_an_engine() -> None:
    """An error, and no silent change to something else."""
    settings = Settings(state=Path("/s"), cache=Path("/c"), runner="docker")
    with pytest.raises(ServerProblem, match="no Docker engine with compose answers"):
        choose(kind(Servers()), settings, lambda: False)


def test_up_welcomes(run, capsys: pytest.CaptureFixture[str]) -> None:
    """Once everything is ready."""
    servers = Servers()
    assert run("up", servers) == 0
    assert servers.done == ["up"]
    assert capsys.readouterr().out == "welcome False\n"


def test_problems_go_to_stderr(run, capsys: pytest.CaptureFixture[str]) -> None:
    """As one sentence, with exit code 1."""
    assert run("up", Servers(problem="port 9876 is taken")) == 1
    assert capsys.readouterr() == ("", "error: port 9876 is taken\n")


def test_interrupted(run, capsys: pytest.CaptureFixture[str]) -> None:
    """What was started stays, which is said; the exit code is that of a shell."""

    class Impatient(Servers):
        def up(self, settings: Settings) -> None:
            raise KeyboardInterrupt

    assert run("up", Impatient()) == 130
    assert capsys.readouterr().err == "interrupted; what has been started stays until it is stopped\n"


def test_one_command_at_a_time(run, tmp_path: Path) -> None:
    """A second one waits for the first, instead of starting everything twice."""
    servers = Servers()
    second = threading.Thread(target=run, args=("up", servers))
    with (tmp_path / "lock").open("w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        second.start()
        second.join(0.1)
        assert servers.done == []
    second.join()
    assert servers.done == ["up"]


def test_down_says_what_ended(run, capsys: pytest.CaptureFixture[str]) -> None:
    """Or that there was nothing."""
    assert run("down", Servers(Row("a", "ready", True), Row("b", "ready", True))) == 0
    assert run("down", Servers()) == 0
    assert capsys.readouterr().out == "stopped a, b\nnothing was running\n"


def test_clean_says_what_is_gone(run, capsys: pytest.CaptureFixture[str]) -> None:
    """Each folder by its path."""
    assert run("clean", Servers(Row("a", "ready", True))) == 0
    assert run("clean", Servers()) == 0
    assert capsys.readouterr().out == "deleted /state/a\nthere was nothing to delete\n"


@pytest.mark.parametrize(
    ("rows", "code", "said"),
    [
        ([Row("a", "ready  here", True)], 0, "a            ready  here\n"),
        ([Row("a", "ready", True), Row("b", "stopped", False)], 1, "a            ready\nb            stopped\n"),
        ([], 1, "nothing was started here\n"),
    ],
)
def test_status(run, rows: list[Row], code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each; exit code 0 only if all are ready, for scripts."""
    assert run("status", Servers(*rows)) == code
    assert capsys.readouterr().out == said


def test_cluster_says_which_ports_are_open() -> None:
    """RocketMQ's HA and proxy ports cannot be bound to the loopback: nobody learns that by accident."""
    settings = Settings(state=Path("/s"), cache=Path("/c"), brokers=2, proxy=True)
    said = KINDS["cluster"].welcome(settings, False)
    assert "name server at 127.0.0.1:9876, broker-a at 127.0.0.1:10911, broker-b at 127.0.0.1:10921" in said
    assert "proxy is at 127.0.0.1:8081" in said
    assert "Open on EVERY address of this machine, without credentials: 10912, 10922, 8081, 8082." in said
    assert "EVERY" not in KINDS["cluster"].welcome(settings, True)


def test_services_say_their_urls() -> None:
    """As SQLAlchemy takes them."""
    said = KINDS["services"].welcome(Settings(state=Path("/s"), cache=Path("/c"), mariadb_port=4000), False)
    assert "postgresql+psycopg://bridge:bridge@127.0.0.1:15432/bridge" in said
    assert "mysql+pymysql://bridge:bridge@127.0.0.1:4000/bridge" in said


@pytest.mark.parametrize("words", [[], ["cluster"], ["cluster", "restart"], ["kafka", "up"], ["cluster", "up", "now"]])
def test_wrong_use(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and how it is used."""
    assert main(words, {}) == 2
    assert "cluster|services up|down|status|clean" in capsys.readouterr().err


def test_a_wrong_variable_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is started."""
    assert main(["cluster", "up"], {"BROKERS": "many"}) == 1
    assert capsys.readouterr().err == "error: BROKERS must be a number from 1 to 2, not 'many'\n"
