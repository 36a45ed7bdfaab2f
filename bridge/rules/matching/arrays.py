"""Branches judged on what was decoded, step by step: the way for events that hold arrays where generated code cannot go.

An array is judged element by element: the masks of one element's fields are ANDed, those of the elements ORed. Exact
together with ``branches``, which has told apart what is asked of one element and what of all (*gathered*).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import UNSET, Raw, Struct

from bridge.rules.matching.branches import Conjunction
from bridge.rules.matching.layout import SCALARS, Place, decode_raw, read_child
from bridge.rules.matching.sides import Side, Slot
from bridge.rules.matching.tables import FieldTable


class Tangled(Exception):
    """The event cannot be judged element by element."""


class Gathered(NamedTuple):
    """A field that some branches ask of all leaves below an object, by the depth of that object."""

    path: tuple[Place, ...]
    """The places from the one below the level down to the leaf."""
    table: FieldTable
    bits: dict[int, int]

    def between(self, outer: int, depth: int) -> int:
        """The bits that are gathered at an object deeper than ``outer``, down to ``depth``."""
        return sum(bits for at, bits in self.bits.items() if outer < at <= depth)


class Level:
    """The part of a group's fields that lies in one object of the event."""

    __slots__ = ("entered", "every", "gathered", "leaves", "levels", "place", "tangled")

    def __init__(self, place: Place, every: int) -> None:
        self.place = place
        self.every = every
        self.leaves: list[tuple[Place, FieldTable, dict[int, int]]] = []
        self.levels: list[Level] = []
        self.gathered: list[Gathered] = []
        """Fields at any depth below."""
        self.entered = 0
        """Branches with a condition that is judged inside an element, should this be an array."""
        self.tangled = False
        """Whether one branch names both this place and something below it."""

    def judge(self, value: Any, outer: int = 0) -> int:
        """The bits of the branches whose conditions below this place hold; ``outer``: depth of the array around it."""
        if value.__class__ is list:
            self.place.surprises += 1
            return self._judge_list(value, outer)
        if value.__class__ in SCALARS:
            self.place.surprises += 1
        return self._judge_object(value, outer)

    def absent(self) -> int:
        """The bits where nothing is there."""
        return self._judge_object(UNSET, 0)

    def _judge_object(self, value: Any, outer: int) -> int:
        check_spellings(value, self.place)
        found = self.every
        for place, table, gathered in self.leaves:
            part = read_child(value, place)
            if part.__class__ is list or part.__class__ is dict:
                place.surprises += 1
            bits = table.of(part)
            if outer and gathered:
                bits |= sum(b for depth, b in gathered.items() if depth <= outer)
            found &= bits
        for level in self.levels:
            if not found:
                break
            found &= level.judge(read_child(value, level.place), outer)
        return found

    def _judge_list(self, value: list[Any], outer: int) -> int:
        if self.tangled:
            raise Tangled
        depth = self.place.depth
        found = self.every & ~self.entered
        for element in _objects(value):
            found |= self._judge_object(element, depth)
        for field in self.gathered:
            bits = field.between(outer, depth)
            if bits & found:
                found &= _gather(value, field) | ~bits
        return found


def check_spellings(value: Any, place: Place) -> None:
    """Raise Tangled when an object that is a dict has a member such as ``a.b`` that spells several names of a path."""
    if value.__class__ is dict and place.spellings and not value.keys().isdisjoint(place.spellings):
        raise Tangled


def leaves(value: Any, path: tuple[Place, ...]) -> Iterator[Any]:
    """All scalars at a path, given the value of the object that the path starts from."""
    waiting = [(value, 0)]
    while waiting:
        value, index = waiting.pop()
        if value.__class__ is Raw:
            value = decode_raw(value)
        if value.__class__ is list:
            waiting += [(element, index) for element in value]
        elif index == len(path):
            if value.__class__ in SCALARS:
                yield value
        elif value is not UNSET:
            parent = path[index].parent
            assert parent is not None
            check_spellings(value, parent)
            waiting.append((read_child(value, path[index]), index + 1))


