"""One branch on one document."""

import json
import time
from random import Random

import pytest

from bridge.rules.document import read_document
from bridge.rules.matching.solver import GaveUp, Solver
from bridge.rules.oracle import matches
from bridge.rules.pattern import parse_pattern
from tests.patterns import random_pair


def solve(pattern: str, event: str) -> bool:
    solver = Solver(read_document(event))
    return any(solver.matches(branch) for branch in parse_pattern(pattern).branches)


@pytest.mark.parametrize("seed", range(20))
def test_it_answers_as_the_specification_does(seed: int) -> None:
    """Repeated names and dots in names included."""
    chance = Random(seed)
    for _ in range(100):
        pattern, event = random_pair(chance)
        assert solve(pattern, event) is matches(parse_pattern(pattern), read_document(event)), (pattern, event)


@pytest.mark.parametrize(
    ("pattern", "event", "expected"),
    [
        ('{"a":{"x":[1],"y":[2]}}', '{"a":[{"x":1},{"y":2}]}', False),
        ('{"a":{"x":[1],"y":[2]}}', '{"a":[{"x":1},{"x":1,"y":2}]}', True),
        ('{"a":{"x":[1]},"b":{"y":[2]}}', '{"a":[{"x":1},{"x":2}],"b":[{"y":1},{"y":2}]}', True),
        ('{"a":{"x":[1],"y":[{"exists":false}]}}', '{"a":[{"x":1},{"y":6}]}', True),
        ('{"a":{"b":[{"exists":false}],"x":[1]}}', '{"a":[{"x":1},{"b":6}]}', False),
        (
            '{"a":{"b":{"x":[1],"y":[2]},"c":[3]}}',
            '{"a":[{"b":[{"x":1,"y":2}],"c":4},{"b":[{"x":1},{"y":2}],"c":3}]}',
            False,
        ),
        ('{"a":{"x":[1],"y":[2]}}', '{"a":[{"x":1}],"a":[{"y":2}]}', True),
    ],
)
def test_elements_of_one_array_do_not_mix(pattern: str, event: str, expected: bool) -> None:
    """Those of different arrays do."""
    assert solve(pattern, event) is expected


def test_what_satisfies_a_field_may_be_given() -> None:
    """Then no operator is asked."""
    document = read_document('{"a":1,"b":2}')
    [branch] = parse_pattern('{"a":["never"]}').branches
    assert Solver(document).matches(branch, {"a": document.at("a")})
    assert not Solver(document).matches(branch, {})


@pytest.mark.parametrize(
    ("pattern", "event"),
    [
        ({"a": {"x": [1], "y": [2]}}, {"a": [{"x": 1, "y": 1}] * 3_000}),
        ({n: {"x": [1], "y": [{"exists": False}]} for n in "abcd"}, {n: [{"x": 1, "y": 2}] * 500 for n in "abcd"}),
        (
            {"a": {"b": {"x": [1], "y": [2]}, "c": {"z": [3], "w": [4]}}},
            {"a": [{"b": [{"x": 1, "y": 1}] * 30, "c": [{"z": 3, "w": 3}] * 30}] * 30},
        ),
    ],
)
def test_trees_take_time_in_proportion_to_their_leaves(pattern: dict, event: dict) -> None:
    """And are never given up."""
    start = time.process_time()
    assert not solve(json.dumps(pattern), json.dumps(event))
    assert time.process_time() - start < 2


def test_a_puzzle_is_given_up() -> None:
    """Many arrays of one name, an element to be chosen in each: no fast answer is known."""
    chance = Random(5)
    clauses = [[(v, chance.random() < 0.5) for v in chance.sample(range(40), 3)] for _ in range(172)]
    arrays = [
        [{f"c{n}": 1 for n, clause in enumerate(clauses) if (variable, side) in clause} for side in (True, False)]
        for variable in range(40)
    ]
    event = "{" + ",".join(f'"a":{json.dumps(array)}' for array in arrays) + "}"
    pattern = json.dumps({"a": {f"c{n}": [1] for n in range(172)}})
    start = time.process_time()
    with pytest.raises(GaveUp):
        solve(pattern, event)
    assert time.process_time() - start < 5


def test_depth_is_no_error() -> None:
    """Arrays in arrays with a choice at each level may be too deep to follow: given up, or answered."""
    event = '{"a":' + "[" * 240 + '{"x":1}' + ',{"y":1}]' * 240 + "}"
    assert not solve('{"a":{"x":[1],"y":[2]}}', event)
