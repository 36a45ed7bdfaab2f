"""Metrics, health, status and logs, as operators see them."""

import json
import re

from tests.acceptance.conftest import Door, bus, event, rule, to_file, until


def metric(door: Door, name: str, **labels: str) -> float | None:
    text = door.http("GET", "/metrics").body.decode()
    for line in text.splitlines():
        found = re.fullmatch(rf"{name}(?:\{{(.*)\}})? (\S+)", line)
        if found and all(f'{key}="{value}"' in (found[1] or "") for key, value in labels.items()):
            return float(found[2])
    return None


def test_metrics_count_what_happened(fresh: Door) -> None:
    """Received, matched, delivered, failed, dead, lag, and latencies as histograms."""
    retry = {"schedule": ["10ms"], "maxAttempts": 2}
    dead = {"name": "dead", "kind": "http", "config": {"url": "http://127.0.0.1:9/"}, "retry": retry}
    fresh.apply(bus("b"), rule("r", "b", to_file("out"), dead))
    fresh.put("b", *(event(n) for n in range(5)), {"id": "bad"})
    until(lambda: metric(fresh, "bridge_dead_total", target="dead") == 5)
    assert metric(fresh, "bridge_received_total", bus="b") == 5
    assert metric(fresh, "bridge_refused_total", code="INVALID_EVENT") == 1
    assert metric(fresh, "bridge_matched_total", rule="r") == 5
    assert metric(fresh, "bridge_delivered_total", target="file") == 5
    assert metric(fresh, "bridge_failed_total", target="dead") == 10
    assert metric(fresh, "bridge_lag", target="file") == 0
    assert metric(fresh, "bridge_delivery_seconds_count", target="file") == 5
    assert metric(fresh, "bridge_delivery_seconds_bucket", target="file", le=r"+Inf") == 5
    assert metric(fresh, "bridge_put_seconds_count", bus="b") == 1


def test_health_and_readiness(door: Door) -> None:
    """Alive is not ready: a rule that is not in force is named."""
    assert door.http("GET", "/healthz").status == 200
    assert door.http("GET", "/readyz").body == {"ready": True, "reasons": {}}


def test_status_shows_buses_rules_and_targets(fresh: Door) -> None:
    """With counts, lag and the last error."""
    fresh.apply(bus("b"), rule("r", "b", to_file("out")))
    fresh.put("b", event(1), event(2))
    target = until(lambda: (found := fresh.target("b", "r", "file"))["delivered"] == 2 and found)
    assert (target["kind"], target["state"], target["lag"]) == ("file", "running", 0)
    (shown,) = fresh.http("GET", "/v1/status").body["buses"]
    assert (shown["name"], shown["events"], shown["received"], shown["lag"]) == ("b", 2, 2, 0)
    assert shown["rules"][0]["targets"][0]["delivered"] == 2


def test_the_log_is_json_where_no_terminal_is(fresh: Door) -> None:
    """A log target's lines among them, with the same fields everywhere."""
    fresh.apply(bus("b"), rule("r", "b", {"name": "l", "kind": "log"}))
    fresh.put("b", event("seen"))
    until(lambda: "seen" in fresh.process.log())
    lines = [json.loads(line) for line in fresh.process.log().splitlines()]
    assert all({"event", "level", "timestamp"} <= set(line) for line in lines)


def test_the_api_is_described(door: Door) -> None:
    """A page for people, OpenAPI for programs."""
    assert door.http("GET", "/docs").headers["content-type"].startswith("text/html")
    assert door.http("GET", "/openapi.json").body["openapi"].startswith("3.")
