"""Which branches are judged together."""

from collections.abc import Iterable

from bridge.rules.matching.branches import conjunctions
from bridge.rules.matching.groups import Item
from bridge.rules.matching.layout import WIDE
from bridge.rules.matching.plan import ANY, COMMON, DENSE, GROUP, MAX_ANCHORS, SPREAD, Plan, exact_strings
from bridge.rules.matching.sides import DocumentSide
from bridge.rules.pattern import parse_pattern


def items(patterns: Iterable[str], first: int = 0) -> list[Item]:
    found = []
    for serial, pattern in enumerate(patterns, first):
        for branch in parse_pattern(pattern).branches:
            found += [Item(serial, serial, conjunction, branch) for conjunction in conjunctions(branch) or []]
    return found


def plan(found: list[Item]) -> Plan:
    side = DocumentSide()
    for item in found:
        for condition in item.conjunction:
            side.add(condition.path, values=True, numbers=True)
    return Plan.of(found, side)


def two_fields(count: int) -> list[str]:
    return [f'{{"kind":["k{n % 3}"],"id":["i{n}"]}}' for n in range(count)]


def test_few_branches_are_one_group() -> None:
    """Anchors do not pay."""
    found = plan(items(two_fields(DENSE)))
    assert not found.routes
    assert [len(group.items) for group in found.open] == [DENSE]


def test_many_are_found_by_their_rare_values() -> None:
    """Of the field that has them."""
    found = plan(items(two_fields(1_000)))
    assert list(found.routes) == ["id"]
    assert not found.open
    assert {len(group.items) for group in found.routes["id"].values()} == {1}


def test_a_value_that_everybody_wants_is_no_anchor() -> None:
    """It would lead everywhere."""
    found = plan(items(f'{{"kind":["k"],"id":[{{"prefix":"i{n}"}}]}}' for n in range(COMMON + 1)))
    assert not found.routes
    assert [len(group.items) for group in found.open] == [GROUP, COMMON + 1 - GROUP]


def test_a_branch_is_anchored_at_each_of_its_values() -> None:
    """Unless there are too many, or anything else would do too."""
    [item] = items(['{"a":["x","y","x"]}'])
    assert exact_strings(item.conjunction[0]) == ["x", "y"]
    for other in (
        '{"a":["x",5]}',
        '{"a":["x",{"exists":false}]}',
        f'{{"a":{[str(n) for n in range(MAX_ANCHORS + 1)]}}}',
    ):
        [item] = items([other.replace("'", '"')])
        assert exact_strings(item.conjunction[0]) == []


def test_in_a_crowd_a_branch_is_found_by_a_field_it_needs() -> None:
    """If it wants no exact strings; not by one that may be absent."""
    count = max(SPREAD, WIDE, DENSE) + 1
    rules = [f'{{"f{n}":[{{"prefix":"x"}}],"all":[{{"suffix":"y"}}]}}' for n in range(count)]
    found = plan(items([*rules, '{"f0":[{"exists":false}]}']))
    assert found.routes["f7"].keys() == {ANY}
    assert len(found.open) == 1
    assert len(found.open[0].items) == 1


def test_a_change_remakes_only_the_groups_it_touches() -> None:
    """All others are shared."""
    before = plan(items(two_fields(1_000)))
    after = before.changed({7}, items(['{"id":["i8"]}'], 1_000), before.side)
    assert "i7" not in after.routes["id"]
    assert [item.serial for item in after.routes["id"]["i8"].items] == [8, 1_000]
    assert after.routes["id"]["i9"] is before.routes["id"]["i9"]
    assert "i7" in before.routes["id"]


def test_open_groups_change_too() -> None:
    """Freed room is used again."""
    before = plan(items(f'{{"id":[{{"prefix":"i{n}"}}]}}' for n in range(GROUP + 10)))
    after = before.changed({0}, items(['{"id":[{"suffix":"x"}]}'], 5_000), before.side)
    assert [len(group.items) for group in after.open] == [GROUP, 10]
    assert after.open[0].items[-1].serial == 5_000
    assert after.open[1] is before.open[1]


def test_growing_beyond_few_plans_anew() -> None:
    """And shrinking too."""
    before = plan(items(two_fields(DENSE)))
    grown = before.changed((), items(['{"id":["j"]}', '{"id":["l"]}'], 500), before.side)
    assert grown.routes
    shrunk = grown.changed({500, 501}, [], before.side)
    assert not shrunk.routes
    assert [item.serial for item in shrunk.items()] == list(range(DENSE))


def test_on_another_side_everything_is_made_anew() -> None:
    """Groups keep what they have learned."""
    before = plan(items(two_fields(100)))
    side = DocumentSide()
    for path in ("new", "kind", "id"):
        side.add(path, values=True, numbers=True)
    after = before.changed((), items(['{"new":["x"],"id":["i1"]}'], 500), side)
    assert all(group.side is side for group in after.groups())
    assert len(after.items()) == 101
