"""Events in, rules, targets out; across changes of rules, restarts and kills."""

import socket
import time
from datetime import UTC, datetime
from functools import partial

import pytest

from bridge.testing.process import BridgeProcess
from tests.acceptance.conftest import Door, bus, event, rule, to_file, until


def ids(door: Door, name: str) -> list[str]:
    return [line["id"] for line in door.lines(name)]


def test_an_event_is_filtered_transformed_and_pushed(door: Door) -> None:
    """One that matches arrives as it was put; one that does not, not at all."""
    pattern = {"type": ["light.changed"], "data": {"to": ["red"], "speed": [{"numeric": [">", 50]}]}}
    note = to_file("notes", "notes", transform={"text": "went ${data.from} to ${data.to}"})
    assert (
        door.apply(bus("traffic"), rule("red", "traffic", to_file("out/red"), note, pattern=pattern)) == ["created"] * 2
    )
    fast = event(1, subject="light-3", data={"from": "amber", "to": "red", "speed": 61}, extra="kept")
    results = door.put("traffic", fast, event(2, data={"to": "red", "speed": 48}), event(3, data={"to": "green"}))
    assert [(r["id"], r["partition"], r["offset"]) for r in results] == [("1", 0, 0), ("2", 0, 1), ("3", 0, 2)]
    until(partial(door.lines, "out/red"))
    until((door.process.folder / "notes").exists)
    assert door.lines("out/red") == [fast]
    assert (door.process.folder / "notes").read_text() == "went amber to red\n"


def test_rules_act_at_once_and_disturb_no_other_target(door: Door) -> None:
    """Created, changed, disabled, enabled, deleted under events; the target beside them misses and doubles nothing."""
    door.apply(bus("b"), rule("steady", "b", to_file("steady")))
    number = 0

    def put() -> str:
        nonlocal number
        number += 1
        door.put("b", event(number))
        return str(number)

    put()
    door.apply(rule("new", "b", to_file("new")))
    second = put()
    until(lambda: ids(door, "new") == [second])
    door.apply(rule("new", "b", to_file("changed")))
    third = put()
    until(lambda: ids(door, "changed") == [third])
    door.apply(rule("new", "b", to_file("changed"), enabled=False))
    put()
    door.apply(rule("new", "b", to_file("changed"), enabled=True))
    fifth = put()
    until(lambda: ids(door, "changed") == [third, fifth])
    door.http("DELETE", "/v1/buses/b/rules/new")
    last = put()
    until(lambda: last in ids(door, "steady"))
    time.sleep(0.1)
    assert ids(door, "steady") == [str(n) for n in range(1, number + 1)]
    assert (ids(door, "new"), ids(door, "changed")) == ([second], [third, fifth])


def test_a_bus_that_was_deleted_and_made_again_is_empty(door: Door) -> None:
    """Deleting names what hangs on it, and refuses unless told to cascade."""
    door.apply(bus("b"), rule("r", "b", to_file("out")))
    door.put("b", event(1))
    refused = door.http("DELETE", "/v1/buses/b")
    assert (refused.status, refused.body["code"]) == (409, "IN_USE")
    assert "r" in refused.body["detail"]
    assert door.http("DELETE", "/v1/buses/b?cascade=true").status == 200
    assert door.http("POST", "/v1/buses/b/events", event(2), content_type="application/cloudevents+json").status == 404
    door.apply(bus("b"))
    assert door.put("b", event(3))[0]["offset"] == 0


def test_everything_survives_a_stop_and_a_kill(door: Door) -> None:
    """Definitions, events and positions; what was acknowledged before a kill is delivered after it."""
    door.apply(bus("b", partitions=3), rule("r", "b", to_file("out")))
    door.put("b", *(event(n, subject=f"s{n}") for n in range(50)))
    until(lambda: len(ids(door, "out")) == 50)
    assert door.process.stop() == 0
    door.process.start()
    door.put("b", *(event(n, subject=f"s{n}") for n in range(50, 100)))
    door.process.kill()
    door.process.start()
    until(lambda: len(set(ids(door, "out"))) == 100)
    assert set(ids(door, "out")) == {str(n) for n in range(100)}


def test_a_dead_target_buries_its_events_and_delays_no_other(door: Door) -> None:
    """After a few attempts each event is a dead letter with its reason; status tells."""
    retry = {"schedule": ["20ms"], "maxAttempts": 2}
    dead = {"name": "dead", "kind": "http", "config": {"url": "http://127.0.0.1:9/"}, "retry": retry}
    door.apply(bus("b"), rule("r", "b", dead, to_file("out")))
    door.put("b", event(1, data={"n": 1}), event(2))
    until(lambda: len(ids(door, "out")) == 2)
    letters = until(lambda: len(found := door.http("GET", "/v1/buses/b/dead-letters").body["items"]) == 2 and found)
    assert {letter["eventId"] for letter in letters} == {"1", "2"}
    assert {letter["reason"] for letter in letters} == {"exhausted-attempts"}
    assert all(len(letter["attempts"]) == 2 for letter in letters)
    status = door.target("b", "r", "dead")
    assert (status["state"], status["dead"], status["lag"]) == ("failing", 2, 0)
    assert status["lastError"]["reason"]


