"""One string, many operators: the bits of all that it satisfies, without asking each.

Equal strings and prefixes are ranges of strings, suffixes ranges of reversed ones, addresses ranges of numbers, ASCII
text that ignores case a look-up in lower case. Wildcards and the like are asked one by one, but only those whose first
and last piece fit, which the same two searches tell.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bridge.rules.matching.generate import Code, bits_of
from bridge.rules.matching.intervals import Intervals, side_by_side, text_range
from bridge.rules.operators.addresses import parse_address
from bridge.rules.operators.affix import Prefix, Suffix
from bridge.rules.operators.base import Operator
from bridge.rules.operators.cidr import Cidr
from bridge.rules.operators.exact import Equals, EqualsAddress
from bridge.rules.operators.ignore_case import EqualsIgnoreCase, PrefixIgnoreCase, SuffixIgnoreCase
from bridge.rules.operators.table import AllOf
from bridge.rules.operators.wildcard import Wildcard

Find = Callable[[str], int]
Bits = list[tuple[Operator, int]]

MAX_RANGES = 256
"""So many equal strings are made ranges, where ranges are searched anyway; more stay in a dict."""

_HEAD = re.compile(r"[\x00-\x7f]*")
_OCTETS = {str(number): number for number in range(256)}


class TextTable:
    """``find`` gives ``default``, less the bits of refused operators that hold, plus those of accepted ones.

    ``exact``: the strings that differ from ``default``, where nothing but equality is asked; else None. ``ranges``
    (``reversed``: of reversed strings): the same as ``find`` by one search, where that is enough; else None.
    """

    __slots__ = ("exact", "find", "ranges", "reversed")

    def __init__(self, default: int, accepted: Bits, refused: Bits) -> None:
        yes, no = _Kinds(accepted), _Kinds(refused)
        self.exact: dict[str, int] | None = None
        self.ranges: Intervals[str] | None = None
        self.reversed = False
        if not (yes.others or no.others):
            exact = {
                text: (default & ~no.exact.get(text, 0)) | yes.exact.get(text, 0) for text in yes.exact | no.exact
            }
            self.exact = exact
            self.find: Find = lambda text: exact.get(text, default)
            return
        self._search(default, yes, no)

    def _search(self, default: int, yes: "_Kinds", no: "_Kinds") -> None:
        asked, bits, firsts, lasts, refusing = _asked(yes, no)
        inline = len(yes.exact) + len(no.exact) <= MAX_RANGES and bool(yes.heads or no.heads or any(firsts))
        equal = [[(text, f"{text}\0", bit) for text, bit in each.exact.items()] if inline else [] for each in (yes, no)]
        heads = [[*yes.heads, *_split(equal[0])], [*no.heads, *_split(equal[1])], _numbered(firsts)]
        tails = [yes.tails, no.tails, _numbered(lasts)]
        code = Code()
        plus, minus, candidates = [], [], []
        for layers, key, wanted in ((heads, "v", any(firsts)), (tails, "v[::-1]", any(lasts))):
            if not (layers[0] or layers[1] or wanted):
                continue
            place, tables = f"i{len(code.lines)}", side_by_side(layers)
            code.lines.append(f"{place} = B({code.bind('K', tables[0].keys)}, {key})")
            for table, used, names in zip(tables, (layers[0], layers[1], wanted), (plus, minus, candidates), strict=True):
                if used:
                    names.append(f"{code.bind('P', table.masks)}[{place}]")
        searches = len(code.lines)
        for each, names in ((yes, plus), (no, minus)):
            names += [f"{code.bind('F', find)}(v)" for find in each.finds]
            if each.exact and not inline:
                names.append(f"{code.bind('S', each.exact.get)}(v, 0)")
        simple = searches == 1 and len(plus) + len(minus) == (bool(plus) + bool(minus)) and not asked
        simple = simple and not (yes.finds or no.finds) and (inline or not (yes.exact or no.exact))
        code.lines.append(f"a = {' | '.join(plus) or '0'}")
        code.lines.append(f"n = {' | '.join(minus) or '0'}")
        if asked:
            every = code.bind("E", (1 << len(asked)) - 1)
            code.lines.append(f"c = {' & '.join(candidates) or every}")
            code.lines.append("if c: a, n = ask(v, c, a, n)")
            code.values["ask"] = _ask(asked, bits, refusing)
        code.lines.append(f"return ({code.bind('D', default)} & ~n) | a")
        self.find = code.function("find", "v", {})
        if simple:
            keys: Sequence[str] = next(value for name, value in code.values.items() if name.startswith("K"))
            self.reversed = bool(yes.tails or no.tails)
            way = -1 if self.reversed else 1
            self.ranges = Intervals.by(keys, "", lambda key: self.find(key[::way]))


class _Kinds:
    """Operators by how they are found."""

    def __init__(self, operators: Bits) -> None:
        self.exact: dict[str, int] = {}
        self.heads: list[tuple[str, str | None, int]] = []
        self.tails: list[tuple[str, str | None, int]] = []
        self.finds: list[Find] = []
        self.asked: dict[Operator, int] = {}
        """Equal operators are asked once."""
        addresses: Bits = []
        ignoring: dict[type[Operator], Bits] = {}
        for operator, bit in operators:
            if isinstance(operator, Equals) and isinstance(operator.value, str):
                self._add_exact(operator.value, bit)
            elif isinstance(operator, Prefix):
                self.heads.append(text_range(operator.text, bit))
            elif isinstance(operator, Suffix):
                self.tails.append(text_range(operator.text[::-1], bit))
            elif isinstance(operator, Cidr | EqualsAddress):
                addresses.append((operator, bit))
                if isinstance(operator, EqualsAddress):
                    self._add_exact(operator.text, bit)
            elif isinstance(operator, Wildcard) and len(operator.pieces) == 1:
                self._add_exact(operator.pieces[0], bit)
            elif isinstance(operator, EqualsIgnoreCase | PrefixIgnoreCase | SuffixIgnoreCase) and operator.text.isascii():
                ignoring.setdefault(type(operator), []).append((operator, bit))
            else:
                self.asked[operator] = self.asked.get(operator, 0) | bit
        if addresses:
            self.finds.append(_address_find(addresses))
        self.finds += [_IGNORING[kind](found) for kind, found in ignoring.items()]

    def _add_exact(self, text: str, bit: int) -> None:
        self.exact[text] = self.exact.get(text, 0) | bit

    @property
    def others(self) -> bool:
        return bool(self.heads or self.tails or self.finds or self.asked)


def _asked(yes: _Kinds, no: _Kinds) -> tuple[list[Operator], list[int], list[str], list[str], list[bool]]:
    """Operators to be asked, refused ones first: each with its bits, what it must start with and (reversed) end with, and which it is."""
    pairs = [(operator, bit, True) for operator, bit in no.asked.items()]
    pairs += [(operator, bit, False) for operator, bit in yes.asked.items()]
    ends = [_ends(operator) for operator, _, _ in pairs]
    return (
        [operator for operator, _, _ in pairs],
        [bit for _, bit, _ in pairs],
        [first for first, _ in ends],
        [last[::-1] for _, last in ends],
        [refusing for _, _, refusing in pairs],
    )


def _ends(operator: Operator) -> tuple[str, str]:
    """What a string must start and end with to satisfy an operator."""
    if isinstance(operator, Wildcard):
        return operator.pieces[0], operator.pieces[-1]
    parts = operator.operators if isinstance(operator, AllOf) else ()
    first = next((part.text for part in parts if isinstance(part, Prefix)), "")
    last = next((part.text for part in parts if isinstance(part, Suffix)), "")
    return first, last


def _ask(operators: list[Operator], bits: list[int], refusing: list[bool]) -> Callable[[str, int, int, int], Any]:
    holds = [operator.holds for operator in operators]

    def ask(text: str, candidates: int, plus: int, minus: int) -> tuple[int, int]:
        for number in bits_of(candidates):
            bit = bits[number]
            if refusing[number]:
                if bit & ~minus and holds[number](text):
                    minus |= bit
            elif bit & ~plus and holds[number](text):
                plus |= bit
        return plus, minus

    return ask


def _split(ranges: Iterable[tuple[str, str, int]]) -> list[tuple[str, str | None, int]]:
    """Ranges of several bits as ranges of one bit each, as tables want them."""
    return [(first, end, 1 << bit) for first, end, bits in ranges for bit in bits_of(bits)]


def _numbered(texts: list[str]) -> list[tuple[str, str | None, int]]:
    """What operators want a string to start with, as ranges; their numbers are the bits."""
    return [text_range(text, 1 << number) for number, text in enumerate(texts)]


def _address_find(operators: Bits) -> Find:
    families: dict[int, list[tuple[int, int | None, int]]] = {4: [], 6: []}
    for operator, bit in operators:
        if isinstance(operator, Cidr):
            families[operator.family].append((operator.first, operator.last + 1, bit))
        elif isinstance(operator, EqualsAddress):
            family, number = operator.address
            families[family].append((number, number + 1, bit))
    tables = {family: Intervals.of(ranges) for family, ranges in families.items()}
    common = tables[4].find

    def find(text: str) -> int:
        parts = text.split(".", 4)
        if len(parts) == 4:
            try:
                a, b, c, d = parts
                return common(_OCTETS[a] << 24 | _OCTETS[b] << 16 | _OCTETS[c] << 8 | _OCTETS[d])
            except KeyError:
                pass  # leading zeros, or no address
        address = parse_address(text)
        return 0 if address is None else tables[address.family].find(address.number)

    return find


def _ignore_case_find(operators: Bits) -> Find:
    """ASCII letters have ASCII spellings only, so lower case on both sides decides."""
    table: dict[str, int] = {}
    for operator, bit in operators:
        text = operator.text.lower()  # type: ignore[attr-defined]
        table[text] = table.get(text, 0) | bit
    return lambda text: table.get(text.lower(), 0) if text.isascii() else 0


def _head_find(operators: Bits) -> Find:
    """ASCII prefixes lie in the ASCII part at the start of a string."""
    find = Intervals.of([text_range(operator.text.lower(), bit) for operator, bit in operators]).find  # type: ignore[attr-defined]
    return lambda text: find((text if text.isascii() else _head(text)).lower())


def _tail_find(operators: Bits) -> Find:
    ranges = [text_range(operator.text.lower()[::-1], bit) for operator, bit in operators]  # type: ignore[attr-defined]
    find = Intervals.of(ranges).find
    return lambda text: find((text[::-1] if text.isascii() else _head(text[::-1])).lower())


def _head(text: str) -> str:
    found = _HEAD.match(text)
    return found[0] if found else ""


_IGNORING: dict[type[Operator], Callable[[Bits], Find]] = {
    EqualsIgnoreCase: _ignore_case_find,
    PrefixIgnoreCase: _head_find,
    SuffixIgnoreCase: _tail_find,
}
