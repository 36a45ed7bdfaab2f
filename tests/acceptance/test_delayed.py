"""Delayed events through every door of a real bridge: durable at once, never early, at most a second late, also over kills."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime

import grpc
import pytest

from bridge._proto.bridge.v1 import operations_pb2 as ops
from bridge._proto.bridge.v1.events_pb2 import PutEventsRequest, PutResult
from bridge._proto.bridge.v1.events_pb2_grpc import EventsStub
from bridge._proto.bridge.v1.operations_pb2_grpc import OperationsStub
from bridge._proto.cloudevents.v1.cloudevents_pb2 import CloudEvent
from bridge.codec import http, protobuf
from bridge.codec.json import parse_event
from bridge.model.clock import system_clock
from tests.acceptance.conftest import Door, bus, event, rule, to_file, until

LATE_S = 1.0


def text(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def received(door: Door, name: str) -> dict[str, float]:
    """The events of a bus, and when it took each, by its own clock; cut to milliseconds."""
    page = door.http("GET", f"/v1/buses/{name}/events?from=earliest&limit=1000").body
    return {entry["event"]["id"]: seconds(entry["receivedTime"]) for entry in page["events"]}


def waiting(door: Door, name: str) -> list[str]:
    return [item["id"] for item in door.http("GET", f"/v1/buses/{name}/delayed-events").body["items"]]


def check_on_time(door: Door, name: str, due: dict[str, float]) -> None:
    """All of them entered, none early, none late."""
    took = received(door, name)
    assert took.keys() >= due.keys()
    for event_id, moment in due.items():
        assert moment - 0.001 <= took[event_id] <= moment + LATE_S, (event_id, took[event_id] - moment)


Put = Callable[[Door, str, str], str]
"""Puts an event with this id and delivertime to the bus ``doors``; returns when it is scheduled."""


def over_http(media: str, make: Callable[[dict], bytes]) -> Put:
    def put(door: Door, event_id: str, moment: str) -> str:
        body = make(event(event_id) | {"delivertime": moment})
        got = door.http("POST", "/v1/buses/doors/events", body, content_type=media)
        assert got.status == 200, got.body
        (result,) = got.body["results"]
        assert result.keys() == {"id", "scheduled"}
        assert result["id"] == event_id
        return result["scheduled"]

    return put


def in_headers(door: Door, event_id: str, moment: str) -> str:
    headers = {
        f"ce_{name}": value for name, value in (event(event_id) | {"delivertime": moment}).items() if name != "data"
    }
    got = door.http("POST", "/v1/buses/doors/events", b"{}", **headers, content_type="application/json")
    return got.body["results"][0]["scheduled"]


def message(event_id: str, moment: str, *, stamp: bool = False) -> CloudEvent:
    made = CloudEvent(id=event_id, source="/s", type="t", spec_version="1.0", text_data="x")
    if stamp:
        made.attributes["delivertime"].ce_timestamp.FromJsonString(moment)
    else:
        made.attributes["delivertime"].ce_string = moment
    return made


def scheduled(result: PutResult, event_id: str) -> str:
    assert (result.id, result.WhichOneof("result")) == (event_id, "scheduled"), result
    return result.scheduled.ToJsonString()


def over_grpc(door: Door, event_id: str, moment: str) -> str:
    with grpc.insecure_channel(door.process.grpc) as channel:
        request = PutEventsRequest(bus="doors", events=[message(event_id, moment)])
        return scheduled(EventsStub(channel).PutEvents(request).results[0], event_id)


def as_stream(door: Door, event_id: str, moment: str) -> str:
    with grpc.insecure_channel(door.process.grpc) as channel:
        request = PutEventsRequest(bus="doors", events=[message(event_id, moment, stamp=True)])
        return scheduled(next(EventsStub(channel).StreamEvents(iter([request]))).results[0], event_id)


def by_command(door: Door, event_id: str, moment: str) -> str:
    words = ("put", "doors", "--type", "t", "--source", "/s", "--id", event_id, "--ext", f"delivertime={moment}")
    return json.loads(door.cli(*words, "-o", "json"))["scheduled"]


def protobuf_of(made: dict) -> bytes:
    return protobuf.format_event(parse_event(json.dumps(made).encode()))


def protobuf_batch_of(made: dict) -> bytes:
    return protobuf.format_batch([parse_event(json.dumps(made).encode())])


DOORS: dict[str, Put] = {
    "binary": in_headers,
    "structured": over_http(http.JSON, lambda made: json.dumps(made).encode()),
    "batched": over_http(http.JSON_BATCH, lambda made: json.dumps([made]).encode()),
    "protobuf": over_http(http.PROTOBUF, protobuf_of),
    "protobuf-batched": over_http(http.PROTOBUF_BATCH, protobuf_batch_of),
    "grpc": over_grpc,
    "stream": as_stream,
    "command": by_command,
}


def test_every_door_takes_them(shared: Door) -> None:
    """Each event waits, unseen by rules, and enters at its time; what a target gets is the event as it was put."""
    shared.apply(bus("doors"), rule("all", "doors", to_file("doors.jsonl")))
    due: dict[str, float] = {}
    for name, put in DOORS.items():
        due[name] = system_clock() + (8 if name == "command" else 3)
        assert abs(seconds(put(shared, name, text(due[name]))) - due[name]) <= 0.001, name
        seen = waiting(shared, "doors"), received(shared, "doors").keys(), shared.lines("doors.jsonl")
        assert system_clock() < due[name], "the machine is too slow for this test"
        assert (name in seen[0], name in seen[1], [line for line in seen[2] if line["id"] == name]) == (True, False, [])
    until(lambda: len(received(shared, "doors")) == len(DOORS))
    check_on_time(shared, "doors", due)
    until(lambda: len(shared.lines("doors.jsonl")) == len(DOORS))
    assert waiting(shared, "doors") == []
    got = {line["id"]: line["delivertime"] for line in shared.lines("doors.jsonl")}
    assert {name: abs(seconds(moment) - due[name]) < 1e-6 for name, moment in got.items()} == dict.fromkeys(DOORS, True)


def test_an_event_waits_once(shared: Door) -> None:
    """A rule that puts it to another bus does so at once."""
    other = {"name": "far", "kind": "bus", "config": {"bus": "far"}}
    shared.apply(bus("far"), bus("near"), rule("all", "near", other))
    moment = system_clock() + 2
    shared.put("near", event("1", delivertime=text(moment)), event("2"))
    until(lambda: received(shared, "far").keys() == {"1", "2"})
    check_on_time(shared, "near", {"1": moment})
    check_on_time(shared, "far", {"1": moment})


def test_a_batch_may_mix_everything(shared: Door) -> None:
    """One result for each, in order; bad times are refused with their path, past ones enter at once."""
    shared.apply(bus("mixed"))
    now = system_clock()
    times = [
        None,
        text(now + 3),
        "soon",
        text(now - 10),
        text(now + 367 * 86400),
        "2026-02-30T00:00:00Z",
        text(now + 3),
    ]
    events = [event(str(i)) | ({} if t is None else {"delivertime": t}) for i, t in enumerate(times)]
    for results in (
        shared.put("mixed", *events),
        [
            {"id": r.id, r.WhichOneof("result"): r, "error": {"code": r.error.code, "path": r.error.path}}
            for r in grpc_put(shared, "mixed", events)
        ],
    ):
        assert [result["id"] for result in results] == [str(i) for i in range(7)]
        assert ["scheduled" in result for result in results] == [False, True, False, False, False, False, True]
        for i in (2, 4, 5):
            assert (results[i]["error"]["code"], results[i]["error"]["path"]) == ("INVALID_EVENT", "$.delivertime")
    assert received(shared, "mixed").keys() == {"0", "3"}
    assert waiting(shared, "mixed") == ["1", "6", "1", "6"]
    until(lambda: received(shared, "mixed").keys() == {"0", "3", "1", "6"})
    page = shared.http("GET", "/v1/buses/mixed/events?from=earliest").body["events"]
    assert [entry["event"]["id"] for entry in page] == ["0", "3", "0", "3", "1", "6", "1", "6"]


def grpc_put(door: Door, name: str, events: list[dict]) -> list[PutResult]:
    messages = [message(e["id"], e["delivertime"]) if "delivertime" in e else plain(e["id"]) for e in events]
    with grpc.insecure_channel(door.process.grpc) as channel:
        return list(EventsStub(channel).PutEvents(PutEventsRequest(bus=name, events=messages)).results)


def plain(event_id: str) -> CloudEvent:
    return CloudEvent(id=event_id, source="/s", type="t", spec_version="1.0")


@pytest.mark.parametrize(
    "moment", ["", "tomorrow", "2026-12-24", "2026-12-24T18:00:00", "9999-12-31T23:59:59Z", 5, True]
)
def test_a_bad_time_is_refused_alone(shared: Door, moment: object) -> None:
    """As the response's own error, with path and reason; nothing waits."""
    shared.apply(bus("bad"))
    body = event("1") | {"delivertime": moment}
    got = shared.http("POST", "/v1/buses/bad/events", body, content_type=http.JSON)
    assert (got.status, got.body["code"], got.body["path"]) == (400, "INVALID_EVENT", "$.delivertime")
    assert "RFC 3339" in got.body["detail"] or "366 days" in got.body["detail"]
    assert (waiting(shared, "bad"), received(shared, "bad")) == ([], {})


