"""Which messages a subscription wants."""

import pytest

from bridge.rocketmq.records import StoredMessage
from bridge.testing.broker.filters import compile_filter
from bridge.testing.broker.log import Log
from bridge.testing.broker.requests import Refusal


def wanted(expression: str | None, kind: str | None, tag: str = "a", **properties: str) -> bool:
    tags = {"TAGS": tag} if tag else {}
    record = Log().append(StoredMessage("t", 0, 0, b"", {**tags, **properties}))
    return compile_filter(expression, kind)(record)


def test_tags_are_compared_by_hash() -> None:
    """So another tag with the same hash passes, and a message without a tag does not."""
    assert wanted("a || b", "TAG")
    assert wanted(" b||a ", None)
    assert not wanted("b", "TAG")
    assert wanted("Aa", "TAG", tag="BB")
    assert not wanted("a", "TAG", tag="")
    assert not wanted(" || ", "TAG")
    assert wanted("*", "TAG", tag="") is wanted(None, None) is wanted("", "TAG") is True


def test_sql_looks_at_properties() -> None:
    """Only what is certainly true passes."""
    assert wanted("n > 1", "SQL92", n="2")
    assert not wanted("n > 1", "SQL92")


def test_what_a_broker_does_not_understand_lets_everything_through() -> None:
    """An expression that does not parse, a type that nobody knows; an empty type is as a tag that never matches."""
    assert wanted("((", "SQL92")
    assert wanted("whatever", "XPATH")
    assert not wanted("a", "")
    assert wanted("*", "")


@pytest.mark.parametrize(("expression", "kind"), [("", "SQL92"), (None, "SQL92"), ("", "XPATH"), ("||", "TAG")])
def test_empty_expressions_are_refused(expression: str | None, kind: str) -> None:
    """With 23."""
    with pytest.raises(Refusal) as refused:
        compile_filter(expression, kind)
    assert refused.value.answer.code == 23
