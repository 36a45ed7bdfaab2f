"""``equals-ignore-case``, alone and inside ``prefix`` and ``suffix``.

Works character by character on the pattern: each accepts itself, its lower-case and its upper-case mapping, which may
be several characters (``ß`` accepts ``SS``). So the relation is not symmetric, and ``casefold()`` answers differently.
"""

from functools import lru_cache

from bridge.rules.jsontext import Json, Scalar
from bridge.rules.operators.base import AWS, Operator, Site, Unit, parse_text, show


@lru_cache(maxsize=4096)
def spellings(character: str) -> tuple[str, ...]:
    """What one pattern character accepts, without repetition."""
    return tuple(dict.fromkeys((character, character.lower(), character.upper())))


def ends(text: str, value: str) -> set[int]:
    """Every position in ``value`` up to which it can be read as ``text`` from its start."""
    positions = {0}
    for character in text:
        accepted = spellings(character)
        positions = {p + len(s) for p in positions for s in accepted if value.startswith(s, p)}
        if not positions:
            break
    return positions


def starts(text: str, value: str) -> set[int]:
    """Every position in ``value`` from which it can be read as ``text`` to its end."""
    positions = {len(value)}
    for character in reversed(text):
        accepted = spellings(character)
        positions = {p - len(s) for p in positions for s in accepted if value.endswith(s, 0, p)}
        if not positions:
            break
    return positions


class EqualsIgnoreCase(Operator, frozen=True):
    """The whole string is a spelling of ``text``."""

    text: str

    def holds(self, value: Scalar) -> bool:
        return isinstance(value, str) and len(value) in ends(self.text, value)

    @property
    def wanted(self) -> str:
        return f"{show(self.text)} ignoring case"


class PrefixIgnoreCase(Operator, frozen=True):
    """The string starts with a spelling of ``text``."""

    text: str

    def holds(self, value: Scalar) -> bool:
        return isinstance(value, str) and bool(ends(self.text, value))

    @property
    def wanted(self) -> str:
        return f"prefix {show(self.text)} ignoring case"


class SuffixIgnoreCase(Operator, frozen=True):
    """The string ends with a spelling of ``text``."""

    text: str

    def holds(self, value: Scalar) -> bool:
        return isinstance(value, str) and bool(starts(self.text, value))

    @property
    def wanted(self) -> str:
        return f"suffix {show(self.text)} ignoring case"


def _parse(argument: Json, at: Site) -> Operator:
    return EqualsIgnoreCase(parse_text(argument, at, "equals-ignore-case"))


EQUALS_IGNORE_CASE = Unit("equals-ignore-case", AWS, _parse)
