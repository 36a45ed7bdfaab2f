"""Events: put in every mode, one result each; read back and followed."""

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest

from bridge.client import Client, PutResult
from bridge.errors import BridgeError, InvalidEvent, NotFound, Overloaded, TooLarge, problem
from bridge.model.log import Position
from bridge.testing.server import FakeServer

EVENTS = "/v1/buses/traffic/events"


def event(number: int) -> bytes:
    return b'{"specversion":"1.0","id":"%d","source":"/s","type":"t"}' % number


def result(number: int) -> dict[str, object]:
    return {"id": str(number), "partition": 0, "offset": number}


async def test_one_event_goes_structured(server: FakeServer, bridge: Client) -> None:
    """Members become JSON; bytes are sent as they stand."""
    server.answer("POST", EVENTS, {"results": [result(7)]})
    assert await bridge.put("traffic", {"id": "7", "data": None}) == PutResult("7", Position(0, 7), None)
    await bridge.put("traffic", b'{ "id" : "7" }')
    assert [a.body for a in server.asked] == [b'{"id":"7","data":null}', b'{ "id" : "7" }']
    assert {a.headers["content-type"] for a in server.asked} == {"application/cloudevents+json"}


async def test_one_event_refused_raises(server: FakeServer, bridge: Client) -> None:
    """Its error is the response's own, or in its one result."""
    server.answer(
        "POST", EVENTS, InvalidEvent("empty", path="$.id"), {"results": [{"id": "", "error": problem(TooLarge())}]}
    )
    with pytest.raises(InvalidEvent, match=r"\$\.id: empty"):
        await bridge.put("traffic", event(1))
    with pytest.raises(TooLarge):
        await bridge.put("traffic", event(1), mode="batched")


async def test_a_batch_has_one_result_each(server: FakeServer, bridge: Client) -> None:
    """What is no JSON object is refused here, so that it cannot spoil its neighbours; the rest is the server's to judge."""
    refused = {"id": "3", "error": problem(InvalidEvent("no", path="$.source"))}
    server.answer("POST", EVENTS, {"results": [result(1), refused]})
    results = await bridge.put_batch("traffic", [b"{", event(1), b"\xff", b"[]", event(3)])
    assert [r.position for r in results] == [None, (0, 1), None, None, None]
    assert [str(r.error) if r.error else "" for r in results][4] == "$.source: no"
    assert "not a JSON object" in str(results[0].error)
    assert "not UTF-8" in str(results[2].error)
    [asked] = server.asked
    assert asked.body == b"[" + event(1) + b"," + event(3) + b"]"
    assert asked.headers["content-type"] == "application/cloudevents-batch+json"


async def test_an_event_may_be_for_later(server: FakeServer, bridge: Client) -> None:
    """Then its result says when, in place of a position."""
    time = "2026-12-24T18:00:00.000Z"
    server.answer("POST", EVENTS, {"results": [{"id": "1", "scheduled": time}, result(2)]})
    later, now = await bridge.put_batch("traffic", [event(1), event(2)])
    assert (later, now.scheduled) == (PutResult("1", None, None, time), "")


async def test_nothing_sound_asks_nothing(server: FakeServer, bridge: Client) -> None:
    """A batch of broken lines makes no request."""
    assert [type(r.error) for r in await bridge.put_batch("traffic", [b"{"])] == [InvalidEvent]
    assert not server.asked


async def test_a_batch_refused_as_a_whole_is_each_ones_error(server: FakeServer, bridge: Client) -> None:
    """Too large a request: every event of it says so. An unknown bus concerns all that comes, and raises."""
    server.answer("POST", EVENTS, TooLarge("4 MiB at most"), NotFound("there is no Bus traffic"))
    results = await bridge.put_batch("traffic", [event(1), event(2)])
    assert [str(r.error) for r in results] == ["4 MiB at most"] * 2
    with pytest.raises(NotFound, match="no Bus traffic"):
        await bridge.put_batch("traffic", [event(1)])


async def test_a_server_that_miscounts_is_not_believed(server: FakeServer, bridge: Client) -> None:
    """One result for two events is an error, not a guess."""
    server.answer("POST", EVENTS, {"results": [result(1)]})
    with pytest.raises(BridgeError, match="1 results for 2 events"):
        await bridge.put_batch("traffic", [event(1), event(2)])


async def test_single_modes_put_each_alone(server: FakeServer, bridge: Client) -> None:
    """In structured mode a batch is several requests; one that is refused does not stop the next."""
    server.answer("POST", EVENTS, {"results": [result(1)]}, InvalidEvent("no"), {"results": [result(3)]})
    results = await bridge.put_batch("traffic", [event(1), event(2), event(3)], mode="structured")
    assert [(r.id, r.position, str(r.error or "")) for r in results] == [
        ("1", (0, 1), ""),
        ("2", None, "no"),
        ("3", (0, 3), ""),
    ]
    assert [a.body for a in server.asked] == [event(1), event(2), event(3)]


