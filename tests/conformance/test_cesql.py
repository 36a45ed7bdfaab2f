"""The test kit of CloudEvents SQL 1.0.0: 275 cases, no differences."""

import json
from pathlib import Path
from typing import Any

import pytest

from bridge.codec.json import parse_event
from bridge.errors import InvalidFilter
from bridge.rules.cesql.evaluator import compile_sql, evaluate
from bridge.rules.cesql.parser import parse_sql

DATA = Path(__file__).resolve().parents[3] / "shared" / "conformance"
FILES = json.loads((DATA / "cesql-tck.json").read_text("utf-8"))["files"] if DATA.is_dir() else {}
CASES = [pytest.param(case, id=f"{name}: {case['name']}") for name, file in FILES.items() for case in file["tests"]]
EVENT = {"specversion": "1.0", "id": "1", "source": "/source", "type": "com.example.test"}


@pytest.mark.parametrize("case", CASES)
def test_expression_has_the_value_and_the_error_that_the_kit_says(case: dict[str, Any]) -> None:
    """Both, where both are given; and as a filter it passes only when it is true without an error."""
    event = parse_event(json.dumps(case.get("event") or EVENT | case.get("eventOverrides", {})).encode())
    try:
        expression = parse_sql(case["expression"])
    except InvalidFilter:
        assert case["error"] == "parse"
        assert case.get("result", False) is False
        return
    value, errors = evaluate(expression, event)
    assert [error.kind for error in errors] == ([case["error"]] if "error" in case else [])
    if "result" in case:
        assert (type(value), value) == (type(case["result"]), case["result"])
    assert compile_sql(expression)(event) is (value is True and not errors)


def test_the_kit_is_whole() -> None:
    """Every case is run."""
    assert len(CASES) in {0, 275}
