"""When the bridge is killed: a plan of kills by the dice, at moments and at steps, so that a seed gives the same again."""

import random
from collections.abc import Container
from typing import NamedTuple

from bridge.crashpoints import NAMES

LONGEST_S = 5.0
"""How long a step is waited for."""

OFTEN = {
    "append-before-answer": 30,
    "matched": 30,
    "pushed-before-settled": 150,
    "commit-before-stored": 12,
    "commit-stored": 12,
    "park-before-stored": 12,
    "park-stored": 12,
    "parked-before-forgotten": 4,
    "parked-forgotten": 4,
    "letter-before-stored": 8,
    "letter-stored": 8,
    "catalog-before-written": 4,
    "catalog-written": 4,
    "rules-swapped": 5,
}
"""Steps that are passed often: at which pass the last time."""

DOING = {
    "redrive": "redrive",
    "rule-prepared": "flap",
    "catalog": "edit",
    "rules": "edit",
    "lane": "edit",
    "target": "flap",
    "leave": "pause",
    "rejoin": "pause",
}
"""What the operator does most so that steps of this name are passed."""


class Kill(NamedTuple):
    """At a pass of a step, or so long after the start; ``starting``: before it is ready."""

    point: str = ""
    count: int = 1
    life_s: float = LONGEST_S
    starting: bool = False
    fills: bool = False
    """The disk fills up meanwhile, where there is one that can."""

    @property
    def first(self) -> str:
        """What the operator does most."""
        return next((doing for prefix, doing in DOING.items() if self.point.startswith(prefix)), "")


def make_plan(kills: int, dice: random.Random) -> list[Kill]:
    """About as many at steps as at moments; each step once before any comes again."""
    points = [name for _ in range(kills // len(NAMES) + 1) for name in dice.sample(NAMES, len(NAMES))]
    at_steps = [at(point, dice) for point in points[: kills * 3 // 5]]
    plan = at_steps + [_moment(dice) for _ in range(kills - len(at_steps))]
    dice.shuffle(plan)
    return plan


def at(point: str, dice: random.Random) -> Kill:
    return Kill(point, dice.randint(1, OFTEN.get(point, 2)))


def missing(done: Container[str], dice: random.Random) -> list[Kill]:
    """Steps that no kill was at yet."""
    return [at(point, dice)._replace(count=1) for point in NAMES if point not in done]


def _moment(dice: random.Random) -> Kill:
    kind = dice.random()
    if kind < 0.15:
        return Kill(life_s=dice.uniform(0.3, 1.2), starting=True)
    if kind < 0.25:
        return Kill(life_s=dice.uniform(4.2, 5.0))
    return Kill(life_s=dice.uniform(0.1, 1.8), fills=kind < 0.45)
