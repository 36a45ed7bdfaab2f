"""The `bridge` command in this process, against a server that gives canned answers."""

from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result

from bridge.cli.main import main
from bridge.testing.server import FakeServer

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BRIDGE_SERVER", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as fake:
        yield fake


@pytest.fixture
def run(server: FakeServer) -> Run:
    """``run("get", "buses", code=0)``: what it printed, after a check of its exit code."""

    def invoke(*words: str, given: str | bytes = "", code: int = 0, color: bool = False) -> Result:
        result = CliRunner().invoke(main, ["--server", server.address, *words], input=given, color=color)
        assert result.exit_code == code, f"{result.exit_code}: {result.stdout}{result.stderr}"
        return result

    return invoke
