"""Branches judged together."""

from collections.abc import Sequence

import pytest

from bridge.rules.document import read_document
from bridge.rules.matching.branches import conjunctions
from bridge.rules.matching.groups import JUDGED_FROM, NOTHING, Group, Hits, Item, Suited
from bridge.rules.matching.sides import DocumentSide
from bridge.rules.pattern import parse_pattern


def items(patterns: Sequence[str]) -> list[Item]:
    found = []
    for serial, pattern in enumerate(patterns):
        for branch in parse_pattern(pattern).branches:
            found += [Item(serial, f"p{serial}", c, branch) for c in conjunctions(branch) or []]
    return found


def group(patterns: Sequence[str], *, anchor: str | None = None, remember: bool = False) -> Group:
    side = DocumentSide()
    found = items(patterns)
    for item in found:
        for condition in item.conjunction:
            side.add(condition.path, values=True, numbers=True)
    return Group(found, side, anchor=anchor, remember=remember)


RULES = ['{"a":["x"],"b":[{"prefix":"p"}]}', '{"b":["q",5]}', '{"$or":[{"a":["x"]},{"c":[{"exists":true}]}]}', "{}"]


@pytest.mark.parametrize("remember", [False, True])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"a":"x","b":"pq"}', ("p0", "p2", "p3")),
        (b'{"b":5}', ("p1", "p3")),
        (b'{"b":5.0,"a":"x","c":null}', ("p1", "p2", "p3")),
        (b'{"b":true}', ("p3",)),
    ],
)
def test_generated_code_gives_the_ids_in_order(remember: bool, text: bytes, expected: tuple) -> None:
    """Each once, however many of its branches match; with a memory or without, again and again."""
    rules = group(RULES, remember=remember)
    event = rules.side.layout.decoder()(text)
    for _ in range(2):
        assert rules.run(event, lambda event: event).ids == expected


def test_the_anchor_is_taken_for_granted_by_code_alone() -> None:
    """Where arrays are in the way, it is looked at again."""
    rules = group(['{"a":["x"],"b":[1]}'], anchor="a")
    event = rules.side.layout.decoder()(b'{"a":"other","b":1}')
    assert rules.run(event, lambda event: event).ids == ("p0",)
    assert rules.judge(event, event) == []


def test_nothing_is_one_object() -> None:
    """So that it can be told by identity."""
    rules = group(['{"a":["x"]}'])
    assert rules.run(rules.side.layout.decoder()(b"{}"), lambda event: event) is NOTHING


def test_values_that_hardly_repeat_are_not_remembered() -> None:
    """Once enough events were seen to tell."""
    rules = group(['{"a":[{"prefix":"x"}],"b":[{"prefix":"y"}]}', '{"b":[{"wildcard":"*z*"}]}'], remember=True)
    decode = rules.side.layout.decoder()
    for number in range(JUDGED_FROM):
        rules.run(decode(b'{"a":"x%d","b":"y%d"}' % (number, number % 7)), lambda event: event)
    assert not rules.review(JUDGED_FROM - 1)
    for number in range(JUDGED_FROM):
        rules.run(decode(b'{"a":"%dx","b":"y%d"}' % (number, number % 7)), lambda event: event)
    assert rules.review(JUDGED_FROM)
    assert rules.varied == {"a"}


def test_candidates_are_chosen_field_by_field() -> None:
    """More than match, never fewer; and the leaves that satisfy each field are told."""
    rules = group(['{"a":{"x":[1],"y":[2]}}', '{"a":{"x":[3]}}'])
    document = read_document(b'{"a":[{"x":1},{"y":2},{"x":1}]}')
    suited = Suited()
    [candidate] = rules.candidates(document, suited)
    assert candidate.serial == 0
    assert {path: len(leaves) for path, leaves in suited[id(candidate.branch)].items()} == {"a.x": 2, "a.y": 1}


def test_hits_name_a_pattern_once() -> None:
    """In the order of their serials."""
    first, second, *_ = items(['{"a":[1]}', '{"a":[2]}'])
    hits = Hits.of([second, first, second])
    assert (hits.ids, hits.serials) == (("p0", "p1"), (0, 1))
