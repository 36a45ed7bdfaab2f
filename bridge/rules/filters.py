"""Filters: the dialects of the CloudEvents Subscriptions API (section 3.2.4), a second way to say which events pass.

``exact``, ``prefix`` and ``suffix`` look at attributes, ``all``, ``any`` and ``not`` join other filters, ``sql`` is
CloudEvents SQL (Knative's name for it, ``cesql``, means the same). Only attributes are seen, never data.
``docs/filters.md`` is the specification.
"""

import operator
import re
from collections.abc import Callable
from difflib import get_close_matches
from typing import Literal, NoReturn, TypeAlias

import msgspec

from bridge.errors import InvalidFilter
from bridge.model.event import Event
from bridge.rules.cesql.evaluator import compile_sql
from bridge.rules.cesql.joining import conjunction, disjunction
from bridge.rules.cesql.parser import parse_sql
from bridge.rules.cesql.tree import Expression
from bridge.rules.cesql.values import to_text
from bridge.rules.jsontext import Json, Members, read_json
from bridge.rules.operators.affix import Prefix, Suffix
from bridge.rules.operators.base import kind_of, member_path
from bridge.rules.operators.exact import Equals

MAX_SIZE_BYTES = 1024 * 1024
MAX_DEPTH = 100
"""Levels of JSON."""
_NAME = re.compile(r"[a-z0-9]+")

Passes: TypeAlias = Callable[[Event], bool]
Comparison: TypeAlias = Literal["exact", "prefix", "suffix"]


class Filter(msgspec.Struct, frozen=True):
    """One of the dialects; subclasses are the whole vocabulary."""


class Compare(Filter, frozen=True):
    """Every named attribute is there, and its text is, starts with or ends with the given one; case counts."""

    how: Comparison
    attributes: tuple[tuple[str, str], ...]
    origin: str
    """The JSONPath of the object of attributes, in the filter."""


class AllOf(Filter, frozen=True):
    """Every filter lets the event pass. The empty one lets all events pass: it stands for no filter."""

    filters: tuple[Filter, ...]


class AnyOf(Filter, frozen=True):
    filters: tuple[Filter, ...]


class NotOf(Filter, frozen=True):
    filter: Filter


class Sql(Filter, frozen=True):
    expression: Expression
    origin: str
    """The JSONPath of the expression, in the filter."""


PASSES_ALL = AllOf(())


def parse_filter(text: bytes | str) -> Filter:
    """Read a filter, or a list of filters that must all pass; the empty list lets every event pass.

    Raises InvalidFilter with the JSONPath of the bad part.
    """
    if len(text) > MAX_SIZE_BYTES:
        raise InvalidFilter(f"longer than {MAX_SIZE_BYTES} bytes")
    root = read_json(text, depth=MAX_DEPTH, error=InvalidFilter)
    if isinstance(root, list):
        return AllOf(tuple(_parse(value, f"$[{index}]") for index, value in enumerate(root)))
    return _parse(root, "$")


def _parse(value: Json, path: str) -> Filter:
    if not isinstance(value, Members):
        _refuse(f"a filter is an object with one member, not {kind_of(value)}", path)
    if len(value) != 1:
        found = ", ".join(name for name, _ in value) or "none"
        _refuse(f"a filter has exactly one member (here: {found}); several filters are a list, or go into `all`", path)
    name, argument = value[0]
    inside = member_path(path, name)
    parse = _DIALECTS.get(name)
    if parse is None:
        _refuse(_unknown(name), inside)
    return parse(argument, inside)


def _unknown(name: str) -> str:
    close = get_close_matches(name.lower(), _DIALECTS, n=1)
    hint = "did you mean exact?" if name == "attributes" else f"did you mean {close[0]}?" if close else ""
    return f"there is no filter of this name; {hint or 'known: ' + ', '.join(_DIALECTS)}"


