"""`bridge get` and `bridge delete`: one grammar for every kind."""

import json
from typing import Any

import pytest
import yaml

from bridge.errors import InUse
from bridge.testing.server import FakeServer

BUS: dict[str, Any] = {
    "kind": "Bus", "name": "traffic", "labels": {"team": "roads"}, "revision": 2,
    "spec": {"partitions": 4, "retention": {"age": "7d", "size": "10GiB"}},
    "created": "2026-11-24T08:00:00.000Z", "updated": "2026-11-24T08:00:00.000Z",
}  # fmt: skip
RULE: dict[str, Any] = {
    "kind": "Rule", "bus": "traffic", "name": "red", "revision": 1,
    "spec": {"enabled": False, "targets": [{"name": "audit", "kind": "file"}, {"name": "hall", "kind": "http"}]},
}  # fmt: skip


@pytest.fixture
def stocked(server: FakeServer) -> FakeServer:
    server.answer("GET", "/v1/buses", {"items": [BUS, {"kind": "Bus", "name": "b", "revision": 1}]})
    server.answer("GET", "/v1/buses/traffic", BUS)
    server.answer("GET", "/v1/rules", {"items": [RULE]})
    server.answer("GET", "/v1/buses/traffic/rules", {"items": []})
    server.answer("GET", "/v1/buses/traffic/rules/red", RULE)
    return server


@pytest.mark.usefixtures("stocked")
def test_tables_for_people(run) -> None:
    """What matters of each kind."""
    head, first, second = run("get", "buses").stdout.splitlines()
    assert head.split() == ["NAME", "PARTITIONS", "KEPT", "REVISION", "CHANGED"]
    assert first.split()[:5] == ["traffic", "4", "7d,", "10GiB", "2"]
    assert second.split() == ["b", "1", "for", "ever", "1", "-"]
    head, first = run("get", "rule").stdout.splitlines()
    assert head.split() == ["BUS", "NAME", "ENABLED", "TARGETS", "REVISION", "CHANGED"]
    assert first.split() == ["traffic", "red", "no", "audit", "(file),", "hall", "(http)", "1", "-"]


@pytest.mark.usefixtures("stocked")
def test_none_is_said_beside_the_data(run) -> None:
    """An empty list is empty on stdout."""
    result = run("get", "rules", "--bus", "traffic")
    assert (result.stdout, result.stderr) == ("", "there are none\n")
    assert json.loads(run("get", "rules", "--bus", "traffic", "-o", "json").stdout) == []


@pytest.mark.usefixtures("stocked")
def test_forms_for_scripts(run) -> None:
    """One is an object, a list is an array or documents, names are what the other commands take."""
    assert json.loads(run("get", "bus", "traffic", "-o", "json").stdout) == BUS
    assert yaml.safe_load(run("get", "bus", "traffic", "-o", "yaml").stdout) == BUS
    assert [d["name"] for d in json.loads(run("get", "buses", "-o", "json").stdout)] == ["traffic", "b"]
    assert [d["name"] for d in yaml.safe_load_all(run("get", "buses", "-o", "yaml").stdout)] == ["traffic", "b"]
    assert run("get", "rules", "-o", "name").stdout == "traffic/red\n"
    assert run("get", "buses", "-o", "name").stdout == "traffic\nb\n"


@pytest.mark.parametrize("words", [["rule", "red", "--bus", "traffic"], ["Rules", "traffic/red"]])
def test_a_rule_is_named_within_its_bus(run, stocked: FakeServer, words: list[str]) -> None:
    """By --bus or in one word."""
    run("get", *words)
    assert stocked.asked[0].path == "/v1/buses/traffic/rules/red"


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["rule", "red"], "a rule is named within its bus: add --bus BUS, or write BUS/red"),
        (["pods"], "'pods' is no kind; known are bus, buses, rule, rules"),
        (["buses", "-l", "team"], "'team' is not KEY=VALUE"),
    ],
)
def test_wrong_use(run, words: list[str], reason: str) -> None:
    """Exit code 2."""
    assert reason in run("get", *words, code=2).stderr


def test_labels_choose(run, stocked: FakeServer) -> None:
    """Several must all agree; the server compares."""
    run("get", "buses", "-l", "team=roads", "--label", "a==")
    assert stocked.asked[0].query["label"] == ["team=roads", "a=="]


@pytest.mark.parametrize(
    ("form", "lines"),
    [
        ("table", ["exists  Bus a  revision 1", "put     Bus b  revision 2", "delete  Bus a"]),
        ("name", ["a", "b", "a"]),
        ("yaml", ["---", "# exists", "kind: Bus", "name: a", "labels:", "  team: x", "revision: 1", "---", "# put"]),
    ],
)
def test_watch_shows_each_change(run, server: FakeServer, form: str, lines: list[str]) -> None:
    """What is there and what happens, filtered as the list is; ends when the server does."""
    changes = [("exists", "a", 1, "x"), ("exists", "other", 1, "y"), ("put", "b", 2, "x"), ("delete", "a", 0, "")]
    server.answer("GET", "/v1/buses", b"".join(map(_message, changes)))
    shown = run("get", "buses", "--watch", "-l", "team=x", "-o", form).stdout.splitlines()
    assert shown[: len(lines)] == lines
    server.answer("GET", "/v1/buses", b"".join(map(_message, changes)))
    first, *_ = run("get", "bus", "b", "--watch", "-o", "json").stdout.splitlines()
    assert json.loads(first)["action"] == "put"


def _message(change: tuple[str, str, int, str]) -> bytes:
    action, name, revision, team = change
    found = {"kind": "Bus", "name": name} | ({"revision": revision, "labels": {"team": team}} if revision else {})
    return f"event: {action}\nid: 1\ndata: {json.dumps(found)}\n\n".encode()


def test_delete_says_what_went(run, server: FakeServer) -> None:
    """And refuses, as the server does, what is in use."""
    server.answer("DELETE", "/v1/buses/traffic", InUse("in use by Rule traffic/red"), {"deleted": [BUS, RULE]})
    assert run("delete", "bus", "traffic", code=1).stderr == "error: in use by Rule traffic/red\n"
    assert run("delete", "bus", "traffic", "--cascade").stdout == "deleted  Bus traffic\ndeleted  Rule traffic/red\n"
    assert run("delete", "bus", "traffic", "-o", "name").stdout == "traffic\ntraffic/red\n"
    assert len(json.loads(run("delete", "bus", "traffic", "-o", "json").stdout)) == 2
    assert [asked.query for asked in server.asked[:2]] == [{}, {"cascade": ["true"]}]
