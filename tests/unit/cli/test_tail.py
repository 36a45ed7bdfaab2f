"""`bridge tail`: follow, or read what is there."""

import json
from pathlib import Path
from typing import Any

from bridge.errors import InvalidPattern
from bridge.testing.server import FakeServer

EVENTS = "/v1/buses/traffic/events"


def entry(offset: int, **members: Any) -> dict[str, Any]:
    event = {"specversion": "1.0", "id": str(offset), "source": "/s", "type": "t"} | members
    return {"partition": 0, "offset": offset, "receivedTime": "2026-11-24T08:00:00.000Z", "event": event}


def stream(*entries: dict[str, Any]) -> bytes:
    return b": welcome\n\n" + b"".join(b"data: " + json.dumps(e).encode() + b"\n\n" for e in entries)


def test_events_as_lines_for_people(run, server: FakeServer) -> None:
    """One line each, whatever is in the event."""
    long = entry(2, data="\x1b[31m" + "x" * 500, subject="a\nb")
    server.answer("GET", EVENTS, stream(entry(1, data={"to": "red"}), long, entry(3)))
    head, first, second, third = run("tail", "traffic").stdout.splitlines()
    assert head.split() == ["RECEIVED", "POSITION", "TYPE", "SOURCE", "SUBJECT", "DATA"]
    assert first.split() == ["2026-11-24T08:00:00.000Z", "0:1", "t", "/s", "-", '{"to":', '"red"}']
    assert (second.endswith("…"), "a b" in second, "\x1b" in second) == (True, True, False)
    assert third.split()[-1] == "-"
    assert server.asked[0].query == {"from": ["latest"], "watch": ["true"]}


def test_events_as_json_lines(run, server: FakeServer) -> None:
    """The event's text as the server sent it."""
    text = b'data: {"partition":0,"offset":1,"receivedTime":"t","event":{"id":"x","n":1.10}}\n\n'
    server.answer("GET", EVENTS, text)
    out = run("tail", "traffic", "-o", "json").stdout
    assert out == '{"partition":0,"offset":1,"receivedTime":"t","event":{"id":"x","n":1.10}}\n'


def test_a_limit_ends_it(run, server: FakeServer) -> None:
    """After so many events."""
    server.answer("GET", EVENTS, stream(*map(entry, range(9))))
    assert len(run("tail", "traffic", "--limit", "3", "-o", "json").stdout.splitlines()) == 3


def test_pattern_and_start(run, server: FakeServer, tmp_path: Path) -> None:
    """The pattern may come from a file."""
    (tmp_path / "p.json").write_text('{"type":["t"]}', "utf-8")
    server.answer("GET", EVENTS, b"")
    run("tail", "traffic", "--from", "2026-11-24T08:00:00+01:00", "--pattern", f"@{tmp_path / 'p.json'}")
    run("tail", "traffic", "--from", "earliest", "--pattern", '{"a":["&"]}')
    first, second = (asked.query for asked in server.asked)
    assert (first["from"], first["pattern"]) == (["2026-11-24T08:00:00+01:00"], ['{"type":["t"]}'])
    assert (second["from"], second["pattern"]) == (["earliest"], ['{"a":["&"]}'])


def test_a_pattern_that_is_refused(run, server: FakeServer) -> None:
    """Exit code 1 with its path."""
    server.answer("GET", EVENTS, InvalidPattern("unknown operator", path="$.pattern.a[0]"))
    assert run("tail", "traffic", "--pattern", "{}", code=1).stderr == "error: $.pattern.a[0]: unknown operator\n"


def test_what_is_there_page_by_page(run, server: FakeServer) -> None:
    """Without following, from the earliest, to the end; a limit holds over pages."""
    server.answer("GET", EVENTS, {"events": [entry(1), entry(2)], "nextPageToken": "0:3"}, {"events": [entry(3)]})
    out = run("tail", "traffic", "--no-follow", "-o", "json").stdout
    assert [json.loads(line)["offset"] for line in out.splitlines()] == [1, 2, 3]
    assert [asked.query["from"] for asked in server.asked] == [["earliest"], ["0:3"]]
    server.answer("GET", EVENTS, {"events": [entry(1), entry(2)], "nextPageToken": "0:3"})
    assert len(run("tail", "traffic", "--no-follow", "-o", "json", "--limit", "3").stdout.splitlines()) == 3
