r"""``wildcard``: ``*`` stands for any sequence of characters; ``\*`` and ``\\`` are the literal star and backslash."""

import re

from bridge.rules.jsontext import Json, Scalar
from bridge.rules.operators.base import AWS, Operator, Site, Unit, parse_text, show

MAX_STARS = 64
"""Stars in one wildcard, at most. Matching is linear in each, so this is a bound on nonsense, not on cost."""

_TOKEN = re.compile(r"\\(?P<escaped>[*\\])|(?P<star>\*)|(?P<bad>\\)|(?P<literal>[^*\\]+)")


class Wildcard(Operator, frozen=True):
    """The string is ``pieces``, in order, with anything between two of them. One piece: no star, the whole string."""

    text: str
    """As written."""
    pieces: tuple[str, ...]

    def holds(self, value: Scalar) -> bool:
        """The first piece at the start, the last at the end, each other at its earliest place in between.

        The earliest place leaves the most room for the rest, so nothing has to be tried twice.
        """
        if not isinstance(value, str):
            return False
        first, *middle, last = self.pieces if len(self.pieces) > 1 else (*self.pieces, None)
        if last is None:
            return value == first
        start, end = len(first or ""), len(value) - len(last)
        if start > end or not value.startswith(first or "") or not value.endswith(last):
            return False
        for piece in middle:
            found = value.find(piece or "", start, end)
            if found < 0:
                return False
            start = found + len(piece or "")
        return True

    @property
    def wanted(self) -> str:
        return f"wildcard {show(self.text)}"


def parse_wildcard(argument: Json, at: Site) -> Wildcard:
    text = parse_text(argument, at, "wildcard")
    pieces = [""]
    starred = False
    for token in _TOKEN.finditer(text):
        if token["bad"]:
            at.refuse(r"a backslash in a wildcard stands before `*` or `\` only: write `\\` for a backslash itself")
        if token["star"]:
            if starred:
                at.refuse(r"two stars in a row mean no more than one: write `*`, or `\*` for a star itself")
            pieces.append("")
        else:
            pieces[-1] += token["escaped"] or token["literal"]
        starred = token["star"] is not None
    if len(pieces) > MAX_STARS + 1:
        at.refuse(f"a wildcard has at most {MAX_STARS} stars, not {len(pieces) - 1}")
    return Wildcard(text, tuple(pieces))


WILDCARD = Unit("wildcard", AWS, parse_wildcard)
