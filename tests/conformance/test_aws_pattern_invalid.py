"""130 pattern texts that event-ruler refuses."""

import json

import pytest

from bridge.errors import InvalidPattern
from bridge.rules.pattern import parse_pattern
from tests.conformance.evaluators import cases

CASES = cases("aws-pattern-invalid.json")
LEGAL_IN_BRIDGE = {
    "corner.two-ops#1": "several operators in one object all hold, as in Aliyun's language",
    "corner.ab-two-keys#1": "the same",
    "corner.empty-text#1": "an empty text is a rule without a pattern, which every event matches",
}


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_aws_refuses(case: dict) -> None:
    """Each is refused in the aws dialect, with a path and a reason."""
    with pytest.raises(InvalidPattern) as caught:
        parse_pattern(json.loads(case["pattern"]), "aws")
    assert caught.value.reason
    assert case["well_formed_json"] is not caught.value.reason.startswith("not valid JSON")


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_superset_refuses_too(case: dict) -> None:
    """Except the forms that belong to the superset, by name."""
    text = json.loads(case["pattern"])
    if case["name"] in LEGAL_IN_BRIDGE:
        parse_pattern(text, "bridge")
        return
    with pytest.raises(InvalidPattern):
        parse_pattern(text, "bridge")
