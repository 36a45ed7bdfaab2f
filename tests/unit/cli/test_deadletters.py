"""`bridge deadletters`: list, show, purge, redrive."""

import json
import signal
from contextlib import contextmanager
from typing import Any

import pytest

from bridge.cli import deadletters
from bridge.errors import NotFound
from bridge.testing.server import FakeServer

REDRIVES = "/v1/buses/traffic/redrives"
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


def job(state: str = "done", **counts: Any) -> dict[str, Any]:
    zero = {"matched": 0, "sent": 0, "delivered": 0, "parked": 0, "failed": 0}
    return {"id": "r1", "bus": "traffic", "state": state, "started": "2026-11-24T08:00:00.000Z"} | zero | counts


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadletters, "FIRST_LOOK_S", 0.0)


def test_redrive_waits_until_it_has_ended(run, server: FakeServer) -> None:
    """By ids, filter or all; never all by accident."""
    server.answer("POST", f"{LETTERS}:redrive", job("running", matched=1200))
    server.answer(
        "GET", f"{REDRIVES}/r1", job("running", matched=1200, delivered=2), job(matched=1200, delivered=1198, parked=2)
    )
    said = "redrive of 1,200 dead letters: 1,198 delivered, 2 parked\n"
    assert run("deadletters", "redrive", "traffic", "1", "2").stderr == said
    assert [asked.path for asked in server.asked] == [f"{LETTERS}:redrive", f"{REDRIVES}/r1", f"{REDRIVES}/r1"]
    run("deadletters", "redrive", "traffic", "--rule", "red", "--rate", "50/s", "--since", "2026-11-24T00:00:00Z")
    run("deadletters", "redrive", "traffic", "--all")
    assert [asked.json() for asked in server.asked if asked.method == "POST"] == [
        {"ids": ["1", "2"]},
        {"rule": "red", "rate": "50/s", "since": "2026-11-24T00:00:00Z"},
        {"all": True},
    ]
    assert "say which" in run("deadletters", "redrive", "traffic", code=2).stderr


@pytest.mark.parametrize(
    ("ended", "said", "code"),
    [
        (job(), "there are none\n", 0),
        (job(matched=1, delivered=1), "redrive of 1 dead letter: 1 delivered\n", 0),
        (
            job(matched=3, delivered=1, failed=2, reason="no \x1btarget"),
            "redrive of 3 dead letters: 1 delivered, 2 failed\nreason: no \ufffdtarget\n",
            3,
        ),
        (job(matched=2, failed=2), "redrive of 2 dead letters: 0 delivered, 2 failed\n", 1),
        (job("cancelled", matched=9, parked=4), "redrive of 9 dead letters: 0 delivered, 4 parked, 5 left\n", 3),
        (
            job("failed", matched=9, reason="damaged"),
            "redrive of 9 dead letters: 0 delivered, 9 left\nreason: damaged\n",
            1,
        ),
    ],
)
def test_redrive_tells_how_it_ended(run, server: FakeServer, ended: dict[str, Any], said: str, code: int) -> None:
    """In words and by its exit code."""
    server.answer("POST", f"{LETTERS}:redrive", ended)
    assert run("deadletters", "redrive", "traffic", "--all", code=code).stderr == said


def test_redrive_is_tried_without_effect(run, server: FakeServer) -> None:
    """Only the number."""
    server.answer("POST", f"{LETTERS}:redrive", {"matched": 7})
    assert run("deadletters", "redrive", "traffic", "--all", "--dry-run").stderr == "would redrive 7 dead letters\n"
    assert server.asked[0].json() == {"all": True, "dryRun": True}


def test_interrupting_a_redrive_cancels_it(run, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was given to targets goes on; the rest is left."""

    @contextmanager
    def impatient(_: int):
        def tell(done: int) -> None:
            signal.raise_signal(signal.SIGINT)

        yield tell

    monkeypatch.setattr(deadletters, "_progress", impatient)
    server.answer("POST", f"{LETTERS}:redrive", job("running", matched=9))
    server.answer("GET", f"{REDRIVES}/r1", job("running", matched=9, delivered=2))
    server.answer("POST", f"{REDRIVES}/r1/cancel", job("cancelled", matched=9, delivered=2))
    said = run("deadletters", "redrive", "traffic", "--all", code=3).stderr
    assert said == (
        "cancelled; what targets have been given already goes on\nredrive of 9 dead letters: 2 delivered, 7 left\n"
    )


def test_a_redrive_that_is_gone_says_so(run, server: FakeServer) -> None:
    """The bridge was started anew meanwhile."""
    server.answer("POST", f"{LETTERS}:redrive", job("running", matched=9))
    server.answer("GET", f"{REDRIVES}/r1", NotFound("there is no redrive r1 of the bus traffic"))
    said = run("deadletters", "redrive", "traffic", "--all", code=1).stderr
    assert said == "error: there is no redrive r1 of the bus traffic\n"
