"""The HTTP door: every route, every refusal a problem."""

import json
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge import errors
from bridge.codec.chunks import encode_event, judge_events
from bridge.controlplane.endpoints import MAX_BODY_BYTES
from bridge.model.event import DataForm, Event
from bridge.stores.deadletters.base import Attempt, DeadLetter, Filter
from bridge.testing.asgi import Answer, stream

YAML = "application/yaml"
BUS = "kind: Bus\nname: traffic\nspec: {partitions: 2}\n"
RULE = "kind: Rule\nbus: traffic\nname: red\nspec: {targets: [{name: a, kind: paper, config: {path: x}}]}\n"
CODES = {c.code: c.status for c in vars(errors).values() if isinstance(c, type) and issubclass(c, errors.BridgeError)}


def refused(answer: Answer, status: int, code: str, path: str | None = None) -> None:
    """The answer is this problem."""
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json
    assert (answer.status, problem["status"], problem["code"], problem.get("path")) == (status, status, code, path)
    assert problem["detail"]


async def test_pause_and_resume(world) -> None:
    """The answer is the pause that stands, or null; a body may be left out."""
    await world.call("POST", "/v1/apply", f"{BUS}---\n{RULE}", YAML)
    one = "/v1/buses/traffic/rules/red/targets/a"
    first = await world.call("POST", f"{one}/pause", '{"reason":"they move"}')
    stands = {"since": "1970-01-12T13:46:40.000Z", "reason": "they move", "by": "operator"}
    assert (first.status, first.json) == (200, {"paused": stands})
    assert (await world.call("POST", f"{one}/pause")).json == {"paused": stands}
    shown = (await world.call("GET", "/v1/buses/traffic/rules/red")).json
    assert shown["status"]["paused"] == {"a": stands}
    assert (await world.call("POST", f"{one}/resume")).json == {"paused": None}
    await world.call("POST", f"{one}/resume", '{"skip":true}')
    assert [skip for *_, skip in world.unblocked] == [False, True]
    assert "paused" not in (await world.call("GET", "/v1/buses/traffic/rules/red")).json["status"]


@pytest.mark.parametrize(
    ("target", "body", "status", "code", "path"),
    [
        ("red/targets/b/pause", "", 404, "NOT_FOUND", None),
        ("blue/targets/a/resume", "", 404, "NOT_FOUND", None),
        ("red/targets/a/pause", '{"reason":7}', 400, "INVALID_INPUT", "$.reason"),
        ("red/targets/a/pause", f'{{"reason":"{"x" * 1_025}"}}', 400, "INVALID_INPUT", "$.reason"),
        ("red/targets/a/pause", '{"until":"tomorrow"}', 400, "INVALID_INPUT", "$.until"),
        ("red/targets/a/resume", '{"skip":"no"}', 400, "INVALID_INPUT", "$.skip"),
        ("red/targets/a/resume", "[]", 400, "INVALID_INPUT", "$"),
    ],
)
async def test_bad_pauses_are_refused(world, target: str, body: str, status: int, code: str, path: str | None) -> None:
    """With status, code and path; the rule stays as it is."""
    await world.call("POST", "/v1/apply", f"{BUS}---\n{RULE}", YAML)
    version = await world.catalog.version()
    refused(await world.call("POST", f"/v1/buses/traffic/rules/{target}", body), status, code, path)
    assert (await world.catalog.version(), world.unblocked) == (version, [])


async def test_a_target_is_paused_by_post_only(world) -> None:
    """Nothing that changes state by GET."""
    for verb in ("pause", "resume"):
        answer = await world.call("GET", f"/v1/buses/traffic/rules/red/targets/a/{verb}")
        refused(answer, 405, "METHOD_NOT_ALLOWED")


