"""122 cases of RocketMQ EventBridge's filter language, against the aliyun dialect.

That product and Alibaba Cloud's service share an ancestor, not every answer: where they part, the dialect follows the
service (reference: the service's own pages) and the case is named here with its reason.
"""

import pytest

from bridge.errors import InvalidPattern
from bridge.model.rule import Dialect
from bridge.rules.operators.base import Operator
from bridge.rules.pattern import parse_pattern
from tests.conformance.evaluators import EVALUATORS, cases

CASES = [case for case in cases("rocketmq-eventbridge-filter.json") if case["scope"] != "projection"]
"""Reducing a pattern to some of its keys serves that product's subscriptions; nothing here needs it."""

SUPERSET = {"rmqeb-filter-106"}
"""Legal in RocketMQ EventBridge, not in Alibaba Cloud's service: asked in the bridge dialect."""

_TEXT = "numbers are equal by value, and never to strings, in every dialect"
_BOUNDS = "numeric compares over the whole range of doubles"
_KEYS = "any name may be an extension attribute; an unlikely one is a lint warning"
_EMPTY = "the empty prefix or suffix fits every string, as in AWS"
_BLOCK = "every address of a block is inside it, the first and the last too"
_NAME = "names are taken as they stand; only a dot joins levels"
DIFFERENT = {
    "rmqeb-filter-015": _TEXT,
    "rmqeb-filter-043": _BOUNDS,
    "rmqeb-filter-044": _BOUNDS,
    "rmqeb-filter-051": "numbers are compared exactly",
    "rmqeb-filter-052": "`!=` is no comparison of numeric: anything-but says it",
    "rmqeb-filter-061": _KEYS,
    "rmqeb-filter-067": _EMPTY,
    "rmqeb-filter-069": _EMPTY,
    "rmqeb-filter-078": _BOUNDS,
    "rmqeb-filter-081": _KEYS,
    "rmqeb-filter-085": _TEXT,
    "rmqeb-filter-086": _TEXT,
    "rmqeb-filter-088": _TEXT,
    "rmqeb-filter-092": "an empty array is no value, so the field does not exist",
    "rmqeb-filter-103": "anything-but takes strings or numbers",
    "rmqeb-filter-104": "anything-but names at least one value",
    "rmqeb-filter-116": _BLOCK,
    "rmqeb-filter-118": "a block of one address is written as an exact string",
    "rmqeb-filter-119": _BLOCK,
    "rmqeb-filter-124": "patterns reach into arrays of objects",
    "rmqeb-filter-127": _NAME,
    "rmqeb-filter-128": _NAME,
    "rmqeb-filter-133": "several operators in one object all hold, as in Alibaba Cloud's service",
}
KINDS = {
    "Equals": "equal",
    "EqualsNumber": "equal",
    "Prefix": "prefix",
    "Suffix": "suffix",
    "Numeric": "numeric",
    "AnythingBut": "anything-but",
    "Absent": "exists",
    "Exists": "exists",
}


def parameters(*, build: bool) -> list:
    return [
        pytest.param(
            case,
            id=case["id"],
            marks=[pytest.mark.xfail(reason=DIFFERENT[case["id"]], strict=True)] if case["id"] in DIFFERENT else [],
        )
        for case in CASES
        if (case["scope"] == "build") is build
    ]


def text_of(case: dict, member: str) -> bytes:
    exact = case.get(f"{member}_text")
    return case[member] if exact is None else exact.encode()


def dialect_of(case: dict) -> Dialect:
    return "bridge" if case["id"] in SUPERSET else "aliyun"


@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize("case", parameters(build=False))
def test_answer_is_that_of_the_product(case: dict, evaluator: str) -> None:
    """The event matches or not, as that product says."""
    found = EVALUATORS[evaluator](text_of(case, "pattern"), text_of(case, "event"), dialect_of(case))
    assert found is case["expected"]


@pytest.mark.parametrize("case", parameters(build=True))
def test_legality_is_that_of_the_product(case: dict) -> None:
    """The pattern is refused with a path and a reason, or accepted and means the operators that are listed."""
    text = text_of(case, "pattern")
    if "error" in case["expected"]:
        with pytest.raises(InvalidPattern) as caught:
            parse_pattern(text, "aliyun")
        assert caught.value.reason
        return
    [branch] = parse_pattern(text, "aliyun").branches
    for path, kinds in case["expected"].get("conditions", {}).items():
        [field] = [field for field in branch.fields if f"$.{field.path}" == path]
        assert [kind_of(operator) for operator in field.alternatives] == kinds


def kind_of(operator: Operator) -> str:
    return KINDS[type(operator).__name__]
