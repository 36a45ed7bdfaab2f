"""Pattern text into the tree that matchers work on.

A pattern is a disjunction of branches (one, without ``$or``); a branch is a conjunction of fields; a field is a path
and a list of alternatives, each one an operator. ``docs/patterns.md`` is the specification.
"""

from typing import cast

import msgspec

from bridge.errors import InvalidPattern
from bridge.model.rule import Dialect
from bridge.rules.disjunction import OR, has_or, why_field
from bridge.rules.jsontext import Json, Members, read_json
from bridge.rules.operators.base import AWS, Operator, Site, kind_of, show
from bridge.rules.operators.exact import parse_scalar
from bridge.rules.operators.table import parse_operators

MAX_SIZE_BYTES = 1024 * 1024
MAX_DEPTH = 100
MAX_BRANCHES = 1_000
MAX_FIELDS = 100_000
"""Over all branches together: a field outside ``$or`` counts once for each branch."""
MAX_PATH_LENGTH = 10_000
"""Characters of the names that lead to a field, joined."""
MAX_PATHS_LENGTH = 2**24
"""Of all fields together: a long name around many fields would count for each."""
MAX_ALIYUN_EXPRESSIONS = 5
_MANY = 10**15
"""Counts stop here: a megabyte of ``$or`` would multiply to thousands of digits."""


class Field(msgspec.Struct, frozen=True):
    """One field of a branch. Paths join names by a dot: ``{"a": {"b": …}}`` and ``{"a.b": …}`` are the same."""

    path: str
    alternatives: tuple[Operator, ...]
    origin: str
    """The JSONPath of the list of alternatives, in the pattern."""


class Branch(msgspec.Struct, frozen=True):
    """All fields must match, in elements of arrays that do not contradict each other.

    ``fields`` has each path once, in the order in which choices are made (UTF-16 code units). None: matches any event.
    """

    fields: tuple[Field, ...]


class Pattern(msgspec.Struct, frozen=True):
    """Matches when one of its branches does. There is at least one."""

    branches: tuple[Branch, ...]
    unused: tuple[str, ...] = ()
    """Origins of fields that count in no branch, since a later one of the same path replaces them."""


def parse_pattern(text: bytes | str, dialect: Dialect = "bridge") -> Pattern:
    """Read a pattern; empty text and ``{}`` match every event in the bridge dialect.

    Raises InvalidPattern with the JSONPath of the bad part and what would have been right.
    """
    if len(text) > MAX_SIZE_BYTES or (isinstance(text, str) and len(text.encode(errors="replace")) > MAX_SIZE_BYTES):
        raise InvalidPattern(f"longer than {MAX_SIZE_BYTES} bytes")
    if dialect == "bridge" and not text.strip():
        return MATCHES_ALL
    root = read_json(text, depth=MAX_DEPTH, error=InvalidPattern)
    at = Site(dialect, "$")
    if not isinstance(root, Members):
        at.refuse(f"a pattern is a JSON object, not {kind_of(root)}")
    if not root and dialect != "aws":
        return MATCHES_ALL
    return _Reader(root, dialect).read()


