"""What became of each field, in the branch that came closest."""

import pytest
from hypothesis import given

from bridge.errors import TooLarge
from bridge.rules.attempts import Attempt, State, decider, nearest_attempt
from bridge.rules.document import read_document
from bridge.rules.effort import Effort
from bridge.rules.oracle import matches
from bridge.rules.pattern import parse_pattern
from tests.patterns import pairs


def attempt(pattern: str, event: str, steps: int = 1_000_000) -> Attempt:
    return nearest_attempt(parse_pattern(pattern), read_document(event), Effort(steps))


@pytest.mark.parametrize(
    ("pattern", "event", "states"),
    [
        ('{"a":[1],"b":[2]}', '{"a":1,"b":2}', "HIT HIT"),
        ('{"a":[1],"b":[2]}', '{"a":1,"b":3}', "HIT MISS"),
        ('{"a":[1],"b":[{"exists":false}]}', '{"a":1}', "HIT HIT"),
        ('{"a":[2],"b":[{"exists":false}]}', '{"a":1}', "MISS HIT"),
        ('{"a":[1],"b":[{"exists":false}]}', '{"a":1,"b":1}', "HIT MISS"),
        ('{"a":{"x":[1],"y":[2]}}', '{"a":[{"x":1},{"y":2}]}', "HIT ELSEWHERE"),
        ('{"a":{"x":[1],"y":[2]},"b":[1]}', '{"a":[{"x":1},{"y":2}],"b":2}', "HIT HIT MISS"),
        ("{}", '{"a":1}', ""),
    ],
)
def test_the_state_of_each_field(pattern: str, event: str, states: str) -> None:
    """A contradiction between arrays is told only where every field has its value."""
    found = attempt(pattern, event)
    assert [finding.state.name for finding in found.findings] == states.split()
    assert found.misses == len([state for state in states.split() if state != "HIT"])


def test_a_contradiction_names_the_fields_before() -> None:
    """Those whose array elements were chosen already."""
    *_, last = attempt('{"a":{"x":[1],"y":[2]}}', '{"a":[{"x":1},{"y":2}]}').findings
    assert (last.state, [field.path for field in last.before]) == (State.ELSEWHERE, ["a.x"])


def test_the_branch_that_came_closest() -> None:
    """The first of those with the fewest misses; one that matches wins."""
    pattern = '{"$or":[{"a":[1],"b":[1]},{"c":[1]},{"d":[1]}]}'
    assert [f.field.path for f in attempt(pattern, '{"a":1,"b":2}').findings] == ["a", "b"]
    assert [f.field.path for f in attempt(pattern, '{"a":1,"b":2,"d":1}').findings] == ["d"]


def test_the_decider_is_the_first_alternative_that_holds() -> None:
    """For no leaf, the one that wants absence."""
    [branch] = parse_pattern('{"a":["x",{"exists":false},{"exists":true}]}').branches
    [leaf] = read_document('{"a":"y"}').at("a")
    assert (decider(branch.fields[0], leaf), decider(branch.fields[0], None)) == (2, 1)


@given(pairs())
def test_matched_is_what_the_oracle_says(pair: tuple[str, str]) -> None:
    """For every pattern and event."""
    pattern, document = parse_pattern(pair[0]), read_document(pair[1])
    assert nearest_attempt(pattern, document, Effort()).matched is matches(pattern, document)


@pytest.mark.parametrize(
    ("alternative", "value", "dear"),
    [
        ('"x"', "1", 200),
        ('"x"', '"' + "y" * 1_000 + '"', 2_000),
        ('{"equals-ignore-case":"abcdefghi"}', '"a"', 2_000),
        ('{"wildcard":"*a*b*c*d*e*f*g*h*i"}', '"a"', 2_000),
        ('{"anything-but":["a","b","c","d"]}', '"a"', 800),
        ('{"prefix":"a","suffix":"b"}', '"a"', 400),
    ],
)
def test_work_is_counted_before_it_is_done(alternative: str, value: str, dear: int) -> None:
    """By alternatives and values, each weighed by what it takes."""
    pattern, event = f'{{"f":[{",".join([alternative] * 10)}]}}', f'{{"f":[{",".join([value] * 10)}]}}'
    with pytest.raises(TooLarge):
        attempt(pattern, event, dear // 2 - 10)
    assert attempt(pattern, event, 4 * dear)


def test_a_field_of_many_branches_is_judged_once() -> None:
    """Else a thousand branches would take a thousand times the work."""
    alternatives = ",".join(f'"v{n}"' for n in range(1_000))
    branches = ",".join(f'{{"b":[{n}]}}' for n in range(500))
    assert not attempt(f'{{"a":[{alternatives}],"$or":[{branches}]}}', '{"a":"x","b":"x"}', 10_000).matched


def test_choices_of_array_elements_count() -> None:
    """They may multiply without end."""
    members = ",".join('"a":[{"x":1},{"x":1},{"x":1}]' for _ in range(8))
    pattern = '{"a":{"x":[1],"y":[{"exists":false}],"z":[2,{"exists":false}]}}'
    with pytest.raises(TooLarge):
        attempt(pattern, f"{{{members}}}", 100)
