"""Delayed events are listed and cancelled, over HTTP and over gRPC."""

import pytest

from bridge._proto.bridge.v1 import operations_pb2 as ops
from bridge.controlplane.grpc import OperationsService
from bridge.model.delayed import DelayedEvent
from bridge.model.event import Event

ROUTE = "/v1/buses/traffic/delayed-events"


@pytest.fixture
async def world(world):
    await world.apply("kind: Bus\nname: traffic")
    world.waiting.events = [
        DelayedEvent(Event("a", "/s", "t", {"subject": "x"}), 1.5, "1"),
        DelayedEvent(Event("b/../c d", "/s", "t", {}), 2.0, "2"),
        DelayedEvent(Event("a", "/t", "t", {}), 3.0, "3"),
    ]
    return world


async def test_a_list_pages(world) -> None:
    """What each is and when it enters, the next one first."""
    first = (await world.call("GET", f"{ROUTE}?limit=2")).json
    assert first == {
        "items": [
            {"id": "a", "source": "/s", "type": "t", "subject": "x", "scheduled": "1970-01-01T00:00:01.500Z"},
            {"id": "b/../c d", "source": "/s", "type": "t", "scheduled": "1970-01-01T00:00:02.000Z"},
        ],
        "nextPageToken": "2",
    }
    rest = (await world.call("GET", f"{ROUTE}?limit=2&pageToken=2")).json
    assert ([item["source"] for item in rest["items"]], "nextPageToken" in rest) == (["/t"], False)


async def test_events_are_cancelled_by_id(world) -> None:
    """Of every source, or of one; an id may hold anything."""
    assert (await world.call("DELETE", f"{ROUTE}/b%2F..%2Fc%20d")).json == {"cancelled": 1}
    assert (await world.call("DELETE", f"{ROUTE}/a?source=/t")).json == {"cancelled": 1}
    assert (await world.call("DELETE", f"{ROUTE}/a?source=/t")).status == 404
    assert [one.place for one in world.waiting.events] == ["1"]


@pytest.mark.parametrize(
    ("method", "route", "status", "path"),
    [
        ("GET", "/v1/buses/nowhere/delayed-events", 404, None),
        ("DELETE", "/v1/buses/nowhere/delayed-events/a", 404, None),
        ("DELETE", f"{ROUTE}/none", 404, None),
        ("GET", f"{ROUTE}?pageToken=x", 400, "$.pageToken"),
        ("GET", f"{ROUTE}?limit=0", 400, "$.limit"),
        ("GET", f"{ROUTE}?source=/s", 400, "$.source"),
        ("DELETE", f"{ROUTE}/a?limit=1", 400, "$.limit"),
        ("DELETE", ROUTE, 405, None),
        ("GET", f"{ROUTE}/a", 405, None),
    ],
)
async def test_what_cannot_be_is_refused(world, method: str, route: str, status: int, path: str | None) -> None:
    """With its path, and nothing is cancelled."""
    answer = await world.call(method, route)
    assert (answer.status, answer.json.get("path")) == (status, path)
    assert len(world.waiting.events) == 3


async def test_the_same_over_grpc(world) -> None:
    """As messages."""
    service = OperationsService(world.operations)
    page = await service.ListDelayedEvents(ops.ListDelayedEventsRequest(bus="traffic", limit=2), None)
    assert [(e.id, e.source, e.type, e.subject, e.scheduled.ToJsonString()) for e in page.delayed_events] == [
        ("a", "/s", "t", "x", "1970-01-01T00:00:01.500Z"),
        ("b/../c d", "/s", "t", "", "1970-01-01T00:00:02Z"),
    ]
    rest = ops.ListDelayedEventsRequest(bus="traffic", page_token=page.next_page_token)
    assert [e.source for e in (await service.ListDelayedEvents(rest, None)).delayed_events] == ["/t"]
    one = ops.CancelDelayedEventRequest(bus="traffic", id="a", source="/t")
    assert (await service.CancelDelayedEvent(one, None)).cancelled == 1
    other = ops.CancelDelayedEventRequest(bus="traffic", id="a")
    assert (await service.CancelDelayedEvent(other, None)).cancelled == 1
