"""The fast matcher as a whole; above all, that it says what the specification says.

``BRIDGE_FUZZ=100000`` makes the comparison as long as you like.
"""

import json
import os
from collections.abc import Callable, Iterable
from random import Random

import pytest

from bridge.errors import InvalidPattern
from bridge.model.event import DataForm, Event
from bridge.rules.document import Document, event_document, read_document
from bridge.rules.matcher import Matcher, compile_matcher
from bridge.rules.matching import engine, groups, layout, paths, plan
from bridge.rules.oracle import matches
from bridge.rules.pattern import Pattern, parse_pattern
from tests.patterns import random_document, random_pair, random_pattern

ROUNDS = int(os.environ.get("BRIDGE_FUZZ", "0")) or 160
"""Rule sets that are made, matched and changed; each is some hundred pairs of a pattern and an event."""


def rules(*patterns: str) -> list[tuple[int, Pattern]]:
    return [(number, parse_pattern(pattern)) for number, pattern in enumerate(patterns)]


def test_ids_come_in_the_order_of_their_patterns() -> None:
    """They may be anything that can be hashed; one id may stand for several patterns."""
    matcher = compile_matcher(
        [("b", parse_pattern("{}")), (("a", 1), parse_pattern('{"x":[1]}')), ("b", parse_pattern('{"x":[1]}'))]
    )
    assert matcher.match_documents([b'{"x":1}', b"{}"]) == [("b", ("a", 1), "b"), ("b",)]


def test_no_patterns_match_nothing() -> None:
    """And no events give no answers."""
    matcher: Matcher[int] = compile_matcher([])
    assert matcher.match_documents([b"{}"]) == [()]
    assert matcher.match([Event("1", "s", "t", {})]) == [()]
    assert matcher.match([]) == []


def test_events_and_documents_are_matched_by_the_same_rules() -> None:
    """Each in its own form."""
    matcher = compile_matcher(rules('{"type":["t"],"data":{"a":[1]}}'))
    assert matcher.match([Event("1", "s", "t", {}, b'{"a":1}', DataForm.JSON)]) == [(0,)]
    assert matcher.match_documents([b'{"type":"t","data":{"a":1}}']) == [(0,)]


def test_a_change_leaves_the_old_matcher_as_it_was() -> None:
    """What is removed goes by its id, all its patterns with it; what is added comes last."""
    before = compile_matcher(
        [("a", parse_pattern('{"x":[1]}')), ("b", parse_pattern('{"x":[1]}')), ("a", parse_pattern("{}"))]
    )
    before.match_documents([b"{}"])
    after = before.changed(removed={"a"}, added=[("c", parse_pattern('{"y":[{"exists":true}],"x":[1]}'))])
    assert before.match_documents([b'{"x":1,"y":2}']) == [("a", "b", "a")]
    assert after.match_documents([b'{"x":1,"y":2}']) == [("b", "c")]
    assert after.changed(removed={"b", "c"}).match_documents([b'{"x":1}']) == [()]


def test_broken_data_is_counted_across_changes() -> None:
    """The number only grows."""
    matcher = compile_matcher(rules('{"data":{"a":[1]}}'))
    broken = Event("1", "s", "t", {}, b"{", DataForm.JSON)
    matcher.match([broken, broken])
    other = matcher.changed(added=[(1, parse_pattern("{}"))])
    other.match([broken])
    assert other.broken_data == 3


@pytest.mark.parametrize(
    "pattern",
    [
        json.dumps({f"f{n}": [n] for n in range(20_000)}),
        json.dumps({"a": [f"v{n}" for n in range(10_000)]}),
        json.dumps({"a": [{"prefix": f"v{n}"} for n in range(10_000)]}),
        json.dumps({"a": [{"wildcard": f"*{n}*x*"} for n in range(2_000)]}),
        json.dumps({"a": [{"numeric": [">", n, "<", n + 0.5]} for n in range(10_000)]}),
        json.dumps({"$or": [{"a": [n], "b": [n]} for n in range(1_000)]}),
        '{"a":' * 99 + "[1]" + "}" * 99,
        json.dumps({"a": {f"c{n}": [{"exists": False}, 1] for n in range(500)}}),
    ],
    ids=["fields", "values", "prefixes", "wildcards", "ranges", "$or", "depth", "optional"],
)
def test_large_patterns_are_judged_like_small_ones(pattern: str) -> None:
    """Within the bounds of the language."""
    parsed = parse_pattern(pattern)
    matcher = compile_matcher([(0, parsed)])
    texts = [
        b"{}",
        b'{"a":"v77","b":77}',
        b'{"a":77,"b":77}',
        b'{"a":77.25}',
        json.dumps({f"f{n}": n for n in range(20_000)}).encode(),
    ]
    for text in texts:
        assert bool(matcher.match_documents([text])[0]) is matches(parsed, read_document(text))


