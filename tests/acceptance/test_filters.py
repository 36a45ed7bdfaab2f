"""Rules with filters, from apply to target."""

import re
from pathlib import Path

from tests.acceptance.conftest import Door, bus, event, rule, to_file, until

DOCS = Path(__file__).resolve().parents[2] / "docs" / "filters.md"


def ids(door: Door, name: str) -> list[str]:
    return [line["id"] for line in door.lines(name)]


def test_a_rule_with_an_sql_filter_gets_what_passes(door: Door) -> None:
    """Alone, beside a pattern, and beside rules without one; the events arrive as they were put."""
    sql = {"sql": "type LIKE 'light.%' AND speed > 50"}
    red = {"data": {"to": ["red"]}}
    done = door.apply(
        bus("traffic"),
        rule("fast", "traffic", to_file("fast"), filter=sql),
        rule("fast-red", "traffic", to_file("fast-red"), filter=sql, pattern=red),
        rule("red", "traffic", to_file("red"), pattern=red),
        rule("all", "traffic", to_file("all")),
    )
    assert done == ["created"] * 5
    events = [
        event(1, speed=61, data={"to": "red"}),
        event(2, speed=48, data={"to": "red"}),
        event(3, speed="70", data={"to": "green"}),
        event(4, data={"to": "red"}),
        event(5, speed=99, type="parcel.sent"),
    ]
    door.put("traffic", *events)
    until(lambda: len(ids(door, "all")) == 5)
    until(lambda: ids(door, "fast") == ["1", "3"] and ids(door, "fast-red") == ["1"] and len(ids(door, "red")) == 3)
    assert door.lines("fast-red") == events[:1]
    assert door.http("GET", "/v1/buses/traffic/rules/fast").body["spec"]["filter"] == sql


def test_the_subscriptions_dialects_select_as_they_say(door: Door) -> None:
    """Each in a rule of its own, changed while events flow."""
    lights, parcels, urgent = (
        {"prefix": {"type": "light."}},
        {"suffix": {"type": ".sent"}},
        {"exact": {"urgent": "true"}},
    )
    door.apply(
        bus("b"),
        rule("lights", "b", to_file("lights"), filter=lights),
        rule("either", "b", to_file("either"), filter={"any": [parcels, {"all": [lights, urgent]}]}),
        rule("not", "b", to_file("not"), filter=[{"not": lights}, {"cesql": "NOT EXISTS subject"}]),
        rule("all", "b", to_file("all")),
    )
    door.put(
        "b", event(1), event(2, urgent=True), event(3, type="parcel.sent"), event(4, type="parcel.sent", subject="x")
    )
    until(lambda: len(ids(door, "all")) == 4)
    wanted = {"lights": ["1", "2"], "either": ["2", "3", "4"], "not": ["3"]}
    until(lambda: {name: ids(door, name) for name in wanted} == wanted)
    assert door.apply(rule("lights", "b", to_file("lights"), filter=lights)) == ["unchanged"]
    assert door.apply(rule("lights", "b", to_file("lights"), filter=parcels)) == ["changed"]
    door.put("b", event(5), event(6, type="parcel.sent"))
    until(lambda: ids(door, "lights") == ["1", "2", "6"])


def test_a_bad_filter_is_refused_with_its_path(door: Door) -> None:
    """And one that looks like a mistake is applied with a warning."""
    door.apply(bus("b"))
    path = "/v1/buses/b/rules/r"
    bad = rule("r", "b", to_file("x"), filter=[{"all": [{"sql": "speed >"}]}])
    refused = door.http("PUT", path, bad)
    assert (refused.status, refused.body["code"]) == (400, "INVALID_FILTER")
    assert refused.body["path"] == "$.spec.filter[0].all[0].sql"
    assert "(at character 8)" in refused.body["detail"]
    odd = rule("r", "b", to_file("x"), filter={"sql": "LENGHT(type) > 5"})
    (result,) = door.http("POST", "/v1/apply", odd).body["results"]
    assert result["warnings"] == ["$.spec.filter.sql: there is no function LENGHT; did you mean LENGTH?"]


def test_a_filter_can_be_tried(door: Door) -> None:
    """Without effect, beside a pattern or alone."""
    trial = {"filter": {"sql": "speed > 50"}, "event": event(1, speed=48)}
    answer = door.http("POST", "/v1/pattern:test", trial)
    assert answer.body["filter"] == {"matched": False, "reason": "`speed > 50` is false: `speed` is 48"}


def test_the_rule_of_the_page_works(door: Door) -> None:
    """docs/filters.md begins with one."""
    (text,) = re.findall(r"```yaml\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    door.apply(bus("traffic"))
    got = door.http("POST", "/v1/apply", text.encode(), content_type="application/yaml")
    assert (got.status, got.body["results"][0]["action"]) == (200, "created")
