"""The loop over a batch, its tiers, and what it learns."""

import json
from collections.abc import Sequence

import pytest

from bridge.rules.matching import engine as engines
from bridge.rules.matching.branches import conjunctions, necessary
from bridge.rules.matching.engine import FIRST_REVIEW, Tally
from bridge.rules.matching.groups import JUDGED_FROM, Item
from bridge.rules.matching.inputs import DocumentEngine
from bridge.rules.matching.layout import WIDE
from bridge.rules.matching.paths import LITTER
from bridge.rules.pattern import parse_pattern


def items(patterns: Sequence[str], first: int = 0) -> list[Item]:
    found = []
    for serial, pattern in enumerate(patterns, first):
        for branch in parse_pattern(pattern).branches:
            cut = conjunctions(branch)
            if cut is None:
                found.append(Item(serial, serial, necessary(branch), branch, certain=False))
            else:
                found += [Item(serial, serial, conjunction, branch) for conjunction in cut]
    return found


def engine(*patterns: str, repeated: bool = False) -> DocumentEngine:
    return DocumentEngine.of(items(patterns), Tally(), repeated=repeated)


@pytest.mark.parametrize(
    ("text", "expected", "stepwise", "exact"),
    [
        (b'{"a":{"x":1,"y":2}}', (0,), 0, 0),
        (b'{"a":[{"x":1,"y":2}]}', (0,), 1, 0),
        (b'{"a":null}', (), 1, 0),
        (b'{"a.x":1,"a.y":2}', (0,), 0, 1),
        (b'{"a":{"x":1,"y":2},"b":1e400}', (0, 1), 0, 1),
        (b'{"a":{"x":1,"y":2},"b":"\xff"}', (), 0, 0),
        (b'{"a":{"x":1,"y":2},"c":"\xff"}', (), 0, 0),
        (b'{"a":{"x":1,"y":2}} x', (), 0, 0),
    ],
)
def test_each_tier_hands_on_what_it_cannot_judge(text: bytes, expected: tuple, stepwise: int, exact: int) -> None:
    """Arrays and scalars in place of objects to the second, what the decoder refuses to the third, unless it is no JSON."""
    found = engine('{"a":{"x":[1],"y":[2]}}', '{"b":["z",{"exists":true}]}')
    assert found.run([text]) == [expected]
    assert (found.tally.stepwise, found.tally.exact) == (stepwise, exact)


def test_a_text_that_is_no_object_matches_nothing_and_is_counted() -> None:
    """Not even the pattern that matches every event."""
    found = engine("{}")
    assert found.run([b"[]", b"{", b"{}"]) == [(), (), (0,)]
    assert found.tally.broken_data == 2