def test_they_are_listed_and_cancelled_through_every_door(shared: Door) -> None:
    """HTTP, gRPC and the command line."""
    shared.apply(bus("list"))
    moment = system_clock() + 3600
    ids = ["a/b", "c d", "e", "f", "g"]
    shared.put("list", *(event(i, delivertime=text(moment)) for i in ids))
    first = shared.http("GET", "/v1/buses/list/delayed-events?limit=2").body
    rest = shared.http("GET", f"/v1/buses/list/delayed-events?pageToken={first['nextPageToken']}").body
    assert [item["id"] for item in first["items"] + rest["items"]] == ids
    assert abs(seconds(first["items"][0]["scheduled"]) - moment) <= 0.001
    assert shared.cli("delayed", "list", "list", "-o", "name").splitlines() == ids

    assert shared.http("DELETE", "/v1/buses/list/delayed-events/a%2Fb").body == {"cancelled": 1}
    assert shared.http("DELETE", "/v1/buses/list/delayed-events/a%2Fb").status == 404
    assert shared.http("DELETE", "/v1/buses/list/delayed-events/e?source=/other").status == 404
    shared.cli("delayed", "cancel", "list", "c d")
    shared.cli("delayed", "cancel", "list", "c d", "none", code=1)
    with grpc.insecure_channel(shared.process.grpc) as channel:
        operations = OperationsStub(channel)
        page = operations.ListDelayedEvents(ops.ListDelayedEventsRequest(bus="list", limit=2))
        assert [found.id for found in page.delayed_events] == ["e", "f"]
        cancel = ops.CancelDelayedEventRequest(bus="list", id="e")
        assert operations.CancelDelayedEvent(cancel).cancelled == 1
        with pytest.raises(grpc.RpcError) as caught:
            operations.CancelDelayedEvent(cancel)
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert waiting(shared, "list") == ["f", "g"]


