"""A routing turns stored chunks into deliveries: matched, rendered, from each target's start on."""

from typing import Any

import msgspec

from bridge.codec.json import format_event
from bridge.dataplane.routing import CompiledRule, CompiledTarget, Gate, Routing
from bridge.dataplane.sending import GivenUp
from bridge.model.event import DataForm, Event
from bridge.model.log import Format, Position, StoredChunk
from bridge.rules.pattern import parse_pattern
from bridge.rules.scope import Names
from bridge.rules.transform import compile_transform


def chunk(offset: int, *events: Event) -> StoredChunk:
    return StoredChunk(offset, 7.0, Format.JSON, len(events), b",".join(map(format_event, events)))


def event(number: int, type_: str = "light.changed", data: bytes | None = b'{"to":"red"}') -> Event:
    return Event(str(number), "/j", type_, {}, data, DataForm.JSON)


async def bury(letters: Any) -> None:
    raise AssertionError(letters)


def rule(
    name: str,
    pattern: str,
    lane: str,
    *,
    transform: bytes | None = None,
    starts: dict | None = None,
    passes: Any = None,
) -> CompiledRule:
    made = compile_transform(transform) if transform else None
    target = CompiledTarget(lane, Names(name, lane), "config", None, made, Gate(starts or {}), bury)
    return CompiledRule(name, parse_pattern(pattern), (target,), lambda number: None, passes)


def test_each_lane_gets_the_events_its_rule_matches() -> None:
    """With position, config and time of reception; rules that match nothing cost no entry."""
    routing = Routing("b", [rule("red", '{"data":{"to":["red"]}}', "audit"), rule("none", '{"type":["x"]}', "void")])
    judged = routing.judge(3, 0, [chunk(10, event(0), event(1, data=b'{"to":"green"}'), event(2))])
    assert list(judged.deliveries) == ["audit"]
    found = judged.deliveries["audit"]
    assert [(d.event.id, d.position, d.received, d.config) for d in found] == [
        ("0", Position(3, 10), 7.0, "config"),
        ("2", Position(3, 12), 7.0, "config"),
    ]


def test_reading_may_begin_inside_a_chunk() -> None:
    """Events before the offset were judged already."""
    routing = Routing("b", [rule("all", "{}", "audit")])
    judged = routing.judge(0, 11, [chunk(10, event(0), event(1)), chunk(12, event(2))])
    assert [d.position.offset for d in judged.deliveries["audit"]] == [11, 12]


def test_a_new_target_gets_nothing_from_before_its_start() -> None:
    """Per partition; a partition without a start has none to respect."""
    routing = Routing("b", [rule("new", "{}", "audit", starts={0: 11, 1: 99})])
    assert [d.position.offset for d in routing.judge(0, 0, [chunk(10, event(0), event(1))]).deliveries["audit"]] == [11]
    assert routing.judge(1, 0, [chunk(10, event(0))]).deliveries == {}
    assert [d.position.offset for d in routing.judge(2, 0, [chunk(10, event(0))]).deliveries["audit"]] == [10]


def test_a_transform_makes_the_payload() -> None:
    """Rendered once, here; a payload that cannot be made becomes a dead letter with the reason."""
    strict = b'{"template":{"to":"${data.to}"},"missing":"fail"}'
    routing = Routing("b", [rule("t", "{}", "audit", transform=strict)])
    judged = routing.judge(0, 0, [chunk(0, event(0), event(1, data=b"{}"))])
    (delivery,) = judged.deliveries["audit"]
    assert delivery.payload.body == b'{"to":"red"}'
    ((lane, buried_by, given_up),) = judged.failures
    assert (lane, buried_by) == ("audit", bury)
    assert isinstance(given_up[0], GivenUp)
    assert (given_up[0].decision.reason, given_up[0].delivery.event.id) == ("transform-error", "1")


def test_a_routing_made_from_another_knows_the_new_rules_and_no_old_ones() -> None:
    """Only what changed is compiled again."""
    kept, gone, new = (rule(name, "{}", name) for name in ("kept", "gone", "new"))
    routing = Routing("b", [kept, new], Routing("b", [kept, gone]))
    assert set(routing.judge(0, 0, [chunk(0, event(0))]).deliveries) == {"kept", "new"}


def test_an_event_must_pass_the_filter_too() -> None:
    """Pattern and filter; rules without a filter beside it are not disturbed, and nothing passes is no entry."""
    told: list[int] = []
    even = rule("even", '{"data":{"to":["red"]}}', "even", passes=lambda e: int(e.id) % 2 == 0)
    even = msgspec.structs.replace(even, matched=told.append)
    routing = Routing("b", [even, rule("all", "{}", "all"), rule("none", "{}", "none", passes=lambda e: False)])
    judged = routing.judge(0, 0, [chunk(10, event(0), event(1), event(2, data=b"{}"), event(4)), chunk(14, event(5))])
    found = {lane: [d.event.id for d in deliveries] for lane, deliveries in judged.deliveries.items()}
    assert found == {"even": ["0", "4"], "all": ["0", "1", "2", "4", "5"]}
    assert told == [2]


def test_a_filter_of_several_rules_is_asked_once() -> None:
    """About each event that one of them matches."""
    asked: list[str] = []

    def passes(seen: Event) -> bool:
        asked.append(seen.id)
        return seen.id != "1"

    patterns = {"a": "{}", "b": "{}", "c": '{"data":{"to":["green"]}}'}
    rules = [rule(name, pattern, name, passes=passes) for name, pattern in patterns.items()]
    green = b'{"to":"green"}'
    judged = Routing("b", rules).judge(0, 0, [chunk(0, event(0), event(1), event(2, data=green))])
    assert sorted(asked) == ["0", "1", "2"]
    assert {lane: len(deliveries) for lane, deliveries in judged.deliveries.items()} == {"a": 2, "b": 2, "c": 1}


def test_a_closed_gate_lets_nothing_through() -> None:
    """The target has a cursor of its own then."""
    closed = rule("own", "{}", "audit")
    closed.targets[0].gate.closed = True
    assert Routing("b", [closed]).judge(0, 0, [chunk(0, event(0))]).deliveries == {}
