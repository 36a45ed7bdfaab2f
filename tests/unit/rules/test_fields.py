"""INSERT_FIELD, UPDATE_FIELD and DELETE_FIELD."""

import json

import msgspec
import pytest

from bridge.errors import InvalidTransform
from bridge.rules.scope import DocumentScope, Names
from bridge.rules.transform import compile_transform

EVENT = b'{"n": 1590592494070.10, "u":"http:\\/\\/x", "data":{"tag":"123","list":[1, 2]}}'


def edited(form: str, *edits: dict) -> bytes:
    compiled = compile_transform(msgspec.json.encode({"aliyun": {"form": form, "value": json.dumps(edits)}}))
    assert compiled is not None
    return compiled.render(DocumentScope(EVENT, "bus", 0.0), Names("r", "t")).body


BEFORE = b'{"n":1590592494070.10,"u":"http:\\/\\/x","data":{"tag":"123","list":[1,2]}'


@pytest.mark.parametrize(
    ("form", "edit", "body"),
    [
        ("INSERT_FIELD", {"field": "$.new", "value": 'a"b'}, BEFORE + b',"new":"a\\"b"}'),
        ("INSERT_FIELD", {"field": "$.data.list[0]", "value": "x"}, BEFORE.replace(b"[1,", b'["x",') + b"}"),
        ("INSERT_FIELD", {"field": "$.data.list[9]", "value": "x"}, BEFORE + b"}"),
        ("INSERT_FIELD", {"field": "$.nothing.x", "value": "x"}, BEFORE + b"}"),
        ("INSERT_FIELD", {"field": "$.n.x", "value": "x"}, BEFORE + b"}"),
        ("UPDATE_FIELD", {"field": "$.data.tag", "value": "ame"}, BEFORE.replace(b"123", b"ame") + b"}"),
        ("UPDATE_FIELD", {"field": "$.nothing", "value": "x"}, BEFORE + b"}"),
        ("DELETE_FIELD", {"field": "$.data"}, BEFORE[: BEFORE.index(b',"data"')] + b"}"),
        ("DELETE_FIELD", {"field": "$.data.list[-1]"}, BEFORE.replace(b"[1,2]", b"[1]") + b"}"),
        ("DELETE_FIELD", {"field": "$.data.nothing"}, BEFORE + b"}"),
    ],
)
def test_edit(form: str, edit: dict, body: bytes) -> None:
    """One field changes, everything else keeps its spelling; what is not there is passed over."""
    assert edited(form, edit) == body


def test_edits_come_one_after_the_other() -> None:
    """A later one sees what an earlier one did."""
    changed = edited("INSERT_FIELD", {"field": "$.a", "value": "1"}, {"field": "$.a", "value": "2"})
    assert json.loads(changed)["a"] == "2"


@pytest.mark.parametrize(
    ("form", "value", "path"),
    [
        ("INSERT_FIELD", "{}", "$.aliyun.value"),
        ("INSERT_FIELD", '[{"field":"$.a"}]', "$.aliyun.value[0].value"),
        ("INSERT_FIELD", '[{"field":"$","value":"x"}]', "$.aliyun.value[0].field"),
        ("DELETE_FIELD", '[{"field":"$.a[*]"}]', "$.aliyun.value[0].field"),
        ("DELETE_FIELD", '[{"field":"$.a"},{"field":"$.["}]', "$.aliyun.value[1].field"),
    ],
)
def test_illegal_edits(form: str, value: str, path: str) -> None:
    """Refused when the rule is made."""
    with pytest.raises(InvalidTransform) as caught:
        compile_transform(msgspec.json.encode({"aliyun": {"form": form, "value": value}}))
    assert caught.value.path == path
