"""`bridge pause` and `bridge resume`."""

import pytest
from click.testing import CliRunner

from bridge.cli.main import main
from bridge.errors import NotFound
from bridge.testing.server import FakeServer

PLACE = "/v1/buses/traffic/rules/red/targets/audit"
STANDS = {"since": "2026-11-24T08:00:00.000Z", "reason": "they\x1b[31m move", "by": "operator"}


def test_pause_says_what_stands(run, server: FakeServer) -> None:
    """Since when, by whom, why; on one line that does not steer the terminal."""
    server.answer("POST", f"{PLACE}/pause", {"paused": STANDS})
    shown = run("pause", "traffic/red/audit", "--reason", "they move").stdout
    assert shown == "paused  traffic/red/audit  since 2026-11-24T08:00:00.000Z by the operator: they\ufffd[31m move\n"
    assert server.asked[0].json() == {"reason": "they move"}


def test_resume_and_skip(run, server: FakeServer) -> None:
    """Skipping is asked for by name."""
    server.answer("POST", f"{PLACE}/resume", {"paused": None})
    assert run("resume", "traffic/red/audit").stdout == "resumed  traffic/red/audit\n"
    run("resume", "traffic/red/audit", "--skip")
    assert [a.json() for a in server.asked] == [{"skip": False}, {"skip": True}]


@pytest.mark.parametrize("name", ["audit", "red/audit", "traffic//audit", "traffic/red/audit/x", ""])
def test_a_target_is_named_in_full(run, name: str) -> None:
    """Else it is wrong use, and no server is asked."""
    assert "is not BUS/RULE/TARGET" in run("pause", name, code=2).stderr


def test_a_target_that_is_not_there(run, server: FakeServer) -> None:
    """The server's sentence, exit code 1."""
    server.answer("POST", f"{PLACE}/pause", NotFound("there is no target traffic/red/audit"))
    assert "error: there is no target traffic/red/audit" in run("pause", "traffic/red/audit", code=1).stderr


def complete(server: str, start: str) -> list[str]:
    words = f"bridge resume {start}"
    environ = {"_BRIDGE_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": "2", "BRIDGE_SERVER": server}
    result = CliRunner().invoke(main, [], env=environ, prog_name="bridge")
    return [line.partition(",")[2] for line in result.output.split()]


def test_targets_are_completed_from_the_server(server: FakeServer) -> None:
    """Of all buses, or of the one that is typed already; of none when nobody answers."""
    rule = {"kind": "Rule", "bus": "traffic", "name": "red", "spec": {"targets": [{"name": "audit"}, {"name": "b"}]}}
    for route in ("/v1/rules", "/v1/buses/traffic/rules"):
        server.answer("GET", route, {"items": [rule]})
    assert complete(server.address, "tra") == ["traffic/red/audit", "traffic/red/b"]
    assert complete(server.address, "traffic/red/a") == ["traffic/red/audit"]
    assert complete(server.address, "else/") == []
    assert complete("127.0.0.1:1", "tra") == []
    assert [a.path for a in server.asked] == ["/v1/rules", "/v1/buses/traffic/rules", "/v1/buses/else/rules"]
