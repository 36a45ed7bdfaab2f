"""Pausing a target and letting it go on, through every door; across changes, stops and kills."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import pytest

from bridge._proto.bridge.v1 import operations_pb2 as ops
from bridge._proto.bridge.v1.operations_pb2_grpc import OperationsStub
from bridge.testing.process import BridgeProcess
from tests.acceptance.conftest import Door, bus, event, rule, to_file, until
from tests.acceptance.test_operations import metric

ONE = "/v1/buses/b/rules/r/targets/held"
LOOKS = """
import runpy
from bridge.dataplane import retention
retention.EVERY_S = 0.5  # between two looks: ten seconds
runpy.run_module("bridge", run_name="__main__")
"""


def ids(door: Door, name: str) -> list[str]:
    return [line["id"] for line in door.lines(name)]


def pause(door: Door, reason: str = "", target: str = ONE) -> dict[str, Any]:
    got = door.http("POST", f"{target}/pause", {"reason": reason})
    assert got.status == 200, got.body
    return got.body["paused"]


def resume(door: Door, target: str = ONE, **how: bool) -> None:
    got = door.http("POST", f"{target}/resume", how or None)
    assert (got.status, got.body) == (200, {"paused": None})


def settled(door: Door, number: int) -> None:
    """The target beside the paused one has got so many: whatever the other were to get, it had time to."""
    until(lambda: len(door.lines("free")) == number)


@pytest.fixture
def two(door: Door) -> Door:
    """A bus with a rule of two targets, each a file."""
    door.apply(bus("b"), held_and_free())
    return door


def held_and_free() -> dict[str, Any]:
    return rule("r", "b", to_file("held", "held"), to_file("free", "free"))


def test_a_paused_target_gets_nothing_until_it_is_resumed(two: Door) -> None:
    """Then all it has missed, once and in order; the other one never waits."""
    two.put("b", event(1))
    until(partial(two.lines, "held"))
    stands = pause(two, "they move")
    assert (stands["reason"], stands["by"], pause(two, "again")) == ("they move", "operator", stands)
    two.put("b", *(event(n) for n in range(2, 8)))
    settled(two, 7)
    assert ids(two, "held") == ["1"]
    shown = two.target("b", "r", "held")
    assert (shown["state"], shown["since"], shown["reason"]) == ("paused", stands["since"], "they move")
    until(lambda: two.target("b", "r", "held")["lag"] == 6)
    resume(two)
    until(lambda: ids(two, "held") == [str(n) for n in range(1, 8)])
    resume(two)
    two.put("b", event(8))
    until(lambda: ids(two, "held") == [str(n) for n in range(1, 9)])
    until(lambda: two.target("b", "r", "held")["state"] == "running")


def test_a_pause_outlives_changes_of_the_rule(two: Door) -> None:
    """Applying the same definition again, or another, does not resume; neither does disabling it for a while."""
    same = rule("r", "b", to_file("held", "held"), to_file("free", "free"))
    pause(two)
    assert two.apply(same) == ["unchanged"]
    two.put("b", event(1))
    settled(two, 1)
    assert two.apply(rule("r", "b", to_file("held", "held", concurrency=2), to_file("free", "free"))) == ["changed"]
    two.put("b", event(2))
    settled(two, 2)
    assert (ids(two, "held"), two.target("b", "r", "held")["state"]) == ([], "paused")
    resume(two)
    until(lambda: ids(two, "held") == ["1", "2"])


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_a_pause_outlives_the_process(two: Door, how: str) -> None:
    """And so does what the target has not got."""
    pause(two, "they move")
    two.put("b", event(1))
    settled(two, 1)
    two.process.stop() if how == "stop" else two.process.kill()
    two.process.start()
    two.put("b", event(2))
    until(lambda: "2" in ids(two, "free"))
    shown = two.target("b", "r", "held")
    assert (shown["state"], shown["reason"], ids(two, "held")) == ("paused", "they move", [])
    resume(two)
    until(lambda: ids(two, "held") == ["1", "2"])
    two.process.stop() if how == "stop" else two.process.kill()
    two.process.start()
    two.put("b", event(3))
    until(lambda: "3" in ids(two, "held"))


def test_a_definition_may_pause(door: Door) -> None:
    """From the target's first event on; resuming changes the definition, and applying it again pauses again."""
    text = rule("r", "b", to_file("held", "held", paused=True), to_file("free", "free"))
    door.apply(bus("b"), text)
    door.put("b", event(1))
    settled(door, 1)
    shown = door.target("b", "r", "held")
    assert (shown["state"], shown["reason"], ids(door, "held")) == ("paused", "paused in its definition", [])
    resume(door)
    until(lambda: ids(door, "held") == ["1"])
    assert door.http("GET", "/v1/buses/b/rules/r").body["spec"]["targets"][0]["paused"] is False
    assert door.apply(text) == ["changed"]
    door.put("b", event(2))
    settled(door, 2)
    assert ids(door, "held") == ["1"]


