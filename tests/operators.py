"""One operator object against one value, both as JSON text: what every test of an operator asks."""

import json

import pytest

from bridge.errors import InvalidPattern
from bridge.model.rule import Dialect
from bridge.rules.document import read_document
from bridge.rules.operators.base import Operator
from bridge.rules.pattern import parse_pattern


def parse(alternative: str, dialect: Dialect = "bridge") -> Operator:
    [branch] = parse_pattern(f'{{"f":[{alternative}]}}', dialect).branches
    return branch.fields[0].alternatives[0]


def holds(alternative: str, value: str, dialect: Dialect = "bridge") -> bool:
    [leaf] = read_document(f'{{"f":{value}}}').leaves
    return parse(alternative, dialect).holds(leaf.value)


def text_holds(alternative: str, text: str) -> bool:
    return holds(alternative, json.dumps(text))


def refusal(alternative: str, dialect: Dialect = "bridge") -> tuple[str, str]:
    """The path (below the alternative) and the reason of the refusal."""
    with pytest.raises(InvalidPattern) as caught:
        parse(alternative, dialect)
    return (caught.value.path or "").removeprefix("$.f[0]"), caught.value.reason
