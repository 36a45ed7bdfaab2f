"""Overload is told, not suffered: at every door, with the time to come back; and a start that cannot be says why."""

import sqlite3
from pathlib import Path

import grpc
import pytest

from bridge.testing.process import BridgeProcess
from tests.acceptance.conftest import Door, bus, event
from tests.bench.load import METHOD, put_requests


def test_more_than_may_be_in_flight_is_turned_away(tmp_path: Path) -> None:
    """429 with Retry-After over HTTP, RESOURCE_EXHAUSTED over gRPC; small requests go on, nothing of the others is stored."""
    with BridgeProcess(tmp_path, environ={"BRIDGE_LIMITS_BYTES_IN_FLIGHT": "1KiB"}) as process:
        door = Door(process)
        door.apply(bus("bench"))
        body = str(event(1, data="x" * 2000)).replace("'", '"').encode()
        got = door.http("POST", "/v1/buses/bench/events", body, content_type="application/cloudevents+json")
        assert (got.status, got.body["code"]) == (429, "OVERLOADED")
        assert int(got.headers["retry-after"]) >= 1
        assert got.body["retryAfterSeconds"] >= 1
        with grpc.insecure_channel(process.grpc) as channel, pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(METHOD)(put_requests(1, 1)[0], timeout=10)
        assert caught.value.code().name == "RESOURCE_EXHAUSTED"
        small = door.http("POST", "/v1/buses/bench/events", event(2), content_type="application/cloudevents+json")
        assert small.status == 200
        assert [e["event"]["id"] for e in door.http("GET", "/v1/buses/bench/events").body["events"]] == ["2"]


def test_a_request_beyond_its_own_limit_is_too_large(tmp_path: Path) -> None:
    """However little is under way; over gRPC the transport itself may say so first."""
    with BridgeProcess(tmp_path, environ={"BRIDGE_LIMITS_REQUEST_SIZE": "1KiB"}) as process:
        door = Door(process)
        door.apply(bus("bench"))
        body = str(event(1, data="x" * 2000)).replace("'", '"').encode()
        got = door.http("POST", "/v1/buses/bench/events", body, content_type="application/cloudevents+json")
        assert (got.status, got.body["code"]) == (413, "TOO_LARGE")
        with grpc.insecure_channel(process.grpc) as channel, pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(METHOD)(put_requests(200, 200)[0], timeout=10)
        assert caught.value.code().name in {"INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"}


def test_data_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    """The start ends with a word about it, and the data stays as it was."""
    with BridgeProcess(tmp_path) as process:
        process.stop()
    catalog = process.data / "catalog.db"
    with sqlite3.connect(catalog) as database:
        (table,) = database.execute("select name from sqlite_master where name like '%schema%'").fetchone()
        (column,) = [row[1] for row in database.execute(f"pragma table_info({table})") if "version" in row[1]]
        database.execute(f"update {table} set {column} = 99")
    database.close()
    before = catalog.read_bytes()
    with pytest.raises(RuntimeError, match="newer"):
        process.start()
    assert catalog.read_bytes() == before


def test_a_listener_open_to_others_needs_to_be_asked_for(tmp_path: Path) -> None:
    """Without credentials, only the loopback or an explicit flag."""
    with pytest.raises(RuntimeError, match="--open"):
        BridgeProcess(tmp_path, "--http", "0.0.0.0:0").start()
    with BridgeProcess(tmp_path, "--http", "0.0.0.0:0", "--open") as process:
        assert process.http.startswith("0.0.0.0:")
