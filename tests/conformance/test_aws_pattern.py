"""3,195 pairs of pattern and event, answered by event-ruler 2.0.1."""

import pytest

from bridge.model.rule import Dialect
from tests.conformance.evaluators import EVALUATORS, cases

CASES = cases("aws-pattern.json")


@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_answer_is_that_of_the_reference_engine(case: dict, evaluator: str) -> None:
    """Each pair has the recorded answer, in the aws dialect and in the superset."""
    dialects: tuple[Dialect, ...] = ("aws", "bridge")
    for dialect in dialects:
        assert EVALUATORS[evaluator](case["pattern"], case["event"], dialect) is case["matches"]
