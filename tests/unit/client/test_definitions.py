"""Definitions: the routes that the verbs ask, and what becomes of the answers."""

import pytest

from bridge.client import Client
from bridge.client.kinds import kind_of
from bridge.errors import InUse, InvalidInput
from bridge.testing.server import FakeServer

BUS = {"kind": "Bus", "name": "traffic", "spec": {"partitions": 4}, "revision": 3, "created": "2026-11-24T08:00:00Z"}
RULE = {"kind": "Rule", "bus": "traffic", "name": "red", "spec": {"pattern": {"data": {"x": [0.1]}}, "targets": []}}


async def test_apply_sends_the_text_as_it_is(server: FakeServer, bridge: Client) -> None:
    """YAML or JSON, dry or not; every document's outcome comes back."""
    server.answer("POST", "/v1/apply", {"results": [{"action": "changed", "resource": BUS, "diff": "-a\n+b\n"}]})
    [done] = await bridge.apply("kind: Bus", dry_run=True)
    assert (done.action, done.resource.name, done.diff, done.warnings) == ("changed", "traffic", "-a\n+b\n", [])
    await bridge.apply(b"{}", json=True)
    first, second = server.asked
    assert (first.query, first.body, first.headers["content-type"]) == (
        {"dryRun": ["true"]},
        b"kind: Bus",
        "application/yaml",
    )
    assert (second.query, second.body, second.headers["content-type"]) == ({}, b"{}", "application/json")


async def test_get_asks_for_one(server: FakeServer, bridge: Client) -> None:
    """A rule within its bus; its spec stays the text that the server sent."""
    server.answer("GET", "/v1/buses/traffic/rules/red", RULE)
    found = await bridge.get("rules", "red", bus="traffic")
    assert (str(found), bytes(found.spec)) == ("Rule traffic/red", b'{"pattern":{"data":{"x":[0.1]}},"targets":[]}')
    with pytest.raises(InvalidInput, match="named within a bus"):
        await bridge.get("rule", "red")


async def test_list_reads_all_pages(server: FakeServer, bridge: Client) -> None:
    """Page after page, with labels; of one bus or of all."""
    server.answer("GET", "/v1/buses", {"items": [BUS], "nextPageToken": "t&k"}, {"items": [BUS | {"name": "b"}]})
    assert [d.name async for d in bridge.list("bus", labels={"team": "roads", "a": "b c"})] == ["traffic", "b"]
    labels = ["team=roads", "a=b c"]
    assert server.asked[0].query == {"limit": ["100"], "label": labels}
    assert server.asked[1].query == {"limit": ["100"], "label": labels, "pageToken": ["t&k"]}
    server.answer("GET", "/v1/rules", {"items": []})
    server.answer("GET", "/v1/buses/traffic/rules", {"items": [RULE]})
    assert [d async for d in bridge.list("rules")] == []
    assert [d.name async for d in bridge.list("rules", bus="traffic")] == ["red"]


async def test_delete_says_what_went(server: FakeServer, bridge: Client) -> None:
    """With cascade and revision only where they are given; InUse comes back as such."""
    server.answer("DELETE", "/v1/buses/traffic", InUse("in use by Rule traffic/red"), {"deleted": [BUS, RULE]})
    with pytest.raises(InUse, match="in use by Rule traffic/red"):
        await bridge.delete("bus", "traffic")
    gone = await bridge.delete("bus", "traffic", cascade=True, revision=3)
    assert [str(d) for d in gone] == ["Bus traffic", "Rule traffic/red"]
    assert [a.query for a in server.asked] == [{}, {"cascade": ["true"], "revision": ["3"]}]


async def test_watch_tells_each_change(server: FakeServer, bridge: Client) -> None:
    """What is there, then changes; an error in the stream is raised."""
    stream = (
        b': hello\n\nevent: exists\nid: 4\ndata: {"kind":"Bus","name":"a"}\n\n'
        b'event: delete\nid: 5\ndata: {"kind":"Bus","name":"a"}\n\n'
        b'event: error\ndata: {"code":"IN_USE","detail":"enough"}\n\n'
    )
    server.answer("GET", "/v1/buses", stream)
    changes = bridge.watch("bus")
    found = [(c.action, c.version, c.resource.name) for c in [await anext(changes), await anext(changes)]]
    with pytest.raises(InUse, match="enough"):
        await anext(changes)
    assert found == [("exists", 4, "a"), ("delete", 5, "a")]
    assert server.asked[0].query == {"watch": ["true"]}


async def test_names_cannot_leave_their_place_in_the_route(server: FakeServer, bridge: Client) -> None:
    """A slash in a name is escaped."""
    server.answer("GET", "/v1/buses/a/../b", BUS)
    await bridge.get("bus", "a/../b")
    assert server.asked[0].path == "/v1/buses/a/../b"


@pytest.mark.parametrize("word", ["rule", "rules", "Rule", "RULES"])
def test_a_kind_in_any_form(word: str) -> None:
    """Singular, plural, any case."""
    assert kind_of(word).name == "Rule"


def test_an_unknown_kind_lists_the_known() -> None:
    """With all words that would do."""
    with pytest.raises(InvalidInput, match="bus, buses, rule, rules"):
        kind_of("pods")