def test_a_bus_may_feed_another_and_loops_end(door: Door) -> None:
    """A hop is counted on the event; a loop ends as a dead letter."""
    onward = {"name": "on", "kind": "bus", "config": {"bus": "b2"}}
    back = {"name": "back", "kind": "bus", "config": {"bus": "b1"}}
    door.apply(bus("b1"), bus("b2"), rule("r1", "b1", onward), rule("r2", "b2", back))
    door.put("b1", event(1))
    (letter,) = until(
        lambda: [
            letter for b in ("b1", "b2") for letter in door.http("GET", f"/v1/buses/{b}/dead-letters").body["items"]
        ]
    )
    assert letter["reason"] == "rejected"


def test_a_second_ctrl_c_stops_at_once(door: Door) -> None:
    """While the first one still waits for a target that hangs."""
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        url = f"http://127.0.0.1:{hanging.getsockname()[1]}/"
        door.apply(bus("b"), rule("r", "b", {"name": "slow", "kind": "http", "config": {"url": url}}))
        door.put("b", event(1))
        connection, _ = hanging.accept()
        with connection:
            door.process.interrupt()
            time.sleep(0.3)
            began = time.monotonic()
            door.process.interrupt()
            assert door.process.wait() != 0
            assert time.monotonic() - began < 2
    door.process.start()
    assert door.http("GET", "/v1/buses/b/events").body["events"][0]["event"]["id"] == "1"


def test_a_second_process_on_the_same_data_is_refused(door: Door) -> None:
    """With a word that says why; the first one goes on."""
    other = BridgeProcess(door.process.folder)
    with pytest.raises(RuntimeError, match="in use by another process"):
        other.start()
    assert door.http("GET", "/healthz").status == 200


def test_a_port_in_use_is_told_plainly(door: Door) -> None:
    """For both listeners."""
    for flag, address in (("--http", door.process.http), ("--grpc", door.process.grpc)):
        other = BridgeProcess(door.process.folder / "other", flag, address)
        with pytest.raises(RuntimeError, match=f"cannot listen on {address}"):
            other.start()


def test_a_new_target_may_start_in_the_past(door: Door) -> None:
    """At the beginning, or at a time; beside one that starts now, and without a double at the seam."""
    door.apply(bus("b", partitions=2))
    door.put("b", *(event(n, subject=f"s{n}") for n in range(500)))
    time.sleep(0.05)
    middle = datetime.now(UTC).isoformat()
    time.sleep(0.05)
    door.put("b", *(event(n, subject=f"s{n}") for n in range(500, 700)))
    targets = [
        to_file("all", "all", start="earliest"),
        to_file("late", "late", start=middle),
        to_file("new", "new"),
    ]
    door.apply(rule("r", "b", *targets))
    door.put("b", *(event(n, subject=f"s{n}") for n in range(700, 720)))
    until(lambda: len(ids(door, "all")) >= 720)
    until(lambda: len(ids(door, "late")) >= 220)
    until(lambda: door.target("b", "r", "all")["state"] == "running")
    door.put("b", event(720))
    until(lambda: all("720" in ids(door, name) for name in ("all", "late", "new")))
    assert sorted(map(int, ids(door, "all"))) == list(range(721))
    assert sorted(map(int, ids(door, "late"))) == list(range(500, 721))
    assert sorted(map(int, ids(door, "new"))) == list(range(700, 721))
    refused = door.http("PUT", "/v1/buses/b/rules/bad", {"spec": {"targets": [to_file("x", start="soon")]}})
    assert (refused.status, refused.body["path"]) == (400, "$.spec.targets[0].start")


def test_a_slow_target_delays_no_other_and_misses_nothing(door: Door) -> None:
    """It falls behind, says so, survives a kill like that, and catches up."""
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        url = f"http://127.0.0.1:{hanging.getsockname()[1]}/"
        retry = {"schedule": ["200ms"], "maxAttempts": 20, "maxAge": "1h"}
        slow = {"name": "slow", "kind": "http", "config": {"url": url}, "timeout": "30s", "retry": retry}
        door.apply(bus("b"), rule("r", "b", slow, to_file("fast")))
        door.put("b", *(event(n) for n in range(300)))
        until(lambda: len(ids(door, "fast")) == 300, 5)
        until(lambda: door.target("b", "r", "slow")["state"] == "behind")
        assert door.target("b", "r", "slow")["lag"] == 300
        door.process.kill()
    door.process.start()
    assert door.target("b", "r", "slow")["lag"] == 300
    door.apply(rule("r", "b", to_file("slow", "slow"), to_file("fast")))
    until(lambda: set(ids(door, "slow")) == {str(n) for n in range(300)})
    assert set(ids(door, "fast")) == {str(n) for n in range(300)}