async def test_binary_mode_puts_attributes_in_headers(server: FakeServer, bridge: Client) -> None:
    """And the data in the body, byte for byte; what cannot be said in headers is refused here."""
    server.answer("POST", EVENTS, {"results": [result(1)]})
    data = base64.b64encode(b"\x00\xff").decode()
    members = {
        "specversion": "1.0",
        "id": "1",
        "source": "/ß",
        "type": "t",
        "datacontenttype": "image/x",
        "data_base64": data,
    }
    await bridge.put("traffic", members | {"source": "/s", "subject": "Köln"}, mode="binary")
    [asked] = server.asked
    assert asked.body == b"\x00\xff"
    headers = asked.headers
    assert (headers["ce-id"], headers["ce-subject"], headers["content-type"]) == ("1", "K%C3%B6ln", "image/x")
    with pytest.raises(InvalidEvent, match=r"\$\.source"):
        await bridge.put("traffic", members, mode="binary")


async def test_a_stream_puts_all_batches(server: FakeServer, bridge: Client) -> None:
    """Several at a time, each answered once."""
    answers = [{"results": [result(n)]} for n in range(20)]
    server.answer("POST", EVENTS, *answers)
    put: list[bytes] = []

    async def source() -> AsyncIterator[Sequence[bytes]]:
        for number in range(20):
            yield [event(number)]

    await bridge.put_stream("traffic", source(), lambda batch, _: put.extend(batch), concurrency=3)
    assert sorted(put) == sorted(event(n) for n in range(20))


async def test_a_stream_takes_no_more_than_it_can_send(server: FakeServer, bridge: Client) -> None:
    """Batches are read as there is room for them, not ahead."""
    server.answer("POST", EVENTS, {"results": [result(1)]})
    under_way = most = 0

    async def source() -> AsyncIterator[Sequence[bytes]]:
        nonlocal under_way, most
        for number in range(30):
            under_way += 1
            most = max(most, under_way)
            yield [event(number)]

    def answered(_batch: Sequence[object], _results: Sequence[PutResult]) -> None:
        nonlocal under_way
        under_way -= 1

    await bridge.put_stream("traffic", source(), answered, concurrency=2)
    assert most <= 3


async def test_a_stream_ends_with_what_concerns_all(server: FakeServer, bridge: Client) -> None:
    """An unknown bus: batches under way are answered, no new one is taken, the error is raised."""
    server.answer("POST", EVENTS, {"results": [result(0)]}, NotFound("no such bus"))
    taken: list[int] = []
    put: list[bytes] = []

    async def source() -> AsyncIterator[Sequence[bytes]]:
        for number in range(100):
            taken.append(number)
            yield [event(number)]

    with pytest.raises(NotFound, match="no such bus"):
        await bridge.put_stream("traffic", source(), lambda batch, _: put.extend(batch), concurrency=2)
    assert put == [event(0)]
    assert len(taken) <= 4


async def test_a_stream_comes_back_when_it_is_asked_to(server: FakeServer, bridge: Client) -> None:
    """Overload stored nothing: the same request again, after the time the server asks for."""
    server.answer("POST", EVENTS, Overloaded(after_s=0.001), Overloaded(after_s=0.001), {"results": [result(1)]})

    async def source() -> AsyncIterator[Sequence[bytes]]:
        yield [event(1)]

    results: list[PutResult] = []
    await bridge.put_stream("traffic", source(), lambda _, found: results.extend(found))
    assert [r.position for r in results] == [(0, 1)]
    assert len(server.asked) == 3


async def test_one_put_does_not_wait_for_room(server: FakeServer, bridge: Client) -> None:
    """The caller decides: Overloaded is raised with its wait."""
    server.answer("POST", EVENTS, Overloaded(after_s=3))
    with pytest.raises(Overloaded) as caught:
        await bridge.put("traffic", event(1))
    assert caught.value.after_s == 3


async def test_read_gives_a_page(server: FakeServer, bridge: Client) -> None:
    """Entries with their events as text, and where to go on."""
    entry = {"partition": 1, "offset": 7, "receivedTime": "2026-11-24T08:00:00.000Z", "event": {"id": "x", "data": 1.0}}
    server.answer("GET", EVENTS, {"events": [entry], "nextPageToken": "0:8,1:9"})
    page = await bridge.read("traffic", start="1:7", end="2026-11-25T00:00:00+01:00", pattern='{"a":["&"]}', limit=5)
    assert (page.next_page_token, page.events[0].offset, bytes(page.events[0].event)) == (
        "0:8,1:9",
        7,
        b'{"id":"x","data":1.0}',
    )
    assert server.asked[0].query == {
        "from": ["1:7"],
        "to": ["2026-11-25T00:00:00+01:00"],
        "pattern": ['{"a":["&"]}'],
        "limit": ["5"],
    }


async def test_tail_follows(server: FakeServer, bridge: Client) -> None:
    """Each message is an entry; leaving the loop ends the request."""
    entry = msgspec.json.encode({"partition": 0, "offset": 7, "receivedTime": "t", "event": {"id": "x"}})
    server.answer(
        "GET", EVENTS, b": welcome\n\n" + b"id: 0:7\ndata: " + entry + b"\n\n" + b"id: 0:8\ndata: " + entry + b"\n\n"
    )
    async with asyncio.timeout(10):
        async for found in bridge.tail("traffic", start="earliest"):
            assert (found.partition, found.offset) == (0, 7)
            break
    assert server.asked[0].query == {"from": ["earliest"], "watch": ["true"]}
