"""`bridge status`: tables of buses, targets and errors."""

import json
from typing import Any

import pytest
import yaml

from bridge.cli import status
from bridge.testing.server import FakeServer

TARGET: dict[str, Any] = {
    "name": "audit", "kind": "file", "state": "running", "lag": 1200, "delivered": 10, "failed": 2, "dead": 1,
    "rate": 0.5, "lastError": {"time": "1970-01-01T00:01:30.000Z", "reason": "disk full"},
}  # fmt: skip
STATUS: dict[str, Any] = {
    "version": "0.1.0",
    "started": "1970-01-01T00:00:10.000Z",
    "buses": [
        {
            "name": "traffic", "partitions": 4, "events": 12000, "sizeBytes": 1536, "oldest": "1970-01-01T00:00:40.000Z", "received": 12000,
            "rate": 123.4, "lag": 1200,
            "rules": [{"name": "red", "enabled": True, "matched": 13, "targets": [TARGET, TARGET | {"lastError": None}]}],
        },
        {
            "name": "empty", "partitions": 1, "events": 0, "sizeBytes": 0, "oldest": None, "received": 0, "rate": 0.0,
            "lag": 0, "rules": [],
        },
    ],
}  # fmt: skip


def test_tables_for_people(run, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Buses with their rates, targets with their lag, last errors with their age."""
    monkeypatch.setattr(status, "system_clock", lambda: 100.0)
    server.answer("GET", "/v1/status", STATUS)
    assert run("status").stdout == (
        "bridge 0.1.0, up 1m 30s\n\n"
        "BUS      PARTITIONS  EVENTS  SIZE     OLDEST  RECEIVED  RATE   LAG\n"
        "traffic  4           12,000  1.5 KiB  1m ago  12,000    123/s  1,200\n"
        "empty    1           0       0 B      -       0         0/s    0\n\n"
        "TARGET             KIND  STATE    LAG    RATE   DELIVERED  FAILED  DEAD\n"
        "traffic/red/audit  file  running  1,200  0.5/s  10         2       1\n"
        "traffic/red/audit  file  running  1,200  0.5/s  10         2       1\n\n"
        "LAST ERROR OF      WHEN     REASON\n"
        "traffic/red/audit  10s ago  disk full\n"
    )


def test_a_new_bridge_says_what_to_do(run, server: FakeServer) -> None:
    """No buses yet."""
    server.answer("GET", "/v1/status", STATUS | {"buses": []})
    assert "bridge apply" in run("status").stderr


def test_forms_for_scripts(run, server: FakeServer) -> None:
    """The answer of GET /v1/status."""
    server.answer("GET", "/v1/status", STATUS)
    assert json.loads(run("status", "-o", "json").stdout) == STATUS
    assert yaml.safe_load(run("status", "-o", "yaml").stdout) == STATUS


def test_watch_shows_it_again(run, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it is interrupted or the server goes away."""
    monkeypatch.setattr(status, "PERIOD_S", 0.0)
    server.answer("GET", "/v1/status", STATUS, STATUS, {"odd": True})
    assert run("status", "--watch", code=1).stdout.count("up ") == 2
