"""`exists`."""

import pytest

from bridge.rules.operators.exists import Absent, Exists
from tests.operators import holds, parse, refusal


@pytest.mark.parametrize("value", ['""', "0", "false", "null"])
def test_any_value_exists(value: str) -> None:
    """Null counts, and none is absent."""
    assert holds('{"exists":true}', value)
    assert not holds('{"exists":false}', value)


@pytest.mark.parametrize("argument", ["1", "null", '"true"', "[true]", "{}"])
def test_true_or_false_is_taken(argument: str) -> None:
    """Nothing else."""
    path, reason = refusal(f'{{"exists":{argument}}}')
    assert path == ".exists"
    assert "takes true or false" in reason


def test_in_words() -> None:
    """For explanations."""
    assert parse('{"exists":true}').wanted == "any value"
    assert parse('{"exists":false}').wanted == "no value"
    assert (parse('{"exists":true}'), parse('{"exists":false}')) == (Exists(), Absent())