def _parse_compare(how: Comparison, value: Json, path: str) -> Filter:
    if not isinstance(value, Members) or not value:
        _refuse(f'`{how}` takes an object of attributes and text, such as {{"type": "light.changed"}}', path)
    seen: set[str] = set()
    for name, wanted in value:
        _check_attribute(name, wanted, member_path(path, name))
        if name in seen:
            _refuse("this attribute is given twice", member_path(path, name))
        seen.add(name)
    return Compare(how, tuple((name, str(wanted)) for name, wanted in value), path)


def _check_attribute(name: str, wanted: Json, path: str) -> None:
    if _NAME.fullmatch(name) is None:
        _refuse("names of attributes are lower-case letters and digits; for fields of the data use `pattern`", path)
    if not isinstance(wanted, str):
        _refuse(f"takes a string, not {kind_of(wanted)}; attributes are compared as text", path)
    if not wanted:
        _refuse("takes a string that is not empty", path)


def _parse_each(name: str, value: Json, path: str) -> tuple[Filter, ...]:
    if not isinstance(value, list) or not value:
        _refuse(f"`{name}` takes a list of at least one filter", path)
    return tuple(_parse(part, f"{path}[{index}]") for index, part in enumerate(value))


def _parse_sql(value: Json, path: str) -> Filter:
    if not isinstance(value, str):
        _refuse(f"takes an expression as a string, not {kind_of(value)}", path)
    try:
        return Sql(parse_sql(value), path)
    except InvalidFilter as error:
        raise error.under(path) from error.__cause__


_DIALECTS: dict[str, Callable[[Json, str], Filter]] = {
    "exact": lambda value, path: _parse_compare("exact", value, path),
    "prefix": lambda value, path: _parse_compare("prefix", value, path),
    "suffix": lambda value, path: _parse_compare("suffix", value, path),
    "all": lambda value, path: AllOf(_parse_each("all", value, path)),
    "any": lambda value, path: AnyOf(_parse_each("any", value, path)),
    "not": lambda value, path: NotOf(_parse(value, path)),
    "sql": _parse_sql,
    "cesql": _parse_sql,
}


def _refuse(reason: str, path: str) -> NoReturn:
    raise InvalidFilter(reason, path=path)


_TESTS: dict[Comparison, Callable[[str, str], bool]] = {
    "exact": operator.eq,
    "prefix": str.startswith,
    "suffix": str.endswith,
}
OPERATORS: dict[Comparison, type[Equals | Prefix | Suffix]] = {"exact": Equals, "prefix": Prefix, "suffix": Suffix}
"""The operators of patterns that ask the same of an attribute that is text."""


def compile_filter(filter_: Filter) -> Passes:
    """Whether an event passes. Never raises."""
    match filter_:
        case Compare():
            return conjunction([_compile_compare(filter_.how, name, wanted) for name, wanted in filter_.attributes])
        case AllOf():
            return conjunction([compile_filter(part) for part in filter_.filters])
        case AnyOf():
            return disjunction([compile_filter(part) for part in filter_.filters])
        case NotOf():
            inner = compile_filter(filter_.filter)
            return lambda event: not inner(event)
        case Sql():
            return compile_sql(filter_.expression)
    raise NotImplementedError(filter_)


def _compile_compare(how: Comparison, name: str, wanted: str) -> Passes:
    get, test = text_of(name), _TESTS[how]

    def passes(event: Event) -> bool:
        text = get(event)
        return text is not None and test(text, wanted)

    return passes


def text_of(name: str) -> Callable[[Event], str | None]:
    """Gets an attribute in its canonical text form (CloudEvents, section 3.1); None where it is absent."""
    if name in {"id", "source", "type"}:
        return operator.attrgetter(name)
    if name == "specversion":
        return lambda _: "1.0"

    def get(event: Event) -> str | None:
        value = event.attributes.get(name)
        return value if type(value) is str or value is None else to_text(value)

    return get
