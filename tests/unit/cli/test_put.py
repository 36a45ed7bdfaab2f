"""`bridge put`: one event from flags, many from files."""

import json
from pathlib import Path
from typing import Any

import pytest

from bridge.codec.attributes import is_timestamp
from bridge.errors import InvalidEvent, NotFound, problem
from bridge.testing.server import FakeServer

EVENTS = "/v1/buses/traffic/events"
ONE = ("put", "traffic", "--type", "light.changed", "--source", "/junction/7")


def ok(*ids: str) -> dict[str, Any]:
    return {"results": [{"id": i, "partition": 0, "offset": n} for n, i in enumerate(ids)]}


def line(number: int) -> str:
    return json.dumps({"specversion": "1.0", "id": str(number), "source": "/s", "type": "t"})


def test_one_event_from_flags(run, server: FakeServer) -> None:
    """Flags become attributes; the sentence about it is prose."""
    server.answer("POST", EVENTS, ok("x"))
    result = run(
        *ONE, "--subject", "light-3", "--id", "x", "--time", "2026-11-24T08:00:00Z", "--ext", "a=1", "--ext", "b=="
    )
    assert (result.stdout, result.stderr) == ("", "put event x: partition 0, offset 0\n")
    [asked] = server.asked
    assert asked.headers["content-type"] == "application/cloudevents+json"
    assert asked.json() == {
        "specversion": "1.0", "id": "x", "source": "/junction/7", "type": "light.changed", "subject": "light-3",
        "time": "2026-11-24T08:00:00Z", "a": "1", "b": "=",
    }  # fmt: skip


def test_events_may_be_for_later(run, server: FakeServer) -> None:
    """Then the sentence says when; with -o json the result does."""
    later = {"id": "x", "scheduled": "2026-12-24T18:00:00.000Z"}
    server.answer("POST", EVENTS, {"results": [later]})
    assert run(*ONE).stderr == "put event x: it waits until 2026-12-24T18:00:00.000Z\n"
    assert json.loads(run(*ONE, "-o", "json").stdout) == later
    server.answer("POST", EVENTS, {"results": [later, *ok("y")["results"]]})
    many = run("put", "traffic", given=f"{line(1)}\n{line(2)}\n")
    assert many.stderr.startswith("put 2 events (1 for later) in ")
    assert json.loads(run("put", "traffic", "-o", "json", given=f"{line(1)}\n{line(2)}\n").stdout.splitlines()[0]) == {
        "line": 1,
        **later,
    }


def test_id_and_time_are_made_up(run, server: FakeServer) -> None:
    """Only where the flags leave them out; different each time."""
    server.answer("POST", EVENTS, ok("x"))
    for _ in range(2):
        run(*ONE)
    first, second = (asked.json() for asked in server.asked)
    assert first["id"] != second["id"]
    assert is_timestamp(first["time"])


@pytest.mark.parametrize(
    ("words", "members"),
    [
        (["--data", '{"speed": 1.0}'], {"datacontenttype": "application/json", "data": {"speed": 1.0}}),
        (["--data", "just words"], {"datacontenttype": "text/plain", "data": "just words"}),
        (["--data", "1", "--datacontenttype", "text/csv"], {"datacontenttype": "text/csv", "data": "1"}),
        (["--data", "{}", "--datacontenttype", "x/y+json"], {"datacontenttype": "x/y+json", "data": {}}),
        (["--data", "@data.bin"], {"datacontenttype": "application/octet-stream", "data_base64": "AP8="}),
        (["--data", "-"], {"datacontenttype": "text/plain", "data": "from stdin"}),
        ([], {}),
    ],
)
def test_data_goes_where_it_belongs(
    run, server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], members: dict[str, Any]
) -> None:
    """JSON as JSON, text as text, bytes as Base64."""
    monkeypatch.chdir(tmp_path)
    Path("data.bin").write_bytes(b"\x00\xff")
    server.answer("POST", EVENTS, ok("x"))
    run(*ONE, *words, given="from stdin")
    event = server.asked[0].json()
    assert {name: event[name] for name in event if name.startswith("data")} == members


def test_json_data_is_sent_as_it_was_typed(run, server: FakeServer) -> None:
    """Every digit."""
    server.answer("POST", EVENTS, ok("x"))
    run(*ONE, "--data", '{"n": 0.12345678901234567890}')
    assert b'"data":{"n": 0.12345678901234567890}' in server.asked[0].body


def test_one_event_in_other_modes(run, server: FakeServer) -> None:
    """Binary: attributes in headers; batched: an array of one."""
    server.answer("POST", EVENTS, ok("x"))
    run(*ONE, "--id", "x", "--data", '{"a":1}', "--mode", "binary")
    run(*ONE, "--id", "x", "--mode", "batched")
    binary, batched = server.asked
    assert (binary.headers["ce-id"], binary.body) == ("x", b'{"a":1}')
    assert batched.body.startswith(b"[{")


