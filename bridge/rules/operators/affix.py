"""``prefix``, ``suffix`` and ``contains``: part of a string, case sensitive.

``{"prefix": {"equals-ignore-case": "a"}}`` and its suffix twin are parsed here and evaluated in ``ignore_case``.
"""

from bridge.rules.jsontext import Json, Members, Scalar
from bridge.rules.operators.base import ALIYUN, AWS, BOTH, Operator, Site, Unit, kind_of, parse_text, show
from bridge.rules.operators.ignore_case import PrefixIgnoreCase, SuffixIgnoreCase


class Prefix(Operator, frozen=True):
    """The string starts with ``text``; the empty text fits every string."""

    text: str

    def holds(self, value: Scalar) -> bool:
        return isinstance(value, str) and value.startswith(self.text)

    @property
    def wanted(self) -> str:
        return f"prefix {show(self.text)}"


class Suffix(Operator, frozen=True):
    """The string ends with ``text``; the empty text fits every string."""

    text: str

    def holds(self, value: Scalar) -> bool:
        return isinstance(value, str) and value.endswith(self.text)

    @property
    def wanted(self) -> str:
        return f"suffix {show(self.text)}"


class Contains(Operator, frozen=True):
    """The string has ``text`` somewhere in it."""

    text: str

    def holds(self, value: Scalar) -> bool:
        return isinstance(value, str) and self.text in value

    @property
    def wanted(self) -> str:
        return f"contains {show(self.text)}"


def _parse_prefix(argument: Json, at: Site) -> Operator:
    if isinstance(argument, Members):
        return PrefixIgnoreCase(_parse_ignore_case(argument, at, "prefix"))
    return Prefix(_parse_part(argument, at, "prefix"))


def _parse_suffix(argument: Json, at: Site) -> Operator:
    if isinstance(argument, Members):
        return SuffixIgnoreCase(_parse_ignore_case(argument, at, "suffix"))
    return Suffix(_parse_part(argument, at, "suffix"))


def _parse_part(argument: Json, at: Site, name: str) -> str:
    if not isinstance(argument, str):
        at.refuse(f'`{name}` takes a string or {{"equals-ignore-case": "…"}}, not {kind_of(argument)}')
    return argument


def _parse_ignore_case(argument: Members, at: Site, name: str) -> str:
    if len(argument) != 1 or argument[0][0] != "equals-ignore-case":
        at.refuse(f'`{name}` with an object takes exactly {{"equals-ignore-case": "…"}}')
    at.require(f"`equals-ignore-case` inside `{name}`", AWS)
    return parse_text(argument[0][1], at.member("equals-ignore-case"), "equals-ignore-case")


def _parse_contains(argument: Json, at: Site) -> Operator:
    text = parse_text(argument, at, "contains")
    if not text:
        at.refuse('`contains` takes a non-empty string; for any string at all write {"prefix": ""}')
    return Contains(text)


PREFIX = Unit("prefix", BOTH, _parse_prefix)
SUFFIX = Unit("suffix", BOTH, _parse_suffix)
CONTAINS = Unit("contains", ALIYUN, _parse_contains)
