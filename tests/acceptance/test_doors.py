"""Bad input at every door: a typed error with path and reason, nothing stored, the process unharmed."""

import socket
from collections.abc import Iterator

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.acceptance.conftest import Door, bus, event, rule

JSON, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
GOOD = b'{"specversion":"1.0","id":"1","source":"/s","type":"t"}'


@pytest.fixture(scope="module")
def doors(shared: Door) -> Door:
    shared.apply(bus("b"), bus("small", limits={"eventSize": "1KiB"}))
    return shared


@pytest.mark.parametrize(
    ("content_type", "body", "status", "code"),
    [
        (JSON, b"{", 400, "INVALID_EVENT"),
        (JSON, b"\xff\xfe", 400, "INVALID_EVENT"),
        (JSON, b"{}", 400, "INVALID_EVENT"),
        (JSON, GOOD.replace(b"1.0", b"0.3"), 400, "INVALID_EVENT"),
        (BATCH, b"{}", 400, "INVALID_EVENT"),
        ("application/cloudevents+xml", b"<event/>", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("application/cloudevents+protobuf", b"\x00", 400, "INVALID_EVENT"),
        ("text/plain", b"no ce- headers", 400, "INVALID_EVENT"),
        (JSON, GOOD[:-1] + b',"data":"' + b"x" * 5_000_000 + b'"}', 413, "TOO_LARGE"),
        (JSON, GOOD[:-1] + b',"data":"' + b"x" * 300_000 + b'"}', 413, "TOO_LARGE"),
    ],
)
def test_bad_requests(doors: Door, content_type: str, body: bytes, status: int, code: str) -> None:
    """The response's own status says it, as a problem."""
    got = doors.http("POST", "/v1/buses/b/events", body, content_type=content_type)
    assert (got.status, got.body["code"], got.body["status"]) == (status, code, status)
    assert got.headers["content-type"] == "application/problem+json"
    assert doors.http("GET", "/v1/buses/b/events?from=earliest").body["events"] == []


def test_a_bad_event_of_a_batch_fails_alone(shared: Door) -> None:
    """One result per event, in order; the others are stored."""
    shared.apply(bus("mixed", limits={"eventSize": "1KiB"}))
    good, bad, big, again = shared.put("mixed", event(1), {"id": "2"}, event(3, data="x" * 2000), event(4))
    assert (good["offset"], again["offset"]) == (0, 1)
    assert (bad["error"]["code"], bad["error"]["path"]) == ("INVALID_EVENT", "$.specversion")
    assert (big["id"], big["error"]["code"]) == ("3", "TOO_LARGE")


def test_an_unknown_bus_and_a_wrong_method(doors: Door) -> None:
    """404 and 405, with what would have been right."""
    got = doors.http("POST", "/v1/buses/nowhere/events", GOOD, content_type=JSON)
    assert (got.status, got.body["code"]) == (404, "NOT_FOUND")
    got = doors.http("DELETE", "/v1/buses/b/events")
    assert (got.status, got.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")


def test_the_webhook_handshake(doors: Door) -> None:
    """Consent is given to the origin that asks."""
    got = doors.http(
        "OPTIONS", "/v1/buses/b/events", WebHook_Request_Origin="eventemitter.example", WebHook_Request_Rate="120"
    )
    assert got.status == 200
    assert got.headers["webhook-allowed-origin"] == "eventemitter.example"
    assert got.headers["webhook-allowed-rate"] == "*"
    assert "POST" in got.headers["allow"]


def test_a_request_that_ends_early_stores_nothing(doors: Door) -> None:
    """The connection is cut in the middle of the body."""
    host, port = doors.process.http.split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            b"POST /v1/buses/b/events HTTP/1.1\r\nhost: x\r\ncontent-type: application/cloudevents+json\r\n"
            b"content-length: 1000\r\n\r\n" + GOOD
        )
    assert doors.http("GET", "/v1/buses/b/events").body["events"] == []


@pytest.mark.parametrize(
    ("spec", "code", "path"),
    [
        ({"pattern": {"type": "t"}}, "INVALID_PATTERN", "$.spec.pattern.type"),
        ({"patern": {}}, "INVALID_CONFIG", "$.spec.patern"),
        ({"targets": []}, "INVALID_CONFIG", "$.spec.targets"),
        ({"targets": [{"name": "t", "kind": "telex"}]}, "INVALID_CONFIG", "$.spec.targets[0].kind"),
        ({"targets": [{"name": "t", "kind": "file", "config": {"pfad": "x"}}]}, "INVALID_CONFIG", "$.spec.targets[0].config.pfad"),
        ({"targets": [{"name": "t", "kind": "log", "transform": {"text": "${data"}}]}, "INVALID_TRANSFORM", "$.spec.targets[0].transform.text"),
        ({"targets": [{"name": "t", "kind": "log"}] * 2}, "INVALID_CONFIG", "$.spec.targets[1].name"),
    ],
)  # fmt: skip
def test_bad_definitions(doors: Door, spec: dict, code: str, path: str) -> None:
    """Refused with the path of the bad part; nothing is stored."""
    given_spec = {"targets": [{"name": "t", "kind": "log"}], **spec}
    got = doors.http("PUT", "/v1/buses/b/rules/bad", {"spec": given_spec})
    assert (got.status, got.body["code"], got.body["path"]) == (400, code, path), got.body
    assert doors.http("GET", "/v1/buses/b/rules/bad").status == 404


def test_the_same_resource_twice_and_a_stale_revision(doors: Door) -> None:
    """Neither changes anything."""
    log = {"name": "t", "kind": "log"}
    two = "\n---\n".join(["{kind: Rule, bus: b, name: r, spec: {targets: [{name: t, kind: log}]}}"] * 2)
    got = doors.http("POST", "/v1/apply", two.encode(), content_type="application/yaml")
    assert (got.status, got.body["code"]) == (400, "INVALID_CONFIG")
    assert got.body["path"].startswith("$[1]")
    doors.apply(rule("r", "b", log))
    doors.apply(rule("r", "b", log, enabled=False))
    got = doors.http("PUT", "/v1/buses/b/rules/r", {"revision": 1, "spec": {"targets": [log]}})
    assert (got.status, got.body["code"]) == (409, "CONFLICT")
    assert doors.http("GET", "/v1/buses/b/rules/r").body["spec"]["enabled"] is False
    doors.http("DELETE", "/v1/buses/b/rules/r")


@pytest.fixture(scope="module")
def channel(doors: Door) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(doors.process.grpc) as made:
        yield made


METHODS = st.sampled_from(
    ["Events/PutEvents", "Events/StreamEvents", "Events/Subscribe", "Resources/Apply", "Resources/List", "Resources/Delete",
     "Operations/TestPattern", "Operations/TestTransform", "Operations/TestRules", "Operations/ListDeadLetters",
     "Operations/RedriveDeadLetters"]
)  # fmt: skip
DOCUMENTED = {"INVALID_ARGUMENT", "NOT_FOUND", "ABORTED", "ALREADY_EXISTS", "FAILED_PRECONDITION", "RESOURCE_EXHAUSTED"}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200), method=METHODS)
def test_random_bytes_over_grpc(channel: grpc.Channel, body: bytes, method: str) -> None:
    """Accepted, or refused with a documented status."""
    path = f"/bridge.v1.{method}"
    try:
        if method.split("/")[1] in {"StreamEvents", "Subscribe"}:
            call = channel.stream_stream(path)(iter([body]), timeout=10)
            next(call, None)
            call.cancel()
        else:
            channel.unary_unary(path)(body, timeout=10)
    except grpc.RpcError as error:
        if error.code().name not in DOCUMENTED:
            raise


TYPES = st.sampled_from(
    [JSON, BATCH, "application/cloudevents+protobuf", "application/cloudevents-batch+protobuf", "text/plain", ""]
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=300) | st.text(max_size=100).map(str.encode), content_type=TYPES, path=st.sampled_from(
    ["/v1/buses/b/events", "/v1/apply", "/v1/pattern:test", "/v1/transform:test", "/v1/buses/b/rules:test", "/v1/buses/x",
     "/v1/buses/b/dead-letters:redrive"]))  # fmt: skip
def test_random_bytes_over_http(doors: Door, body: bytes, content_type: str, path: str) -> None:
    """Accepted, or refused with a problem that has a code."""
    got = doors.http("PUT" if path.endswith("/x") else "POST", path, body, content_type=content_type)
    assert got.status < 500, got.body
    if got.status >= 400:
        assert got.body["code"]


def test_the_process_is_unharmed(doors: Door) -> None:
    """After all of that it is alive and ready."""
    assert doors.http("GET", "/healthz").status == 200
    assert doors.http("GET", "/readyz").body["ready"] is True
