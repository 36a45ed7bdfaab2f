"""What `make test-cluster` starts, says and stops around the tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import __main__ as cluster_run
from tests.servers.__main__ import KINDS, Kind
from tests.servers.errors import ServerProblem
from tests.servers.processes import Row
from tests.servers.settings import Settings


class Servers:
    """Containers that remember what was done with them."""

    def __init__(self, *, running: bool = False, problem: str = "") -> None:
        self.running, self.problem = running, problem
        self.done: list[str] = []

    def up(self, settings: Settings) -> None:
        if self.problem:
            raise ServerProblem(self.problem)
        self.done.append("up with proxy" if settings.proxy else "up")

    def down(self, settings: Settings) -> list[str]:
        self.done.append("down")
        return []

    def clean(self, settings: Settings) -> list[str]:
        raise NotImplementedError

    def status(self, settings: Settings) -> Iterator[Row]:
        yield from [Row("a", "ready", ready=True)] if self.running else []


class Run:
    """Runs the command; ``environment`` is what pytest was given, None if it was not started."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.monkeypatch = folder, monkeypatch
        self.environment: dict[str, str] | None = None
        monkeypatch.setattr(cluster_run, "run", self._pytest)
        monkeypatch.setattr(cluster_run.compose, "engine_answers", lambda: True)

    def _pytest(self, words: list[str], environment: dict[str, str]) -> int:
        self.environment = environment
        return 5

    def __call__(self, cluster: Servers, services: Servers, **variables: str) -> int:
        for name, servers in (("cluster", cluster), ("services", services)):
            self.monkeypatch.setitem(KINDS, name, Kind(Servers(), servers, lambda _: False, lambda *_: ""))
        return cluster_run.main([], {"CLUSTER_STATE": str(self.folder), **variables})


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return Run(tmp_path, monkeypatch)


def test_what_it_started_it_stops(run: Run) -> None:
    """RocketMQ comes with its proxy; the exit code is that of pytest."""
    cluster, services = Servers(), Servers()
    assert run(cluster, services) == 5
    assert (cluster.done, services.done) == (["up with proxy", "down"], ["up with proxy", "down"])
    assert run.environment is not None
    assert run.environment["BRIDGE_TEST_ROCKETMQ"] == "127.0.0.1:9876"
    assert run.environment["BRIDGE_TEST_ROCKETMQ_PROXY"] == "127.0.0.1:8081"
    assert run.environment["BRIDGE_TEST_POSTGRESQL"].startswith("postgresql+psycopg://")
    assert run.environment["BRIDGE_TEST_MARIADB"].startswith("mysql+pymysql://")


def test_what_ran_before_runs_on(run: Run) -> None:
    """It may be somebody's who works with it."""
    cluster, services = Servers(running=True), Servers()
    assert run(cluster, services) == 5
    assert (cluster.done, services.done) == (["up with proxy"], ["up with proxy", "down"])


def test_what_is_elsewhere_is_not_started(run: Run) -> None:
    """One variable of a kind means that all of it is elsewhere."""
    cluster, services = Servers(), Servers()
    assert run(cluster, services, BRIDGE_TEST_ROCKETMQ="there:9876") == 5
    assert (cluster.done, services.done) == ([], ["up with proxy", "down"])
    assert run.environment is not None
    assert run.environment["BRIDGE_TEST_ROCKETMQ"] == "there:9876"
    assert "BRIDGE_TEST_ROCKETMQ_PROXY" not in run.environment


def test_a_missing_tool_is_told(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """No test runs, and what was started before is stopped."""
    cluster, services = Servers(), Servers(problem="there is no postgres here")
    assert run(cluster, services) == 1
    assert run.environment is None
    assert cluster.done == ["up with proxy", "down"]
    assert capsys.readouterr().err == "error: there is no postgres here\n"
