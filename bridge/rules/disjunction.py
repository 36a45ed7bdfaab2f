"""When ``$or`` is an operator and when it is a field of that name.

It is an operator only if *every* ``$or`` of the pattern can be one: a list of at least two non-empty objects, inside
which no field carries the name of an operator, present or foreseen. Otherwise all of them are ordinary fields.
"""

from collections.abc import Iterator

from bridge.rules.jsontext import Json, Members

OR = "$or"
RESERVED = frozenset(
    {"exactly", "equals-ignore-case", "prefix", "suffix", "anything-but", "exists", "wildcard", "numeric", "cidr"}
    | {"=", "<", "<=", ">", ">=", "regex", "not-wildcard", "not-equals-ignore-case"}
    | {"date-after", "date-on-or-after", "date-before", "date-on-or-before", "in-date-range"}
    | {"ip-address-in-range", "ip-address-not-in-range"}
)


def why_field(root: Members) -> str | None:
    """Why ``$or`` is a field name in this pattern; None when it is an operator, or does not occur."""
    return next((why for value in _ors(root) if (why := _why_no_operator(value)) is not None), None)


def has_or(root: Members) -> bool:
    return next(_ors(root), _NONE) is not _NONE


_NONE = Members()


def _ors(members: Members) -> Iterator[Json]:
    """The value of every ``$or``, those inside the members of another included."""
    for name, value in members:
        if name == OR:
            yield value
        for part in _objects(name, value):
            yield from _ors(part)


def _objects(name: str, value: Json) -> list[Members]:
    """The objects below a member that hold fields: its value, or the members of an ``$or``."""
    if isinstance(value, Members):
        return [value]
    return [part for part in value if isinstance(part, Members)] if name == OR and isinstance(value, list) else []


def _why_no_operator(value: Json) -> str | None:
    if not isinstance(value, list):
        return "as an operator it takes a list"
    if len(value) < 2 or not all(isinstance(part, Members) and part for part in value):
        return "as an operator it takes a list of at least two objects, none of them empty"
    reserved = next((name for part in value if isinstance(part, Members) for name in _reserved(part)), None)
    return f"as an operator it may not have a field named `{reserved}` inside" if reserved is not None else None


def _reserved(members: Members) -> Iterator[str]:
    for name, value in members:
        if name in RESERVED:
            yield name
        for part in _objects(name, value):
            yield from _reserved(part)
