"""What is legal in a filter and still looks like a mistake: the same remarks as for a pattern, and those about SQL."""

from collections.abc import Iterator

from bridge.rules.cesql.remarks import remarks
from bridge.rules.cesql.tree import Attribute, Exists, walk
from bridge.rules.filters import OPERATORS, AllOf, AnyOf, Compare, Filter, NotOf, Sql
from bridge.rules.lint import Remark, lint
from bridge.rules.operators.base import Operator, member_path
from bridge.rules.operators.exists import Exists as Present
from bridge.rules.pattern import Branch, Field, Pattern


def lint_filter(filter_: Filter) -> list[Remark]:
    """Warnings about a legal filter, none of them twice."""
    return list(dict.fromkeys(_remarks(filter_)))


def _remarks(filter_: Filter) -> Iterator[Remark]:
    match filter_:
        case Compare():
            for name, wanted in filter_.attributes:
                path = member_path(filter_.origin, name)
                yield from _about(name, path, OPERATORS[filter_.how](wanted))
        case AllOf() | AnyOf():
            for part in filter_.filters:
                yield from _remarks(part)
        case NotOf():
            yield from _remarks(filter_.filter)
        case Sql():
            yield from (Remark(filter_.origin, reason) for reason in remarks(filter_.expression))
            for node in walk(filter_.expression.root):
                if isinstance(node, Attribute | Exists) and node.name != "data":
                    yield from _about(node.name, filter_.origin, Present())


def _about(name: str, path: str, operator: Operator) -> Iterator[Remark]:
    """What the lint of patterns says about this one field."""
    if name == "data":
        yield Remark(path, "`data` is no attribute, and filters see attributes only; for the data use `pattern`")
        return
    pattern = Pattern((Branch((Field(name, (operator,), path),)),))
    yield from (remark._replace(path=path) for remark in lint(pattern) if remark.path != "$")