def test_one_event_refused(run, server: FakeServer) -> None:
    """Exit code 1 and the path."""
    server.answer("POST", EVENTS, InvalidEvent("no", path="$.source"))
    assert run(*ONE, code=1).stderr == "error: $.source: no\n"


def test_results_as_json(run, server: FakeServer) -> None:
    """For scripts: where it lies."""
    server.answer("POST", EVENTS, ok("x"))
    assert json.loads(run(*ONE, "-o", "json").stdout) == {"id": "x", "partition": 0, "offset": 0}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--type", "t"], "an event needs --source"),
        (["--subject", "s"], "an event needs --type and --source"),
        (["--type", "t", "--file", "x"], "--file and --type exclude each other"),
        (["--type", "t", "--source", "s", "--ext", "x"], "'x' is not NAME=TEXT"),
        (["--type", "t", "--source", "s", "--data", "x", "--datacontenttype", "application/json"], "not JSON"),
        (["--type", "t", "--source", "s", "--data", "@nowhere"], "cannot read nowhere: No such file"),
        (["--file", "nowhere"], "cannot read nowhere: No such file"),
        (["--file", "x", "--batch", "0"], "0 is not in the range"),
    ],
)
def test_wrong_use(run, server: FakeServer, words: list[str], reason: str) -> None:
    """Exit code 2, nothing sent."""
    assert reason in " ".join(run("put", "traffic", *words, code=2).stderr.replace("│", "").split())
    assert not server.asked


def test_a_file_is_put_unaltered(run, server: FakeServer, tmp_path: Path) -> None:
    """In batches, with a word about how many and how fast."""
    path = tmp_path / "events.ndjson"
    path.write_text("\n".join(map(line, range(5))), "utf-8")
    server.answer("POST", EVENTS, ok("0", "1"), ok("2", "3"), ok("4"))
    result = run("put", "traffic", "--file", str(path), "--batch", "2")
    assert result.stdout == ""
    assert result.stderr.startswith("put 5 events in ")
    assert sorted(asked.body.decode() for asked in server.asked) == sorted(
        f"[{','.join(map(line, numbers))}]" for numbers in ([0, 1], [2, 3], [4])
    )


def test_standard_input_is_a_file(run, server: FakeServer) -> None:
    """With --file - and without."""
    server.answer("POST", EVENTS, ok("0"))
    run("put", "traffic", given=line(0))
    run("put", "traffic", "--file", "-", given=line(0))
    assert len(server.asked) == 2


def test_failures_are_listed_with_their_line(run, server: FakeServer) -> None:
    """What the server refuses and what is no JSON; the others are put, exit code 3."""
    refused = {"id": "x", "error": problem(InvalidEvent("bad", path="$.source"))}
    server.answer("POST", EVENTS, {"results": [*ok("0")["results"], refused]})
    result = run("put", "traffic", given=f"{line(0)}\n\n{{\n{line(9)}\n", code=3)
    first, second, third = result.stderr.splitlines()
    assert first.startswith("line 3: not a JSON object")
    assert second == "line 4 (id x): $.source: bad"
    assert third.startswith("put 1 event, 2 refused in ")


def test_nothing_put_is_a_failure(run, server: FakeServer) -> None:
    """Exit code 1 when all are refused, or when the bus is unknown."""
    assert "put 0 events, 1 refused" in run("put", "traffic", given="nonsense", code=1).stderr
    server.answer("POST", EVENTS, NotFound("there is no Bus traffic"))
    assert run("put", "traffic", given=line(0), code=1).stderr == "error: there is no Bus traffic\n"


def test_a_server_that_goes_away_is_partly(run, server: FakeServer) -> None:
    """What was put until then is said; exit code 3."""
    server.answer("POST", EVENTS, ok("0"), NotFound("gone"))
    result = run("put", "traffic", "--batch", "1", given="\n".join(map(line, range(9))), code=3)
    assert "error: gone" in result.stderr
    assert "put 1 event in" in result.stderr


def test_each_result_as_json(run, server: FakeServer) -> None:
    """One a line, with the line it came from."""
    server.answer("POST", EVENTS, ok("0"))
    result = run("put", "traffic", "-o", "json", given=f"{line(0)}\nnonsense", code=3)
    first, second = map(json.loads, result.stdout.splitlines())
    assert first == {"line": 1, "id": "0", "partition": 0, "offset": 0}
    assert (second["line"], second["error"]["code"]) == (2, "INVALID_EVENT")


def test_the_progress_bar_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes for the bar, events for the text."""
    from bridge.cli.progress import progress

    monkeypatch.setenv("TERM", "dumb")
    with progress(100) as advance:
        advance(50, 7)
    with progress(None) as advance:
        advance(50, 7)
