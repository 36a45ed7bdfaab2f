"""The slow evaluator: fields, arrays, absence, branches."""

import json
import time
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given

from bridge.errors import InvalidInput
from bridge.rules import oracle
from bridge.rules.document import Document, Leaf, read_document
from bridge.rules.operators.exists import Absent
from bridge.rules.oracle import matches, walk
from bridge.rules.pattern import Field, Pattern, parse_pattern
from tests.patterns import pairs, random_pair


def ask(pattern: str, event: str) -> bool:
    return matches(parse_pattern(pattern), read_document(event))


X1_Y2 = '{"a":{"x":[1],"y":[2]}}'
X1_NO_Y = '{"a":{"x":[1],"y":[{"exists":false}]}}'
SCALAR = '{"a":["v"]}'


@pytest.mark.parametrize(
    ("pattern", "event", "expected"),
    [
        # fields and alternatives
        ("{}", "{}", True),
        ("{}", '{"a":1}', True),
        ('{"a":["v","w"],"b":[1]}', '{"a":"w","b":1}', True),
        ('{"a":["v","w"],"b":[1]}', '{"a":"w","b":2}', False),
        ('{"a":["v"]}', "{}", False),
        ('{"a":{"":["x"]}}', '{"a":{"":"x"}}', True),
        ('{"a.b":{"c":[1]}}', '{"a":{"b.c":1}}', True),
        ('{"a":["v"],"a":["w"]}', '{"a":"v","a":"w"}', True),
        # arrays
        (SCALAR, '{"a":["u","v"]}', True),
        (SCALAR, '{"a":[[["v"]]]}', True),
        (SCALAR, '{"a":{"b":"v"}}', False),
        (SCALAR, '{"a":"u","a":"v"}', True),
        (X1_Y2, '{"a":[{"x":1},{"y":2}]}', False),
        (X1_Y2, '{"a":[{"x":1,"y":2}]}', True),
        (X1_Y2, '{"a":{"x":[0,1],"y":[2,3]}}', True),
        (X1_Y2, '{"a":[[{"x":1},{"y":2}]]}', False),
        (X1_Y2, '{"a":[{"x":1},{"x":1,"y":2}]}', True),
        (X1_Y2, '{"a":[{"x":1}],"a":[{"y":2}]}', True),
        ('{"a":{"x":[1]},"b":{"y":[2]}}', '{"a":[{"x":1},{"x":2}],"b":[{"y":1},{"y":2}]}', True),
        ('{"a":[1],"a.x":[2]}', '{"a":[1,{"x":2}]}', True),
        ('{"a":{"x":[1],"y":[2],"z":[3]}}', '{"a":[{"x":1,"y":2},{"y":2,"z":3},{"x":1,"z":3}]}', False),
        ('{"a.b":["x"],"a.c":[1]}', '{"a.b":"x","a":[{"b":"y","c":1},{"b":"x","c":2}]}', True),
        # absence
        ('{"a":[{"exists":false}]}', "{}", True),
        ('{"a":[{"exists":false}]}', '{"a":{"b":1}}', True),
        ('{"a":[{"exists":false}]}', '{"a":[{},[]]}', True),
        ('{"a":[{"exists":false}]}', '{"a":null}', False),
        ('{"a":[{"exists":true}]}', '{"a":null}', True),
        ('{"a":[{"exists":true}]}', '{"a":[{"b":1}]}', False),
        ('{"a":[{"exists":false},"v"]}', '{"a":"v"}', True),
        ('{"a":[{"exists":false},"v"]}', '{"a":"w"}', False),
        (X1_NO_Y, '{"a":[{"x":1},{"y":6}]}', True),
        ('{"a":{"b":[{"exists":false}],"x":[1]}}', '{"a":[{"x":1},{"b":6}]}', False),
        (X1_NO_Y, '{"a":[{"x":1,"y":5},{"x":1}]}', True),
        (X1_NO_Y, '{"a":[{"x":1,"y":5},{"x":2}]}', False),
        # anything-but is not a negation
        ('{"a":[{"anything-but":"v"}]}', '{"a":["v","w"]}', True),
        ('{"a":[{"anything-but":"v"}]}', '{"a":[]}', False),
        ('{"a":[{"anything-but":"v"}]}', '{"a":[{"b":1}]}', False),
        ('{"a":[{"anything-but":"v"}]}', "{}", False),
        # branches
        ('{"s":["x"],"$or":[{"a":[1]},{"b":[2]}]}', '{"s":"x","b":2}', True),
        ('{"s":["x"],"$or":[{"a":[1]},{"b":[2]}]}', '{"s":"x","a":2,"b":1}', False),
        ('{"a":[1],"$or":[{"a":[2]},{"b":[3]}]}', '{"a":2}', True),
        ('{"a":[1],"$or":[{"a":[2]},{"b":[3]}]}', '{"a":1}', False),
        ('{"a":[1],"$or":[{"a":[2]},{"b":[3]}]}', '{"a":1,"b":3}', True),
        ('{"a":{"$or":[{"x":[1],"y":[2]},{"z":[3]}]}}', '{"a":[{"x":1},{"y":2}]}', False),
        # the two rare misses of the reference engine
        ('{"y":{"y":[{"exists":false},{"numeric":[">",1]}],"$or":[{"x":[2,null]},{"x":[null,{"exists":false}]}]}}',
         '{"x":2,"y":"ab"}', True),
        ('{"f":["abc",{"numeric":["<",5]},{"suffix":"c"}]}', '{"f":"xc"}', True),
    ],
)  # fmt: skip
def test_pattern_and_event(pattern: str, event: str, expected: bool) -> None:
    """One line of the specification each."""
    assert ask(pattern, event) is expected