async def test_a_bus_and_a_rule_from_put_to_delete(world) -> None:
    """201 when created, 200 when changed or not; the address fills in what the body leaves out."""
    created = await world.call("PUT", "/v1/buses/traffic", '{"spec":{"partitions":2},"labels":{"team":"roads"}}')
    assert created.status == 201
    assert created.json == {
        "kind": "Bus", "name": "traffic", "labels": {"team": "roads"}, "spec": {"partitions": 2}, "revision": 1,
        "created": "1970-01-12T13:46:40.000Z", "updated": "1970-01-12T13:46:40.000Z",
    }  # fmt: skip
    assert (await world.call("PUT", "/v1/buses/traffic", created.body)).status == 200
    rule = await world.call("PUT", "/v1/buses/traffic/rules/red", RULE, YAML)
    assert (rule.status, rule.json["bus"], rule.json["status"]) == (201, "traffic", {"starts": {"a": {"0": 0, "1": 0}}})
    assert (await world.call("GET", "/v1/buses/traffic/rules/red")).json == rule.json
    refused(await world.call("DELETE", "/v1/buses/traffic"), 409, "IN_USE")
    refused(await world.call("DELETE", "/v1/buses/traffic/rules/red?revision=7"), 409, "CONFLICT", "$.revision")
    gone = await world.call("DELETE", "/v1/buses/traffic?cascade=true")
    assert [r["name"] for r in gone.json["deleted"]] == ["traffic", "red"]
    refused(await world.call("GET", "/v1/buses/traffic"), 404, "NOT_FOUND")


async def test_lists(world) -> None:
    """By pages and labels; rules of one bus, or of all."""
    await world.apply("---\n".join(f"kind: Bus\nname: {n}\nlabels: {{n: {n}, even: 'x=y'}}\n" for n in "abc"))
    first = await world.call("GET", "/v1/buses?limit=2")
    assert [r["name"] for r in first.json["items"]] == ["a", "b"]
    rest = await world.call("GET", f"/v1/buses?pageToken={first.json['nextPageToken']}")
    assert [r["name"] for r in rest.json["items"]] == ["c"]
    assert "nextPageToken" not in rest.json
    some = await world.call("GET", f"/v1/buses?label=n=b&label={quote('even=x=y')}")
    assert [r["name"] for r in some.json["items"]] == ["b"]
    await world.apply(RULE.replace("traffic", "b"))
    assert len((await world.call("GET", "/v1/rules")).json["items"]) == 1
    assert len((await world.call("GET", "/v1/buses/b/rules")).json["items"]) == 1
    assert (await world.call("GET", "/v1/buses/a/rules")).json == {"items": []}
    refused(await world.call("GET", "/v1/buses/x/rules"), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("limit=0", "$.limit"), ("limit=1001", "$.limit"), ("limit=x", "$.limit"), ("limit=1&limit=2", "$.limit"),
        ("limits=1", "$.limits"), ("pageToken=!", "$.pageToken"), ("label=x", "$.label"), ("watch=maybe", "$.watch"),
    ],
)  # fmt: skip
async def test_bad_query_parameters_are_refused(world, query: str, path: str) -> None:
    """Unknown ones, repeated ones, and values out of range."""
    refused(await world.call("GET", f"/v1/buses?{query}"), 400, "INVALID_INPUT", path)


async def test_apply(world) -> None:
    """Several documents; what would change is said without changing it."""
    documents = f"{RULE}---\n{BUS}"
    dry = await world.call("POST", "/v1/apply?dryRun=true", documents, YAML)
    assert [r["action"] for r in dry.json["results"]] == ["created", "created"]
    assert (await world.call("GET", "/v1/buses")).json == {"items": []}
    done = await world.call("POST", "/v1/apply", documents, YAML)
    assert [(r["action"], r["resource"]["kind"]) for r in done.json["results"]] == [
        ("created", "Rule"),
        ("created", "Bus"),
    ]
    again = await world.call(
        "POST", "/v1/apply", json.dumps([{"kind": "Bus", "name": "traffic", "spec": {"partitions": 3}}])
    )
    [result] = again.json["results"]
    assert (result["action"], result["resource"]["revision"]) == ("changed", 2)
    assert "+  partitions: 3" in result["diff"]


