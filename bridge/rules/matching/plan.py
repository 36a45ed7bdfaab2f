"""Which branches are judged together, and what leads to them.

A branch that wants exact strings in some field is *anchored* there: one look into a dict of that field's values leads
to the few branches that want the value, so that rules about other values cost nothing. What has no anchor forms groups
that every event goes through, of a size that keeps masks short.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from bridge.rules.matching.branches import Condition
from bridge.rules.matching.groups import Group, Item
from bridge.rules.matching.sides import Side
from bridge.rules.operators.exact import Equals

DENSE = 48
"""So few branches are one group, anchored or not."""
GROUP = 512
"""Branches in a group without an anchor."""
MAX_ANCHORS = 8
"""A branch with more values than that in a field is not anchored there."""
RARE = 16
"""A value that no more branches want is a good anchor; of fields that offer one, the most used is taken."""
COMMON = 512
"""A value that more branches want is none."""

Anchor = tuple[str, str]
"""A field and a value."""


class Plan:
    """The groups of a rule set: ``routes[path][value]`` and, for every event, ``open`` ones. ``doubtful`` is one whose
    branches are only implied by their conjunctions.
    """

    __slots__ = ("doubtful", "open", "routes")

    def __init__(self, items: Sequence[Item], side: Side) -> None:
        certain = [item for item in items if item.certain]
        doubtful = [item for item in items if not item.certain]
        self.doubtful = Group(doubtful, side, remember=True) if doubtful else None
        self.routes: dict[str, dict[str, Group]] = {}
        self.open: list[Group] = []
        if len(certain) <= DENSE:
            self._open(certain, side)
            return
        anchored, rest = _anchored(certain)
        for path, values in anchored.items():
            self.routes[path] = {value: Group(found, side, anchor=path) for value, found in values.items()}
        self._open(rest, side)

    def groups(self) -> Iterator[Group]:
        yield from self.open
        for route in self.routes.values():
            yield from route.values()
        if self.doubtful is not None:
            yield self.doubtful

    def _open(self, items: Sequence[Item], side: Side) -> None:
        for start in range(0, len(items), GROUP):
            self.open.append(Group(items[start : start + GROUP], side, remember=True))


def _anchored(items: Iterable[Item]) -> tuple[dict[str, dict[str, list[Item]]], list[Item]]:
    """Items by anchor, and those that have none."""
    offers = [(item, _offers(item)) for item in items]
    wanted = Counter(anchor for _, offered in offers for anchors in offered for anchor in anchors)
    used = Counter(anchors[0][0] for _, offered in offers for anchors in offered)
    found: dict[str, dict[str, list[Item]]] = {}
    rest: list[Item] = []
    for item, offered in offers:
        anchors = _best(offered, wanted, used)
        if anchors is None:
            rest.append(item)
            continue
        for path, value in anchors:
            found.setdefault(path, {}).setdefault(value, []).append(item)
    return found, rest


def _offers(item: Item) -> list[list[Anchor]]:
    """For each field in which an item wants exact strings, all of them."""
    return [
        [(condition.path, value) for value in values]
        for condition in item.conjunction
        if not condition.gathered and (values := exact_strings(condition))
    ]


def exact_strings(condition: Condition) -> list[str]:
    """The strings that a condition wants; none when it wants anything else, or too many."""
    found: list[str] = []
    for operator in condition.alternatives:
        if not isinstance(operator, Equals) or not isinstance(operator.value, str):
            return []
        found.append(operator.value)
    return found if len(found) <= MAX_ANCHORS else []


def _best(offered: list[list[Anchor]], wanted: Counter[Anchor], used: Counter[str]) -> list[Anchor] | None:
    """The most used field among those with rare values, else the rarest values there are."""
    ranked = sorted(
        (max(wanted[anchor] for anchor in anchors), -used[anchors[0][0]], number)
        for number, anchors in enumerate(offered)
    )
    if not ranked or ranked[0][0] > COMMON:
        return None
    rare = [(use, number) for count, use, number in ranked if count <= RARE]
    return offered[min(rare)[1] if rare else ranked[0][2]]
