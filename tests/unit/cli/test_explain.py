"""`bridge explain`: the rules of a bus and one event."""

import json
from typing import Any

import yaml

from bridge.testing.server import FakeServer

ROUTE = "/v1/buses/traffic/rules:test"


def miss(rule: str, *reasons: str, **more: Any) -> dict[str, Any]:
    return {"rule": rule, "missed": len(reasons), "fields": [{"reason": reason} for reason in reasons]} | more


FOUND = {
    "rules": 1_234,
    "matched": ["audit", "red-lights"],
    "nearly": [
        miss("fast", "`data.speed` is 48, pattern wants > 50"),
        miss("nights", "`a` is 1", "`b`\tis 2", missed=5, disabled=True, filter={"reason": "`id = '2'` is false"}),
    ],
    "disabled": ["old"],
    "broken": {"odd": "$.a: a list is wanted"},
}


def test_what_people_see(run, server: FakeServer) -> None:
    """What matches; what kept the nearest from it, each reason on its line; and what else there is to know."""
    server.answer("POST", ROUTE, FOUND)
    assert run("explain", "traffic", "--event", '{"a":1}').stdout == (
        "2 of 1,234 rules match\n"
        "  + audit\n"
        "  + red-lights\n"
        "nearly\n"
        "  - fast               `data.speed` is 48, pattern wants > 50\n"
        "  - nights (disabled)  `a` is 1\n"
        "                       `b` is 2\n"
        "                       `id = '2'` is false\n"
        "                       and 2 more\n"
        "would match if enabled\n"
        "    old\n"
        "not understood\n"
        "    odd  $.a: a list is wanted\n"
    )
    assert server.asked[0].json() == {"event": {"a": 1}}


def test_a_stored_event_is_of_this_bus(run, server: FakeServer) -> None:
    """If its place names no other."""
    server.answer("POST", ROUTE, {"rules": 1, "matched": [], "nearly": []})
    assert run("explain", "traffic", "--stored", "0:17").stdout == "0 of 1 rule matches\n"
    run("explain", "traffic", "--stored", "other/0:17")
    places = [asked.json()["stored"] for asked in server.asked]
    assert places == [{"bus": bus, "partition": 0, "offset": 17} for bus in ("traffic", "other")]


def test_forms_for_scripts(run, server: FakeServer) -> None:
    """The whole answer, or the names of what matches."""
    server.answer("POST", ROUTE, FOUND)
    assert json.loads(run("explain", "traffic", "--stored", "0:1", "-o", "json").stdout) == FOUND
    assert yaml.safe_load(run("explain", "traffic", "--stored", "0:1", "-o", "yaml").stdout) == FOUND
    assert run("explain", "traffic", "--stored", "0:1", "-o", "name").stdout == "audit\nred-lights\n"


def test_wrong_use(run) -> None:
    """Which event?"""
    assert "either --event or --stored" in run("explain", "traffic", code=2).stderr