@pytest.mark.parametrize(
    ("body", "media", "status", "code", "path"),
    [
        ("a: [", YAML, 400, "INVALID_CONFIG", None),
        ("{", "application/json", 400, "INVALID_CONFIG", None),
        (b"\xff", YAML, 400, "INVALID_CONFIG", None),
        (BUS, "text/csv", 415, "UNSUPPORTED_MEDIA_TYPE", None),
        (f"{BUS}---\n{BUS}", YAML, 400, "INVALID_CONFIG", "$[1]"),
        (f"{BUS}colour: red", YAML, 400, "INVALID_CONFIG", "$.colour"),
        (f"{BUS}---\n{RULE.replace('x}', 'x, y: z}')}", YAML, 400, "INVALID_CONFIG", "$[1].spec.targets[0].config.y"),
        (RULE, YAML, 404, "NOT_FOUND", "$.bus"),
        (f"{BUS}revision: 4", YAML, 409, "CONFLICT", "$.revision"),
        (b"#" * (MAX_BODY_BYTES + 1), YAML, 413, "TOO_LARGE", None),
    ],
)
async def test_bad_applies_are_refused(world, body, media: str, status: int, code: str, path: str | None) -> None:
    """With status, code and path; nothing is stored."""
    refused(await world.call("POST", "/v1/apply", body, media), status, code, path)
    assert (await world.catalog.version(), world.bus_store.logs()) == (0, [])


@pytest.mark.parametrize(
    ("target", "body", "path"),
    [
        ("/v1/buses/traffic", RULE, "$.kind"), ("/v1/buses/x", BUS, "$.name"),
        ("/v1/buses/x/rules/red", RULE, "$.bus"), ("/v1/buses/traffic", "bus: x", "$.bus"),
        ("/v1/buses/a%20b", "spec: {}", "$.name"), ("/v1/buses/traffic", f"{BUS}---\n{RULE}", None),
    ],
)  # fmt: skip
async def test_a_put_must_agree_with_its_address(world, target: str, body: str, path: str | None) -> None:
    """One definition, and that one."""
    refused(await world.call("PUT", target, body, YAML), 400, "INVALID_CONFIG", path)


