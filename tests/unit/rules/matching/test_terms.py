"""The code of single fields, and of fields below an object that is not always one."""

from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from bridge.rules.matching.generate import Code, Memo
from bridge.rules.matching.tables import FieldTable
from bridge.rules.matching.terms import Below, Field, field_term, place_terms
from bridge.rules.pattern import parse_pattern
from tests.unit.rules.matching.test_arrays import XY, levels

decode = msgspec.json.Decoder(float_hook=str.encode).decode


def table(*conditions: str) -> FieldTable:
    rows = []
    for bit, text in enumerate(conditions):
        [branch] = parse_pattern(f'{{"f":[{text}]}}').branches
        rows.append((1 << bit, branch.fields[0].alternatives))
    return FieldTable(rows, (1 << len(conditions)) - 1)


def run(found: FieldTable, value: Any, *, remember: bool) -> int:
    code = Code()
    memo = Memo(found.of) if remember else None
    code.masks([field_term(Field("0", None, found, memo), "e", in_data=False)], -1)
    code.lines.append("return m")
    return code.function("run", "e, get", {})(value, None)


@pytest.mark.parametrize("remember", [False, True])
@pytest.mark.parametrize(
    "conditions",
    [
        ('"a"', '{"exists":false}'),
        ('{"prefix":"a"}', '"b"'),
        ('{"suffix":"a"}',),
        ('{"prefix":"a"}', '{"suffix":"a"}', '{"wildcard":"*b*"}'),
        ('{"numeric":[">",0]}', "5", '{"anything-but":5}'),
        ('{"numeric":[">",0]}', '"a"', "true", "null"),
    ],
    ids=["dict", "prefix", "suffix", "texts", "numbers", "both"],
)
@pytest.mark.parametrize(
    "text",
    ['"a"', '"ab"', '"ba"', "5", "5.0", "-1.5", "1e400", "0.0", "9007199254740993", "true", "false", "null", "1"],
)
def test_code_says_what_the_table_says(conditions: tuple[str, ...], text: str, remember: bool) -> None:
    """Of every class of value, whichever form is the cheapest."""
    found = table(*conditions)
    for _ in range(2):
        assert run(found, decode(text), remember=remember) == found.of(decode(text))
    assert run(found, UNSET, remember=remember) == found.absent


@pytest.mark.parametrize(
    "text",
    [
        b'{"a":{"x":1,"y":2}}', b'{"a":[{"x":1},{"y":2}]}', b'{"a":[{"x":1,"y":2},{}]}', b'{"a":[[{"x":1,"y":2}]]}',
        b'{"a":null}', b"{}", b'{"a":[]}',
    ],
)  # fmt: skip
def test_code_for_arrays_says_what_the_levels_say(text: bytes) -> None:
    """Once arrays are known to be common."""
    found, read = levels([XY, '{"a":{"x":[1]}}'])
    found.side.layout.place("a").unsteady = True
    event = read(text)
    tables = [(place, one) for place, one, _ in found.by_place[id(found.side.layout.place("a"))].leaves]
    fields = [Field(f"{n}", place, one, None) for n, (place, one) in enumerate(tables)]
    code = Code()
    code.masks(place_terms(Below(found.side.layout, found.by_place, fields), found.root.place, "e", in_data=False), 3)
    code.lines.append("return m")
    assert code.function("run", "e, get", {})(event, None) == found.judge(event, event)
