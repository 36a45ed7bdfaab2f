"""SQL filters over properties; the cases in ``SEEN`` were asked of a live 5.5.0 broker, gaps included."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.testing.broker.sql import parse_sql

MESSAGES = [{"n": str(number), "TAGS": "AB"[number % 2]} for number in range(5)]
ALL = [0, 1, 2, 3, 4]
SEEN: list[tuple[str, list[int]]] = [
    ("n > 2", [3, 4]),
    ("2 < n", [3, 4]),
    ("n >= 1.5", [2, 3, 4]),
    ("n > -1", ALL),
    ("n = 1", [1]),
    ("n = '1'", [1]),
    ("n = 1L", [1]),
    ("n = 1e0", [1]),
    ("n <> 1", [0, 2, 3, 4]),
    ("n = TRUE", []),
    ("n BETWEEN 1 AND 2", [1, 2]),
    ("n IN ('1','2')", [1, 2]),
    ("n NOT IN ('1')", [0, 2, 3, 4]),
    ("TAGS = 'A'", [0, 2, 4]),
    ("'A' = TAGS", [0, 2, 4]),
    ("TAGS CONTAINS 'A'", [0, 2, 4]),
    ("n is not null and n > 3", [4]),
    ("NOT (n = 1 OR n = 2)", [0, 3, 4]),
    ("missing <> 1", []),
    ("NOT missing = 1", []),
    ("n = 1 AND missing = 2", []),
    ("n = 1 OR missing = 2", [1]),
    ("TRUE", ALL),
    ("1 = 1", ALL),
    # what stands behind a valid beginning is ignored, and a property alone is not true
    ("n", []),
    ("n LIKE '1'", []),
    ("n + 1 = 2", []),
    # these do not parse, so every message passes
    ("a NOT = 1", ALL),
    ("n NOT", ALL),
    ("n =", ALL),
    ("n=1 OR", ALL),
    ("n == 1", ALL),
    ("n != 1", ALL),
    ("n % 2 = 0", ALL),
    ("((", ALL),
    ("1", ALL),
    ("NOT n > 2", ALL),
    ("n IN (1)", ALL),
    ("TAGS > 'A'", ALL),
    ("TAGS BETWEEN 'A' AND 'B'", ALL),
    ("n BETWEEN '1' AND '2'", ALL),
]


def matched(expression: str, messages: list[dict[str, str]]) -> list[int]:
    holds = parse_sql(expression)
    return [number for number, message in enumerate(messages) if holds is None or holds(message) is True]


@pytest.mark.parametrize(("expression", "numbers"), SEEN)
def test_expressions_match_what_they_match_on_a_broker(expression: str, numbers: list[int]) -> None:
    """Of five messages with ``n`` from 0 to 4 and the tags A and B in turn."""
    assert matched(expression, MESSAGES) == numbers


@pytest.mark.parametrize(
    "expression",
    [
        "colour STARTSWITH 'r' AND colour ENDSWITH 'd'",
        "colour NOT CONTAINS 'x'",
        "missing IS NULL",
        "on = TRUE",
        "TRUE = on",
        "quote = 'it''s'",
        "n NOT BETWEEN 8 AND 9",
        "+n = 7",
        "colour = 'blue' OR colour = 'red' AND n = 7",
        "(colour = 'blue' OR colour = 'red') AND n = 7",
    ],
)
def test_other_expressions_that_hold(expression: str) -> None:
    """Forms that the table above does not have."""
    properties = {"colour": "red", "n": "7", "on": "true", "quote": "it's"}
    assert matched(expression, [properties]) == [0]


@pytest.mark.parametrize(
    "expression", ["colour = 'blue'", "missing CONTAINS 'x'", "missing IN ('x')", "colour > 1", "-missing = 1", "n"]
)
def test_expressions_that_are_false_or_unknown(expression: str) -> None:
    """What cannot be compared is unknown."""
    holds = parse_sql(expression)
    assert holds is not None
    assert holds({"colour": "red", "n": "7"}) is not True


@pytest.mark.parametrize(
    "expression", ["", "=", "(colour = 'red'", "AND", "%", "a NOT", "a CONTAINS 7", "'x'", "a IN ('b'", "-'x' = 1"]
)
def test_expressions_that_do_not_parse(expression: str) -> None:
    """Nothing is made of them."""
    assert parse_sql(expression) is None


@given(st.text(alphabet="abn'= <>()ANDORNOTIS NULL17.,-", max_size=30))
def test_any_text_is_read_or_not(text: str) -> None:
    """And whatever was read can be asked."""
    holds = parse_sql(text)
    if holds is not None:
        holds(MESSAGES[1])
