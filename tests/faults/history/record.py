"""What happened in a story, as the test saw it: the only thing that the checker knows. Times are monotonic seconds.

An event is known by its number, which is its id. The bridge under test is killed again and again; the test is not, so
what stands here was really acknowledged, really arrived, really was in the data folder.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from bridge.dataplane.running import LIVE
from bridge.model.rule import own_cursor

Names = tuple[str, str, str]
"""A target: its bus, its rule, its name."""
Place = tuple[int, int]
"""Partition and offset."""

POISON, RARE = 13, 17


class Numbered(NamedTuple):
    """An event that is put: where to, of which type and key. ``due``: its delivertime by the bridge's clock."""

    number: int
    bus: str
    type: str
    key: str
    due: float | None = None

    @property
    def is_poison(self) -> bool:
        return self.number % POISON == 0

    @property
    def is_rare(self) -> bool:
        return self.number % RARE == 0


Outcome = Literal["unknown", "acknowledged", "refused"]


@dataclass
class Put:
    """``ended`` is when its answer was there, or when it was clear that there would be none."""

    event: Numbered
    started: float
    ended: float = float("inf")
    outcome: Outcome = "unknown"
    place: Place | None = None
    cancelled: float | None = None
    """When it was acknowledged that it will never enter; infinite: it was asked for, and nobody knows."""


class Seen(NamedTuple):
    """An event at a target; ``taken``: the answer was that it is. ``early_s``: how much too early a delayed one was."""

    number: int
    time: float
    taken: bool
    early_s: float = 0.0


Doing = Literal["on", "off", "edit", "pause", "resume"]


@dataclass
class Change:
    """Of a rule, or of a pause of its target. It was in force at ``ended`` at the latest, and not before ``started``."""

    bus: str
    rule: str
    doing: Doing
    started: float
    ended: float = float("inf")
    earliest: bool = False
    """A rule that gets everything the bus holds."""


class Look(NamedTuple):
    """What was durable when the bridge was dead: ends of logs, cursors, what is parked, dead letters, what is delayed.

    What is parked, and dead letters, by their events' places; values are the events' numbers.
    """

    ends: dict[str, dict[int, int]]
    cursors: dict[str, dict[str, dict[int, int]]]
    parked: dict[Names, dict[Place, int]]
    letters: dict[Names, dict[Place, int]]
    delayed: dict[str, set[int]]

    def committed(self, names: Names, partition: int) -> int:
        """Up to where a target's cursor says that everything is settled: its own if it has one, else the live one."""
        cursors = self.cursors.get(names[0], {})
        cursor = cursors.get(own_cursor(*names[1:]), cursors.get(LIVE, {}))
        return cursor.get(partition, 0)

    def is_empty_behind(self, bus: str) -> bool:
        """Whether all cursors of a bus stand at the end of its log; one that never committed has none, and stands at 0."""
        ends = self.ends.get(bus, {})
        cursors = ({LIVE: {}} | self.cursors.get(bus, {})).values()
        return all(cursor.get(partition, 0) >= end for cursor in cursors for partition, end in ends.items())


class End(NamedTuple):
    """How a run of the bridge ended: killed at a step, or (None) from outside. ``ready``: when it was; infinite: never."""

    started: float
    ready: float
    time: float
    point: str | None
    look: Look | None
    clean: bool = False


@dataclass
class History:
    puts: dict[int, Put] = field(default_factory=dict)
    seen: dict[Names, list[Seen]] = field(default_factory=lambda: defaultdict(list))
    changes: list[Change] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)
    last: Look | None = None
    """When everything was drained and the bridge had stopped by itself."""

    def of_rule(self, names: Names) -> list[Change]:
        return [change for change in self.changes if (change.bus, change.rule) == names[:2]]

    def acknowledged(self) -> Iterator[Put]:
        return (put for put in self.puts.values() if put.outcome == "acknowledged")
