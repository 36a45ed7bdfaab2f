"""``anything-but``: the field is there, and its value is none of these.

Values of another type satisfy it; an absent field does not. Over an array one differing element is enough, so it is
not the negation of the positive operator.
"""

from collections.abc import Callable

from bridge.rules.jsontext import Json, Members, Scalar
from bridge.rules.numbers import Number
from bridge.rules.operators.affix import Prefix, Suffix
from bridge.rules.operators.base import AWS, BOTH, Operator, Site, Unit, kind_of, parse_text
from bridge.rules.operators.exact import Equals, EqualsNumber
from bridge.rules.operators.ignore_case import EqualsIgnoreCase
from bridge.rules.operators.wildcard import parse_wildcard


class AnythingBut(Operator, frozen=True):
    """A leaf for which none of ``refused`` holds.

    All of ``refused`` are of one class: Equals (of strings), EqualsNumber, Prefix, Suffix, EqualsIgnoreCase or Wildcard.
    """

    refused: tuple[Operator, ...]

    def holds(self, value: Scalar) -> bool:
        return not any(operator.holds(value) for operator in self.refused)

    @property
    def wanted(self) -> str:
        return "anything but " + " or ".join(operator.wanted for operator in self.refused)


def _parse(argument: Json, at: Site) -> Operator:
    if isinstance(argument, Members):
        return AnythingBut(_parse_inner(argument, at))
    if not isinstance(argument, list):
        return AnythingBut((_parse_value(argument, at),))
    if not argument:
        at.refuse("`anything-but` takes a value or a list with at least one value")
    refused = tuple(_parse_value(value, at.element(index)) for index, value in enumerate(argument))
    if len({type(operator) for operator in refused}) > 1:
        at.refuse("a list in `anything-but` is all strings or all numbers")
    return AnythingBut(refused)


def _parse_value(value: Json, at: Site) -> Operator:
    if isinstance(value, str):
        return Equals(value)  # plain text: never read as an address
    if not isinstance(value, Number):
        at.refuse(f"`anything-but` takes strings or numbers, not {kind_of(value)}")
    if value.value is None:
        at.refuse(f"{value.text} is not exact as a double, so nothing compares with it")
    return EqualsNumber(value)


def _parse_inner(argument: Members, at: Site) -> tuple[Operator, ...]:
    if len(argument) != 1 or argument[0][0] not in INNER:
        known = ", ".join(f"`{name}`" for name in INNER)
        at.refuse(f"an object in `anything-but` has exactly one of {known}")
    name, value = argument[0]
    inside = at.member(name)
    if name != "prefix":
        at.require(f"`{name}` inside `anything-but`", AWS)
    if not isinstance(value, list):
        return (INNER[name](value, inside),)
    at.require(f"a list of `{name}` inside `anything-but`", AWS)
    if not value:
        inside.refuse(f"a list of `{name}` has at least one string")
    return tuple(INNER[name](text, inside.element(index)) for index, text in enumerate(value))


def _parse_prefix(argument: Json, at: Site) -> Operator:
    return Prefix(_parse_part(argument, at, "prefix"))


def _parse_suffix(argument: Json, at: Site) -> Operator:
    return Suffix(_parse_part(argument, at, "suffix"))


def _parse_part(argument: Json, at: Site, name: str) -> str:
    text = parse_text(argument, at, name)
    if not text:
        at.refuse(f"`{name}` inside `anything-but` takes a non-empty string: every string has the empty {name}")
    return text


def _parse_ignore_case(argument: Json, at: Site) -> Operator:
    return EqualsIgnoreCase(parse_text(argument, at, "equals-ignore-case"))


INNER: dict[str, Callable[[Json, Site], Operator]] = {
    "prefix": _parse_prefix,
    "suffix": _parse_suffix,
    "equals-ignore-case": _parse_ignore_case,
    "wildcard": parse_wildcard,
}
"""What may stand in an object: less than outside, and never empty affixes."""

ANYTHING_BUT = Unit("anything-but", BOTH, _parse)