async def test_unknown_addresses_and_methods(world) -> None:
    """404 and 405 are problems like all others; a slash at the end is another address."""
    for target in ("/", "/v1", "/v1/lamps", "/v1/buses/", "/v1/buses/a/rules/b/x", "/v2/buses"):
        refused(await world.call("GET", target), 404, "NOT_FOUND")
    answer = await world.call("PATCH", "/v1/buses/traffic")
    refused(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["allow"] == "DELETE, GET, PUT"
    refused(await world.call("GET", "/v1/apply"), 405, "METHOD_NOT_ALLOWED")
    assert (await world.call("HEAD", "/healthz")).status == 200


async def test_a_watch_is_a_stream_of_events(world) -> None:
    """What exists, then changes, each with the catalog's version as id."""
    await world.apply(BUS)
    async with stream(world.app, "GET", "/v1/buses?watch=true") as (status, headers, chunks):
        assert (status, headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        first = await anext(chunks)
        assert first.startswith(b'event: exists\nid: 1\ndata: {"kind":"Bus","name":"traffic"')
        assert first.endswith(b"}\n\n")
        await world.apply(BUS.replace("2", "3"))
        assert (await anext(chunks)).startswith(b"event: put\nid: 2\n")
        await world.call("DELETE", "/v1/buses/traffic")
        assert await anext(chunks) == b'event: delete\nid: 3\ndata: {"kind":"Bus","name":"traffic"}\n\n'
        world.resources.stop()
        assert [chunk async for chunk in chunks] == []


async def test_a_watch_resumes_where_it_was(world) -> None:
    """By the header that browsers send."""
    await world.apply(BUS)
    await world.apply(BUS.replace("traffic", "x"))
    async with stream(world.app, "GET", "/v1/buses?watch=true", headers=[("Last-Event-ID", "1")]) as (_, _, chunks):
        assert (await anext(chunks)).startswith(b"event: put\nid: 2\n")


async def test_a_watch_says_that_it_lives_and_why_it_ends(world) -> None:
    """A comment when it is quiet, an event when the store is gone."""
    from bridge.controlplane import sse

    watch = world.resources.watch("Bus", pulse_s=0.001)
    chunks = (await sse.respond(watch)).body_iterator
    assert await anext(chunks) == sse.PULSE
    assert await anext(chunks) == sse.PULSE
    await world.catalog.close()
    last = [chunk async for chunk in chunks][-1]
    assert last.startswith(b"event: error\ndata: {")
    assert b"STORE_UNAVAILABLE" in last


async def test_a_watch_of_nothing_is_a_problem(world) -> None:
    """Before the stream begins."""
    refused(await world.call("GET", "/v1/buses/x/rules?watch=true"), 404, "NOT_FOUND")
    assert (await world.call("HEAD", "/v1/buses?watch=true")).body == b""


async def test_status_and_targets(world) -> None:
    """As the data plane says."""
    status = await world.call("GET", "/v1/status")
    assert status.json["buses"][0]["sizeBytes"] == 1
    target = await world.call("GET", "/v1/buses/traffic/rules/red/targets/a")
    assert (target.status, target.json["lag"]) == (200, 0)
    refused(await world.call("GET", "/v1/buses/traffic/rules/red/targets/b"), 404, "NOT_FOUND")


def letter(offset: int, **members: object) -> DeadLetter:
    event = Event("1", "/s", "t", {"subject": "x", "n": 5}, b'{"big":12345678901234567890}', DataForm.JSON)
    form, body = encode_event(event)
    base = {"bus": "traffic", "rule": "red", "target": "a", "partition": 0, "event_id": "1", "reason": "rejected"}
    attempts = (Attempt(started=1.0, duration_s=0.0123, outcome="400", answer=b"no \xff"),)
    more = {
        "offset": offset,
        "detail": "no",
        "time": 60.0 + offset,
        "attempts": attempts,
        "tries": 5,
        "received": 0.5,
        "address": "https://x/y",
        "policy": "default",
        "payload_hash": "ab",
        "format": form,
        "event": body,
    }
    return DeadLetter(**(base | more | members))


async def test_dead_letters(world) -> None:
    """A list without events, one letter with its event as it was."""
    await world.apply(BUS)
    await world.letters.add([letter(0), letter(1, rule="amber"), letter(2, reason="transform-error")])
    page = (await world.call("GET", "/v1/buses/traffic/dead-letters?limit=2")).json
    assert [item["offset"] for item in page["items"]] == [0, 1]
    rest = await world.call("GET", f"/v1/buses/traffic/dead-letters?pageToken={page['nextPageToken']}")
    assert [item["offset"] for item in rest.json["items"]] == [2]
    assert "event" not in page["items"][0]
    for query, offsets in [
        ("rule=amber", [1]), ("target=a", [0, 1, 2]), ("reason=rejected", [0, 1]), ("target=b", []),
        ("since=1970-01-01T00:01:01Z&until=1970-01-01T00:01:02Z", [1]),
    ]:  # fmt: skip
        found = await world.call("GET", f"/v1/buses/traffic/dead-letters?{query}")
        assert [item["offset"] for item in found.json["items"]] == offsets
    one = await world.call("GET", f"/v1/buses/traffic/dead-letters/{page['items'][0]['id']}")
    assert one.json["attempts"] == [
        {"started": "1970-01-01T00:00:01.000Z", "duration": "0.012s", "outcome": "400", "answer": "no \ufffd"}
    ]
    assert (one.json["tries"], one.json["policy"], one.json["payloadHash"]) == (5, "default", "ab")
    assert (one.json["received"], one.json["address"]) == ("1970-01-01T00:00:00.500Z", "https://x/y")
    assert (one.json["eventId"], one.json["time"]) == ("1", "1970-01-01T00:01:00.000Z")
    assert b'"subject":"x","n":5' in one.body
    assert b'"data":{"big":12345678901234567890}' in one.body
    refused(await world.call("GET", "/v1/buses/traffic/dead-letters/zzz"), 404, "NOT_FOUND")
    refused(await world.call("GET", "/v1/buses/x/dead-letters"), 404, "NOT_FOUND")
    refused(await world.call("GET", "/v1/buses/traffic/dead-letters?since=now"), 400, "INVALID_INPUT", "$.since")


async def test_dead_letters_are_purged_by_ids_filter_or_all(world) -> None:
    """Never by accident: an empty request is refused."""
    await world.letters.add([letter(i, rule="red" if i % 2 else "amber") for i in range(6)])
    route = "/v1/buses/traffic/dead-letters:purge"
    refused(await world.call("POST", route, "{}"), 400, "INVALID_INPUT")
    refused(await world.call("POST", route, '{"all":true,"idss":[]}'), 400, "INVALID_INPUT", "$.idss")
    refused(await world.call("POST", route, '{"until":"soon"}'), 400, "INVALID_INPUT", "$.until")
    ids = [item["id"] for item in (await world.call("GET", "/v1/buses/traffic/dead-letters")).json["items"]]
    assert (await world.call("POST", route, json.dumps({"ids": [*ids[:2], "none"]}))).json == {"purged": 2}
    assert (await world.call("POST", route, '{"ids":[]}')).json == {"purged": 0}
    assert (await world.call("POST", route, '{"rule":"red"}')).json == {"purged": 2}
    assert (await world.call("POST", route, '{"all":true}')).json == {"purged": 2}


async def test_dead_letters_are_redriven_by_ids_filter_or_all(world) -> None:
    """As a job, which is named in the answer; never all by accident."""
    await world.apply(BUS)
    await world.letters.add([letter(i, rule="red" if i % 2 else "amber") for i in range(6)])
    route = "/v1/buses/traffic/dead-letters:redrive"
    begun = await world.call("POST", route, '{"rule":"red","since":"1970-01-01T00:01:02Z","rate":"120/m"}')
    assert begun.status == 202
    assert begun.json == {
        "id": "0", "bus": "traffic", "state": "running", "matched": 2, "sent": 0, "delivered": 0, "parked": 0,
        "failed": 0, "rate": 2.0, "started": "2026-11-24T08:00:00.500Z",
    }  # fmt: skip
    await world.call("POST", route, '{"ids":["1","2"],"reason":"rejected","until":"1970-01-01T00:01:02Z"}')
    await world.call("POST", route, '{"all":true}')
    assert world.redrives.asked == [
        (Filter(bus="traffic", rule="red", since=62.0), None, 2.0),
        (Filter(bus="traffic", reason="rejected", until=62.0), ["1", "2"], None),
        (Filter(bus="traffic"), None, None),
    ]
    assert (await world.call("POST", route, '{"target":"a","dryRun":true}')).json == {"matched": 6}
    assert len(world.redrives.jobs) == 3


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ("{}", None), ('{"dryRun":true}', None), ('{"rate":"5/s"}', None), ('{"all":true,"rate":"0/s"}', "$.rate"),
        ('{"all":true,"rate":"fast"}', "$.rate"), ('{"all":true,"rate":5}', "$.rate"), ('{"ids":"1"}', "$.ids"),
        ('{"all":true,"dry":1}', "$.dry"), ('{"rule":"red","since":"then"}', "$.since"),
    ],
)  # fmt: skip
async def test_bad_redrives_are_refused(world, body: str, path: str | None) -> None:
    """Nothing begins."""
    await world.apply(BUS)
    refused(await world.call("POST", "/v1/buses/traffic/dead-letters:redrive", body), 400, "INVALID_INPUT", path)
    assert world.redrives.jobs == []


