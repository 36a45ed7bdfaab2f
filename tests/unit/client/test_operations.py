"""Operations: status, dead letters, trials and connectors."""

import msgspec
import pytest

from bridge.client import Client
from bridge.errors import InvalidEvent, InvalidPattern, InvalidTransform
from bridge.testing.server import FakeServer

TARGET = {
    "name": "audit", "kind": "file", "state": "running", "lag": 0, "delivered": 1, "failed": 0, "dead": 0, "rate": 0.5,
    "lastError": {"time": "1970-01-01T00:00:01.500Z", "reason": "full"},
}  # fmt: skip
LETTER = {
    "id": "1", "bus": "traffic", "rule": "red", "target": "audit", "partition": 0, "offset": 7, "eventId": "x",
    "reason": "rejected", "detail": "410", "time": "2026-11-24T08:00:00.000Z",
}  # fmt: skip


async def test_status_and_one_target(server: FakeServer, bridge: Client) -> None:
    """As the structs of bridge.model.status; members of a later version are left aside."""
    server.answer("GET", "/v1/status", {"version": "0.1.0", "started": LETTER["time"], "buses": [], "mood": "fine"})
    server.answer("GET", "/v1/buses/traffic/rules/red/targets/audit", TARGET)
    assert (await bridge.status()).started == LETTER["time"]
    target = await bridge.target("traffic", "red", "audit")
    assert target.last_error is not None
    assert (target.state, target.last_error.reason) == ("running", "full")


async def test_pause_and_resume(server: FakeServer, bridge: Client) -> None:
    """The pause that stands comes back, which may be an older one."""
    place = "/v1/buses/traffic/rules/red/targets/audit"
    since = {"since": "2026-11-24T08:00:00.000Z", "reason": "410", "by": "bridge"}
    server.answer("POST", f"{place}/pause", {"paused": since})
    server.answer("POST", f"{place}/resume", {"paused": None})
    assert msgspec.to_builtins(await bridge.pause("traffic", "red", "audit", reason="they move")) == since
    await bridge.resume("traffic", "red", "audit")
    await bridge.resume("traffic", "red", "audit", skip=True)
    assert [a.json() for a in server.asked] == [{"reason": "they move"}, {"skip": False}, {"skip": True}]


async def test_dead_letters_of_all_pages(server: FakeServer, bridge: Client) -> None:
    """Filtered; one alone comes with its event."""
    letters = "/v1/buses/traffic/dead-letters"
    server.answer("GET", letters, {"items": [LETTER], "nextPageToken": "1"}, {"items": [LETTER | {"id": "2"}]})
    server.answer("GET", f"{letters}/1", LETTER | {"event": {"id": "x"}, "attempts": []})
    assert [x.id async for x in bridge.dead_letters("traffic", page=1, reason="rejected")] == ["1", "2"]
    assert server.asked[1].query == {"limit": ["1"], "pageToken": ["1"], "reason": ["rejected"]}
    assert bytes((await bridge.dead_letter("traffic", "1")).event) == b'{"id":"x"}'


async def test_purge_says_which(server: FakeServer, bridge: Client) -> None:
    """By ids, by filter, or all."""
    server.answer("POST", "/v1/buses/traffic/dead-letters:purge", {"purged": 3})
    assert await bridge.purge("traffic", ids=["1", "2"]) == 3
    await bridge.purge("traffic", rule="red")
    await bridge.purge("traffic", everything=True)
    assert [a.json() for a in server.asked] == [{"ids": ["1", "2"]}, {"rule": "red"}, {"all": True}]


async def test_redrives(server: FakeServer, bridge: Client) -> None:
    """Begun or counted, by ids, filter or all; listed, looked at, cancelled."""
    job = {
        "id": "r 1", "bus": "traffic", "state": "running", "matched": 3, "sent": 2, "delivered": 1, "parked": 0, "failed": 1,
        "started": LETTER["time"], "mood": "fine",
    }  # fmt: skip
    route = "/v1/buses/traffic/redrives"
    server.answer("POST", "/v1/buses/traffic/dead-letters:redrive", job, job, {"matched": 3})
    server.answer("GET", route, {"items": [job]})
    server.answer("GET", f"{route}/r 1", job)
    server.answer("POST", f"{route}/r 1/cancel", job | {"state": "cancelled", "ended": LETTER["time"]})
    begun = await bridge.redrive("traffic", ids=["1", "2"], rate="5/s")
    assert (begun.id, begun.settled, begun.ended) == ("r 1", 2, "")
    await bridge.redrive("traffic", everything=True)
    assert await bridge.count_redrive("traffic", rule="red") == 3
    assert [a.json() for a in server.asked] == [
        {"ids": ["1", "2"], "rate": "5/s"},
        {"all": True},
        {"rule": "red", "dryRun": True},
    ]
    assert await bridge.redrives("traffic") == [begun] == [await bridge.get_redrive("traffic", "r 1")]
    assert (await bridge.cancel_redrive("traffic", "r 1")).state == "cancelled"