def test_a_cancelled_event_never_enters(shared: Door) -> None:
    """Its neighbour does."""
    shared.apply(bus("cancel"))
    moment = system_clock() + 2
    shared.put("cancel", *(event(i, delivertime=text(moment)) for i in ("a", "b")))
    assert shared.http("DELETE", "/v1/buses/cancel/delayed-events/a").body == {"cancelled": 1}
    until(lambda: received(shared, "cancel"))
    assert received(shared, "cancel").keys() == {"b"}
    check_on_time(shared, "cancel", {"b": moment})


def test_a_deleted_bus_takes_along_what_waits(shared: Door) -> None:
    """A bus made anew under its name gets none of it."""
    shared.apply(bus("gone"))
    moment = system_clock() + 2
    shared.put("gone", event("1", delivertime=text(moment)))
    assert shared.http("DELETE", "/v1/buses/gone").status == 200
    assert shared.http("GET", "/v1/buses/gone/delayed-events").status == 404
    shared.apply(bus("gone"))
    assert waiting(shared, "gone") == []
    time.sleep(max(0.0, moment + LATE_S - system_clock()))
    assert received(shared, "gone") == {}


@pytest.mark.slow
def test_nothing_is_lost_over_kills(door: Door) -> None:
    """Killed again and again while events come and enter: each that was acknowledged enters, on time while the bridge
    runs, at once when it is back; a stop in good order doubles none.
    """
    door.apply(bus("b"))
    due: dict[str, float] = {}
    for round_ in range(3):
        start = system_clock()
        made = {f"{round_}-{n}": start + 0.3 + n * 0.02 for n in range(100)}
        made |= {f"{round_}-later-{n}": start + 6 + n * 0.02 for n in range(20)}
        door.put("b", *(event(i, delivertime=text(moment)) for i, moment in made.items()))
        due |= made
        time.sleep(0.4 + 0.3 * round_)
        door.process.kill()
        door.process.start()
    back = system_clock()
    due |= {f"after-{n}": back + 1 + n * 0.01 for n in range(50)}
    door.put("b", *(event(i, delivertime=text(moment)) for i, moment in due.items() if i.startswith("after-")))
    until(lambda: received(door, "b").keys() == due.keys(), seconds=20)
    took = received(door, "b")
    assert all(took[i] >= moment - 0.001 for i, moment in due.items())
    check_on_time(door, "b", {i: moment for i, moment in due.items() if moment > back})
    entries = door.http("GET", "/v1/buses/b/events?from=earliest&limit=1000").body["events"]
    assert len(entries) - len(due) <= 3 * 100

    door.put("b", *(event(f"calm-{n}", delivertime=text(system_clock() + 0.5 + n / 100)) for n in range(100)))
    time.sleep(0.8)
    assert door.process.stop() == 0
    door.process.start()
    until(lambda: sum(i.startswith("calm-") for i in received(door, "b")) == 100)
    entries = door.http("GET", "/v1/buses/b/events?from=earliest&limit=1000").body["events"]
    assert sum(entry["event"]["id"].startswith("calm-") for entry in entries) == 100
