"""Functions made of generated lines. Lines that occur again are compiled once: what differs is passed in by name.

Nothing of a pattern gets into the source but names, quoted as Python does.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from msgspec import UNSET, UnsetType

from bridge.rules.matching.layout import SCALARS
from bridge.rules.matching.sides import as_text

MEMO_SIZE = 4096
MEMO_TEXT = 200
"""A longer string is not kept: few of them repeat, and the room they take is bounded."""
MAX_TERMS = 32
"""Factors of one expression; the compiler follows an expression to its depth."""
DEAR = 2
"""Terms of that cost are evaluated only where a branch still depends on them."""

_GLOBALS = {"U": UNSET, "Z": {}, "BS": b"\\", "KEYS": SCALARS | {UnsetType}, "B": bisect_right, "as_text": as_text}


class Memo(dict[Any, Any]):
    """A bounded cache of a function: what it has not seen, it computes; when full, it starts again."""

    __slots__ = ("find", "misses")

    def __init__(self, find: Callable[[Any], Any]) -> None:
        super().__init__()
        self.find = find
        self.misses = 0

    def __missing__(self, key: Any) -> Any:
        self.misses += 1
        found = self.find(key)
        if key.__class__ is not str or len(key) <= MEMO_TEXT:
            if len(self) >= MEMO_SIZE:
                self.clear()
            self[key] = found
        return found


class Term(NamedTuple):
    """One factor of a mask: code for it, what the names in the code stand for."""

    code: str
    values: dict[str, Any]
    cost: int
    named: int
    """The bits of the branches that the factor can take away."""
    in_data: bool = False
    """Whether the code needs the decoded data of an event, as ``d``."""


class Code:
    """Lines of a function, and what the names in them stand for."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.values: dict[str, Any] = {}

    def masks(self, terms: Iterable[Term], every: int) -> None:
        """Leave in ``m`` what the terms leave of ``every``.

        Fields of an event's data come last: it is decoded only if a branch that names one is left.
        """
        found = sorted(terms, key=lambda one: one.cost)
        outside = [one for one in found if not one.in_data]
        inside = [one for one in found if one.in_data]
        for one in found:
            self.values |= one.values
        started = self._part(outside, 0)
        if not inside:
            if not started:
                self.lines.append(f"m = {self.bind('E', every)}")
            return
        indent = ""
        if started:
            self.lines.append(f"if m & {self.bind('G', joined(one.named for one in inside))}:")
            indent = "  "
        self.lines.append(f"{indent}d = get(e)")
        self._part(inside, joined(one.named for one in outside), indent, started=started)

    def _part(self, terms: Sequence[Term], decided: int, indent: str = "", *, started: bool = False) -> bool:
        """Lines for some terms; ``decided``: bits that earlier ones may have taken. Whether ``m`` has a value then.

        A term is guarded where that can spare it: if earlier terms can take every bit that it can.
        """
        plain: list[str] = []
        for one in terms:
            if one.cost >= DEAR and not one.named & ~decided:
                started = self._flush(plain, indent, started=started)
                self.lines.append(f"{indent}if m & {self.bind('G', one.named)}: m &= {one.code}")
            else:
                plain.append(one.code)
            decided |= one.named
        return self._flush(plain, indent, started=started)

    def _flush(self, plain: list[str], indent: str, *, started: bool) -> bool:
        """Lines for terms without a guard, which are taken off the list. Whether ``m`` has a value then."""
        while plain:
            self.lines.append(f"{indent}m {'&' * started}= {' & '.join(plain[:MAX_TERMS])}")
            del plain[:MAX_TERMS]
            started = True
        return started

    def bind(self, letter: str, value: Any) -> str:
        """A new name for a value."""
        name = f"{letter}_{len(self.values)}"
        self.values[name] = value
        return name

    def function(self, name: str, parameters: str, values: Mapping[str, Any]) -> Callable[..., Any]:
        """The lines as the body of a function."""
        everything = {**self.values, **values}
        body = "\n".join(f"    {line}" for line in self.lines)
        source = f"def make({', '.join(everything)}):\n  def {name}({parameters}):\n{body}\n  return {name}\n"
        made: Callable[..., Any] = _make(source)(**everything)
        return made


def joined(masks: Iterable[int]) -> int:
    found = 0
    for mask in masks:
        found |= mask
    return found


def bits_of(mask: int) -> list[int]:
    """The numbers of the bits that are set, ascending."""
    text = bin(mask)[:1:-1]
    found, at = [], text.find("1")
    while at >= 0:
        found.append(at)
        at = text.find("1", at + 1)
    return found


@lru_cache(maxsize=1024)
def _make(source: str) -> Callable[..., Any]:
    scope: dict[str, Any] = dict(_GLOBALS)
    exec(compile(source, "<matcher>", "exec"), scope)  # noqa: S102 - our own code, see the module's docstring
    made: Callable[..., Any] = scope["make"]
    return made
