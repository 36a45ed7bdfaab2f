"""Why did this rule (not) match? Through HTTP, gRPC and the command line, on events that are given or stored."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest

from bridge._proto.bridge.v1 import operations_pb2 as ops
from bridge._proto.bridge.v1.operations_pb2_grpc import OperationsStub
from tests.acceptance.conftest import Door, bus, event, rule, to_file, until

SPEED = {"data": {"speed": [{"numeric": [">", 50]}], "to": ["red"]}, "type": [{"prefix": "light."}]}
SLOW = {"speed": 48, "to": "red"}
REASON = "`data.speed` is 48, pattern wants > 50"
TRANSFORM = {"template": {"light": "${subject}", "note": "went ${data.to}", "on": "${bridge.bus}"}}


@pytest.fixture(scope="module")
def traffic(shared: Door) -> Door:
    """A bus with one event, and rules that match it, nearly match it, would match it, and have nothing to do with it."""
    target = to_file("out")
    shared.apply(
        bus("traffic"),
        rule("audit", "traffic", target),
        rule("speed", "traffic", target, pattern=SPEED),
        rule("sql", "traffic", target, pattern={"type": ["light.changed"]}, filter={"sql": "subject = 'light-4'"}),
        rule("off", "traffic", target, enabled=False),
        rule("other", "traffic", target, pattern={"type": ["door.opened"]}),
    )
    shared.put("traffic", event(1, subject="light-3", data=SLOW))
    return shared


GIVEN = {"event": event(1, subject="light-3", data=SLOW)}
STORED = {"stored": {"bus": "traffic", "partition": 0, "offset": 0}}


@pytest.fixture(scope="module")
def operations(traffic: Door) -> Iterator[Any]:
    with grpc.insecure_channel(traffic.process.grpc) as channel:
        yield OperationsStub(channel)


@pytest.mark.parametrize("which", [GIVEN, STORED])
def test_why_a_pattern_does_not_match(traffic: Door, which: dict[str, Any]) -> None:
    """Each field with the values seen, what was wanted, and the nearest miss."""
    got = traffic.http("POST", "/v1/pattern:test", {"pattern": SPEED, **which})
    assert (got.status, got.body["matched"]) == (200, False)
    speed, to, kind = got.body["fields"]
    assert (speed["path"], speed["matched"], speed["seen"], speed["reason"]) == ("data.speed", False, [48], REASON)
    assert (to["matched"], to["decidedBy"]) == (True, "$.data.to[0]")
    assert (kind["matched"], kind["wanted"]) == (True, 'prefix "light."')


@pytest.mark.parametrize("which", [GIVEN, STORED])
def test_what_a_transform_makes(traffic: Door, which: dict[str, Any]) -> None:
    """The payload and each variable; a stored event is one of its own bus."""
    got = traffic.http("POST", "/v1/transform:test", {"transform": TRANSFORM, **which})
    name = "traffic" if which is STORED else "default"
    assert got.body["payload"] == {"light": "light-3", "note": "went red", "on": name}
    assert got.body["variables"] == {"subject": "light-3", "data.to": "red", "bridge.bus": name}


@pytest.mark.parametrize("which", [GIVEN, STORED])
def test_which_rules_match_and_which_nearly(traffic: Door, which: dict[str, Any]) -> None:
    """What kept the nearest from it; disabled rules apart."""
    got = traffic.http("POST", "/v1/buses/traffic/rules:test", which)
    assert (got.body["rules"], got.body["matched"], got.body["disabled"]) == (5, ["audit"], ["off"])
    speed, sql = got.body["nearly"]
    assert (sql["rule"], sql["filter"]["matched"], sql["fields"]) == ("sql", False, [])
    assert (speed["rule"], [field["reason"] for field in speed["fields"]]) == ("speed", [REASON])


def test_the_same_over_grpc(operations: Any) -> None:
    """Given and stored."""
    given, place = json.dumps(GIVEN["event"]), ops.StoredEvent(bus="traffic", partition=0, offset=0)
    for which in ({"event": given}, {"stored": place}):
        tried = operations.TestPattern(ops.TestPatternRequest(pattern=json.dumps(SPEED), **which))
        assert (tried.matched, tried.fields[0]["reason"]) == (False, REASON)
        made = operations.TestTransform(ops.TestTransformRequest(transform=json.dumps(TRANSFORM), **which))
        assert (json.loads(made.payload)["note"], made.variables["data.to"]) == ("went red", "red")
        found = operations.TestRules(ops.TestRulesRequest(bus="traffic", **which))
        assert (list(found.matched), list(found.disabled)) == (["audit"], ["off"])
        assert [near["rule"] for near in found.nearly] == ["speed", "sql"]
    with pytest.raises(grpc.RpcError) as caught:
        operations.TestRules(ops.TestRulesRequest(bus="traffic", stored=ops.StoredEvent(offset=10**9)))
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND


def test_the_same_on_the_command_line(traffic: Door) -> None:
    """For people, and for scripts."""
    for which in (["--event", json.dumps(GIVEN["event"])], ["--stored", "traffic/0:0"]):
        shown = traffic.cli("pattern", "test", "--pattern", json.dumps(SPEED), *which)
        assert shown == (
            "not matched: 1 of 3 is not as wanted\n"
            "  - data.speed  is 48, pattern wants > 50\n"
            '  + data.to     is "red", pattern wants "red"\n'
            '  + type        is "light.changed", pattern wants prefix "light."\n'
        )
        made = traffic.cli("transform", "test", "--transform", json.dumps(TRANSFORM), *which)
        assert json.loads(made)["note"] == "went red"
    for which in (["--event", json.dumps(GIVEN["event"])], ["--stored", "0:0"]):
        assert traffic.cli("explain", "traffic", *which) == (
            "1 of 5 rules match\n"
            "  + audit\n"
            "nearly\n"
            "  - speed  `data.speed` is 48, pattern wants > 50\n"
            "  - sql    `subject = 'light-4'` is false: `subject` is 'light-3'\n"
            "would match if enabled\n"
            "    off\n"
        )
        assert traffic.cli("explain", "traffic", *which, "-o", "name") == "audit\n"


@pytest.mark.parametrize(
    ("which", "status", "path"),
    [
        ({"stored": {"bus": "x", "partition": 0, "offset": 0}}, 404, "$.stored.bus"),
        ({"stored": {"bus": "traffic", "partition": 1, "offset": 0}}, 404, "$.stored.partition"),
        ({"stored": {"bus": "traffic", "partition": 0, "offset": 10**9}}, 404, "$.stored.offset"),
        ({"stored": {"bus": "traffic", "partition": "0", "offset": 1}}, 400, "$.stored.partition"),
        ({}, 400, "$"),
        (GIVEN | STORED, 400, "$"),
    ],
)
def test_which_event_is_a_question_of_its_own(traffic: Door, which: dict[str, Any], status: int, path: str) -> None:
    """Refused with the part that is not right."""
    for route, asked in [("pattern", {"pattern": {}}), ("transform", {"transform": {"original": True}})]:
        got = traffic.http("POST", f"/v1/{route}:test", asked | which)
        assert (got.status, got.body["path"]) == (status, path)


LINT = {
    "can never match": {"type": ["light.changed"], "data": {"speed": [{"prefix": "a", "numeric": [">", 1]}]}},
    "always matches": {"type": [{"exists": True}]},
    "did you mean `source`": {"sorce": ["/junction/7"]},
}


@pytest.mark.parametrize("warning", LINT)
def test_what_looks_like_a_mistake_is_a_warning_on_apply(traffic: Door, warning: str) -> None:
    """Over HTTP as part of the result, on the command line on stderr; it is applied all the same."""
    asked = json.dumps(rule("odd", "traffic", to_file("odd"), pattern=LINT[warning]))
    got = traffic.http("POST", "/v1/apply?dryRun=true", asked.encode(), content_type="application/yaml")
    [result] = got.body["results"]
    assert result["action"] == "created"
    assert any(text.startswith("$.spec.pattern") and warning in text for text in result["warnings"])
    command = [sys.executable, "-m", "bridge", "--server", traffic.process.http, "apply", "--dry-run", "-f", "-"]
    ran = subprocess.run(command, input=asked, capture_output=True, text=True, timeout=60, check=True)
    assert "warning: Rule traffic/odd: $.spec.pattern" in ran.stderr
    assert warning in ran.stderr
    assert "would be created" in ran.stdout


def test_times_of_the_status_are_text(traffic: Door) -> None:
    """RFC 3339 with its zone: of the start, of the oldest event, of the last error."""
    retry = {"schedule": ["10ms"], "maxAttempts": 4}
    dead = {"name": "dead", "kind": "http", "config": {"url": "http://127.0.0.1:9/"}, "retry": retry}
    traffic.apply(bus("late"), rule("r", "late", dead))
    traffic.put("late", event(1))
    error = until(lambda: traffic.target("late", "r", "dead").get("lastError"))
    status = traffic.http("GET", "/v1/status").body
    [oldest] = [found["oldest"] for found in status["buses"] if found["name"] == "late"]
    for text in (status["started"], oldest, error["time"]):
        assert text.endswith("Z")
        assert abs(datetime.fromisoformat(text) - datetime.now(UTC)) < timedelta(minutes=10)
    assert "up " in traffic.cli("status")


ALTERNATIVES = [f"x{n}" for n in range(9_000)]
HOSTILE = [
    ("pattern", {"pattern": {"data": {"a": ALTERNATIVES}}, "event": {"data": {"a": [f"y{n}" for n in range(500)]}}}),
    ("pattern", {"pattern": {"data": {"a": ALTERNATIVES}}, "event": {"data": {"a": list(range(100_000))}}}),
    ("pattern", {"pattern": {f"f{n}": [n] for n in range(50_000)}, "event": {f"g{n}": n for n in range(50_000)}}),
    ("transform", {"transform": {"path": "$.data[?count($..x) > 1]"}, "event": {"data": list(range(100_000))}}),
]


@pytest.mark.parametrize(("route", "asked"), HOSTILE)
def test_events_flow_while_a_hostile_question_is_answered(traffic: Door, route: str, asked: dict[str, Any]) -> None:
    """It ends soon with an answer or a typed refusal; puts meanwhile wait for milliseconds."""
    answers: list[Any] = []
    asking = threading.Thread(target=lambda: answers.append(traffic.http("POST", f"/v1/{route}:test", asked)))
    asking.start()
    took = []
    while asking.is_alive() or not took:
        begun = time.monotonic()
        traffic.put("traffic", event(2))
        took.append(time.monotonic() - begun)
    asking.join()
    assert (answers[0].status, answers[0].body.get("code")) in {
        (200, None),
        (413, "TOO_LARGE"),
        (400, "INVALID_TRANSFORM"),
    }
    assert sorted(took)[len(took) // 2] < 0.25, took
    assert max(took) < 2, took


def test_questions_wait_in_line_and_too_many_are_told_so(traffic: Door) -> None:
    """Each is answered or told to come back; none harms the service."""
    asked = {"pattern": {"data": {"a": ALTERNATIVES}}, "event": {"data": {"a": [f"y{n}" for n in range(20)]}}}
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda: statuses.append(traffic.http("POST", "/v1/pattern:test", asked).status))
        for _ in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {200, 429}
    assert statuses.count(200) >= 32
    assert traffic.http("GET", "/healthz").status == 200
