"""Dead letters through every door: what they tell, where they go, and their way back."""

import base64
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import pytest

from bridge._proto.bridge.v1 import operations_pb2 as ops
from bridge._proto.bridge.v1.operations_pb2_grpc import OperationsStub
from bridge.testing.process import BridgeProcess
from tests.acceptance.conftest import Door, bus, event, rule, to_file, until

LETTERS = "/v1/buses/b/dead-letters"


class Moody:
    """A receiver that refuses what it gets while it is in a bad mood; remembers what it took, and how often it was asked."""

    def __init__(self) -> None:
        self.status = 422
        self.asked = 0
        self.took: list[str] = []
        self.url = ""


@pytest.fixture
def moody() -> Iterator[Moody]:
    made = Moody()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"] or 0))
            made.asked += 1
            if made.status < 300:
                made.took.append(self.headers["ce-id"])
            body = b"not in the mood" if made.status >= 300 else b""
            self.send_response(made.status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that was killed is no error here."""

    server = Server(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def hook(moody: Moody, **more: Any) -> dict[str, Any]:
    return {"name": "hook", "kind": "http", "config": {"url": f"{moody.url}?token=secret"}, **more}


def letters(door: Door, count: int) -> list[dict[str, Any]]:
    """Once there are so many."""

    def found() -> list[list[dict[str, Any]]]:
        items = door.http("GET", f"{LETTERS}?limit=1000").body["items"]
        return [items] if len(items) == count else []

    (there,) = until(found)
    return there


def redriven(door: Door, **which: Any) -> dict[str, Any]:
    """A redrive over HTTP, once it has ended."""
    begun = door.http("POST", f"{LETTERS}:redrive", which)
    assert begun.status == 202, begun.body
    path = f"/v1/buses/b/redrives/{begun.body['id']}"
    return until(lambda: (found := door.http("GET", path).body)["state"] != "running" and found)


def test_a_dead_letter_explains_itself(door: Door, moody: Moody) -> None:
    """Over HTTP, gRPC and on the command line: the unchanged event, where it went, each attempt with its answer."""
    moody.status = 503
    retry = {"schedule": ["10ms"], "maxAttempts": 8}
    door.apply(bus("b"), rule("r", "b", hook(moody, retry=retry, transform={"text": "went ${data.n}"})))
    door.put("b", event(1, data={"n": 1}, extra="é"))
    (listed,) = letters(door, 1)
    shown = door.http("GET", f"{LETTERS}/{listed['id']}").body
    assert shown["event"] == event(1, data={"n": 1}, extra="é")
    assert (shown["reason"], shown["tries"], len(shown["attempts"])) == ("exhausted-attempts", 8, 8)
    assert shown["policy"] == "own schedule: at most 8 attempts within 1d"
    assert shown["address"] == moody.url
    assert all(a["outcome"].startswith("status 503") and a["answer"] == "not in the mood" for a in shown["attempts"])
    assert shown["attempts"] == sorted(shown["attempts"], key=lambda a: a["started"])
    assert shown["received"] <= shown["attempts"][0]["started"] <= shown["time"]
    assert "event" not in listed
    assert json.loads(door.cli("deadletters", "show", "b", shown["id"], "-o", "json")) == shown
    with grpc.insecure_channel(door.process.grpc) as channel:
        got = OperationsStub(channel).GetDeadLetter(ops.GetDeadLetterRequest(bus="b", id=shown["id"]))
        assert (got["tries"], got["event"]["extra"]) == (8, "é")


def test_redrive_by_ids_filter_and_all(fresh: Door, moody: Moody) -> None:
    """Each goes to its own target only, and is no dead letter any more; the others stay."""
    fresh.apply(bus("b"), rule("r", "b", hook(moody), to_file("out")), rule("other", "b", hook(moody)))
    fresh.put("b", *(event(n) for n in range(10)))
    found = letters(fresh, 20)
    moody.status = 204
    some = [x["id"] for x in found if x["rule"] == "r" and x["eventId"] in {"3", "5", "7"}]
    assert fresh.http("POST", f"{LETTERS}:redrive", {"ids": some, "dryRun": True}).body == {"matched": 3}
    assert redriven(fresh, ids=some)["delivered"] == 3
    assert sorted(moody.took) == ["3", "5", "7"]
    ended = redriven(fresh, rule="other", reason="rejected")
    assert (ended["state"], ended["matched"], ended["sent"], ended["delivered"], ended["failed"]) == (
        "done",
        10,
        10,
        10,
        0,
    )
    fresh.cli("deadletters", "redrive", "b", "--all")
    letters(fresh, 0)
    assert (len(moody.took), len(fresh.lines("out"))) == (20, 10)
    listed = fresh.http("GET", "/v1/buses/b/redrives").body["items"]
    assert [(job["matched"], job["state"]) for job in listed] == [(3, "done"), (10, "done"), (7, "done")]


def test_what_dies_again_stays_with_its_new_reason(door: Door, moody: Moody) -> None:
    """The command line tells it, and ends with 1 when all failed, with 3 when some did."""
    door.apply(bus("b"), rule("r", "b", hook(moody)), rule("gone", "b", hook(moody)))
    door.put("b", event(1), event(2))
    before = letters(door, 4)
    moody.status = 400
    door.cli("deadletters", "redrive", "b", "--rule", "r", code=1)
    after = letters(door, 4)
    assert [x["id"] for x in after] == [x["id"] for x in before]
    assert sorted(x["detail"][:10] for x in after) == ["status 400"] * 2 + ["status 422"] * 2
    door.http("DELETE", "/v1/buses/b/rules/gone")
    moody.status = 204
    door.cli("deadletters", "redrive", "b", "--all", code=3)
    assert [x["rule"] for x in letters(door, 2)] == ["gone", "gone"]
    ended = redriven(door, rule="gone")
    assert (ended["failed"], ended["reason"]) == (2, "there is no target b/gone/hook at work")


def test_a_redrive_uses_the_rule_as_it_is_now(door: Door) -> None:
    """A transform that could not be made is mended; the pattern is not asked again."""
    broken = {"template": {"n": "${data.missing}"}, "missing": "fail"}
    door.apply(bus("b"), rule("r", "b", to_file("out", transform=broken)))
    door.put("b", event(1, data={"n": 7}))
    (letter,) = letters(door, 1)
    assert (letter["reason"], letter.get("tries", 0)) == ("transform-error", 0)
    assert redriven(door, all=True)["failed"] == 1
    mended = {"template": {"n": "${data.n}", "at": "${bridge.receivedTime}"}}
    door.apply(rule("r", "b", to_file("out", transform=mended), pattern={"type": ["something.else"]}))
    assert redriven(door, all=True)["delivered"] == 1
    (line,) = door.lines("out")
    assert line["n"] == 7
    assert line["at"][:19] == letter["received"][:19]


def test_a_redrive_waits_for_a_paused_target_and_can_be_cancelled(fresh: Door, moody: Moody) -> None:
    """Other targets do not wait for it; what it was not given stays a dead letter."""
    fresh.apply(bus("b"), rule("r", "b", hook(moody)), rule("other", "b", hook(moody)))
    fresh.put("b", *(event(n) for n in range(200)))
    letters(fresh, 400)
    fresh.cli("pause", "b/r/hook")
    moody.status = 204
    begun = fresh.http("POST", f"{LETTERS}:redrive", {"all": True}).body
    path = f"/v1/buses/b/redrives/{begun['id']}"
    until(lambda: fresh.http("GET", path).body["delivered"] == 200)
    assert fresh.http("GET", path).body["state"] == "running"
    cancelled = fresh.http("POST", f"{path}/cancel").body
    assert (cancelled["state"], cancelled["delivered"]) == ("cancelled", 200)
    assert 0 < cancelled["sent"] - 200 <= 100
    fresh.cli("resume", "b/r/hook")
    left = 200 - (cancelled["sent"] - 200)
    letters(fresh, left)
    assert len(moody.took) == 400 - left
    fresh.cli("deadletters", "redrive", "b", "--all")
    assert len(moody.took) == 400


def test_a_rate_is_kept(door: Door, moody: Moody) -> None:
    """Ten letters at twenty a second take about half a second."""
    door.apply(bus("b"), rule("r", "b", hook(moody)))
    door.put("b", *(event(n) for n in range(30)))
    letters(door, 30)
    moody.status = 204
    ended = redriven(door, all=True, rate="20/s")
    assert (ended["delivered"], ended["rate"]) == (30, 20.0)
    assert ended["ended"] > ended["started"]
    took = float(ended["ended"][17:23]) - float(ended["started"][17:23])
    assert took % 60 >= 0.9


def test_letters_left_by_a_crash_can_be_redriven(tmp_path: Path, moody: Moody) -> None:
    """Killed in the middle of a redrive: nothing is lost; the job is forgotten."""
    with BridgeProcess(tmp_path) as process:
        door = Door(process)
        door.apply(bus("b"), rule("r", "b", hook(moody)))
        door.put("b", *(event(n) for n in range(100)))
        letters(door, 100)
        moody.status = 204
        begun = door.http("POST", f"{LETTERS}:redrive", {"all": True, "rate": "200/s"}).body
        until(lambda: len(moody.took) >= 20)
        process.kill()
        process.start()
        assert door.http("GET", f"/v1/buses/b/redrives/{begun['id']}").status == 404
        redriven(door, all=True)
        assert {int(taken) for taken in moody.took} == set(range(100))
        assert len(moody.took) <= 100 + 50
        letters(door, 0)


@pytest.mark.parametrize("step", ["redrive-taken", "redrive-before-discarded", "redrive-discarded"])
def test_a_crash_at_any_step_of_a_redrive_loses_nothing(tmp_path: Path, moody: Moody, step: str) -> None:
    """Each event arrives in the end; twice at most, and no more of them than were under way."""
    with BridgeProcess(tmp_path, environ={"BRIDGE_CRASH_AT": f"{step}:2"}) as process:
        door = Door(process)
        door.apply(bus("b"), rule("r", "b", hook(moody)))
        door.put("b", *(event(n) for n in range(120)))
        letters(door, 120)
        moody.status = 204
        door.http("POST", f"{LETTERS}:redrive", {"all": True, "rate": "100/s"})
        process.wait()
    with BridgeProcess(tmp_path) as process:
        door = Door(process)
        redriven(door, all=True)
        letters(door, 0)
    assert {int(taken) for taken in moody.took} == set(range(120))
    assert len(moody.took) <= 120 + 100


def test_dead_letters_may_go_to_a_bus(door: Door, moody: Moody) -> None:
    """Where rules deliver them like any event, with what became of them; the store has none."""
    place = {"deadLetters": {"bus": "failures"}}
    door.apply(
        bus("failures"), bus("b"), rule("r", "b", hook(moody, **place)), rule("keep", "failures", to_file("dead"))
    )
    door.put("b", event(1, data={"n": 1.50}, mine="kept"))
    (line,) = until(lambda: door.lines("dead"))
    assert line == {
        **event(1, data={"n": 1.50}, mine="kept"),
        "bridgehops": 1,
        "knativeerrordest": moody.url,
        "knativeerrorcode": 422,
        "knativeerrordata": base64.b64encode(b"not in the mood").decode(),
        "bridgedeadbus": "b",
        "bridgedeadrule": "r",
        "bridgedeadtarget": "hook",
        "bridgedeadreason": "rejected",
    }
    letters(door, 0)
    assert door.target("b", "r", "hook")["dead"] == 1


def test_dead_letters_of_dead_letters_come_to_an_end(door: Door, moody: Moody) -> None:
    """A bus that is its own: eight times around, then in the store."""
    door.apply(bus("b"), rule("r", "b", hook(moody, deadLetters={"bus": "b"})))
    door.put("b", event(1))
    (letter,) = letters(door, 1)
    assert "put to 8 buses already" in letter["detail"]
    assert moody.asked == 9
    shown = door.http("GET", f"{LETTERS}/{letter['id']}").body["event"]
    assert (shown["bridgehops"], shown["bridgedeadbus"]) == (8, "b")


def test_a_bus_for_dead_letters_that_is_gone_loses_none(door: Door, moody: Moody) -> None:
    """It must be there when the rule is made; deleted later, the store takes its place."""
    wanted = rule("r", "b", hook(moody, deadLetters={"bus": "failures"}))
    refused = door.http("POST", "/v1/apply", [bus("b"), wanted])
    assert (refused.status, refused.body["path"]) == (400, "$[1].spec.targets[0].deadLetters.bus")
    door.apply(bus("failures", limits={"eventSize": "600B"}), bus("b"), wanted)
    door.put("b", event(1, data="x" * 600))
    (letter,) = letters(door, 1)
    assert "the bus failures did not take it" in letter["detail"]
    door.http("DELETE", "/v1/buses/failures")
    door.put("b", event(2))
    assert [x["eventId"] for x in letters(door, 2)] == ["1", "2"]


def test_grpc_redrives_too(fresh: Door, moody: Moody) -> None:
    """The same verbs."""
    fresh.apply(bus("b"), rule("r", "b", hook(moody)))
    fresh.put("b", event(1), event(2))
    letters(fresh, 2)
    moody.status = 204
    with grpc.insecure_channel(fresh.process.grpc) as channel:
        stub = OperationsStub(channel)
        dry = ops.RedriveDeadLettersRequest(bus="b", rule="r", dry_run=True)
        assert stub.RedriveDeadLetters(dry).matched == 2
        begun = stub.RedriveDeadLetters(ops.RedriveDeadLettersRequest(bus="b", all=True, rate="100/s")).redrive
        asked = ops.GetRedriveRequest(bus="b", id=begun.id)
        ended = until(lambda: (found := stub.GetRedrive(asked)).state != "running" and found)
        assert (ended.state, ended.matched, ended.delivered, ended.rate) == ("done", 2, 2, 100.0)
        assert list(stub.ListRedrives(ops.ListRedrivesRequest(bus="b")).redrives) == [ended]
        again = stub.CancelRedrive(ops.CancelRedriveRequest(bus="b", id=begun.id))
        assert again.state == "done"
        with pytest.raises(grpc.RpcError) as caught:
            stub.RedriveDeadLetters(ops.RedriveDeadLettersRequest(bus="nowhere", all=True))
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_interrupting_the_command_cancels_the_redrive(fresh: Door, moody: Moody) -> None:
    """One Ctrl-C: no more letters are sent, and it says what was."""
    fresh.apply(bus("b"), rule("r", "b", hook(moody)))
    fresh.put("b", *(event(n) for n in range(50)))
    letters(fresh, 50)
    moody.status = 204
    command = [sys.executable, "-m", "bridge", "--server", fresh.process.http]
    command += ["deadletters", "redrive", "b", "--all", "--rate", "5/s"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        until(lambda: moody.took)
        running.send_signal(2)
        _, said = running.communicate(timeout=20)
    assert "cancelled; what targets have been given already goes on" in said
    assert running.returncode == 3
    (job,) = fresh.http("GET", "/v1/buses/b/redrives").body["items"]
    assert (job["state"], job["sent"] < 50) == ("cancelled", True)
