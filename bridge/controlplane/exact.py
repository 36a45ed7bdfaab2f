"""JSON values with nothing lost (bridge.rules.jsontext): order, repeated names and every digit, to be checked and shown.

Definitions are compared in this form; ``dict`` and ``float`` would forget what matters to a pattern or a template.
"""

import json
from collections.abc import Collection, Iterator

from bridge.controlplane.paths import child
from bridge.errors import InvalidConfig
from bridge.rules.jsontext import Json, Members, read_json
from bridge.rules.numbers import Number

MAX_DEPTH = 100
"""Levels of nesting in a document; protobuf, which carries specs too, stops there as well."""


def parse_exact(text: bytes | str) -> Json:
    """JSON text into values. Raises InvalidConfig with line and column."""
    return read_json(text, depth=MAX_DEPTH, error=InvalidConfig)


def format_exact(value: Json) -> str:
    """Values into compact JSON text."""
    match value:
        case Number():
            return value.text
        case Members():
            return "{" + ",".join(f"{_quote(name)}:{format_exact(member)}" for name, member in value) + "}"
        case list():
            return "[" + ",".join(map(format_exact, value)) + "]"
        case str():
            return _quote(value)
        case _:
            return {None: "null", True: "true"}.get(value, "false")


_quote = json.JSONEncoder(ensure_ascii=False).encode


def check_names(value: Json, *, except_in: Collection[str] = ()) -> None:
    """Refuse names given twice, with their path; not below the paths in ``except_in``."""
    for path, name in _repeated(value, "$"):
        if not any(path.startswith(skipped) for skipped in except_in):
            raise InvalidConfig("this member is given twice", path=child(path, name))


def _repeated(value: Json, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Members):
        seen: set[str] = set()
        for name, member in value:
            if name in seen:
                yield path, name
            seen.add(name)
            if isinstance(member, (Members, list)):
                yield from _repeated(member, child(path, name))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            if isinstance(member, (Members, list)):
                yield from _repeated(member, f"{path}[{index}]")
