"""`bridge serve` and `bridge settings`: flags become settings."""

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from click.testing import CliRunner, Result

from bridge.cli.main import main
from bridge.settings.sections import Settings


@pytest.fixture(autouse=True)
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """What `bridge.app.serving.serve` was given instead of starting anything."""
    given: list[Settings] = []
    app = ModuleType("bridge.app.serving")
    app.serve = lambda settings: given.append(settings) or 7  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "bridge.app.serving", app)
    monkeypatch.chdir(tmp_path)
    return given


def bridge(*words: str, code: int = 0, **environ: str) -> Result:
    result = CliRunner().invoke(main, words, env=environ)
    assert result.exit_code == code, result.output
    return result


def test_serve_hands_the_settings_over(started: list[Settings]) -> None:
    """Every flag, and the exit code comes back."""
    flags = ["--store", "memory:", "--http", "127.0.0.1:1", "--grpc", "0.0.0.0:2", "--open", "--log-level", "debug"]
    bridge("serve", *flags, "--log-format", "json", code=7)
    [settings] = started
    assert (settings.store.url, settings.http.listen, settings.grpc.listen) == ("memory:", "127.0.0.1:1", "0.0.0.0:2")
    assert (settings.server.open, settings.log.level, settings.log.format) == (True, "debug", "json")


def test_serve_reads_file_and_environment(started: list[Settings]) -> None:
    """--config, and variables above it."""
    Path("other.toml").write_text('[log]\nlevel = "error"\n[stop]\ndrain = "1s"', "utf-8")
    bridge("serve", "--config", "other.toml", code=7, BRIDGE_LOG_LEVEL="warning")
    assert (started[0].log.level, started[0].stop.drain) == ("warning", 1.0)


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--http", "nonsense"], "error: $.http.listen: 'nonsense' is not an address"),
        (["--grpc", "0.0.0.0:50051"], "error: grpc.listen 0.0.0.0:50051 can be reached from other machines"),
        (["--store", "rocketmq://"], "error: $.store.url: 'rocketmq://' names no name server"),
        (["--config", "nowhere.toml"], "error: cannot read the settings in nowhere.toml"),
    ],
)
def test_serve_refuses_what_is_wrong(started: list[Settings], flags: list[str], reason: str) -> None:
    """A sentence and exit code 1; nothing starts."""
    assert bridge("serve", *flags, code=1).stderr.startswith(reason)
    assert not started


def test_settings_say_where_they_come_from() -> None:
    """A table for people, JSON and YAML for scripts; the flags are those of serve."""
    Path("bridge.toml").write_text("[limits]\nsubscribers = 3", "utf-8")
    environ = {"BRIDGE_CATALOG_URL": "postgresql://me:s3cret@db/x"}
    rows = [line.split() for line in bridge("settings", "--http", "127.0.0.1:1", **environ).stdout.splitlines()]
    assert ["http.listen", "127.0.0.1:1", "flag"] in rows
    assert ["limits.subscribers", "3", "bridge.toml"] in rows
    assert ["catalog.url", "postgresql://me:***@db/x", "BRIDGE_CATALOG_URL"] in rows
    assert ["store.url", "lmdb:./data", "default"] in rows
    shown = json.loads(bridge("settings", "-o", "json").stdout)
    assert shown["limits.subscribers"] == {"value": "3", "from": "bridge.toml"}
    assert yaml.safe_load(bridge("settings", "-o", "yaml").stdout) == shown