def objects(value: Any, way: tuple[Place, ...], place: Place) -> Iterator[dict[str, Any]]:
    """All objects at a place that is decoded as a dict, given the value that the way to it starts from."""
    waiting = [(value, 0)]
    while waiting:
        value, index = waiting.pop()
        if value.__class__ is list:
            waiting += [(element, index) for element in value]
            continue
        parent = way[index].parent if index < len(way) else place
        assert parent is not None
        check_spellings(value, parent)
        if index < len(way):
            waiting.append((read_child(value, way[index]), index + 1))
        elif value.__class__ is dict:
            yield value


def _gather(value: Any, field: Gathered) -> int:
    found, some = 0, False
    for leaf in leaves(value, field.path):
        some = True
        found |= field.table.of(leaf)
    return found if some else field.table.absent


def _objects(value: list[Any]) -> Iterator[Any]:
    """The objects in an array, at any depth of arrays in arrays."""
    waiting = [value]
    while waiting:
        for part in waiting.pop():
            if part.__class__ is list:
                waiting.append(part)
            elif isinstance(part, Struct) or part.__class__ is dict:
                yield part


class Levels:
    """All fields of a group, by where they lie."""

    def __init__(self, conjunctions: Sequence[Conjunction], tables: Mapping[str, FieldTable], side: Side) -> None:
        self.every = (1 << len(conjunctions)) - 1
        self.side = side
        self.by_place: dict[int, Level] = {}
        self.root = self._level(side.layout.root)
        self.attributes: list[tuple[Slot, FieldTable]] = []
        """Fields outside the decoded value."""
        self.whole: FieldTable | None = None
        """The decoded value itself as a field."""
        self.conjunctions = conjunctions
        for path, table in tables.items():
            slot = side.slot(path)
            if slot.place is None:
                self.attributes.append((slot, table))
            elif slot.place.parent is None:
                self.whole = table
            else:
                self._add(slot.place, path, table)
        for conjunction in conjunctions:
            self._mark_tangled({condition.path for condition in conjunction})

    def judge(self, event: Any, data: Any) -> int:
        """The bits of the branches that match. Raises Tangled."""
        mask = self.every
        for slot, table in self.attributes:
            assert slot.read is not None
            mask &= table.of(slot.read(event))
        if self.whole is not None:
            mask &= self.whole.of(data)
        return mask & self.root.judge(data) if mask else 0

    def _level(self, place: Place) -> Level:
        level = self.by_place.get(id(place))
        if level is None:
            level = self.by_place[id(place)] = Level(place, self.every)
            if place.parent is not None:
                self._level(place.parent).levels.append(level)
        return level

    def _add(self, leaf: Place, path: str, table: FieldTable) -> None:
        """Hang a field into the levels above it."""
        gathered, single = self._gathered(path)
        assert leaf.parent is not None
        self._level(leaf.parent).leaves.append((leaf, table, gathered))
        below: tuple[Place, ...] = (leaf,)
        place: Place | None = leaf.parent
        while place is not None:
            level = self._level(place)
            level.entered |= single | sum(bits for depth, bits in gathered.items() if depth > place.depth)
            if gathered:
                level.gathered.append(Gathered(below, table, gathered))
            below = (place, *below)
            place = place.parent

    def _gathered(self, path: str) -> tuple[dict[int, int], int]:
        """The bits that gather a field, by depth, and those that judge it in its element."""
        gathered: dict[int, int] = {}
        single = 0
        for index, conjunction in enumerate(self.conjunctions):
            for condition in conjunction:
                if condition.path == path and condition.gathered:
                    gathered[condition.gathered] = gathered.get(condition.gathered, 0) | 1 << index
                elif condition.path == path:
                    single |= 1 << index
        return gathered, single

    def _mark_tangled(self, paths: set[str]) -> None:
        for path in paths:
            place = self.side.slot(path).place
            if place is not None and place.is_object and any(other.startswith(f"{path}.") for other in paths):
                self._level(place).tangled = True