def test_the_way_through_a_branch() -> None:
    """One leaf for each field, None for one passed as absent."""
    [branch] = parse_pattern('{"a":{"x":[1],"y":[{"exists":false}],"z":[3]}}').branches
    document = read_document('{"a":[{"x":1,"y":2,"z":3},{"x":1,"z":3}]}')
    way = walk(branch, document)
    assert way.complete
    assert [leaf and leaf.elements for leaf in way.leaves] == [((0, 1),), None, ((0, 1),)]


def test_a_way_that_ends() -> None:
    """Before the field for which no choice was left; it does not begin where a field has none at all."""
    [branch] = parse_pattern(X1_Y2).branches
    stuck = walk(branch, read_document('{"a":[{"x":1},{"y":2}]}'))
    assert (len(stuck.leaves), stuck.complete) == (1, False)
    nowhere = walk(branch, read_document('{"a":[{"x":1},{"y":3}]}'))
    assert (nowhere.leaves, nowhere.complete) == ((), False)


def by_the_letter(pattern: Pattern, document: Document) -> bool:
    """The five steps of the procedure, tried one after the other."""

    def passes(fields: Sequence[Field], chosen: dict[int, int]) -> bool:
        if not fields:
            return True
        field, *rest = fields
        agreeing = [leaf for leaf in document.at(field.path) if agrees(leaf, chosen)]
        for leaf in agreeing:
            satisfies = any(operator.holds(leaf.value) for operator in field.alternatives)
            if satisfies and passes(rest, chosen | dict(leaf.elements)):
                return True
        return not agreeing and Absent() in field.alternatives and passes(rest, chosen)

    def agrees(leaf: Leaf, chosen: dict[int, int]) -> bool:
        return all(chosen.get(array, index) == index for array, index in leaf.elements)

    return any(passes(branch.fields, {}) for branch in pattern.branches)


@given(pairs())
def test_it_follows_the_procedure_to_the_letter(pair: tuple[str, str]) -> None:
    """Forgetting what no later field can contradict changes no answer."""
    pattern, document = parse_pattern(pair[0]), read_document(pair[1])
    assert matches(pattern, document) is by_the_letter(pattern, document)


def test_it_follows_the_procedure_on_thousands_of_pairs() -> None:
    """The same on many more, without shrinking; about a third of them match."""
    matched = 0
    for seed in range(4_000):
        pattern_text, event = random_pair(Random(seed))
        pattern, document = parse_pattern(pattern_text), read_document(event)
        expected = by_the_letter(pattern, document)
        assert matches(pattern, document) is expected, (pattern_text, event)
        matched += expected
    assert 1_000 < matched < 3_000


@pytest.mark.parametrize(
    ("pattern", "event"),
    [
        ('{"a":{"x":[1],"y":[2],"z":[3]}}', {"a": [{"x": 1, "y": 2}] * 5_000}),
        ('{"a.x":[1],"b.x":[1],"c.x":[1],"d.x":[1],"e.x":[2]}', {name: [{"x": 1}] * 500 for name in "abcde"}),
        ('{"a":{"x":[1],"y":[2],"z":[{"exists":false}]}}', {"a": [{"x": 1, "y": 1, "z": 1}] * 2_000, "a.y": 2}),
        ('{"a":["x"]}', {"a": [1] * 50_000}),
    ],
)
def test_large_arrays_take_little_time(pattern: str, event: dict) -> None:
    """Elements are not tried against each other, nor independent arrays multiplied."""
    begun = time.perf_counter()
    assert not ask(pattern, json.dumps(event))
    assert time.perf_counter() - begun < 10


def test_an_event_that_repeats_its_arrays_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a typed error, after a bounded number of choices."""
    monkeypatch.setattr(oracle, "MAX_CHOICES", 20_000)
    array = json.dumps([{"x": 1, "y": 1, "z": 1}] * 300)
    event = "{" + ",".join([f'"a":{array}'] * 10) + ',"a":{"w":2}}'
    with pytest.raises(InvalidInput, match="repeats its arrays too often"):
        ask('{"a":{"w":[{"exists":false},2],"x":[1],"y":[1],"z":[{"exists":false}]}}', event)
