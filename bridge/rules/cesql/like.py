"""Patterns of LIKE: ``%`` any characters, ``_`` one, a backslash before either takes it literally; case counts.

No backtracking: what stands before the first ``%`` and after the last is compared in place, each piece between is
looked for behind the one before. The first place where a piece fits is always good enough, since ``%`` takes the rest.
"""

import re
from collections.abc import Callable
from operator import methodcaller
from typing import NamedTuple

from bridge.errors import InvalidFilter

Fits = Callable[[str], bool]
MAX_MIDDLE = 100
"""Characters of a piece with ``_`` between two ``%``: it is looked for at each place of the text, character by character."""
_PART = re.compile(r"\\[%_]|.", re.DOTALL)


class Piece(NamedTuple):
    """Text between ``%``. ``gaps`` are the places of ``_``; the text has an underscore there."""

    text: str
    gaps: frozenset[int]


def parse_like(pattern: str) -> tuple[Piece, ...]:
    """The pieces, at least one; the first and the last are fixed to the ends. Raises InvalidFilter."""
    pieces = [_Writer()]
    for part in _PART.findall(pattern):
        if part == "%":
            pieces.append(_Writer())
        else:
            pieces[-1].add(part[-1], gap=part == "_")
    middle = [piece.piece() for piece in pieces[1:-1] if piece.text]
    for piece in middle:
        if piece.gaps and len(piece.text) > MAX_MIDDLE:
            raise InvalidFilter(
                f"a piece of a LIKE pattern between two % that has _ in it is at most {MAX_MIDDLE} long"
            )
    ends = [piece.piece() for piece in ((pieces[0], pieces[-1]) if len(pieces) > 1 else pieces[:1])]
    return (ends[0], *middle, *ends[1:])


class _Writer:
    def __init__(self) -> None:
        self.text: list[str] = []
        self._gaps: list[int] = []

    def add(self, character: str, *, gap: bool) -> None:
        if gap:
            self._gaps.append(len(self.text))
        self.text.append(character)

    def piece(self) -> Piece:
        return Piece("".join(self.text), frozenset(self._gaps))


def compile_like(pattern: str) -> Fits:
    """Whether a text fits."""
    pieces = parse_like(pattern)
    if len(pieces) == 1:
        return _whole(pieces[0])
    first, *middle, last = pieces
    if not middle and not last.text and not first.gaps:
        return methodcaller("startswith", first.text)
    if not middle and not first.text and not last.gaps:
        return methodcaller("endswith", last.text)
    if not first.text and not last.text and len(middle) == 1 and not middle[0].gaps:
        return methodcaller("__contains__", middle[0].text)
    return _several(first, middle, last)


def _whole(piece: Piece) -> Fits:
    if not piece.gaps:
        return methodcaller("__eq__", piece.text)
    expression = _expression(piece)
    return lambda text: expression.fullmatch(text) is not None


def _several(first: Piece, middle: list[Piece], last: Piece) -> Fits:
    starts, ends = _at(first), _at(last)
    finders = [(_find(piece), len(piece.text)) for piece in middle]
    least = sum(len(piece.text) for piece in (first, *middle, last))
    before, behind = len(first.text), len(last.text)

    def fits(text: str) -> bool:
        end = len(text) - behind
        if len(text) < least or not starts(text, 0) or not ends(text, end):
            return False
        position = before
        for find, size in finders:
            position = find(text, position, end)
            if position < 0:
                return False
            position += size
        return True

    return fits


def _at(piece: Piece) -> Callable[[str, int], bool]:
    """Whether a piece stands at a place."""
    if not piece.gaps:
        wanted = piece.text
        return lambda text, position: text.startswith(wanted, position)
    expression = _expression(piece)
    return lambda text, position: expression.match(text, position) is not None


def _find(piece: Piece) -> Callable[[str, int, int], int]:
    """Where a piece stands first, from a place to an end; -1 when nowhere."""
    if not piece.gaps:
        wanted = piece.text
        return lambda text, position, end: text.find(wanted, position, end)
    expression = _expression(piece)

    def find(text: str, position: int, end: int) -> int:
        found = expression.search(text, position, end)
        return found.start() if found else -1

    return find


def _expression(piece: Piece) -> re.Pattern[str]:
    """Of fixed length, without repetition: it cannot backtrack."""
    parts = ("." if index in piece.gaps else re.escape(character) for index, character in enumerate(piece.text))
    return re.compile("".join(parts), re.DOTALL)
