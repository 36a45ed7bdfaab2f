"""The leaves of events."""

import pytest

from bridge.errors import InvalidInput
from bridge.model.event import DataForm, Event
from bridge.rules.document import MAX_DEPTH, Leaf, event_document, read_document
from bridge.rules.numbers import Number, parse_number

ONE = Number("1", 1.0)


def leaves(text: str) -> list[tuple[str, object, dict[int, int]]]:
    return [
        (leaf.path, getattr(leaf.value, "text", leaf.value), dict(leaf.elements)) for leaf in read_document(text).leaves
    ]


def test_scalars_and_objects() -> None:
    """A scalar is a leaf at its path; an object is none, an empty one leaves nothing."""
    assert leaves('{"a": {"b": 1, "c": null}, "d": {}, "e": "x", "f": false}') == [
        ("a.b", "1", {}),
        ("a.c", None, {}),
        ("e", "x", {}),
        ("f", False, {}),
    ]


def test_arrays_have_no_index_in_the_path() -> None:
    """Nested arrays are flattened, empty ones leave nothing, objects inside go deeper."""
    assert leaves('{"a": [1, ["x", ["y"]], {"b": 2}, [], [[]]]}') == [
        ("a", "1", {}),
        ("a", "x", {0: 1}),
        ("a", "y", {0: 1, 1: 1}),
        ("a.b", "2", {0: 2}),
    ]


def test_dots_join_names_and_repeated_names_both_count() -> None:
    """`a.b` and `a` inside which `b` are one path, as in patterns; an empty name is a name."""
    assert [path for path, *_ in leaves('{"a": {"b.c": 1}, "a.b": {"c": 2}, "": {"": 3}}')] == ["a.b.c", "a.b.c", "."]
    assert leaves('{"a": 1, "a": 2}') == [("a", "1", {}), ("a", "2", {})]


def test_leaves_by_path() -> None:
    """`at` finds exactly one path, `paths` lists all."""
    document = read_document('{"a": [1, 1], "b": {"a": 1}}')
    assert document.at("a") == [Leaf("a", ONE, ()), Leaf("a", ONE, ())]
    assert document.at("b") == []
    assert document.paths() == ["a", "b.a"]


@pytest.mark.parametrize("text", ["", "[]", "1", "null", '"x"', "{", '{"a":NaN}', "{} {}"])
def test_an_event_is_a_json_object(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(InvalidInput):
        read_document(text)


def test_nesting_up_to_the_bound_is_read() -> None:
    """Far from the caller's stack, whatever its depth."""
    inside = MAX_DEPTH - 1
    [leaf] = read_document('{"a":' + "[" * inside + "1" + "]" * inside + "}").leaves
    assert len(leaf.elements) == inside - 1
    with pytest.raises(InvalidInput, match="nested more than"):
        read_document('{"a":' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}")


def test_an_event_shows_its_attributes_and_its_data() -> None:
    """Integers are numbers, bytes are Base64 text, JSON data lies under `data`."""
    event = Event(
        "1", "/s", "t", {"subject": "x", "count": 5, "flag": True, "blob": b"\x00\x01"}, b'{"a":[5.0]}', DataForm.JSON
    )
    document = event_document(event)
    assert {leaf.path: leaf.value for leaf in document.leaves} == {
        "specversion": "1.0",
        "id": "1",
        "source": "/s",
        "type": "t",
        "subject": "x",
        "count": parse_number("5"),
        "flag": True,
        "blob": "AAE=",
        "data.a": parse_number("5.0"),
    }
    assert not document.broken_data


def test_data_may_be_any_json_value() -> None:
    """A scalar is the leaf `data` itself."""
    event = Event("1", "/s", "t", {"datacontenttype": "application/x+json"}, b'"text"')
    assert event_document(event).at("data") == [Leaf("data", "text", ())]


@pytest.mark.parametrize(
    ("attributes", "data", "form"),
    [({"datacontenttype": "text/plain"}, b'{"a":1}', DataForm.TEXT), ({}, b'{"a":1}', DataForm.BINARY), ({}, None, DataForm.JSON)],
)  # fmt: skip
def test_data_that_does_not_claim_to_be_json_has_no_leaves(
    attributes: dict, data: bytes | None, form: DataForm
) -> None:
    """And is not broken either."""
    document = event_document(Event("1", "/s", "t", attributes, data, form))
    assert document.paths() == ["specversion", "id", "source", "type", *attributes]
    assert not document.broken_data


@pytest.mark.parametrize("data", [b"{", b"", b"\xff", b'{"a":NaN}', b'"\\ud800"', b"[" * 10_000])
def test_data_that_claims_to_be_json_and_is_not_is_broken(data: bytes) -> None:
    """It has no leaves, and the document says so."""
    document = event_document(Event("1", "/s", "t", {"datacontenttype": "application/json"}, data))
    assert document.broken_data
    assert "data" not in document.paths()


def test_names_that_multiply_are_refused() -> None:
    """A long name counts for each of the values inside: a megabyte would become many gigabytes of paths."""
    fine = read_document(f'{{"{"x" * 1_000}":{{{",".join(f"{chr(34)}a{n}{chr(34)}:1" for n in range(100))}}}}}')
    assert len(fine.leaves) == 100
    hostile = f'{{"{"x" * 500_000}":{{{",".join(f"{chr(34)}a{n}{chr(34)}:1" for n in range(10_000))}}}}}'
    with pytest.raises(InvalidInput, match="characters"):
        read_document(hostile)