async def test_trials_send_the_texts_as_they_are(server: FakeServer, bridge: Client) -> None:
    """Numbers and names given twice reach the server as written."""
    server.answer("POST", "/v1/pattern:test", {"matched": True, "fields": []})
    server.answer("POST", "/v1/transform:test", {"payload": "x", "contentType": "text/plain", "variables": {}})
    assert (await bridge.test_pattern(b'{"a":[1.10],"a":[2]}', b'{"a":1}', dialect="aws"))["matched"]
    assert (await bridge.test_transform(b'{"text":"x"}', b"{}"))["payload"] == "x"
    await bridge.test_pattern(b" ", b"{}")
    assert [a.body for a in server.asked] == [
        b'{"pattern":{"a":[1.10],"a":[2]},"event":{"a":1},"dialect":"aws"}',
        b'{"transform":{"text":"x"},"event":{}}',
        b'{"pattern":{},"event":{},"dialect":"bridge"}',
    ]


async def test_trials_on_stored_events_and_of_rules(server: FakeServer, bridge: Client) -> None:
    """A place stands for the event; the rules are those of a bus."""
    for route in ("pattern", "transform", "buses/traffic/rules"):
        server.answer("POST", f"/v1/{route}:test", {"matched": []})
    place = ("traffic", 0, 17)
    await bridge.test_pattern(b"{}", place, filter_=b'{"exact":{"a":"b"}}')
    await bridge.test_transform(b'{"text":"x"}', place)
    assert (await bridge.test_rules("traffic", place)) == {"matched": []}
    await bridge.test_rules("traffic", b'{"n":1.10}')
    stored = b'"stored":{"bus":"traffic","partition":0,"offset":17}'
    assert [a.body for a in server.asked] == [
        b'{"pattern":{},%b,"filter":{"exact":{"a":"b"}},"dialect":"bridge"}' % stored,
        b'{"transform":{"text":"x"},%b}' % stored,
        b"{%b}" % stored,
        b'{"event":{"n":1.10}}',
    ]


@pytest.mark.parametrize(
    ("text", "event", "error"),
    [(b"{", b"{}", InvalidPattern), (b'{}, "x": 1', b"{}", InvalidPattern), (b"{}", b"\xff", InvalidEvent)],
)
async def test_text_that_is_no_json_is_refused_here(
    bridge: Client, text: bytes, event: bytes, error: type[Exception]
) -> None:
    """It would break the request around it, or slip something into it."""
    with pytest.raises(error, match="not valid JSON"):
        await bridge.test_pattern(text, event)
    with pytest.raises(InvalidTransform, match=r"\$\.transform: not valid JSON"):
        await bridge.test_transform(b"}", b"{}")


async def test_connectors(server: FakeServer, bridge: Client) -> None:
    """All, or one."""
    server.answer("GET", "/v1/connectors", {"items": [{"kind": "file"}]})
    server.answer("GET", "/v1/connectors/file", {"kind": "file"})
    assert await bridge.connectors() == [{"kind": "file"}]
    assert await bridge.connector("file") == {"kind": "file"}


async def test_delayed_events_are_listed_and_cancelled(server: FakeServer, bridge: Client) -> None:
    """Of all pages; an id may hold anything."""
    route, event = "/v1/buses/traffic/delayed-events", {"id": "1", "source": "/s", "type": "t", "scheduled": "2026"}
    server.answer("GET", route, {"items": [event], "nextPageToken": "p"}, {"items": [event | {"id": "2"}]})
    server.answer("DELETE", f"{route}/a/b?c", {"cancelled": 2})
    assert [e.id async for e in bridge.delayed_events("traffic", page=1)] == ["1", "2"]
    assert server.asked[1].query == {"limit": ["1"], "pageToken": ["p"]}
    assert await bridge.cancel_delayed("traffic", "a/b?c") == 2
    await bridge.cancel_delayed("traffic", "a/b?c", source="/s")
    assert [asked.query for asked in server.asked[2:]] == [{}, {"source": ["/s"]}]
