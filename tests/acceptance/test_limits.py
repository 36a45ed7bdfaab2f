"""Overload is told, not suffered: at every door, with the time to come back; and a start that cannot be says why."""

import json
import socket
import sqlite3
from contextlib import ExitStack
from pathlib import Path

import grpc
import pytest

from bridge.testing.process import BridgeProcess
from tests.acceptance.conftest import Answer, Door, bus, event, until
from tests.bench.load import METHOD, STREAM, put_requests


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


def unfinished(process: BridgeProcess, name: str, size: int) -> socket.socket:
    """A put whose bytes are announced and never come."""
    host, _, port = process.http.rpartition(":")
    made = socket.create_connection((host, int(port)))
    made.sendall(
        f"POST /v1/buses/{name}/events HTTP/1.1\r\nhost: {process.http}\r\ncontent-length: {size}\r\n"
        "content-type: application/cloudevents+json\r\n\r\n".encode()
    )
    return made


def put_one(door: Door, name: str, size: int) -> Answer:
    body = json.dumps(event(size, data="x" * size)).encode()
    return door.http("POST", f"/v1/buses/{name}/events", body, content_type="application/cloudevents+json")


def test_a_flooded_bus_does_not_refuse_another(tmp_path: Path) -> None:
    """It is told to come back, its streams are held back; all the while the others take everything."""
    with BridgeProcess(tmp_path, environ={"BRIDGE_LIMITS_BYTES_IN_FLIGHT": "64KiB"}) as process:
        door = Door(process)
        door.apply(bus("bench"), bus("calm"), bus("small", limits={"bytesInFlight": "8KiB"}))
        with ExitStack() as floods, grpc.insecure_channel(process.grpc) as channel:
            for name, size in (("bench", 30_000), ("small", 5_000)):
                floods.enter_context(unfinished(process, name, size))
                got = until(lambda name=name: (found := put_one(door, name, 6_000)).status == 429 and found)
                assert (got.body["code"], f"of the bus {name} " in got.body["detail"]) == ("OVERLOADED", True)
                assert int(got.headers["retry-after"]) >= 1
            with pytest.raises(grpc.RpcError) as caught:
                channel.unary_unary(METHOD)(put_requests(10, 10)[0], timeout=10)
            assert caught.value.code().name == "RESOURCE_EXHAUSTED"
            held = door.http("GET", "/v1/buses/bench/events").body["events"]
            answers = channel.stream_stream(STREAM)(iter(put_requests(10, 10)), timeout=20)
            for size in range(6_000, 6_020):
                assert put_one(door, "calm", size).status == 200
            assert put_one(door, "small", 1_000).status == 200
            assert door.http("GET", "/v1/buses/bench/events").body["events"] == held
            floods.close()
            assert len(list(answers)) == 1
        assert len(door.http("GET", "/v1/buses/bench/events").body["events"]) == len(held) + 10


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
