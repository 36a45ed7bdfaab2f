"""``make test-faults``: kill bridges again and again, and check the history of what they took and delivered.

BRIDGE_FAULTS_KILLS: how many times (100). BRIDGE_FAULTS_SEED: play that story again: the same plan of kills, events and
troubles; what meets what is the machine's to say. Two bridges are killed side by side, one of them on a disk that fills up.
Ends with 1 and the lives of the events concerned when a promise was broken, or when a step of the code was never reached.
"""

import asyncio
import os
import random
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bridge.crashpoints import NAMES
from tests.faults.history.checker import check
from tests.faults.history.disk import mounted
from tests.faults.history.figures import figures
from tests.faults.history.plan import Kill, make_plan, missing
from tests.faults.history.running import Stuck
from tests.faults.history.story import Story

STORIES = 2
KILLS = 100
"""From so many on, every step must have been reached."""
TOLD_EVERY = 10
SHOWN = 20
"""Violations that are shown."""


class Game:
    """The stories of one seed."""

    def __init__(self, seed: str, kills: int, folder: Path) -> None:
        self._seed = seed
        self._kills = kills
        self._folder = folder
        self._began = time.monotonic()
        self._stories: list[Story] = []
        self.violations: list[str] = []

    async def play(self) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(STORIES):
                group.create_task(self._play(number))
        left = [name for name in NAMES if name not in self._reached()]
        if left and self._kills >= KILLS:
            self.violations.append(f"never reached: {', '.join(left)}")

    async def _play(self, number: int) -> None:
        seed, folder = f"{self._seed}/{number}", self._folder / str(number)
        dice = random.Random(f"{seed}/plan")
        with ExitStack() as stack:
            disk = stack.enter_context(mounted(folder / "data")) if number == 0 else None
            story = Story(seed, folder, disk)
            self._stories.append(story)
            if number == 0 and disk is None:
                self._tell(seed, "no disk fills up: only root may mount one")
            try:
                await story.run(self._plan(seed, make_plan(self._kills // STORIES, dice), dice))
            except Stuck as error:
                self.violations.append(f"stuck: {error}")
        self._judge(seed, story)

    def _plan(self, seed: str, kills: list[Kill], dice: random.Random) -> Iterator[Kill]:
        """What was planned, then the steps that no story has reached by then."""
        for number, kill in enumerate(kills, 1):
            yield kill
            if number % TOLD_EVERY == 0:
                self._tell(seed, f"{number} kills")
        if self._kills >= KILLS:
            yield from missing(self._reached(), dice)
            yield from missing(self._reached(), dice)

    def _reached(self) -> set[str]:
        return {end.point for story in self._stories for end in story.history.ends if end.point is not None}

    def _judge(self, seed: str, story: Story) -> None:
        verdict = check(story.history, story.watched)
        self.violations += verdict.violations
        self._tell(seed, figures(story.history, verdict))

    def _tell(self, seed: str, what: str) -> None:
        print(f"{time.monotonic() - self._began:5.0f} s  story {seed}: {what}", flush=True)


async def main() -> int:
    kills = int(os.environ.pop("BRIDGE_FAULTS_KILLS", KILLS))
    seed = os.environ.pop("BRIDGE_FAULTS_SEED", "") or secrets.token_hex(4)
    folder = Path(tempfile.mkdtemp(prefix="bridge-faults-"))
    print(f"seed {seed}: {kills} kills of {STORIES} bridges, in {folder}", flush=True)
    game = Game(seed, kills, folder)
    await game.play()
    for violation in game.violations[:SHOWN]:
        print(f"VIOLATION {violation}")
    if not game.violations:
        shutil.rmtree(folder)
    print(f"seed {seed}: {len(game.violations)} violations", flush=True)
    return 1 if game.violations else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
