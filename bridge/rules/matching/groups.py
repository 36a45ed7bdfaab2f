"""Some branches judged together: a bit for each, a mask for each field, and one generated expression that ANDs them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from bridge.rules.document import Document, Leaf
from bridge.rules.matching.arrays import Levels
from bridge.rules.matching.branches import Conjunction
from bridge.rules.matching.generate import Code, Memo, Term, bits_of
from bridge.rules.matching.sides import Side
from bridge.rules.matching.tables import FieldTable
from bridge.rules.matching.terms import Below, Field, field_term, object_term, place_terms
from bridge.rules.operators.base import Operator
from bridge.rules.pattern import Branch

JUDGED_FROM = 1024
"""Events that a memory is given before it is judged: at first everything is new."""


class Item(NamedTuple):
    """One conjunction of one pattern: a bit of a group."""

    serial: int
    """The pattern's place in the order of all patterns."""
    id: Any
    conjunction: Conjunction
    branch: Branch
    """What it was made from, for the solver."""
    certain: bool = True
    """Whether the conjunction says all that the branch says; otherwise it is only implied by it."""


class Hits:
    """The patterns that matched, in order."""

    __slots__ = ("ids", "serials")

    def __init__(self, ids: tuple[Any, ...], serials: tuple[int, ...]) -> None:
        self.ids = ids
        self.serials = serials

    @classmethod
    def of(cls, items: Iterable[Item]) -> "Hits":
        found = {item.serial: item.id for item in items}
        serials = tuple(sorted(found))
        return cls(tuple(found[serial] for serial in serials), serials)


Suited = dict[int, dict[str, list[Leaf]]]
"""By the identity of a branch: for each of its paths the leaves that satisfy it."""

NOTHING = Hits((), ())


class Group:
    """Branches that are judged together. ``run(event, get)`` is the generated code, ``judge`` the way through arrays.

    Both are made when first needed. ``anchor`` is a field that the caller has already looked at: ``run`` skips it.
    ``remember``: keep the masks of values (for groups that see every event, as there are few of them).
    """

    __slots__ = ("_levels", "_memos", "_tables", "anchor", "items", "remember", "run", "side", "varied")

    def __init__(self, items: Sequence[Item], side: Side, *, anchor: str | None = None, remember: bool = False) -> None:
        self.items = tuple(items)
        self.side = side
        self.anchor = anchor
        self.remember = remember
        self.varied: set[str] = set()
        """Fields whose values hardly ever repeat: not worth remembering."""
        self._memos: dict[str, Memo] = {}
        self._tables: dict[str, FieldTable] | None = None
        self._levels: Levels | None = None
        self.run: Callable[[Any, Any], Hits] = self._first_run

    def forget(self) -> None:
        """Drop the code that was generated for an earlier shape of events."""
        self._levels = None
        self.run = self._first_run

    def on(self, side: Side) -> "Group":
        """The same branches on another side."""
        other = Group(self.items, side, anchor=self.anchor, remember=self.remember)
        other.varied = set(self.varied)
        return other

    @property
    def every(self) -> int:
        return (1 << len(self.items)) - 1

    @property
    def tables(self) -> dict[str, FieldTable]:
        """The table of each field."""
        if self._tables is None:
            conditions: dict[str, list[tuple[int, Sequence[Operator]]]] = {}
            for index, item in enumerate(self.items):
                for condition in item.conjunction:
                    conditions.setdefault(condition.path, []).append((1 << index, condition.alternatives))
            every = self.every
            self._tables = {path: FieldTable(found, every) for path, found in conditions.items()}
        return self._tables

    @property
    def levels(self) -> Levels:
        if self._levels is None:
            self._levels = Levels([item.conjunction for item in self.items], self.tables, self.side)
        return self._levels

    def terms(self, name: str = "") -> list[Term]:
        """Code for the mask of each field but the anchor; names in it start with ``name``."""
        found, fields = [], []
        in_data = self.side.root == "d"
        for index, (path, table) in enumerate(self.tables.items()):
            if path == self.anchor:
                continue
            slot = self.side.slot(path)
            field = Field(f"{name}{index}", slot.place, table, self._memo(path, table))
            if slot.place is None:
                found.append(field_term(field, slot.source, in_data=False))
            elif slot.place.parent is None:
                found.append(field_term(field, self.side.root, in_data=in_data))
            else:
                fields.append(field)
        if fields:
            root = self.side.layout.root
            below = Below(self.side.layout, self.levels.by_place, fields)
            if root.unsteady:
                found.append(object_term(below, root, self.side.root, in_data=in_data))
            else:
                found += place_terms(below, root, self.side.root, in_data=in_data)
        return found

    def review(self, events: int) -> bool:
        """Give up memories that did not help with the last events; whether there were any."""
        varied = {path for path, memo in self._memos.items() if memo.misses * 3 > events >= JUDGED_FROM}
        for memo in self._memos.values():
            memo.misses = 0
        for path in varied:
            del self._memos[path]
        self.varied |= varied
        return bool(varied)

    def chosen(self, mask: int) -> list[Item]:
        """The items whose bits are set."""
        return [self.items[bit] for bit in bits_of(mask)]

    def hits(self, mask: int) -> Hits:
        """The patterns whose bits are set."""
        return Hits.of(self.chosen(mask)) if mask else NOTHING

    def judge(self, event: Any, data: Any) -> list[Item]:
        """The items that match, where a path may lead through arrays. Raises Tangled."""
        return self.chosen(self.levels.judge(event, data))

    def candidates(self, document: Document, suited: Suited) -> list[Item]:
        """Items that a document may match: each field judged by itself, over all its leaves, which go to ``suited``."""
        mask = self.every
        rows: list[tuple[str, Leaf, int]] = []
        for path, table in self.tables.items():
            bits = table.absent
            for leaf in document.at(path):
                found = table.of_scalar(leaf.value)
                bits |= found
                rows.append((path, leaf, found & table.named))
            mask &= bits
            if not mask:
                return []
        for path, leaf, found in rows:
            for bit in bits_of(found & mask):
                suited.setdefault(id(self.items[bit].branch), {}).setdefault(path, []).append(leaf)
        return self.chosen(mask)

    def _memo(self, path: str, table: FieldTable) -> Memo | None:
        if not self.remember or path in self.varied or table.static is not None:
            return None
        return self._memos.setdefault(path, Memo(table.of))

    def _first_run(self, event: Any, get: Callable[[Any], Any]) -> Hits:
        code = Code()
        code.masks(self.terms(), self.every)
        code.lines.append("return R[m] if m else N")
        run: Callable[[Any, Any], Hits] = code.function("run", "e, get", {"R": Memo(self.hits), "N": NOTHING})
        self.run = run
        return run(event, get)