async def test_redrives_are_listed_shown_and_cancelled(world) -> None:
    """A bus without any has an empty list; one that is not there has none."""
    await world.apply(BUS)
    route = "/v1/buses/traffic/redrives"
    assert (await world.call("GET", route)).json == {"items": []}
    begun = (await world.call("POST", "/v1/buses/traffic/dead-letters:redrive", '{"all":true}')).json
    assert (await world.call("GET", route)).json == {"items": [begun]}
    assert (await world.call("GET", f"{route}/0")).json == begun
    cancelled = (await world.call("POST", f"{route}/0/cancel")).json
    assert (cancelled["state"], cancelled["ended"]) == ("cancelled", "2026-11-24T08:00:01.000Z")
    refused(await world.call("GET", "/v1/buses/x/redrives"), 404, "NOT_FOUND")
    refused(await world.call("GET", f"{route}/7"), 404, "NOT_FOUND")
    refused(await world.call("POST", f"{route}/7/cancel"), 404, "NOT_FOUND")


EVENT = {"specversion": "1.0", "id": "1", "source": "/s", "type": "light.changed", "data": {"speed": 48}}


async def test_patterns_and_transforms_are_tried(world) -> None:
    """With the reason of each field, and the value of each variable."""
    body = json.dumps({"pattern": {"data": {"speed": [{"numeric": [">", 50]}]}}, "event": EVENT})
    answer = await world.call("POST", "/v1/pattern:test", body)
    assert (answer.status, answer.json["matched"]) == (200, False)
    assert answer.json["fields"][0]["path"] == "data.speed"
    body = json.dumps({"transform": {"template": {"s": "${data.speed}"}}, "event": EVENT})
    answer = await world.call("POST", "/v1/transform:test", body)
    assert answer.status == 200
    assert answer.json["payload"] == {"s": 48}
    assert answer.json["variables"]


