"""One field of many branches: the mask of a value, however it was decoded."""

from random import Random
from typing import Any

import msgspec
import pytest
from msgspec import UNSET, Raw

from bridge.rules.document import read_document
from bridge.rules.matching.tables import FieldTable
from bridge.rules.operators.base import Operator
from bridge.rules.operators.exists import Absent
from bridge.rules.pattern import parse_pattern
from tests.patterns import NUMBERS, TEXTS, quoted, random_pattern

decode = msgspec.json.Decoder(float_hook=str.encode).decode
MORE_NUMBERS = ("0.12345678901234567", "0.123456789012345678", "1.00000000000000000000", "-122.422003528252475", "1.5")
SCALARS = [*map(quoted, TEXTS), *NUMBERS, *MORE_NUMBERS, "true", "false", "null"]


def alternatives(text: str) -> tuple[Operator, ...]:
    [branch] = parse_pattern(f'{{"f":[{text}]}}').branches
    return branch.fields[0].alternatives


def table(*conditions: str) -> FieldTable:
    """One bit a condition, and a bit above them of a branch that does not name the field."""
    rows = [(1 << bit, alternatives(text)) for bit, text in enumerate(conditions)]
    return FieldTable(rows, (1 << len(conditions) + 1) - 1)


def holds(operators: tuple[Operator, ...], text: str) -> bool:
    [leaf] = read_document(f'{{"f":{text}}}').leaves
    return any(operator.holds(leaf.value) for operator in operators)


@pytest.mark.parametrize("seed", range(200))
def test_a_mask_is_what_the_alternatives_say(seed: int) -> None:
    """Of scalars as the decoder gives them, and of leaves of a document."""
    chance = Random(seed)
    fields = [field for _ in range(4) for b in parse_pattern(random_pattern(chance)).branches[:3] for field in b.fields]
    rows = [(1 << bit, field.alternatives) for bit, field in enumerate(fields)]
    found = FieldTable(rows, (1 << len(rows) + 1) - 1)
    for text in SCALARS:
        expected = (1 << len(rows)) + sum(bit for bit, operators in rows if holds(operators, text))
        [leaf] = read_document(f'{{"f":{text}}}').leaves
        assert found.of_scalar(leaf.value) == expected, text
        if not text.startswith("-0") and len(text) < 30:
            assert found.of(decode(text)) == expected, text
    assert found.absent == (1 << len(rows)) + sum(bit for bit, operators in rows if Absent() in operators)


def test_true_is_not_one() -> None:
    """To Python it is, and to a dict's key too."""
    ones = table("1", "true", '"a"')
    assert [ones.of(value) for value in (1, True, b"1.0", False)] == [0b1001, 0b1010, 0b1001, 0b1000]
    assert ones.static is None


@pytest.mark.parametrize("value", [{}, {"a": 1}, [], [[], []], [{"a": 1}], UNSET])
def test_what_holds_no_scalar_is_absent(value: Any) -> None:
    """Objects, empty arrays, arrays of objects: no leaf of this field."""
    assert table('{"exists":false}', '{"anything-but":"a"}').of(value) == 0b101


def test_one_element_of_an_array_is_enough() -> None:
    """Arrays in arrays are flattened."""
    assert table('"a"', '{"anything-but":"a"}', '"b"').of(["a", [["c"]], {"f": "b"}]) == 0b1011


@pytest.mark.parametrize(
    ("text", "there"),
    [(b'[[1,"x"]]', True), (b"[[],[]]", False), (b"[ ]", False), (b'[{"a":1}]', False), (b'["{"]', True), (b"{}", False),
     (b"5", True), (b"null", True), (b'[{"a":1},2]', True), (b'"a"', True)],
)  # fmt: skip
def test_presence_is_seen_in_undecoded_text(text: bytes, there: bool) -> None:
    """Where nobody needs the values."""
    assert table('{"exists":true}', '{"exists":false}').of(Raw(text)) == (0b101 if there else 0b110)


def test_a_dict_is_enough_for_strings_and_existence() -> None:
    """Numbers and booleans then all share the default."""
    words = table('"a"', "null", '{"anything-but":"b"}', '{"exists":true}')
    assert words.static == {"a": 0b11101, "b": 0b11000, None: 0b11110, UNSET: 0b10000}
    assert words.default == 0b11100


def test_ranges_of_numbers_are_one_search() -> None:
    """Exact numbers and refused ones among them."""
    numbers = table("5", '{"anything-but":[1,2]}', '{"numeric":[">",0,"<=",5]}')
    assert numbers.number_ranges is not None
    assert [numbers.number_ranges.find(value) for value in (0, 1, 1.5, 5, 6)] == [
        0b1010,
        0b1100,
        0b1110,
        0b1111,
        0b1010,
    ]
