"""Which messages a pull wants: by tag or by an SQL expression, with the gaps that a broker has.

An expression that does not parse lets every message through, and so does a type that nobody knows.
"""

from collections.abc import Callable

from bridge.rocketmq.codes import ResponseCode
from bridge.testing.broker.java import java_hash
from bridge.testing.broker.log import Record
from bridge.testing.broker.requests import Refusal
from bridge.testing.broker.sql import parse_sql

Wanted = Callable[[Record], bool]
SCANNED = 800
"""A filtered pull looks at so many entries, or as many as it asks for if that is more."""


def everything(_: Record) -> bool:
    return True


def nothing(_: Record) -> bool:
    return False


def compile_filter(expression: str | None, kind: str | None) -> Wanted:
    """The filter of a subscription. Refused with 23 where a broker refuses it."""
    if kind is None or kind == "TAG":
        return _by_tag(expression or "*")
    if not expression:
        raise Refusal(ResponseCode.SUBSCRIPTION_PARSE_FAILED, "parse the consumer's subscription failed")
    if not kind:
        return everything if expression == "*" else nothing
    return _by_sql(expression) if kind == "SQL92" else everything


def tags_of(expression: str) -> list[str]:
    """``a || b`` as its tags; none for ``*``."""
    return [] if expression == "*" else [tag.strip() for tag in expression.split("||") if tag.strip()]


def _by_tag(expression: str) -> Wanted:
    if expression == "*":
        return everything
    hashes = {java_hash(tag) for tag in tags_of(expression)}
    if not expression.replace("||", ""):
        raise Refusal(ResponseCode.SUBSCRIPTION_PARSE_FAILED, "parse the consumer's subscription failed")
    return lambda record: record.tag_hash in hashes


def _by_sql(expression: str) -> Wanted:
    holds = parse_sql(expression)
    if holds is None:
        return everything
    return lambda record: holds(record.message.properties) is True