async def test_filters_are_tried(world) -> None:
    """Beside a pattern or alone; `matched` is whether the event passes both."""
    event = {**EVENT, "speed": 48}
    for pattern in ({}, {"pattern": {"type": ["light.changed"]}}):
        body = json.dumps({**pattern, "filter": {"sql": "speed > 50"}, "event": event})
        answer = await world.call("POST", "/v1/pattern:test", body)
        assert (answer.status, answer.json["matched"]) == (200, False)
        assert answer.json["filter"] == {"matched": False, "reason": "`speed > 50` is false: `speed` is 48"}
    body = json.dumps({"pattern": {"type": ["x"]}, "filter": [{"exact": {"speed": "48"}}], "event": event})
    answer = (await world.call("POST", "/v1/pattern:test", body)).json
    assert (answer["matched"], answer["fields"][0]["matched"], answer["filter"]["matched"]) == (False, False, True)
    body = json.dumps({"pattern": {}, "event": event})
    assert "filter" not in (await world.call("POST", "/v1/pattern:test", body)).json


@pytest.mark.parametrize(
    ("route", "body", "code", "path"),
    [
        ("pattern", '{"filter":{"sql":"a ="},"event":{}}', "INVALID_FILTER", "$.filter.sql"),
        ("pattern", '{"filter":[],"event":5}', None, "$.event"),
        ("pattern", '{"event":{}}', "INVALID_INPUT", None),
        ("pattern", '{"pattern":{},"event":{},"stored":{"bus":"b","partition":0,"offset":0}}', "INVALID_INPUT", "$"),
        (
            "pattern",
            '{"pattern":{},"stored":{"bus":"b","partition":-1,"offset":0}}',
            "INVALID_INPUT",
            "$.stored.partition",
        ),
        ("buses/b/rules", '{"event":{},"pattern":{}}', "INVALID_INPUT", "$.pattern"),
        ("pattern", '{"pattern":{"type":"x"},"event":{}}', "INVALID_PATTERN", "$.pattern.type"),
        ("pattern", '{"pattern":{"type":["x"]},"event":5}', None, "$.event"),
        ("pattern", '{"pattern":{},"event":{},"dialect":"x"}', "INVALID_INPUT", "$.dialect"),
        ("pattern", '{"pattern":{}}', "INVALID_INPUT", "$"),
        ("pattern", '{"pattern":{},"event":{},"x":1}', "INVALID_INPUT", "$.x"),
        ("pattern", '{"pattern":', "INVALID_INPUT", None),
        ("pattern", '{"pattern":' + "[" * 5000 + "]" * 5000 + ',"event":{}}', None, ...),
        ("transform", '{"transform":{"path":"$["},"event":{}}', "INVALID_TRANSFORM", "$.transform.path"),
        ("transform", '{"transform":{},"event":{}}', "INVALID_TRANSFORM", "$.transform"),
        ("transform", '{"transform":{"original":true},"event":7}', None, "$.event"),
    ],
)
async def test_bad_trials_are_refused(world, route: str, body: str, code: str | None, path) -> None:
    """A pattern or transform that is not legal is a problem with its path."""
    answer = await world.call("POST", f"/v1/{route}:test", body)
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["code"] == (code or answer.json["code"])
    assert path is ... or answer.json.get("path") == path