class _Reader:
    """One reading of a pattern: with ``$or`` as an operator where it can be one, else as a field of that name."""

    def __init__(self, root: Members, dialect: Dialect) -> None:
        self.root = root
        self.at = Site(dialect, "$")
        self.why_field = why_field(root)
        self.fields: list[Field] = []
        self.paths_length = 0

    def read(self) -> Pattern:
        if self.why_field is None and has_or(self.root):
            self.at.require(f"`{OR}`", AWS)
        try:
            self._check_size()
            expanded = self._expand(self.root, "", self.at, [{}])
        except InvalidPattern as error:
            if self.why_field is None or OR not in (error.path or ""):
                raise
            reason = f"`{OR}` is read as a field name ({self.why_field}), and then {error.reason}"
            raise InvalidPattern(reason, path=error.path) from error
        used = {id(field) for fields in expanded for field in fields.values()}
        unused = tuple(field.origin for field in self.fields if id(field) not in used)
        return Pattern(tuple(_branch(fields) for fields in expanded), unused)

    def _is_or(self, name: str) -> bool:
        return name == OR and self.why_field is None

    def _check_size(self) -> None:
        branches, fields = self._measure(self.root)
        if branches > MAX_BRANCHES:
            self.at.refuse(f"`$or` multiplies to {_count(branches)} branches; {MAX_BRANCHES:,} are allowed")
        if fields > MAX_FIELDS:
            self.at.refuse(f"the pattern has {_count(fields)} fields over all branches; {MAX_FIELDS:,} are allowed")

    def _measure(self, members: Members) -> tuple[int, int]:
        """How many branches an object stands for, and how many fields these have in all; without expanding it."""
        branches, fields = 1, 0
        for name, value in members:
            if self._is_or(name):
                parts = [self._measure(part) for part in cast("list[Members]", value)]
                more, inside = sum(b for b, _ in parts), sum(f for _, f in parts)
            else:
                more, inside = self._measure(value) if isinstance(value, Members) else (1, 1)
            branches, fields = min(branches * more, _MANY), min(fields * more + inside * branches, _MANY)
        return branches, fields

    def _check_path(self, length: int, at: Site) -> None:
        self.paths_length += length
        if length > MAX_PATH_LENGTH:
            at.refuse(f"the names that lead to a field have at most {MAX_PATH_LENGTH:,} characters, not {length:,}")
        if self.paths_length > MAX_PATHS_LENGTH:
            at.refuse(f"the names that lead to all fields have more than {MAX_PATHS_LENGTH:,} characters")

    def _expand(
        self, members: Members, prefix: str, at: Site, branches: list[dict[str, Field]]
    ) -> list[dict[str, Field]]:
        """Every branch so far, extended by an object's members in document order: the last writer of a path wins."""
        if not members:
            at.refuse("an object in a pattern names at least one field")
        for name, value in members:
            self._check_path(len(prefix) + len(name), at)
            inside = at.member(name)
            if self._is_or(name):
                branches = [
                    branch
                    for index, part in enumerate(cast("list[Members]", value))
                    for branch in self._expand(part, prefix, inside.element(index), [dict(b) for b in branches])
                ]
            elif isinstance(value, Members):
                branches = self._expand(value, f"{prefix}{name}.", inside, branches)
            else:
                path = prefix + name
                field = Field(path, _parse_alternatives(value, inside), inside.path)
                self.fields.append(field)
                for branch in branches:
                    branch[path] = field
        return branches


def _branch(fields: dict[str, Field]) -> Branch:
    return Branch(tuple(sorted(fields.values(), key=lambda field: field.path.encode("utf-16-be"))))


def _parse_alternatives(value: Json, at: Site) -> tuple[Operator, ...]:
    if not isinstance(value, list):
        at.refuse(f"a field has a list of alternatives, not {kind_of(value)}: write {_example(value)}")
    if not value:
        at.refuse('the list of alternatives is empty: write ["a"], or [{"exists": true}] for any value')
    if at.dialect == "aliyun" and sum(isinstance(item, Members) for item in value) > MAX_ALIYUN_EXPRESSIONS:
        at.refuse(f"the aliyun dialect takes at most {MAX_ALIYUN_EXPRESSIONS} operator objects for one field")
    return tuple(_parse_alternative(item, at.element(index)) for index, item in enumerate(value))


def _parse_alternative(value: Json, at: Site) -> Operator:
    if isinstance(value, Members):
        return parse_operators(value, at)
    if isinstance(value, list):
        at.refuse("a list inside a list of alternatives: write its values side by side")
    return parse_scalar(value, at)


def _example(value: Json) -> str:
    return "[" + ("null" if isinstance(value, Members | list) else show(value)) + "]"


def _count(number: int) -> str:
    return f"{number:,}" if number < _MANY else f"more than {_MANY:,}"


MATCHES_ALL = Pattern((Branch(()),))
