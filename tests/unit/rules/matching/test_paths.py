"""The paths that a rule set names."""

from bridge.rules.matching.branches import conjunctions
from bridge.rules.matching.groups import Item
from bridge.rules.matching.paths import LITTER, Paths
from bridge.rules.matching.sides import DocumentSide
from bridge.rules.pattern import parse_pattern


def items(pattern: str) -> list[Item]:
    [branch] = parse_pattern(pattern).branches
    return [Item(0, 0, conjunction, branch) for conjunction in conjunctions(branch) or []]


def test_what_was_asked_of_a_path_is_known() -> None:
    """A new path, or numbers where only strings mattered, is news."""
    paths = Paths()
    paths.count(items('{"a":["x"],"b":[5]}'), 1)
    assert paths.known_of(items('{"a":["y",{"exists":true}]}'))
    assert paths.known_of(items('{"b":["y"]}'))
    assert not paths.known_of(items('{"a":[5]}'))
    assert not paths.known_of(items('{"c":["x"]}'))


def test_a_copy_counts_for_itself() -> None:
    """As a changed matcher does."""
    paths = Paths()
    other = paths.copy()
    other.count(items('{"a":["x"]}'), 1)
    assert not paths.known_of(items('{"a":["x"]}'))


def test_a_side_takes_up_all_of_them() -> None:
    """With what is looked at there."""
    paths, side = Paths(), DocumentSide()
    paths.count(items('{"a":{"b":[5]},"c":[{"exists":true}]}'), 1)
    paths.add_to(side)
    assert side.layout.place("a.b").numbers
    assert not side.layout.place("c").values


def test_unused_paths_are_litter_when_they_are_many() -> None:
    """More than a few, and more than half."""
    paths = Paths()
    found = [items(f'{{"f{number}":[1]}}') for number in range(2 * LITTER + 2)]
    for each in found:
        paths.count(each, 1)
    for each in found[: LITTER + 1]:
        paths.count(each, -1)
    assert not paths.is_littered
    paths.count(found[-1], -1)
    assert paths.is_littered
