"""What an operator is: a frozen struct that says whether one scalar satisfies it, and what it wants in words.

An operator's module holds the struct with ``holds``, the function that parses its argument, and its row of the table
(``bridge.rules.operators.table``): name, dialects, parser.
"""

import re
from collections.abc import Callable
from typing import NamedTuple, NoReturn

import msgspec

from bridge.errors import InvalidPattern
from bridge.model.rule import Dialect
from bridge.rules.jsontext import Json, Members, Scalar
from bridge.rules.numbers import Number

BOTH: frozenset[Dialect] = frozenset({"bridge", "aws", "aliyun"})
AWS: frozenset[Dialect] = frozenset({"bridge", "aws"})
ALIYUN: frozenset[Dialect] = frozenset({"bridge", "aliyun"})


_SHORT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Operator(msgspec.Struct, frozen=True):
    """One alternative of a field; subclasses are the whole vocabulary."""

    def holds(self, value: Scalar) -> bool:
        """Whether one leaf of an event satisfies it."""
        raise NotImplementedError

    @property
    def wanted(self) -> str:
        """What it asks for, to stand behind "pattern wants"."""
        raise NotImplementedError


class Site(NamedTuple):
    """Where a parser stands: the dialect, and the JSONPath of the value it reads."""

    dialect: Dialect
    path: str

    def refuse(self, reason: str) -> NoReturn:
        raise InvalidPattern(reason, path=self.path)

    def member(self, name: str) -> "Site":
        return self._replace(path=member_path(self.path, name))

    def element(self, index: int) -> "Site":
        return self._replace(path=f"{self.path}[{index}]")

    def require(self, name: str, dialects: frozenset[Dialect]) -> None:
        """Refuse what belongs to another dialect, by its name."""
        if self.dialect not in dialects:
            others = " and ".join(sorted(dialects))
            self.refuse(f"{name} is not part of the {self.dialect} dialect (it is of {others})")


class Unit(NamedTuple):
    """An operator's row in the table."""

    name: str
    dialects: frozenset[Dialect]
    parse: Callable[[Json, Site], Operator]


def member_path(path: str, name: str) -> str:
    """The JSONPath (RFC 9535) of a member: ``$.a.b`` where that is legal, ``$['a.b']`` elsewhere."""
    if _SHORT.fullmatch(name):
        return f"{path}.{name}"
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"{path}['{quoted}']"


def parse_text(argument: Json, at: Site, name: str) -> str:
    """The argument of an operator that takes a string and nothing else."""
    if not isinstance(argument, str):
        at.refuse(f"`{name}` takes a string, not {kind_of(argument)}")
    return argument


def kind_of(value: Json) -> str:
    """The kind of a JSON value, in words."""
    if isinstance(value, str):
        return "a string"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, Number):
        return "a number"
    if isinstance(value, Members):
        return "an object"
    return "null" if value is None else "a list"


def show(value: Scalar) -> str:
    """A scalar as JSON text, as it would be written."""
    return value.text if isinstance(value, Number) else msgspec.json.encode(value).decode()