def test_the_command_line_and_grpc_say_the_same(two: Door) -> None:
    """One pause, whoever made it."""
    said = two.cli("pause", "b/r/held", "--reason", "they move")
    stands = pause(two)
    assert said == f"paused  b/r/held  since {stands['since']} by the operator: they move\n"
    with grpc.insecure_channel(two.process.grpc) as channel:
        stub = OperationsStub(channel)
        got = stub.PauseTarget(ops.PauseTargetRequest(bus="b", rule="r", target="held"), timeout=10).paused
        assert (got.since.ToJsonString(), got.reason) == (stands["since"], "they move")
        assert "paused: they move" in two.cli("status")
        stub.ResumeTarget(ops.ResumeTargetRequest(bus="b", rule="r", target="held"), timeout=10)
        two.put("b", event(1))
        until(lambda: ids(two, "held") == ["1"])
        with pytest.raises(grpc.RpcError) as caught:
            stub.ResumeTarget(ops.ResumeTargetRequest(bus="b", rule="r", target="x"), timeout=10)
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert two.cli("resume", "b/r/held") == "resumed  b/r/held\n"
    two.cli("resume", "b/r/x", code=1)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def receiver(port: int) -> Iterator[list[str]]:
    """Takes every event, and says which."""
    taken: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            taken.append(self.headers["ce-id"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Not to stderr."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield taken
        finally:
            server.shutdown()
            thread.join()


def test_a_blocked_target_is_resumed_at_its_event_or_behind_it(door: Door) -> None:
    """With `errorsTolerance: NONE` it waits: what follows is held back, and no event is skipped unless somebody says so."""
    port = free_port()
    held = {
        "name": "held", "kind": "http", "config": {"url": f"http://127.0.0.1:{port}/"}, "errorsTolerance": "NONE",
        "order": "key", "retry": {"schedule": ["10ms"], "maxAttempts": 2},
    }  # fmt: skip
    door.apply(bus("b"), rule("r", "b", held, to_file("free", "free")))

    def blocked() -> bool:
        return door.target("b", "r", "held")["state"] == "blocked"

    door.put("b", event(1), event(2), event(3))
    until(blocked)
    settled(door, 3)
    assert door.http("GET", "/v1/buses/b/dead-letters").body["items"] == []
    resume(door, skip=True)
    until(lambda: [x["eventId"] for x in door.http("GET", "/v1/buses/b/dead-letters").body["items"]] == ["1"])
    until(blocked)
    with receiver(port) as taken:
        resume(door)
        until(lambda: taken == ["2", "3"])
        again = door.http("POST", f"{ONE}/resume", {"skip": True})
        assert (again.status, again.body["code"]) == (404, "NOT_FOUND")
    assert len(door.http("GET", "/v1/buses/b/dead-letters").body["items"]) == 1


@pytest.mark.slow
def test_retention_that_comes_near_a_paused_target_is_told_before_it_arrives(tmp_path: Path) -> None:
    """In the metric, the status and the log. What the target did not hold already is counted as lost when it goes on."""
    with BridgeProcess(tmp_path, program=("-c", LOOKS)) as process:
        door = Door(process)
        door.apply(bus("b", retention={"age": "2s"}), held_and_free())
        pause(door)
        door.put("b", event(1))
        until(lambda: (metric(door, "bridge_retention_used", target="held") or 0.0) > 0.0)
        until(lambda: door.target("b", "r", "held")["retentionUsed"] == 1.0)
        until(lambda: "retention deleted events that this target has not got" in process.log())
        assert door.target("b", "r", "free")["retentionUsed"] == 0.0
        resume(door)
        door.put("b", event(2))
        until(lambda: "2" in ids(door, "held"))
        assert (metric(door, "bridge_lost_total", target="held") or 0) + len(ids(door, "held")) == 2
