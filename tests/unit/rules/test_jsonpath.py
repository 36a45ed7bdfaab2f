"""JSONPath beside the compliance suite: spellings, errors with their place, bounds."""

import time

import pytest

from bridge.errors import InvalidTransform
from bridge.rules import jsonpath
from bridge.rules.jsonpath import Spelling, compile_path, quoted

DOCUMENT = {
    "type": "t",
    "device-id": 7,
    "data": {"a b": 1, "b-c": {"d/e": 2}, "items": [{"x": 1}, {"x": 2}, {"x": 3}], "7": "seven", "x": 0},
}


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("type", ["t"]),
        ("$.type", ["t"]),
        ("$", [DOCUMENT]),
        ("['type']", ["t"]),
        ("data.items[1].x", [2]),
        ("data.items[-1].x", [3]),
        ("data.items[9].x", []),
        ("data.nothing.x", []),
        ("type.x", []),
        ("data[0]", []),
        ("data.items[*].x", [1, 2, 3]),
        ("data.items[0:2].x", [1, 2]),
        ("data.items[?@.x > 1].x", [2, 3]),
        ("..x", [0, 1, 2, 3]),
        ("data.b-c['d/e']", [2]),
    ],
)
def test_path_from_the_root(text: str, values: list) -> None:
    """The leading `$.` may be left out."""
    assert compile_path(text).find(DOCUMENT) == values


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("device-id", "$['device-id']"),
        ("data.b-c", "$.data['b-c']"),
        ("data.'a b'", "$.data['a b']"),
        ('data."a b"', "$.data['a b']"),
        ("data.items.[0].x", "$.data.items[0].x"),
        ("$..b-c", "$..['b-c']"),
        ("data.items[?(@.x > 1)].x", "$.data.items[?@.x > 1].x"),
    ],
)
def test_jsonpath_ng_spellings_that_can_mean_one_thing_only(text: str, same: str) -> None:
    """What jsonpath-ng allows beside the standard, and means the same."""
    assert compile_path(text).find(DOCUMENT) == compile_path(same, Spelling.RFC).find(DOCUMENT) != []


@pytest.mark.parametrize("text", ["$.device-id", "$.data.'a b'", "$.data.items.[0].x", "type"])
def test_the_standard_allows_none_of_them(text: str) -> None:
    """Read by the letter, they are refused."""
    with pytest.raises(InvalidTransform):
        compile_path(text, Spelling.RFC)


@pytest.mark.parametrize(
    "text", ["data.`len`", "data[x]", "a|b", "items where x", "data.items[?x > 1]", "a.`parent`", "a+b"]
)
def test_other_jsonpath_ng_syntax_is_refused(text: str) -> None:
    """Its own language is not the standard's."""
    with pytest.raises(InvalidTransform, match="is not a JSONPath"):
        compile_path(text)


@pytest.mark.parametrize(("text", "values"), [("$.data.b-c.d/e", [2]), ("$.data.7", ["seven"]), ("$.device-id", [7])])
def test_vendor_spellings(text: str, values: list) -> None:
    """The cloud products' paths may have slashes and digits without brackets; bridge's own may not."""
    assert compile_path(text, Spelling.VENDOR).find(DOCUMENT) == values


@pytest.mark.parametrize("text", ["data.b-c.d/e", "data.7"])
def test_vendor_spellings_are_refused_elsewhere(text: str) -> None:
    """They are accepted on the compatible forms only."""
    with pytest.raises(InvalidTransform):
        compile_path(text)


@pytest.mark.parametrize(
    ("text", "place"),
    [("data.", 6), ("data[", 6), ("data.x y", 8), ("data.a-b[?@.a=1]", 14), ("$x", 2), ("data.device-id.[", 16)],
)
def test_error_says_where(text: str, place: int) -> None:
    """The place is counted in the text as written, from 1."""
    with pytest.raises(InvalidTransform, match=rf"at character {place}\)"):
        compile_path(text)


@pytest.mark.parametrize("text", ["", "  "])
def test_empty_path(text: str) -> None:
    """Nothing is no path."""
    with pytest.raises(InvalidTransform, match="a path is needed"):
        compile_path(text)


def test_huge_and_deep_paths_are_refused_or_read() -> None:
    """A path of absurd length ends in a result or a typed error."""
    assert compile_path("a" + ".b" * 2000).find({}) == []
    with pytest.raises(InvalidTransform, match="too long"):
        compile_path("a" + ".b" * 3000)
    with pytest.raises(InvalidTransform):
        compile_path("$[?" + "(" * 2000 + "@.a" + ")" * 2000 + "]")


def test_same_text_is_the_same_path() -> None:
    """Paths are keys of what is kept per event."""
    assert compile_path("data.same") is compile_path("data.same")


def test_steps_and_head() -> None:
    """A path to one value is a key walk; another one may still say where it starts."""
    path = compile_path("data.items[0].x")
    assert (path.steps, path.parent, path.last) == (("data", "items", 0, "x"), ("data", "items", 0), "x")
    several = compile_path("data..x")
    assert (several.steps, several.head) == (None, "data")
    assert compile_path("$").head is None
    assert compile_path("*").head is None


def test_locate_counts_from_the_start() -> None:
    """Negative indices are places like any other."""
    assert compile_path("data.items[-1].x").locate(DOCUMENT) == [("data", "items", 2, "x")]
    assert compile_path("data.items[*].x").locate(DOCUMENT)[0] == ("data", "items", 0, "x")
    assert compile_path("nope").locate(DOCUMENT) == []


def test_too_many_results(monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that explodes is an error of this event, not a full memory."""
    monkeypatch.setattr(jsonpath, "MAX_RESULTS", 3)
    with pytest.raises(InvalidTransform, match="more than 3 values"):
        compile_path("$..*").find(DOCUMENT)


@pytest.mark.parametrize(
    "path",
    ["$.data[?count($..none) > 5]", "$.data[?count($.data[?@ > 1]) == 1]", "$.deep..[?count(@..none) > 1]"],
)
def test_a_path_that_looks_at_too_much_is_stopped(path: str) -> None:
    """Soon, with the path; the next one may look at as much again."""
    deep: list = []
    for _ in range(300):
        deep = [deep, *[[0]] * 50]
    began = time.perf_counter()
    with pytest.raises(InvalidTransform, match="too many values"):
        compile_path(path).find({"data": list(range(30_000)), "deep": deep})
    assert time.perf_counter() - began < 10
    assert compile_path(path).find({"data": []}) == []


def test_too_deep_for_descent() -> None:
    """`..` follows some hundred levels and says so beyond."""
    deep: dict = {}
    for _ in range(600):
        deep = {"a": deep}
    with pytest.raises(InvalidTransform, match="cannot be followed"):
        compile_path("$..b").find(deep)


def test_quoted() -> None:
    """A quoted name reads back as the same name."""
    for name in ("a", "it's", "back\\slash", "ü 1"):
        assert compile_path(f"$[{quoted(name)}]").steps == (name,)