def some_pattern(chance: Random) -> Pattern:
    while True:
        try:
            return parse_pattern(random_pattern(chance))
        except InvalidPattern:
            continue


class Case:
    """A rule set, texts to go with it, and everything that the matcher tunes itself by turned to extremes."""

    def __init__(self, seed: int) -> None:
        self.chance = chance = Random(seed)
        pairs = [random_pair(chance) for _ in range(chance.choice([1, 4, 12]))]
        patterns = [parse_pattern(pattern) for pattern, _ in pairs]
        patterns += [some_pattern(chance) for _ in range(chance.choice([0, 4, 40]))]
        self.rules = dict(enumerate(patterns))
        self.texts = [event for _, event in pairs] + [random_document(chance) for _ in range(4)]

    def more(self) -> tuple[set[int], list[tuple[int, Pattern]]]:
        """A change: what goes, and what comes."""
        gone = set(self.chance.sample(sorted(self.rules), self.chance.randrange(min(4, len(self.rules)) + 1)))
        first = max(self.rules, default=0) + 1
        added = [(first + n, some_pattern(self.chance)) for n in range(self.chance.choice([0, 1, 3, 20]))]
        self.rules = {number: pattern for number, pattern in self.rules.items() if number not in gone} | dict(added)
        return gone, added

    def expected(self, documents: Iterable[Document]) -> list[tuple[int, ...]]:
        return [tuple(n for n, pattern in self.rules.items() if matches(pattern, document)) for document in documents]


@pytest.fixture(params=range(8))
def case(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Case]:
    """A way to make cases, each with other limits."""

    def make(seed: int) -> Case:
        made = Case(seed * 8 + request.param)
        for module, name, values in (
            (engine, "FIRST_REVIEW", (4, 256)),
            (engine, "LAST_REVIEW", (16, 16_384)),
            (engine, "IN_LINE", (1, 4)),
            (groups, "JUDGED_FROM", (4, 1024)),
            (layout, "WIDE", (1, 4, 35)),
            (layout, "SPELLINGS", (0, 2, 16)),
            (paths, "LITTER", (2, 64)),
            (plan, "DENSE", (0, 4, 48)),
            (plan, "GROUP", (2, 512)),
            (plan, "COMMON", (2, 512)),
            (plan, "SPREAD", (1, 64)),
        ):
            monkeypatch.setattr(module, name, made.chance.choice(values))
        return made

    return make


def test_documents_are_judged_as_the_specification_says(case: Callable[[int], Case]) -> None:
    """Whatever the rule set, the texts, the changes, and what was learned before."""
    for seed in range(ROUNDS // 16):
        made = case(seed)
        texts = [text.encode() for text in made.texts]
        documents = [read_document(text) for text in texts]
        matcher = compile_matcher(made.rules.items(), repeated_names=True)
        for _ in range(3):
            expected = made.expected(documents)
            for _ in range(3):
                assert matcher.match_documents(texts) == expected
            gone, added = made.more()
            matcher = matcher.changed(removed=gone, added=added)
        assert matcher.match_documents(texts) == made.expected(documents)


def test_events_are_judged_as_the_specification_says(case: Callable[[int], Case]) -> None:
    """The same, with the texts as data and the patterns about attributes too."""
    for seed in range(1_000, 1_000 + ROUNDS // 16):
        made = case(seed)
        made.rules = {n: _about_events(made.chance, pattern) for n, pattern in made.rules.items()}
        events = [_event(made.chance, text) for text in made.texts]
        matcher = compile_matcher(made.rules.items(), repeated_names=True)
        for _ in range(3):
            assert matcher.match(events) == made.expected(map(event_document, events))
        gone, added = made.more()
        matcher = matcher.changed(removed=gone, added=added)
        assert matcher.match(events) == made.expected(map(event_document, events))


def _about_events(chance: Random, pattern: Pattern) -> Pattern:
    """The pattern below ``data``, some with a condition on the type."""
    [about] = parse_pattern(
        chance.choice(['{"type":["t"]}', '{"type":[{"prefix":"u"}]}', '{"ext":[5,true,"AAE="]}'])
    ).branches
    branches = []
    for branch in pattern.branches:
        fields = [type(field)(f"data.{field.path}", field.alternatives, field.origin) for field in branch.fields]
        fields += about.fields if chance.random() < 0.5 else ()
        branches.append(type(branch)(tuple(sorted(fields, key=lambda field: field.path.encode("utf-16-be")))))
    return Pattern(tuple(branches))


def _event(chance: Random, text: str) -> Event:
    extension = chance.choice([5, True, b"\x00\x01", "AAE=", "x"])
    kind = chance.choice([{}, {"datacontenttype": "text/plain"}, {"datacontenttype": "application/json"}])
    data = chance.choice([text, text, f"[{text},{text}]", "5.0", '"a"', '{"a":']).encode()
    return Event("1", "s", chance.choice(["t", "u1"]), {"ext": extension, **kind}, data, DataForm.JSON)
