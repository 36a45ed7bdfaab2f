"""A definition (Bus, Rule ...) is a resource: one shape, one set of operations, one optimistic lock."""

import re
from typing import Any, NamedTuple

import msgspec

from bridge.errors import InvalidConfig

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,126}")
NAME_RULE = "1 to 127 letters, digits, `_` and `-`, the first a letter or digit"


class Ref(NamedTuple):
    """What names a resource. ``bus`` is empty for kinds that stand beside buses, a Bus itself included."""

    kind: str
    bus: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.bus}/{self.name}" if self.bus else f"{self.kind} {self.name}"


class Resource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One definition. ``spec`` is JSON text as its author wrote it, defaults not filled in.

    ``revision`` (1, 2, ...), ``created``, ``updated`` (seconds since the epoch) and ``status`` are written by the
    server; revision 0 means not stored yet.
    """

    kind: str
    name: str
    bus: str = ""
    description: str = ""
    labels: dict[str, str] = {}
    spec: msgspec.Raw = msgspec.Raw(b"{}")
    revision: int = 0
    created: float = 0.0
    updated: float = 0.0
    status: dict[str, Any] = {}

    @property
    def ref(self) -> Ref:
        return Ref(self.kind, self.bus, self.name)


def check_name(name: str, path: str) -> None:
    if NAME.fullmatch(name) is None:
        raise InvalidConfig(f"{name!r} is not a name: {NAME_RULE}", path=path)
