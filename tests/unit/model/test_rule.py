"""The spec of a rule."""

import pytest

from bridge.errors import InvalidConfig
from bridge.model.documents import parse_json
from bridge.model.rule import Retry, RuleSpec, TargetSpec

MEMBERS = """
    "retry": {"policy": "EXPONENTIAL_DECAY_RETRY"}, "errorsTolerance": "NONE", "deadLetters": {"bus": "failures"},
    "order": "key", "rate": "6000/m", "batch": {"count": 100, "size": "1MiB", "wait": "200ms"}, "inFlight": "1MiB",
    "paused": true
"""


def target(members: str) -> TargetSpec:
    return parse_json(f'{{"targets":[{{"name":"a","kind":"log",{members}}}]}}', RuleSpec).targets[0]


def test_a_rule_needs_little() -> None:
    """A target's name and kind are enough; the rest has defaults."""
    spec = parse_json(b'{"targets":[{"name":"a","kind":"log"}]}', RuleSpec)
    assert spec.enabled
    assert bytes(spec.pattern) == b"{}"
    assert bytes(spec.filter) == b"[]"
    (found,) = spec.targets
    assert found.retry == Retry()
    assert (found.errors_tolerance, found.order, found.paused) == ("ALL", "none", False)
    assert found.dead_letters is None
    assert found.rate is None
    assert (found.timeout, found.batch.wait, found.in_flight) == (15, 0, 16 * 2**20)


def test_a_target_says_how_it_is_to_be_treated() -> None:
    """All that a user may write about delivery."""
    found = target(MEMBERS)
    assert found.retry.policy == "EXPONENTIAL_DECAY_RETRY"
    assert (found.errors_tolerance, found.order, found.paused) == ("NONE", "key", True)
    assert found.dead_letters is not None
    assert found.dead_letters.bus == "failures"
    assert found.rate == 100
    assert (found.batch.count, found.batch.size, found.batch.wait, found.in_flight) == (100, 2**20, 0.2, 2**20)


def test_the_pattern_keeps_its_text() -> None:
    """Duplicate members and long numbers reach the pattern parser as written."""
    text = b'{"pattern":{"a":[1.0],"a":[12345678901234567890]},"targets":[{"name":"a","kind":"log"}]}'
    assert bytes(parse_json(text, RuleSpec).pattern) == b'{"a":[1.0],"a":[12345678901234567890]}'


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (b'{"targets":[]}', "$.targets"),
        (b'{"targets":[{"name":"a\\n","kind":"log"}]}', "$.targets[0].name"),
        (b'{"targets":[{"name":"a b","kind":"log"}]}', "$.targets[0].name"),
        (b'{"targets":[{"name":"a","kind":"log","retries":1}]}', "$.targets[0].retries"),
        (b"{}", "$"),
    ],
)
def test_bad_specs_are_refused_with_their_path(text: bytes, path: str) -> None:
    """The path points at the bad member."""
    with pytest.raises(InvalidConfig) as caught:
        parse_json(text, RuleSpec)
    assert caught.value.path == path


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ('"rate":"0/s"', "rate"),
        ('"rate":"0.5/h"', "rate"),
        ('"rate":100', "rate"),
        ('"rate":"-1/s"', "rate"),
        ('"rate":"fast"', "rate"),
        (f'"rate":"{"9" * 400}/s"', "rate"),
        ('"timeout":"soon"', "timeout"),
        ('"timeout":"0s"', "timeout"),
        ('"timeout":"1000d"', "timeout"),
        ('"order":"partition"', "order"),
        ('"order":"KEY"', "order"),
        ('"errorsTolerance":"SOME"', "errorsTolerance"),
        ('"errorsTolerance":"all"', "errorsTolerance"),
        ('"deadLetters":"failures"', "deadLetters"),
        ('"deadLetters":{}', "deadLetters"),
        ('"deadLetters":{"bus":"a b"}', "deadLetters.bus"),
        ('"deadLetters":{"bus":"a","queue":"b"}', "deadLetters.queue"),
        ('"paused":"yes"', "paused"),
        ('"batch":{"wait":"2h"}', "batch.wait"),
        ('"batch":{"wait":"-1s"}', "batch.wait"),
        ('"batch":{"count":0}', "batch.count"),
        ('"inFlight":"a lot"', "inFlight"),
        ('"inFlight":"0B"', "inFlight"),
        (f'"inFlight":"{"9" * 400}TiB"', "inFlight"),
        ('"concurrency":0', "concurrency"),
        ('"retry":{"schedule":["1s","0s"]}', "retry.schedule[1]"),
        ('"retry":{"maxAttempts":1000000000}', "retry.maxAttempts"),
        ('"retry":{"schedule":["400d"]}', "retry.schedule[0]"),
    ],
)
def test_bad_targets_are_refused_with_their_path(members: str, path: str) -> None:
    """Rates of nothing, waits of years, words that mean nothing here."""
    with pytest.raises(InvalidConfig) as caught:
        target(members)
    assert caught.value.path == f"$.targets[0].{path}"
