"""docs/filters.md: every example in it is run, and what it promises in numbers is what the code holds."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from bridge.errors import InvalidFilter
from bridge.model.event import Event
from bridge.rules import filters
from bridge.rules.cesql.evaluator import evaluate
from bridge.rules.cesql.functions import FUNCTIONS, MAX_TEXT
from bridge.rules.cesql.like import MAX_MIDDLE
from bridge.rules.cesql.parser import MAX_HEIGHT, MAX_NESTING, MAX_SIZE, parse_sql
from bridge.rules.filter_trial import explain_filter, read_attributes
from bridge.rules.filters import compile_filter, parse_filter
from bridge.rules.matcher import compile_matcher
from bridge.rules.narrowing import narrow
from bridge.rules.pattern import MATCHES_ALL

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "filters.md").read_text("utf-8")
LINE = re.compile(r"(filter|yes|no|refused)\s+(.*)")
VALUE = re.compile(r"(.*?)  +('(?:[^'\\]|\\.)*'|\S+)(?: (\w+))?")
EVENT = Event("1", "/j/7", "light.changed", {"speed": 61, "urgent": True, "hop": "5"})


class Example(NamedTuple):
    """A line about a filter: an event (``yes``, ``no``), or words of the reason (``refused``)."""

    filter: str
    verb: str
    rest: str


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", TEXT, re.DOTALL)


def examples() -> list[Example]:
    found = []
    for line in filter(None, "".join(blocks("example")).splitlines()):
        match = LINE.fullmatch(line)
        assert match, f"no example line: {line}"
        if match[1] == "filter":
            text = match[2]
        else:
            found.append(Example(text, match[1], match[2]))
    return found


EVENTS = [example for example in examples() if example.verb != "refused"]
REFUSALS = [example for example in examples() if example.verb == "refused"]
VALUES = "".join(blocks("values")).splitlines()


@pytest.mark.parametrize("example", EVENTS, ids=lambda e: f"{e.filter} {e.verb} {e.rest}")
def test_example_passes_as_it_says(example: Example) -> None:
    """By the filter, by its explanation, and by the pattern that the matcher looks up before."""
    filter_, event, passes = parse_filter(example.filter), read_attributes(example.rest), example.verb == "yes"
    assert compile_filter(filter_)(event) is passes
    assert explain_filter(filter_, event).matched is passes
    [found] = compile_matcher([("rule", narrow(MATCHES_ALL, filter_))]).match([event])
    assert bool(found) or not passes


@pytest.mark.parametrize("example", REFUSALS, ids=lambda e: f"{e.filter} {e.rest}")
def test_example_is_refused_as_it_says(example: Example) -> None:
    """With those words in the reason."""
    with pytest.raises(InvalidFilter) as caught:
        parse_filter(example.filter)
    assert example.rest in caught.value.reason


@pytest.mark.parametrize("line", VALUES)
def test_expression_has_the_value_that_it_says(line: str) -> None:
    """And the error, if there is one; a value is written as a constant of the language."""
    match = VALUE.fullmatch(line)
    assert match, f"no line with a value: {line}"
    result = evaluate(parse_sql(match[1]), EVENT)
    expected = evaluate(parse_sql(match[2]), EVENT).value
    assert (type(result.value), result.value) == (type(expected), expected)
    assert [error.kind for error in result.errors] == ([match[3]] if match[3] else [])


def test_there_are_examples() -> None:
    """The blocks were found."""
    assert len(EVENTS) > 30
    assert len(REFUSALS) > 10
    assert len(VALUES) > 60


@pytest.mark.parametrize("dialect", ["exact", "prefix", "suffix", "all", "any", "not", "sql", "cesql"])
def test_every_dialect_is_in_the_table(dialect: str) -> None:
    """Each has a row."""
    assert re.search(rf'^\| `{{"{dialect}": ', TEXT, re.MULTILINE)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_is_in_the_table(function: str) -> None:
    """Each is described."""
    assert re.search(rf"^\| .*`{function}\(", TEXT, re.MULTILINE)


@pytest.mark.parametrize(
    ("what", "bound"),
    [("text of a filter", f"{filters.MAX_SIZE_BYTES // 2**20} MiB"), ("nesting of a filter", f"{filters.MAX_DEPTH} levels of JSON"),
     ("text of an expression", f"{MAX_SIZE:,} characters"), ("parentheses, calls and signs inside each other", f"{MAX_NESTING}"),
     ("levels of an expression's tree", f"{MAX_HEIGHT}"),
     ("a piece of a `LIKE` pattern between two `%` that has `_` in it", f"{MAX_MIDDLE} characters"),
     ("what `CONCAT` and `CONCAT_WS` put together", f"{MAX_TEXT:,} characters")],
)  # fmt: skip
def test_limits_are_those_of_the_code(what: str, bound: str) -> None:
    """Each row of the table."""
    assert f"| {what} | {bound} |" in TEXT
