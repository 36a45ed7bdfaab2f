"""`bridge deadletters`: list, show, purge."""

import json
from typing import Any

from bridge.errors import NotFound
from bridge.testing.server import FakeServer

LETTERS = "/v1/buses/traffic/dead-letters"


def letter(number: int) -> dict[str, Any]:
    return {
        "id": str(number), "bus": "traffic", "rule": "red", "target": "audit", "partition": 0, "offset": number,
        "eventId": f"e\x1b{number}", "reason": "rejected", "detail": "410 Gone", "time": "2026-11-24T08:00:00.000Z",
    }  # fmt: skip


def test_list(run, server: FakeServer) -> None:
    """A table, names, or JSON; filters go to the server."""
    server.answer("GET", LETTERS, {"items": [letter(1)]})
    head, first = run(
        "deadletters", "list", "traffic", "--rule", "red", "--since", "2026-11-24T00:00:00Z"
    ).stdout.splitlines()
    assert head.split() == ["ID", "TIME", "TARGET", "REASON", "EVENT", "DETAIL"]
    assert first.split() == ["1", "2026-11-24T08:00:00.000Z", "red/audit", "rejected", "e\ufffd1", "410", "Gone"]
    assert server.asked[0].query == {"limit": ["100"], "rule": ["red"], "since": ["2026-11-24T00:00:00Z"]}
    assert run("deadletters", "list", "traffic", "-o", "name").stdout == "1\n"
    assert json.loads(run("deadletters", "list", "traffic", "-o", "json").stdout)[0]["eventId"] == "e\x1b1"


def test_list_stops_at_its_limit(run, server: FakeServer) -> None:
    """Over pages, too."""
    server.answer(
        "GET", LETTERS, {"items": [letter(1), letter(2)], "nextPageToken": "2"}, {"items": [letter(3), letter(4)]}
    )
    assert run("deadletters", "list", "traffic", "--limit", "3", "-o", "name").stdout == "1\n2\n3\n"


def test_none_is_said_beside_the_data(run, server: FakeServer) -> None:
    """An empty list is empty."""
    server.answer("GET", LETTERS, {"items": []})
    result = run("deadletters", "list", "traffic")
    assert (result.stdout, result.stderr) == ("", "there are none\n")


def test_show(run, server: FakeServer) -> None:
    """With attempts and the event."""
    attempts = [{"started": "2026-11-24T08:00:00.000Z", "duration": "0.012s", "outcome": "410"}]
    server.answer("GET", f"{LETTERS}/1", letter(1) | {"attempts": attempts, "event": {"id": "e", "data": 1.0}})
    out = run("deadletters", "show", "traffic", "1").stdout
    assert "outcome: '410'\n" in out
    assert "  data: 1.0\n" in out
    server.answer("GET", f"{LETTERS}/2", NotFound("there is no dead letter 2"))
    assert run("deadletters", "show", "traffic", "2", code=1).stderr == "error: there is no dead letter 2\n"


def test_purge(run, server: FakeServer) -> None:
    """By ids, filter or all; never all by accident."""
    server.answer("POST", f"{LETTERS}:purge", {"purged": 2})
    assert run("deadletters", "purge", "traffic", "--id", "1", "--id", "2").stderr == "purged 2 dead letters\n"
    run("deadletters", "purge", "traffic", "--target", "audit", "--until", "2026-11-24T00:00:00Z")
    run("deadletters", "purge", "traffic", "--all")
    assert [asked.json() for asked in server.asked] == [
        {"ids": ["1", "2"]},
        {"target": "audit", "until": "2026-11-24T00:00:00Z"},
        {"all": True},
    ]
    assert "say which" in run("deadletters", "purge", "traffic", code=2).stderr