def test_arrays_that_are_common_are_learned() -> None:
    """Then generated code judges them, with the same answers."""
    found = engine('{"a":{"x":[1],"y":[2]}}', '{"b":[{"exists":true}]}')
    batch = [
        b'{"a":[{"x":1,"y":2}],"b":[[1.5]]}',
        b'{"a":[{"x":1},{"y":2}],"b":[]}',
        b'{"a":{"x":1,"y":2}}',
        b'{"a":1}',
    ]
    for _ in range(FIRST_REVIEW // len(batch)):
        before = found.run(batch)
    known = found.tally.stepwise
    assert found.run(batch) == before == [(0, 1), (), (0,), ()]
    assert found.tally.stepwise == known


def test_values_that_never_repeat_are_learned() -> None:
    """Then they are computed without a memory."""
    found = engine('{"a":[{"prefix":"7"}]}')
    for start in range(0, 4 * JUDGED_FROM, 500):
        texts = [b'{"a":"%d"}' % number for number in range(start, start + 500)]
        expected = [(0,) if str(number).startswith("7") else () for number in range(start, start + 500)]
        assert found.run(texts) == expected
    assert found.plan.open[0].varied == {"a"}


def test_a_branch_beyond_generated_code_is_decided_by_the_solver() -> None:
    """But only where what it implies holds."""
    optional = ",".join(f'"c{number}":[{{"exists":false}},1]' for number in range(20))
    found = engine(f'{{"k":["x"],"a":{{{optional}}}}}')
    assert found.run([b'{"k":"y"}']) == [()]
    assert found.tally.exact == 0
    assert found.run([b'{"k":"x","a":[{"c1":1},{"c2":2}]}', b'{"k":"x"}']) == [(0,), (0,)]
    assert found.tally.exact == 2


def test_many_open_groups_are_called() -> None:
    """Beyond a few, their code is not part of the loop."""
    rules = [f'{{"a":[{{"prefix":"p{number}"}}]}}' for number in range(engines.IN_LINE * 520)]
    found = engine(*rules)
    assert len(found.plan.open) > engines.IN_LINE
    assert found.run([b'{"a":"p2079"}', b'{"a":"q"}']) == [(2, 20, 207, 2079), ()]


def test_anchors_in_a_crowd_are_found_by_walking() -> None:
    """By exact value, and by a field that must be there."""
    exact = [f'{{"w":{{"f{number}":["v"]}}}}' for number in range(WIDE + 20)]
    needed = [f'{{"w":{{"f{number}":[{{"prefix":"v"}}]}}}}' for number in range(WIDE + 20)]
    found = engine(*exact, *needed)
    half = len(exact)
    assert found.run([b'{"w":{"f3":"v"}}', b'{"w":{"f4":"vw","z":1}}', b'{"w":{}}']) == [(3, half + 3), (half + 4,), ()]
    assert found.run([b'{"w":[{"f3":["v"]}]}', b'{"w":{"f3":{"a":1}}}', b'{"w.f3":"v"}']) == [
        (3, half + 3),
        (),
        (3, half + 3),
    ]


@pytest.mark.parametrize(("repeated", "expected"), [(True, (0, 1)), (False, (1,))])
def test_repeated_names_count_as_told(repeated: bool, expected: tuple) -> None:
    """Both, or the last: also where the third tier decides."""
    found = engine('{"a":[1]}', '{"a":[2]}', repeated=repeated)
    assert found.run([b'{"a":1,"a":2}']) == [expected]
    assert found.run([b'{"a":1,"\\u0061":2}']) == [expected]
    found = engine('{"a":{"b":[1]}}', '{"a":{"b":[2]}}', repeated=repeated)
    assert found.run([b'{"a.b":1,"a.b":2}']) == [expected]


def test_a_change_makes_another_engine() -> None:
    """The old one answers as before."""
    before = engine(*(f'{{"id":["i{number}"]}}' for number in range(100)))
    after = before.changed({3}, items(['{"new":{"x":[1]}}'], 100), before.tally)
    texts = [b'{"id":"i3"}', b'{"id":"i4","new":[{"x":1}]}']
    assert before.run(texts) == [(3,), (4,)]
    assert after.run(texts) == [(), (4, 100)]


def test_a_change_takes_over_what_was_learned() -> None:
    """Also when a new path makes a new decoder."""
    before = engine('{"a":{"x":[1]}}')
    before.run([b'{"a":[{"x":1}]}'] * FIRST_REVIEW)
    after = before.changed((), items(['{"c":["x"]}'], 1), before.tally)
    known = before.tally.stepwise
    assert after.run([b'{"a":[{"x":1}],"c":"x"}']) == [(0, 1)]
    assert after.tally.stepwise == known


def test_litter_is_cleared() -> None:
    """Paths that nobody names any more do not pile up."""
    found = engine('{"a":["x"]}')
    for number in range(3 * LITTER):
        found = found.changed({number}, items([f'{{"f{number}":["x"]}}'], number + 1), found.tally)
    assert len(found.side.layout.root.children) <= 2 * LITTER + 2
    assert found.run([json.dumps({f"f{3 * LITTER - 1}": "x"}).encode()]) == [(3 * LITTER,)]
