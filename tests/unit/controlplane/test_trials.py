"""Trying patterns, transforms and rules on events that are given or stored."""

import asyncio
import contextlib
import gc
import json
import time
from collections.abc import Coroutine, Iterator
from typing import Any

import msgspec
import pytest

from bridge.codec.chunks import judge_events
from bridge.codec.json import parse_event
from bridge.controlplane.stored import Place
from bridge.controlplane.trials import MAX_EVENT_BYTES, PatternTrial, Subject
from bridge.errors import BridgeError, InvalidFilter, InvalidInput, InvalidPattern, InvalidTransform, NotFound, TooLarge
from bridge.model.resource import Resource
from bridge.stores.catalog.base import Put

EVENT = {
    "specversion": "1.0", "id": "1", "source": "/junction/7", "type": "light.changed", "subject": "light-3",
    "data": {"speed": 48, "to": "red"},
}  # fmt: skip
GIVEN = Subject(json.dumps(EVENT).encode(), None)
STORED = Subject(None, Place(bus="traffic", partition=0, offset=0))
FAST = b'{"type":["light.changed"],"data":{"speed":[{"numeric":[">",50]}]}}'

RULES = """\
kind: Bus
name: traffic
---
{kind: Rule, bus: traffic, name: audit, spec: {targets: [TARGET]}}
---
{kind: Rule, bus: traffic, name: fast, spec: {pattern: %s, targets: [TARGET]}}
---
{kind: Rule, bus: traffic, name: off, spec: {enabled: false, targets: [TARGET]}}
---
{kind: Rule, bus: traffic, name: sql, spec: {pattern: {type: [light.changed]}, filter: {sql: "subject = 'x'"}, targets: [TARGET]}}
""".replace("TARGET", "{name: a, kind: paper, config: {path: x}}")  # fmt: skip


async def store(world: Any, **members: Any) -> None:
    """One event in the bus `traffic`."""
    event = parse_event(json.dumps(EVENT | members).encode())
    log = await world.bus_store.create("traffic", 1)
    await log.append(judge_events([event], 1, 10_000_000).chunks)


def same(found: Any) -> Any:
    return found


@pytest.mark.parametrize("subject", [GIVEN, STORED])
async def test_a_pattern_and_a_filter(world, subject: Subject) -> None:
    """The same answer for an event that is given and for one that is stored."""
    await store(world)
    trials = world.operations.trials
    found = await trials.pattern(PatternTrial(FAST, b"""{"sql":"id = '1'"}"""), subject, same)
    assert [(field.path, field.matched) for field in found.fields] == [("data.speed", False), ("type", True)]
    assert (found.matched, found.filter.matched) == (False, True)
    assert await trials.pattern(PatternTrial(b'{"id":["1"]}'), subject, lambda answer: answer.matched)


async def test_a_transform(world) -> None:
    """A stored event has its own bus and time of reception."""
    await store(world)
    trials, text = world.operations.trials, b'{"text":"${data.to} ${bridge.bus} ${bridge.receivedTime} ${bridge.rule}"}'
    given, stored = [(await trials.transform(text, subject, same))["payload"] for subject in (GIVEN, STORED)]
    assert given == "red default 1970-01-01T00:00:00.000Z test"
    assert stored == "red traffic 1970-01-12T13:46:40.000Z test"


@pytest.mark.parametrize("subject", [GIVEN, STORED, Subject(None, Place(partition=0, offset=0))])
async def test_the_rules_of_a_bus(world, subject: Subject) -> None:
    """Which match, which nearly and why, which would; the bus of a stored event may be left out."""
    await world.apply(RULES % FAST.decode())
    await store(world)
    broken = Resource(kind="Rule", bus="traffic", name="broken", spec=msgspec.Raw(b'{"pattern":{"a":1},"targets":[]}'))
    await world.catalog.write([Put(broken)])
    found = await world.operations.trials.rules("traffic", subject, same)
    assert (found.rules, found.matched, found.disabled, list(found.broken)) == (5, ["audit"], ["off"], ["broken"])
    fast, sql = found.nearly
    assert (fast.rule, fast.fields[0].reason) == ("fast", "`data.speed` is 48, pattern wants > 50")
    assert (sql.rule, sql.filter.reason) == ("sql", "`subject = 'x'` is false: `subject` is 'light-3'")


