"""3,195 pairs of pattern and event, answered by event-ruler 2.0.1."""

import pytest

from bridge.model.rule import Dialect
from tests.conformance.evaluators import EVALUATORS, cases

CASES = cases("aws-pattern.json")


DIALECTS: tuple[Dialect, ...] = ("aws", "bridge")
TOGETHER = 200
"""Cases in one test: six thousand tests would take longer to manage than to run."""


@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize("first", range(0, len(CASES), TOGETHER))
def test_answers_are_those_of_the_reference_engine(first: int, evaluator: str) -> None:
    """Each pair has the recorded answer, in the aws dialect and in the superset; those that have not are named."""
    ask = EVALUATORS[evaluator]
    wrong = [
        (case["name"], dialect)
        for case in CASES[first : first + TOGETHER]
        for dialect in DIALECTS
        if ask(case["pattern"], case["event"], dialect) is not case["matches"]
    ]
    assert wrong == []
