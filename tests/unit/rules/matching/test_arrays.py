"""Events with arrays, judged element by element."""

from collections.abc import Sequence
from typing import Any

import pytest

from bridge.rules.matching.arrays import Levels, Tangled, leaves, objects
from bridge.rules.matching.branches import conjunctions
from bridge.rules.matching.groups import Group, Item
from bridge.rules.matching.layout import WIDE, Layout, path_to
from bridge.rules.matching.sides import DocumentSide
from bridge.rules.pattern import parse_pattern


def levels(patterns: Sequence[str], crowd: Sequence[str] = ()) -> tuple[Levels, Any]:
    """The levels for some patterns, a bit each, and the decoder; ``crowd``: paths that are named besides."""
    items = []
    for serial, pattern in enumerate(patterns):
        [branch] = parse_pattern(pattern).branches
        [conjunction] = conjunctions(branch) or []
        items.append(Item(serial, serial, conjunction, branch))
    side = DocumentSide()
    for path in [*crowd, *(condition.path for item in items for condition in item.conjunction)]:
        side.add(path, values=True, numbers=True)
    return Group(items, side).levels, side.layout.decoder()


def judge(patterns: Sequence[str], text: bytes, crowd: Sequence[str] = ()) -> int:
    found, decode = levels(patterns, crowd)
    event = decode(text)
    return found.judge(event, event)


XY = '{"a":{"x":[1],"y":[2]}}'
X_NO_Y = '{"a":{"x":[1],"y":[{"exists":false}]}}'
NO_B_X = '{"a":{"b":[{"exists":false}],"x":[1]}}'
DEEP = '{"a":{"b":{"x":[1],"y":[2]},"c":[3]}}'


@pytest.mark.parametrize("crowd", [(), [f"a.f{n}" for n in range(WIDE)]], ids=["structs", "dicts"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"a":{"x":1,"y":2}}', 0b0101),
        (b'{"a":[{"x":1},{"y":2}]}', 0b0110),
        (b'{"a":[[{"x":1},{"x":1,"y":2}]]}', 0b0111),
        (b'{"a":[{"x":1},{"b":6}]}', 0b0010),
        (b'{"a":[]}', 0),
        (b'{"a":5}', 0),
        (b"{}", 0),
        (b'{"a":[{"b":[{"x":1,"y":2}],"c":3}]}', 0b1000),
        (b'{"a":[{"b":[{"x":1,"y":2}]},{"c":3}]}', 0),
        (b'{"a":{"b":[{"x":1},{"y":2}],"c":3}}', 0),
        (b'{"a":[7,{"b":{"x":[0,1],"y":[2,3]},"c":[3]}]}', 0b1000),
    ],
)
def test_one_element_answers_for_a_branch(text: bytes, expected: int, crowd: Sequence[str]) -> None:
    """Except for absence before any choice, which all elements answer for."""
    assert judge([XY, X_NO_Y, NO_B_X, DEEP], text, crowd) == expected


def test_a_branch_that_names_an_array_and_what_is_in_it_is_left_alone() -> None:
    """Elements of nested arrays may be tied to it."""
    with pytest.raises(Tangled):
        judge(['{"a":[1],"a.x":[2]}'], b'{"a":[1,{"x":2}]}')
    assert judge(['{"a":[1]}', '{"a.x":[2]}'], b'{"a":[1,{"x":2}]}') == 0b11


def test_a_name_that_spells_several_is_left_alone() -> None:
    """Where objects are dicts, the decoder does not notice it."""
    crowd = [f"a.f{n}" for n in range(WIDE + 1)]
    with pytest.raises(Tangled):
        judge(['{"a":{"b":{"c":[1]}}}'], b'{"a":[{"b.c":1}]}', crowd)


def test_surprises_are_counted() -> None:
    """So that generated code can be made ready for them."""
    found, decode = levels([XY])
    event = decode(b'{"a":[{"x":[1]}]}')
    found.judge(event, event)
    place = found.side.layout.place("a")
    assert (place.surprises, place.children["x"].surprises) == (1, 1)


def test_leaves_are_found_through_arrays() -> None:
    """Scalars only."""
    layout = Layout(root_is_object=True)
    layout.add("a.b", values=True, numbers=False)
    event = layout.decoder()(b'{"a":[{"b":1},[{"b":[2,{"c":3}]}],4,{}]}')
    assert sorted(leaves(event, path_to(layout.place("a.b")))) == [1, 2]


def test_objects_are_found_through_arrays() -> None:
    """Those that are dicts."""
    layout = Layout(root_is_object=True)
    for number in range(WIDE + 1):
        layout.add(f"a.f{number}", values=True, numbers=False)
    event = layout.decoder()(b'{"a":[{"b":1},[{"c":2}],4]}')
    assert list(objects(event, path_to(layout.place("a")), layout.place("a"))) == [{"c": 2}, {"b": 1}]