@pytest.mark.parametrize(
    ("trial", "subject", "error", "path"),
    [
        (PatternTrial(b'{"a":1}'), GIVEN, InvalidPattern, "$.pattern.a"),
        (PatternTrial(b"{}", b'{"sql":"("}'), GIVEN, InvalidFilter, "$.filter.sql"),
        (PatternTrial(), Subject(b"[]", None), InvalidInput, "$.event"),
        (PatternTrial(), Subject(None, None), InvalidInput, "$"),
        (PatternTrial(), Subject(b"{}", STORED.stored), InvalidInput, "$"),
        (PatternTrial(), Subject(None, Place(partition=0, offset=0)), InvalidInput, "$.stored.bus"),
        (PatternTrial(), Subject(None, Place(bus="x", partition=0, offset=0)), NotFound, "$.stored.bus"),
        (PatternTrial(), Subject(None, Place(bus="traffic", partition=9, offset=0)), NotFound, "$.stored.partition"),
        (PatternTrial(), Subject(None, Place(bus="traffic", partition=0, offset=9)), NotFound, "$.stored.offset"),
        (PatternTrial(), Subject(b" " * (MAX_EVENT_BYTES + 1), None), TooLarge, "$.event"),
        (PatternTrial(), Subject(None, Place(bus="traffic", partition=0, offset=1)), TooLarge, "$.stored"),
    ],
)
async def test_refusals(world, trial: PatternTrial, subject: Subject, error: type[BridgeError], path: str) -> None:
    """Each with the path of the part that is not right."""
    await store(world)
    await store(world, data="x" * MAX_EVENT_BYTES)
    with pytest.raises(error) as caught:
        await world.operations.trials.pattern(trial, subject, same)
    assert caught.value.path == path


async def test_refusals_of_transforms_and_rules(world) -> None:
    """A transform that is not legal, an event that cannot be given its shape, a bus that is not there."""
    await store(world)
    trials = world.operations.trials
    for text, subject, path in [
        (b'{"path":"$["}', GIVEN, "$.transform.path"),
        (b'{"template":"${data.x}","missing":"fail"}', GIVEN, "$.transform.template"),
        (b'{"template":"${data.x}","missing":"fail"}', STORED, "$.transform.template"),
    ]:
        with pytest.raises(InvalidTransform) as caught:
            await trials.transform(text, subject, same)
        assert caught.value.path == path
    with pytest.raises(NotFound, match="there is no Bus x"):
        await trials.rules("x", GIVEN, same)


async def test_filters_are_bounded_too(world) -> None:
    """By their size and that of the attributes, alone and in rules."""
    filter_ = {"any": [{"sql": f"x LIKE '%y%y{n}%z%'"} for n in range(9_000)]}
    subject = Subject(json.dumps(EVENT | {"x": "y" * 200_000}).encode(), None)
    with pytest.raises(TooLarge):
        await world.operations.trials.pattern(PatternTrial(b"{}", json.dumps(filter_).encode()), subject, same)
    await world.apply(RULES % FAST.decode())
    target = {"name": "a", "kind": "paper", "config": {"path": "x"}}
    spec = {"filter": filter_, "targets": [target]}
    await world.apply(json.dumps({"kind": "Rule", "bus": "traffic", "name": "many", "spec": spec}))
    with pytest.raises(TooLarge):
        await world.operations.trials.rules("traffic", subject, same)
    assert (await world.operations.trials.rules("traffic", GIVEN, same)).matched == ["audit"]


HOSTILE = {
    "comparisons": ({"data": {"a": [f"x{n}" for n in range(9_000)]}}, {"a": [f"y{n}" for n in range(1_000)]}),
    "alternatives": ({"data": {"a": [f"x{n}" for n in range(80_000)]}}, {"a": 1}),
    "values": ({"data": {"a": ["x"]}}, {"a": list(range(140_000))}),
    "fields": ({"data": {f"f{n}": [n] for n in range(50_000)}}, {f"g{n}": n for n in range(50_000)}),
}


@pytest.fixture
def calm() -> Iterator[None]:
    """The garbage collector as `bridge serve` sets it: what was there before the test is not looked through again."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


async def longest_turn_s(work: Coroutine[Any, Any, Any]) -> float:
    """How long others had to wait for the event loop, at most, while it did some work."""
    turns: list[float] = []

    async def turn() -> None:
        begun = time.perf_counter()
        while True:
            await asyncio.sleep(0)
            turns.append(time.perf_counter() - begun)
            begun += turns[-1]

    turning = asyncio.ensure_future(turn())
    with contextlib.suppress(TooLarge):
        await work
    turning.cancel()
    return max(turns)


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("name", HOSTILE)
async def test_the_event_loop_turns_while_a_hostile_question_is_answered(world, name: str) -> None:
    """What else there is to do waits for milliseconds, not for the answer. The machine may be busy: the best of three."""
    pattern, data = HOSTILE[name]
    trial = PatternTrial(json.dumps(pattern).encode())
    subject = Subject(json.dumps(EVENT | {"data": data}).encode(), None)
    waits = []
    while not waits or (min(waits) > 0.1 and len(waits) < 3):
        waits.append(await longest_turn_s(world.operations.trials.pattern(trial, subject, msgspec.json.encode)))
    assert min(waits) < 0.1
