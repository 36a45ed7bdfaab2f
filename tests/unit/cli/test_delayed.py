"""`bridge delayed`: list, cancel."""

import json
from typing import Any

from bridge.errors import NotFound
from bridge.testing.server import FakeServer

EVENTS = "/v1/buses/traffic/delayed-events"


def event(number: int) -> dict[str, Any]:
    return {"id": f"e\x1b{number}", "source": "/s", "type": "t", "scheduled": f"2026-12-24T18:00:0{number}.000Z"}


def test_list(run, server: FakeServer) -> None:
    """A table, names, or JSON."""
    server.answer("GET", EVENTS, {"items": [event(1) | {"subject": "x"}]})
    head, first = run("delayed", "list", "traffic").stdout.splitlines()
    assert head.split() == ["SCHEDULED", "ID", "SOURCE", "TYPE", "SUBJECT"]
    assert first.split() == ["2026-12-24T18:00:01.000Z", "e\ufffd1", "/s", "t", "x"]
    assert run("delayed", "list", "traffic", "-o", "name").stdout == "e\x1b1\n"
    assert json.loads(run("delayed", "list", "traffic", "-o", "json").stdout) == [event(1) | {"subject": "x"}]


def test_list_stops_at_its_limit(run, server: FakeServer) -> None:
    """Over pages, too; none is said beside the data."""
    server.answer("GET", EVENTS, {"items": [event(1), event(2)], "nextPageToken": "2"}, {"items": [event(3), event(4)]})
    assert len(run("delayed", "list", "traffic", "--limit", "3", "-o", "name").stdout.splitlines()) == 3
    server.answer("GET", EVENTS, {"items": []})
    result = run("delayed", "list", "traffic")
    assert (result.stdout, result.stderr) == ("", "there are none\n")


def test_cancel(run, server: FakeServer) -> None:
    """By ids of any kind; those that do not wait are told, and the exit code says whether all, some or none did."""
    server.answer("DELETE", f"{EVENTS}/a", {"cancelled": 2})
    server.answer("DELETE", f"{EVENTS}/b/c d", {"cancelled": 1})
    server.answer("DELETE", f"{EVENTS}/x", NotFound("nothing waits"))
    assert run("delayed", "cancel", "traffic", "a", "b/c d", "--source", "/s").stderr == "cancelled 3 events\n"
    assert [asked.query for asked in server.asked] == [{"source": ["/s"]}] * 2
    some = run("delayed", "cancel", "traffic", "x", "a", code=3)
    assert some.stderr == "error: nothing waits\ncancelled 2 events\n"
    run("delayed", "cancel", "traffic", "x", code=1)
    run("delayed", "cancel", "traffic", code=2)
