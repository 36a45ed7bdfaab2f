"""docs/patterns.md: every example in it is run, and what it promises in numbers is what the code holds."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from bridge.errors import InvalidPattern
from bridge.model.rule import Dialect
from bridge.rules.document import MAX_DEPTH as MAX_EVENT_DEPTH
from bridge.rules.document import read_document
from bridge.rules.matcher import compile_matcher
from bridge.rules.operators.table import OPERATORS
from bridge.rules.operators.wildcard import MAX_STARS
from bridge.rules.oracle import MAX_CHOICES, matches
from bridge.rules.pattern import (
    MAX_ALIYUN_EXPRESSIONS,
    MAX_BRANCHES,
    MAX_DEPTH,
    MAX_FIELDS,
    MAX_SIZE_BYTES,
    parse_pattern,
)

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "patterns.md").read_text("utf-8")
LINE = re.compile(r"(pattern|yes|no|refused)\s+(.*)")


class Example(NamedTuple):
    """A line about a pattern: an event (``yes``, ``no``), or a dialect and words of the reason (``refused``)."""

    pattern: str
    verb: str
    rest: str


def examples() -> list[Example]:
    found = []
    for block in re.findall(r"```example\n(.*?)```", TEXT, re.DOTALL):
        pattern = ""
        for line in filter(None, block.splitlines()):
            match = LINE.fullmatch(line)
            assert match, f"no example line: {line}"
            if match[1] == "pattern":
                pattern = match[2]
            else:
                found.append(Example(pattern, match[1], match[2]))
    return found


EVENTS = [example for example in examples() if example.verb != "refused"]
REFUSALS = [example for example in examples() if example.verb == "refused"]


@pytest.mark.parametrize("example", EVENTS, ids=lambda e: f"{e.pattern} {e.verb} {e.rest}")
def test_example_matches_as_it_says(example: Example) -> None:
    """By both evaluators, and in each dialect that does not refuse the pattern."""
    for dialect in dialects(example.pattern):
        pattern = parse_pattern(example.pattern, dialect)
        assert matches(pattern, read_document(example.rest)) is (example.verb == "yes")
        [found] = compile_matcher([("rule", pattern)]).match_documents([example.rest.encode()])
        assert bool(found) is (example.verb == "yes")


@pytest.mark.parametrize("example", REFUSALS, ids=lambda e: f"{e.pattern} {e.rest}")
def test_example_is_refused_as_it_says(example: Example) -> None:
    """With those words in the reason."""
    dialect, words = example.rest.split(": ", 1)
    assert dialect in {"bridge", "aws", "aliyun"}
    with pytest.raises(InvalidPattern) as caught:
        parse_pattern(example.pattern, dialect)  # type: ignore[arg-type]
    assert words in caught.value.reason


def dialects(pattern: str) -> list[Dialect]:
    """Bridge, and aws where the pattern is legal there and means the same."""
    named = {example.rest.split(": ")[0] for example in REFUSALS if example.pattern == pattern}
    legal: list[Dialect] = ["bridge"]
    try:
        parse_pattern(pattern, "aws")
    except InvalidPattern:
        assert "aws" in named, f"{pattern} is refused by aws and the document does not say so"
        return legal
    return [*legal, "aws"]


def test_there_are_examples() -> None:
    """The blocks were found."""
    assert len(EVENTS) > 100
    assert len(REFUSALS) >= 30


@pytest.mark.parametrize("operator", OPERATORS)
def test_every_operator_is_in_the_table(operator: str) -> None:
    """The vocabulary and the document are one."""
    assert re.search(rf"^\| .*`{{\"{operator}\":", TEXT, re.MULTILINE)


@pytest.mark.parametrize(
    ("what", "bound"),
    [("text of a pattern", f"{MAX_SIZE_BYTES // 2**20} MiB"), ("nesting of a pattern", f"{MAX_DEPTH} levels"),
     ("branches of a pattern", f"{MAX_BRANCHES:,}"), ("fields over all branches", f"{MAX_FIELDS:,}"),
     ("alternatives of a field", f"none; `aliyun`: {MAX_ALIYUN_EXPRESSIONS} operator objects"),
     ("stars in a wildcard", f"{MAX_STARS}"), ("nesting of an event", f"{MAX_EVENT_DEPTH} levels"),
     ("ways to choose array elements, one branch and event", f"{MAX_CHOICES:,}")],
)  # fmt: skip
def test_limits_are_those_of_the_code(what: str, bound: str) -> None:
    """Each row of the table."""
    assert f"| {what} | {bound} |" in TEXT
