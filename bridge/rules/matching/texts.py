"""One string, many operators: the bits of all that it satisfies, without asking each.

Equal strings and prefixes are ranges of strings, suffixes ranges of reversed ones, addresses ranges of numbers, ASCII
text that ignores case a look-up in lower case. Wildcards and the like are asked one by one, but only those whose first
and last piece fit, which the same two searches tell.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from bridge.rules.matching.generate import Code, bits_of, joined
from bridge.rules.matching.intervals import Intervals, side_by_side, text_range
from bridge.rules.operators.addresses import parse_address
from bridge.rules.operators.affix import Contains, Prefix, Suffix
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

MAX_IN_LINE = 6
"""So many operators are asked by code of their own."""

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
            exact = {text: (default & ~no.exact.get(text, 0)) | yes.exact.get(text, 0) for text in yes.exact | no.exact}
            self.exact = exact
            self.find: Find = lambda text: exact.get(text, default)
            return
        self._search(default, yes, no)

    def _search(self, default: int, yes: "_Kinds", no: "_Kinds") -> None:
        asked = [*_asked(no, refusing=True), *_asked(yes, refusing=False)]
        firsts = [text_range(one.first, 1 << number) for number, one in enumerate(asked) if one.first]
        lasts = [text_range(one.last[::-1], 1 << number) for number, one in enumerate(asked) if one.last]
        inline = len(yes.exact) + len(no.exact) <= MAX_RANGES and bool(yes.heads or no.heads or firsts)
        equal = [_equal_ranges(each.exact) if inline else [] for each in (yes, no)]
        code = _TextCode(default)
        keys = code.search("v", [yes.heads + equal[0], no.heads + equal[1], firsts])
        keys += code.search("v[::-1]", [yes.tails, no.tails, lasts])
        for each, names in ((yes, code.plus), (no, code.minus)):
            names += [f"{code.bind('F', find)}(v)" for find in each.finds]
            if each.exact and not inline:
                names.append(f"{code.bind('S', each.exact.get)}(v, 0)")
        code.ask(asked)
        self.find = code.finish()
        finds = yes.finds or no.finds or (not inline and (yes.exact or no.exact))
        if len(keys) == 1 and not asked and not finds:
            self.reversed = bool(yes.tails or no.tails)
            way = -1 if self.reversed else 1
            self.ranges = Intervals.by(keys[0], "", lambda key: self.find(key[::way]))


class _TextCode(Code):
    """The code of ``find``: searches in tables, then questions, then what they say together.

    In it ``a`` has the bits of accepted operators that hold, ``n`` those of refused ones, and ``c0``, ``c1`` the numbers
    (as bits) of the questions that the start and the end of the string leave open.
    """

    def __init__(self, default: int) -> None:
        super().__init__()
        self.default = default
        self.plus: list[str] = []
        self.minus: list[str] = []
        self.open: list[tuple[str, int]] = []
        """Code for open questions, and which of all it speaks of."""
        self.questions: list[str] = []

    def search(self, key: str, layers: list[list[tuple[str, str | None, int]]]) -> list[Sequence[str]]:
        """Look a key up once, in tables side by side: accepted, refused, open questions. Their keys, if any."""
        if not any(layers):
            return []
        tables = side_by_side(layers)
        place = f"i{len(self.lines)}"
        self.lines.append(f"{place} = B({self.bind('K', tables[0].keys)}, {key})")
        for table, layer, names in zip(tables[:2], layers, (self.plus, self.minus), strict=False):
            if layer:
                names.append(f"{self.bind('P', table.masks)}[{place}]")
        if layers[2]:
            told = joined(bits for _, _, bits in layers[2])
            self.open.append((f"{self.bind('P', tables[2].masks)}[{place}]", told))
        return [tables[0].keys]

    def ask(self, asked: "Sequence[_Asked]") -> None:
        """Questions one by one: few of them in line, many in a loop over those that are open."""
        every = (1 << len(asked)) - 1
        codes = [f"({code} | {self.bind('E', every & ~told)})" if told != every else code for code, told in self.open]
        if not asked:
            return
        if len(asked) > MAX_IN_LINE:
            self.questions = [f"c = {' & '.join(codes) or self.bind('E', every)}", "if c: a, n = ask(v, c, a, n)"]
            self.values["ask"] = _asker(asked)
            return
        if codes:
            self.questions.append(f"c = {' & '.join(codes)}")
        for number, one in enumerate(asked):
            known = any(told >> number & 1 for _, told in self.open)
            tests = [f"c & {1 << number}"] * known + [test for test in [self._test(one.operator)] if test]
            self.questions.append(
                f"if {' and '.join(tests)}: {'n' if one.refusing else 'a'} |= {self.bind('T', one.bits)}"
            )

    def _test(self, operator: Operator) -> str:
        """Code that says whether an operator holds for a string whose start and end fit."""
        if isinstance(operator, Contains):
            return f"{self.bind('T', operator.text)} in v"
        if not isinstance(operator, Wildcard):
            return f"{self.bind('H', operator.holds)}(v)"
        first, *middle, last = operator.pieces
        if not first and not last and len(middle) == 1:
            return f"{self.bind('T', middle[0])} in v"
        tests = [f"len(v) >= {self.bind('T', sum(map(len, operator.pieces)))}"] if first or last else []
        start = self.bind("T", len(first))
        for piece in middle:
            end = f", len(v) - {self.bind('T', len(last))}" if last else ""
            tests.append(f"(p := v.find({self.bind('T', piece)}, {start}{end})) >= 0")
            start = f"p + {self.bind('T', len(piece))}"
        return " and ".join(tests)

    def finish(self) -> Find:
        plus = " | ".join(self.plus) or "0"
        default = self.bind("D", self.default)
        if self.minus or self.questions:
            self.lines += [f"a = {plus}", f"n = {' | '.join(self.minus) or '0'}", *self.questions]
            self.lines.append(f"return ({default} & ~n) | a")
        else:
            self.lines.append(f"return {default} | {plus}")
        find: Find = self.function("find", "v", {})
        return find


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
            elif isinstance(operator, Wildcard) and operator.pieces[1:] == ("",):
                self.heads.append(text_range(operator.pieces[0], bit))
            elif isinstance(operator, Wildcard) and len(operator.pieces) == 2 and not operator.pieces[0]:
                self.tails.append(text_range(operator.pieces[1][::-1], bit))
            elif (
                isinstance(operator, EqualsIgnoreCase | PrefixIgnoreCase | SuffixIgnoreCase) and operator.text.isascii()
            ):
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


class _Asked(NamedTuple):
    """An operator that has to be asked, what a string must start and end with to satisfy it, and what it decides."""

    operator: Operator
    bits: int
    first: str
    last: str
    refusing: bool


def _asked(kinds: _Kinds, *, refusing: bool) -> list[_Asked]:
    return [_Asked(operator, bits, *_ends(operator), refusing) for operator, bits in kinds.asked.items()]


def _ends(operator: Operator) -> tuple[str, str]:
    if isinstance(operator, Wildcard):
        return operator.pieces[0], operator.pieces[-1]
    parts = operator.operators if isinstance(operator, AllOf) else ()
    first = next((part.text for part in parts if isinstance(part, Prefix)), "")
    last = next((part.text for part in parts if isinstance(part, Suffix)), "")
    return first, last


def _asker(asked: Sequence[_Asked]) -> Callable[[str, int, int, int], tuple[int, int]]:
    rows = [(one.operator.holds, one.bits, one.refusing) for one in asked]

    def ask(text: str, candidates: int, plus: int, minus: int) -> tuple[int, int]:
        for number in bits_of(candidates):
            holds, bits, refusing = rows[number]
            if refusing:
                if bits & ~minus and holds(text):
                    minus |= bits
            elif bits & ~plus and holds(text):
                plus |= bits
        return plus, minus

    return ask


def _equal_ranges(exact: dict[str, int]) -> list[tuple[str, str | None, int]]:
    """Equal strings as ranges, of one bit each as tables want them."""
    return [(text, f"{text}\0", 1 << bit) for text, bits in exact.items() for bit in bits_of(bits)]


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
