"""Which branches are judged together, and what leads to them.

A branch that wants exact strings in some field is *anchored* there: one look into a dict of that field's values leads
to the few branches that want the value, so that rules about other values cost nothing. Where rules speak of very many
fields, a branch without exact strings is found by a field that it needs, whatever the value. The rest forms groups that
every event goes through, of a size that keeps masks short.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from bridge.rules.matching.branches import Condition
from bridge.rules.matching.groups import Group, Item
from bridge.rules.matching.sides import Side
from bridge.rules.operators.exact import Equals

DENSE = 48
"""So few branches are one group, anchored or not."""
GROUP = 512
"""Branches in a group without an anchor."""
FIELDS = 256
"""Fields in such a group."""
MAX_ANCHORS = 8
"""A branch with more values than that in a field is not anchored there."""
RARE = 16
"""A value that no more branches want is a good anchor; of fields that offer one, the most used is taken."""
COMMON = 512
"""A value that more branches want is none."""

SPREAD = 64
"""With more fields than that, branches that want no exact strings are kept by one of their fields."""

ANY: Final = object()
"""In place of a value: whatever the field has."""
Anchor = tuple[str, object]
"""A field and a value."""


class Plan:
    """The groups of a rule set; never edited, ``changed`` makes another that shares what it can."""

    __slots__ = ("_named", "_size", "_used", "_wanted", "doubtful", "homes", "open", "routes", "side")

    def __init__(self, side: Side) -> None:
        self.side = side
        self.routes: dict[str, dict[object, Group]] = {}
        """By field and value: the groups of anchored branches."""
        self.open: list[Group] = []
        """Groups for every event."""
        self.doubtful: Group | None = None
        """For every event: branches that are only implied by their conjunctions."""
        self.homes: dict[int, tuple[Anchor | None, ...]] = {}
        """Where the branches of a pattern are, by its serial: anchors, None for the groups without one."""
        self._size = 0
        self._wanted: Counter[Anchor] = Counter()
        self._used: Counter[str] = Counter()
        self._named: Counter[str] = Counter()

    @classmethod
    def of(cls, items: Sequence[Item], side: Side) -> "Plan":
        plan = cls(side)
        offers = _offers(items)
        plan._count(offers, 1)
        routes, rest = plan._sort(offers)
        plan.routes = {
            path: {value: plan._routed(path, value, found) for value, found in values.items()}
            for path, values in routes.items()
        }
        plan._open_with(rest)
        return plan

    def groups(self) -> Iterator[Group]:
        yield from self.open
        for route in self.routes.values():
            yield from route.values()
        if self.doubtful is not None:
            yield self.doubtful

    def items(self) -> list[Item]:
        """Every item once, in order."""
        found = {id(item): item for group in self.groups() for item in group.items}
        return sorted(found.values(), key=lambda item: item.serial)

    def changed(self, removed: Collection[int], added: Sequence[Item], side: Side) -> "Plan":
        """Without the patterns of these serials, with these items. On another side, all groups are made anew."""
        gone = self.items_of(removed)
        size = self._size - len(gone) + len(added)
        if min(size, self._size) <= DENSE < max(size, self._size) or len(gone) + len(added) > size / 4:
            kept = [item for item in self.items() if item.serial not in removed]
            return Plan.of([*kept, *added], side)
        plan = Plan(side)
        plan._wanted, plan._used, plan._named = self._wanted.copy(), self._used.copy(), self._named.copy()
        plan._size = self._size
        plan.homes = {serial: home for serial, home in self.homes.items() if serial not in removed}
        offers = _offers(added)
        plan._count(_offers(gone), -1)
        plan._count(offers, 1)
        routes, rest = plan._sort(offers)
        plan._take_routes(self, removed, routes)
        plan._take_open(self, removed, rest)
        return plan

    def items_of(self, serials: Collection[int]) -> list[Item]:
        """The items of some patterns."""
        anywhere = [*self.open, *([self.doubtful] if self.doubtful else [])]
        groups: dict[int, Group] = {}
        for serial in serials:
            for home in self.homes.get(serial, ()):
                for group in anywhere if home is None else [self.routes[home[0]][home[1]]]:
                    groups[id(group)] = group
        found = {id(item): item for group in groups.values() for item in group.items if item.serial in serials}
        return list(found.values())

    def _routed(self, path: str, value: object, items: Sequence[Item]) -> Group:
        return Group(items, self.side, anchor=None if value is ANY else path)

    def _take_routes(
        self, before: "Plan", removed: Collection[int], added: dict[str, dict[object, list[Item]]]
    ) -> None:
        touched = {home for serial in removed for home in before.homes.get(serial, ()) if home is not None}
        touched |= {(path, value) for path, values in added.items() for value in values}
        fresh = self.side is not before.side
        paths = dict.fromkeys([*before.routes, *added])
        for path in paths:
            route = before.routes.get(path, {})
            if fresh:
                route = {value: group.on(self.side) for value, group in route.items()}
            changes = [value for touched_path, value in touched if touched_path == path]
            route = dict(route) if changes else route
            for value in changes:
                old = route.pop(value).items if value in route else ()
                items = [item for item in old if item.serial not in removed] + added.get(path, {}).get(value, [])
                if items:
                    route[value] = self._routed(path, value, items)
            if route:
                self.routes[path] = route

    def _take_open(self, before: "Plan", removed: Collection[int], added: list[Item]) -> None:
        certain = [item for item in added if item.certain]
        doubtful = [item for item in added if not item.certain]
        for group in before.open:
            items = [item for item in group.items if item.serial not in removed]
            room = GROUP - len(items) if len(group.tables) < FIELDS else 0
            items, certain = items + certain[:room], certain[room:]
            if items:
                self.open.append(self._remade(group, items))
        self._open_with(certain)
        if before.doubtful is not None:
            doubtful = [item for item in before.doubtful.items if item.serial not in removed] + doubtful
        self.doubtful = Group(doubtful, self.side, remember=True) if doubtful else None

    def _remade(self, group: Group, items: list[Item]) -> Group:
        if len(items) == len(group.items) and all(a is b for a, b in zip(items, group.items, strict=True)):
            return group if group.side is self.side else group.on(self.side)
        made = Group(items, self.side, remember=True)
        made.varied = set(group.varied)
        return made

    def _open_with(self, items: Sequence[Item]) -> None:
        certain = [item for item in items if item.certain]
        doubtful = [item for item in items if not item.certain]
        self.open += [Group(part, self.side, remember=True) for part in _portions(certain)]
        if doubtful:
            self.doubtful = Group(doubtful, self.side, remember=True)

    def _count(self, offers: "Sequence[Offer]", by: int) -> None:
        self._size += by * len(offers)
        for item, offered in offers:
            for condition in item.conjunction:
                self._named[condition.path] += by
            for anchors in offered:
                self._used[anchors[0][0]] += by
                for anchor in anchors:
                    self._wanted[anchor] += by

    def _sort(self, offers: "Iterable[Offer]") -> tuple[dict[str, dict[object, list[Item]]], list[Item]]:
        """Items by anchor, and those that have none."""
        routes: dict[str, dict[object, list[Item]]] = {}
        rest: list[Item] = []
        for item, offered in offers:
            anchors = None
            if item.certain and self._size > DENSE:
                anchors = self._best(offered) or self._needed(item)
            for path, value in anchors or ():
                routes.setdefault(path, {}).setdefault(value, []).append(item)
            if anchors is None:
                rest.append(item)
            self.homes[item.serial] = (*self.homes.get(item.serial, ()), *(anchors or (None,)))
        return routes, rest

    def _best(self, offered: list[list[Anchor]]) -> list[Anchor] | None:
        """The most used field among those with rare values, else the rarest values there are."""
        ranked = sorted(
            (max(self._wanted[anchor] for anchor in anchors), -self._used[anchors[0][0]], number)
            for number, anchors in enumerate(offered)
        )
        if not ranked or ranked[0][0] > COMMON:
            return None
        rare = [(use, number) for count, use, number in ranked if count <= RARE]
        return offered[min(rare)[1] if rare else ranked[0][2]]

    def _needed(self, item: Item) -> list[Anchor] | None:
        """The field that the fewest others name, of those that must be there and lie in an object of many."""
        if len(self._named) <= SPREAD:
            return None
        paths = [
            condition.path
            for condition in item.conjunction
            if not (condition.gathered or condition.optional) and self.side.is_crowded(condition.path)
        ]
        return [(min(paths, key=self._named.__getitem__), ANY)] if paths else None


Offer = tuple[Item, list[list[Anchor]]]
"""An item, and for each field in which it wants exact strings all of them."""


def _offers(items: Iterable[Item]) -> list[Offer]:
    return [
        (
            item,
            [
                [(condition.path, value) for value in values]
                for condition in item.conjunction
                if not condition.gathered and (values := exact_strings(condition))
            ],
        )
        for item in items
    ]


def _portions(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Items in groups of a bounded number of branches and of fields."""
    portion: list[Item] = []
    paths: set[str] = set()
    for item in items:
        named = {condition.path for condition in item.conjunction}
        if portion and (len(portion) >= GROUP or len(paths | named) > FIELDS):
            yield portion
            portion, paths = [], set()
        portion.append(item)
        paths |= named
    if portion:
        yield portion


def exact_strings(condition: Condition) -> list[str]:
    """The strings that a condition wants; none when it wants anything else, or too many."""
    found: dict[str, None] = {}
    for operator in condition.alternatives:
        if not isinstance(operator, Equals) or not isinstance(operator.value, str):
            return []
        found[operator.value] = None
    return list(found) if len(found) <= MAX_ANCHORS else []
