"""Pauses in a rule's status and spec."""

import msgspec
import pytest

from bridge.errors import NotFound
from bridge.model.documents import parse_json
from bridge.model.pauses import (
    IN_SPEC,
    Pause,
    Resumption,
    entries,
    let_go_on,
    pause,
    paused,
    resume,
    resumptions,
    with_entries,
    with_resumptions,
)
from bridge.model.resource import Resource
from bridge.model.rule import RuleSpec

ENTRY = Pause(since="2026-11-24T08:30:00.000Z", reason="they move")


def rule(*targets: bytes, **members: object) -> Resource:
    spec = b'{"targets":[%b]}' % b",".join(targets or (b'{"name":"a","kind":"log"}', b'{"name":"b","kind":"log"}'))
    return msgspec.structs.replace(Resource(kind="Rule", bus="traffic", name="red", spec=msgspec.Raw(spec)), **members)


def state(resource: Resource) -> list[Pause | None]:
    return [paused(resource, spec) for spec in parse_json(bytes(resource.spec), RuleSpec).targets]


def test_a_target_is_paused_by_status_or_by_spec() -> None:
    """What was asked for says more; a definition says it from its last change on."""
    assert state(rule()) == [None, None]
    assert state(with_entries(rule(), {"b": {"since": "x", "reason": "gone", "by": "bridge"}})) == [
        None,
        Pause(since="x", reason="gone", by="bridge"),
    ]
    both = rule(b'{"name":"a","kind":"log","paused":true}', b'{"name":"b","kind":"log","paused":true}', updated=60.0)
    by_spec = Pause(since="1970-01-01T00:01:00.000Z", reason=IN_SPEC)
    assert state(both) == [by_spec, by_spec]
    assert state(pause(both, "a", ENTRY)) == [ENTRY, by_spec]


def test_the_first_pause_stands() -> None:
    """A second one changes nothing, whoever asks."""
    once = pause(rule(status={"starts": {"a": {"0": 7}}}), "a", ENTRY)
    assert once.status == {"starts": {"a": {"0": 7}}, "paused": {"a": msgspec.to_builtins(ENTRY)}}
    assert pause(once, "a", Pause(since="later", reason="410", by="bridge")) is once
    assert set(entries(pause(once, "b", ENTRY))) == {"a", "b"}


def test_resuming_takes_away_both() -> None:
    """The status entry and the word in the spec, of this target only; nothing else of the spec is touched."""
    spec = b'{"name":"a","kind":"log","config":{"n":1.10,"z":1,"a":2},"paused":true}'
    stopped = pause(pause(rule(spec, b'{"name":"b","kind":"log","paused":true}'), "a", ENTRY), "b", ENTRY)
    resumed = resume(stopped, "a")
    assert state(resumed) == [None, ENTRY]
    assert bytes(resumed.spec) == bytes(stopped.spec).replace(b"true}", b"false}", 1)
    assert resume(resumed, "a") is resumed
    assert resume(rule(), "b").status == {}


def test_resuming_the_last_one_leaves_no_trace() -> None:
    """A rule that was paused and resumed is as it was."""
    before = rule(status={"starts": {}})
    assert resume(pause(before, "a", ENTRY), "a") == before


@pytest.mark.parametrize("change", [lambda r: pause(r, "c", ENTRY), lambda r: resume(r, "c")])
def test_a_target_that_is_not_there(change) -> None:
    """Not found, with its place."""
    with pytest.raises(NotFound, match="no target traffic/red/c"):
        change(rule())


def test_letting_a_target_go_on_is_counted() -> None:
    """So that whoever sees two of them knows that they are two; each target by itself."""
    stopped = pause(rule(status={"starts": {}}), "a", ENTRY)
    once = let_go_on(stopped, "a", "now", skip=False)
    assert (entries(once), resumptions(once)) == ({}, {"a": Resumption(number=1, at="now")})
    twice = let_go_on(let_go_on(once, "a", "later", skip=True), "b", "later", skip=False)
    assert resumptions(twice) == {
        "a": Resumption(number=2, at="later", skip=True),
        "b": Resumption(number=1, at="later"),
    }
    assert twice.status["starts"] == {}
    assert with_resumptions(twice, {}).status == {"starts": {}}
    with pytest.raises(NotFound):
        let_go_on(once, "c", "now", skip=False)