async def test_a_stored_event_and_the_rules_of_a_bus(world) -> None:
    """The same questions about an event that a bus holds; one question to all of its rules."""
    await world.apply(f"{BUS}\n---\n{RULE}")
    log = world.bus_store.log("traffic")
    event = Event("1", "/s", "light.changed", {}, b'{"speed":48}', DataForm.JSON)
    await log.append(judge_events([event], log.partitions, 1_000).chunks)
    partition = next(p for p in range(log.partitions) if log.bounds(p).end)
    place = {"bus": "traffic", "partition": partition, "offset": 0}
    tried = json.dumps({"pattern": {"data": {"speed": [48]}}, "stored": place})
    assert (await world.call("POST", "/v1/pattern:test", tried)).json["matched"] is True
    tried = json.dumps({"transform": {"text": "${bridge.bus} ${data.x}"}, "stored": place})
    found = (await world.call("POST", "/v1/transform:test", tried)).json
    assert (found["payload"], found["variables"]["data.x"], found["missing"]) == ("traffic ", None, ["data.x"])
    for asked in ({"event": EVENT}, {"stored": place}, {"stored": {"partition": partition, "offset": 0}}):
        answer = await world.call("POST", "/v1/buses/traffic/rules:test", json.dumps(asked))
        assert answer.json == {"rules": 1, "matched": ["red"], "nearly": []}
    refused(await world.call("POST", "/v1/buses/x/rules:test", '{"event":{}}'), 404, "NOT_FOUND")
    gone = json.dumps({"stored": place | {"offset": 1}})
    refused(await world.call("POST", "/v1/buses/traffic/rules:test", gone), 404, "NOT_FOUND", "$.stored.offset")


async def test_connectors(world) -> None:
    """All of them, or one."""
    assert [c["kind"] for c in (await world.call("GET", "/v1/connectors")).json["items"]] == ["marble", "paper"]
    assert (await world.call("GET", "/v1/connectors/marble")).json["install"] == "bridge[marble]"
    refused(await world.call("GET", "/v1/connectors/wood"), 404, "NOT_FOUND")


async def test_health(world) -> None:
    """Alive, ready or not and why, metrics."""
    assert (await world.call("GET", "/healthz")).json == {"status": "ok"}
    assert (await world.call("GET", "/readyz")).json == {"ready": True, "reasons": {}}
    world.reasons["catalog"] = "it is gone"
    answer = await world.call("GET", "/readyz")
    assert (answer.status, answer.json) == (503, {"ready": False, "reasons": {"catalog": "it is gone"}})
    metrics = await world.call("GET", "/metrics")
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")


async def test_overload_says_when_to_come_back(world, monkeypatch) -> None:
    """As a header, too, in whole seconds."""

    async def full() -> None:
        raise errors.Overloaded("full", after_s=1.2)

    monkeypatch.setattr(world.operations, "status", full)
    answer = await world.call("GET", "/v1/status")
    refused(answer, 429, "OVERLOADED")
    assert answer.headers["retry-after"] == "2"


async def test_what_nobody_foresaw_is_a_problem_too(world, monkeypatch) -> None:
    """The server's log gets the traceback; the caller gets 500."""

    async def broken() -> None:
        raise ZeroDivisionError

    async def ask() -> None:
        async with stream(world.app, "GET", "/v1/status") as (status, headers, chunks):
            assert (status, headers["content-type"]) == (500, "application/problem+json")
            assert b"INTERNAL" in b"".join([chunk async for chunk in chunks])

    monkeypatch.setattr(world.operations, "status", broken)
    with pytest.raises(ExceptionGroup) as caught:
        await ask()
    assert caught.group_contains(ZeroDivisionError)


DOCUMENTS = st.sampled_from([BUS.encode(), RULE.encode(), b'{"kind":"Bus","name":"a"}'])


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good document with some bytes replaced."""
    text = draw(DOCUMENTS)
    start = draw(st.integers(0, len(text)))
    return text[:start] + draw(st.binary(max_size=6)) + text[start + draw(st.integers(0, 6)) :]


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary() | damaged(),
    st.sampled_from([YAML, "application/json", "text/x", ""]),
    st.sampled_from([("POST", "/v1/apply"), ("PUT", "/v1/buses/traffic"), ("PUT", "/v1/buses/traffic/rules/red")]),
)
async def test_any_bytes_are_accepted_or_refused_with_a_documented_problem(world, body, media, door) -> None:
    """Hypothesis at the doors; a refusal stores nothing."""
    version = await world.catalog.version()
    answer = await world.call(*door, body, media)
    if answer.status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert CODES[answer.json["code"]] == answer.status < 500
        assert await world.catalog.version() == version
    else:
        assert answer.status in {200, 201}
