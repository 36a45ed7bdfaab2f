"""Reading a bus back over HTTP: pages, positions, times, patterns, and following it."""

import http.client
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.conftest import Door, bus, event


@pytest.fixture(scope="module")
def read(shared: Door) -> Door:
    shared.apply(bus("b", partitions=2))
    shared.put("b", *(event(n, subject=f"s{n % 4}", type="even" if n % 2 == 0 else "odd") for n in range(10)))
    return shared


def ids(door: Door, query: str) -> list[str]:
    got = door.http("GET", f"/v1/buses/b/events?{query}")
    assert got.status == 200, got.body
    return [entry["event"]["id"] for entry in got.body["events"]]


def test_all_of_them_unaltered_with_their_position(read: Door) -> None:
    """Each with partition, offset and time of reception."""
    entries = read.http("GET", "/v1/buses/b/events").body["events"]
    assert {entry["event"]["id"] for entry in entries} == {str(n) for n in range(10)}
    first = next(entry for entry in entries if entry["event"]["id"] == "4")
    assert first["event"] == event(4, subject="s0", type="even")
    assert first["receivedTime"].endswith("Z")


def test_pages_hold_every_event_once(read: Door) -> None:
    """The token of a page is where the next one begins."""
    found, token = [], "earliest"
    while token:
        page = read.http("GET", f"/v1/buses/b/events?limit=3&from={token}").body
        found += [entry["event"]["id"] for entry in page["events"]]
        token = page.get("nextPageToken", "")
    assert sorted(found, key=int) == [str(n) for n in range(10)]


def test_from_a_position_a_time_and_by_pattern(read: Door) -> None:
    """`from=latest` is the end; a time in the past is the beginning."""
    assert ids(read, "from=latest") == []
    assert len(ids(read, "from=2020-01-01T00:00:00Z")) == 10
    assert ids(read, "from=2100-01-01T00:00:00Z") == []
    assert ids(read, "to=2020-01-01T00:00:00Z") == []
    assert sorted(ids(read, "pattern=%7B%22type%22:[%22odd%22]%7D")) == ["1", "3", "5", "7", "9"]


@pytest.mark.parametrize(
    ("query", "path"),
    [("from=yesterday", "$.from"), ("from=9:0", "$.from"), ("limit=x", "$.limit"), ("limit=5000", "$.limit"),
     ("since=1", "$.since"), ("pattern=%7B%22type%22:1%7D", "$.pattern.type"), ("to=5", "$.to")],
)  # fmt: skip
def test_bad_questions_are_refused_with_the_parameter(read: Door, query: str, path: str) -> None:
    """As a problem, also when the answer would be a stream."""
    for more in ("", "&watch=true"):
        if "limit=5000" in query and more:
            continue  # a follower may want as many as it likes
        got = read.http("GET", f"/v1/buses/b/events?{query}{more}")
        assert (got.status, got.body["path"]) == (400, path), got.body
        assert got.headers["content-type"] == "application/problem+json"


def follow(door: Door, bus_name: str, query: str) -> Iterator[dict[str, Any]]:
    connection = http.client.HTTPConnection(door.process.http, timeout=20)
    connection.request("GET", f"/v1/buses/{bus_name}/events?watch=true&{query}")
    answer = connection.getresponse()
    assert answer.headers["content-type"] == "text/event-stream"
    try:
        for line in answer:
            if line.startswith(b"data: "):
                yield json.loads(line[6:])
    finally:
        connection.close()


def test_following_gives_events_as_they_come(read: Door) -> None:
    """From the beginning, or only new ones; a limit ends the stream."""
    assert len(list(follow(read, "b", "from=earliest&limit=10"))) == 10
    read.apply(bus("followed"))
    stream = follow(read, "followed", "pattern=%7B%22type%22:[%22late%22]%7D&limit=1&from=2020-01-01T00:00:00Z")
    read.put("followed", event("old"), event("new", type="late"))
    assert [entry["event"]["id"] for entry in stream] == ["new"]
