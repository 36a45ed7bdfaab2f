"""What a branch is cut into: absence in one element, or in all."""

import pytest

from bridge.rules.matching.branches import MAX_CONJUNCTIONS, conjunctions, necessary
from bridge.rules.operators.exists import Absent
from bridge.rules.pattern import Branch, parse_pattern


def branch(pattern: str) -> Branch:
    [found] = parse_pattern(pattern).branches
    return found


def cut(pattern: str) -> list[list[tuple[str, int, bool]]]:
    """Path, depth of gathering, and whether absence is all that is asked."""
    found = conjunctions(branch(pattern))
    assert found is not None
    return [[(c.path, c.gathered, c.alternatives == (Absent(),)) for c in conjunction] for conjunction in found]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ('{"a":["x"],"b":{"c":[1]}}', [[("a", 0, False), ("b.c", 0, False)]]),
        ('{"a":[{"exists":false}]}', [[("a", 0, True)]]),
        ('{"a":{"x":[1],"y":[{"exists":false}]}}', [[("a.x", 0, False), ("a.y", 0, True)]]),
        ('{"a":{"b":[{"exists":false}],"x":[1]}}', [[("a.b", 1, True), ("a.x", 0, False)]]),
        ('{"a":{"b":{"c":[{"exists":false}]}}}', [[("a.b.c", 1, True)]]),
        (
            '{"a":{"x":[1],"y":{"z":[{"exists":false}]}}}',
            [[("a.x", 0, False), ("a.y.z", 2, True)]],
        ),
    ],
)
def test_absence_is_asked_of_the_outermost_array_without_a_choice(pattern: str, expected: list) -> None:
    """A field is gathered below the first object of which no earlier field has taken a leaf."""
    assert cut(pattern) == expected


def test_present_or_absent_makes_two_when_a_field_follows() -> None:
    """What later fields see depends on which of the two it was."""
    found = cut('{"a":{"b":[{"exists":false},5],"x":[1]}}')
    assert sorted(found) == [
        [("a.b", 0, False), ("a.x", 0, False)],
        [("a.b", 1, True), ("a.x", 0, False)],
    ]


def test_present_or_absent_stays_one_when_nothing_follows() -> None:
    """All leaves together answer for both."""
    [found] = conjunctions(branch('{"a":{"b":[{"exists":false},5]},"c":{"d":[1]}}')) or []
    assert [(c.path, c.gathered, c.optional) for c in found] == [("a.b", 1, True), ("c.d", 0, False)]


def test_too_many_are_left_to_the_solver() -> None:
    """More than the limit of conjunctions, and paths of too many names, are None."""
    fields = ",".join(f'"c{number}":[{{"exists":false}},1]' for number in range(MAX_CONJUNCTIONS + 1))
    assert conjunctions(branch(f'{{"a":{{{fields}}}}}')) is None
    assert conjunctions(branch('{"' + ".".join("abc" * 12) + '":[1]}')) is None


def test_what_is_necessary_leaves_absence_and_long_paths_out() -> None:
    """Every match of the branch implies what is left."""
    pattern = '{"a":{"b":[{"exists":false},5]},"c":[1],"' + ".".join("abc" * 12) + '":[1]}'
    assert [condition.path for condition in necessary(branch(pattern))] == ["c"]
