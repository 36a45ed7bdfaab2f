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
        "TARGET             KIND  STATE    LAG    WAITING  PARKED  RATE   DELIVERED  FAILED  DEAD\n"
        "traffic/red/audit  file  running  1,200  0        0       0.5/s  10         2       1\n"
        "traffic/red/audit  file  running  1,200  0        0       0.5/s  10         2       1\n\n"
        "LAST ERROR OF      WHEN     REASON\n"
        "traffic/red/audit  10s ago  disk full\n"
    )


def test_instances_are_counted_and_listed(run, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where several share the buses; one that shares them with nobody now is counted."""
    monkeypatch.setattr(status, "system_clock", lambda: 100.0)
    one = {
        "id": "web-1-17-ab",
        "address": "10.0.0.1:8080",
        "version": "0.1.0",
        "started": "1970-01-01T00:00:10.000Z",
        "partitions": 12,
        "heard": 0.0,
    }
    two = one | {"id": "web-2-19-cd", "address": "10.0.0.2:8080", "version": "", "heard": 3.2}
    server.answer("GET", "/v1/status", STATUS | {"instances": [one]})
    assert run("status").stdout.startswith("bridge 0.1.0, up 1m 30s, 1 instance\n\nBUS ")
    server.answer("GET", "/v1/status", STATUS | {"instances": [one, two]})
    assert run("status").stdout.startswith(
        "bridge 0.1.0, up 1m 30s, 2 instances\n\n"
        "INSTANCE     ADDRESS        VERSION  PARTITIONS  UP      HEARD\n"
        "web-1-17-ab  10.0.0.1:8080  0.1.0    12          1m 30s  0s ago\n"
        "web-2-19-cd  10.0.0.2:8080  -        12          1m 30s  3s ago\n\n"
        "BUS "
    )


def test_partitions_that_nobody_reads_need_a_look(run, server: FakeServer) -> None:
    """While they move from an instance that died, say."""
    server.answer("GET", "/v1/status", STATUS | {"buses": [STATUS["buses"][1] | {"unread": [1, 3]}]})
    assert "empty    -      no instance reads 2 partitions at the moment: 1, 3\n" in run("status").stdout


@pytest.mark.parametrize(
    ("members", "lines"),
    [
        ({"state": "running", "retentionUsed": 0.79, "parked": 3}, []),
        (
            {"state": "paused", "since": "1970-01-01T00:00:40.000Z", "reason": "they\nmove"},
            ["1m ago  paused: they move"],
        ),
        ({"state": "blocked", "since": "1970-01-01T00:00:40.000Z"}, ["1m ago  blocked"]),
        ({"state": "open", "reason": "7 of 10 failed"}, ["-      its circuit breaker is open: 7 of 10 failed"]),
        (
            {"state": "failing", "parked": 2, "nextAttempt": "1970-01-01T00:01:45.000Z", "retentionUsed": 0.8},
            [
                "-      2 deliveries parked, the next attempt is in 5s",
                "-      retention is 80% of the way to its oldest event",
            ],
        ),
        (
            {"parked": 1, "nextAttempt": "1970-01-01T00:01:00.000Z"},
            ["-      1 delivery parked, the next attempt is now"],
        ),
    ],
)
def test_what_needs_a_look_is_told_apart(
    run, server: FakeServer, monkeypatch: pytest.MonkeyPatch, members: dict[str, Any], lines: list[str]
) -> None:
    """Targets that get nothing and why, when parked ones come, and where retention is near."""
    monkeypatch.setattr(status, "system_clock", lambda: 100.0)
    rules = [{"name": "red", "enabled": True, "matched": 0, "targets": [TARGET | {"lastError": None} | members]}]
    server.answer("GET", "/v1/status", STATUS | {"buses": [STATUS["buses"][0] | {"rules": rules}]})
    _, _, looks = run("status").stdout.partition("LOOK AT ")
    assert looks.splitlines()[1:] == [f"traffic/red/audit  {line}" for line in lines]


def test_a_new_bridge_says_what_to_do(run, server: FakeServer) -> None:
    """No buses yet."""
    server.answer("GET", "/v1/status", STATUS | {"buses": []})
    assert "bridge apply" in run("status").stderr


def test_forms_for_scripts(run, server: FakeServer) -> None:
    """The answer of GET /v1/status."""
    server.answer("GET", "/v1/status", STATUS)
    shown = json.loads(run("status", "-o", "json").stdout)
    assert yaml.safe_load(run("status", "-o", "yaml").stdout) == shown
    target = shown["buses"][0]["rules"][0]["targets"][0]
    assert target | TARGET == target  # and what a newer server would say besides
    assert (target["retentionUsed"], target["parked"]) == (None, 0)
    assert {name: shown[name] for name in ("version", "started")} == {n: STATUS[n] for n in ("version", "started")}


def test_watch_shows_it_again(run, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it is interrupted or the server goes away."""
    monkeypatch.setattr(status, "PERIOD_S", 0.0)
    server.answer("GET", "/v1/status", STATUS, STATUS, {"odd": True})
    assert run("status", "--watch", code=1).stdout.count("up ") == 2
