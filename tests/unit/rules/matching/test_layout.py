"""The decoder of the named paths."""

import msgspec
import pytest
from msgspec import UNSET, Raw

from bridge.rules.matching.layout import SPELLINGS, WIDE, Layout, path_to, places, read_child


def layout(*paths: str, numbers: bool = False, values: bool = True) -> Layout:
    made = Layout(root_is_object=True)
    for path in paths:
        made.add(path, values=values, numbers=numbers)
    return made


def read(made: Layout, path: str, text: bytes) -> object:
    value = made.decoder()(text)
    for step in path_to(made.place(path)):
        value = read_child(value, step)
    return value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"a":{"b":"x","c":[1,{"d":2}]}}', "x"),
        (b'{"a":{}}', UNSET),
        (b"{}", UNSET),
        (b'{"a":null}', UNSET),
        (b'{"a":{"b":null}}', None),
        (b'{"a":{"b":[1,[2]]}}', [1, [2]]),
    ],
)
def test_values_are_read_where_they_are(text: bytes, expected: object) -> None:
    """A missing member, or a parent that is no object, is UNSET."""
    assert read(layout("a.b"), "a.b", text) == expected


def test_code_reads_the_same() -> None:
    """Attributes of structs; nothing where the object is missing."""
    made = layout("a.b")
    source = made.source(made.place("a.b"), "e")
    scope = {"U": UNSET, "Z": {}}
    assert eval(source, scope, {"e": made.decoder()(b'{"a":{"b":7}}')}) == 7
    assert eval(source, scope, {"e": made.decoder()(b"{}")}) is UNSET
    with pytest.raises(AttributeError):
        eval(source, scope, {"e": made.decoder()(b'{"a":[]}')})


def test_numbers_keep_their_characters_where_they_matter() -> None:
    """Elsewhere they are not worth a string."""
    assert read(layout("a", numbers=True), "a", b'{"a":1.50}') == b"1.50"
    assert read(layout("a", numbers=True), "a", b'{"a":5}') == 5
    assert read(layout("a"), "a", b'{"a":1.50}') == 1.5


@pytest.mark.parametrize("text", [b'{"a.b":1}', b'{"a":{"b.c":1}}', b'{"a.b.c":null}', b'{"a.b":{"c":1}}'])
def test_names_that_spell_several_are_refused(text: bytes) -> None:
    """Whoever decodes is told, whatever the value."""
    with pytest.raises(msgspec.ValidationError):
        layout("a.b.c").decoder()(text)


def test_many_names_make_a_dict() -> None:
    """And everything below it too; places keep their way of being read."""
    made = layout(*(f"w.f{number}" for number in range(WIDE)))
    assert not made.place("w.f0").parent.is_dict
    made.add("w.g.h", values=True, numbers=False)
    assert made.place("w.g").is_dict
    assert read(made, "w.g.h", b'{"w":{"g":{"h":1}}}') == 1
    assert read(made, "w.f3", b'{"w":{"f3":"x"}}') == "x"


def test_many_spellings_are_left_to_a_search() -> None:
    """The struct would be as wide as a dict."""
    made = layout(*(f"a.f{number}" for number in range(SPELLINGS + 1)))
    assert made.root.is_loose
    made.decoder()(b'{"a.f1":1}')


def test_a_leaf_that_is_also_an_object_with_numbers_is_a_dict() -> None:
    """Only so do its numbers keep their characters."""
    made = layout("a.b")
    made.add("a", values=True, numbers=True)
    assert read(made, "a", b'{"a":1.50}') == b"1.50"
    assert read(made, "a.b", b'{"a":{"b":"x"}}') == "x"


def test_an_array_that_must_only_exist_stays_undecoded() -> None:
    """Once it is known to be common."""
    made = layout("a", values=False)
    made.place("a").unsteady = True
    made.version += 1
    assert isinstance(read(made, "a", b'{"a":[[1.5,2.5]]}'), Raw)


def test_every_place_is_listed() -> None:
    """The root first."""
    made = layout("a.b", "c")
    assert sorted(place.name for place in places(made.root)) == ["", "a", "b", "c"]
    assert [place.name for place in path_to(made.place("a.b"))] == ["a", "b"]


def test_what_was_learned_is_taken_over() -> None:
    """By path, as far as the path is still named."""
    old, new = layout("a.b", "x"), layout("a.b")
    old.place("a").unsteady = old.place("x").unsteady = True
    new.learn(old)
    assert new.place("a").unsteady
    assert not new.place("a.b").unsteady
