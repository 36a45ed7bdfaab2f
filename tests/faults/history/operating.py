"""What an operator does meanwhile: rules come, change and go, targets are paused and mended, dead letters are redriven.

A change that was asked for and not acknowledged is asked for again, at the next start if need be, until it is: in
between nobody knows which is in force.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec

from bridge.client import Client
from bridge.errors import BridgeError, NotFound
from tests.faults.history import scene
from tests.faults.history.clock import MovedClock
from tests.faults.history.record import Change, Doing, History
from tests.faults.history.scene import ROUGH, Watched
from tests.faults.history.sinks import Sinks

FLAPPING = next(one for one in scene.FIXED if one.names[1] == "flapping")
EDITED = [one for one in scene.FIXED if one.changing and one is not FLAPPING]
PAUSED, SLOW, LETTERS = "paused", "slow", "letters"
MENDED = ("blocks", "retires")
MOST_ADDED = 6
DAY_S = 86_400.0

Action = Callable[[Client], Awaitable[object]]


class Operator:
    """``watched`` grows with the rules that it adds."""

    def __init__(
        self, history: History, sinks: Sinks, clock: MovedClock, watched: list[Watched], dice: random.Random
    ) -> None:
        self._history = history
        self._sinks = sinks
        self._clock = clock
        self._watched = watched
        self._dice = dice
        self._added = self._edits = 0
        self._undone: Action | None = None
        self._flapping = "on"
        self._paused = False
        self._actions: dict[str, tuple[Action, float]] = {
            "flap": (self._flap, 3),
            "edit": (self._edit, 2),
            "add": (self._add, 0.3),
            "pause": (self._pause, 2),
            "mend": (self.mend, 4),
            "redrive": (self._redrive, 1.5),
            "stall": (self._stall, 2),
            "jump": (self._jump, 0.7),
            "cancel": (self._cancel, 0.5),
        }

    async def work(self, client: Client, first: str = "") -> None:
        """One thing after the other until cancelled; ``first`` is done first and most often."""
        names = list(self._actions)
        weights = [weight for _, weight in self._actions.values()]
        while True:
            (name,) = self._dice.choices(names, weights)
            if first in self._actions and self._dice.random() < 0.7:
                name = first
            with suppress(BridgeError):  # it is gone, or in no state for that
                if self._undone is not None:
                    await self._undone(client)
                await self._actions[name][0](client)
            await asyncio.sleep(self._dice.uniform(0, 0.15))

    async def settle(self, client: Client) -> None:
        """Bring everything to where all targets get what they are to get."""
        if self._undone is not None:
            await self._undone(client)
        while self._flapping != "on":
            await self._flap(client)
        if self._paused:
            await self._pause(client)

    async def _change(self, client: Client, doing: Doing, rule: str, ask: Action, *, earliest: bool = False) -> None:
        """Until it is acknowledged nothing else is changed."""
        change = Change(ROUGH, rule, doing, time.monotonic(), earliest=earliest)
        self._history.changes.append(change)

        async def do(client: Client) -> None:
            with suppress(NotFound):  # deleted by the call whose answer was lost
                await ask(client)
            change.ended = time.monotonic()
            self._undone = None

        self._undone = do
        await do(client)

    async def _flap(self, client: Client) -> None:
        """Between defined, disabled and deleted."""
        before = self._flapping
        self._flapping = after = self._dice.choice([state for state in ("on", "off", "gone") if state != before])
        definition = scene.rule(FLAPPING, self._sinks.url, enabled=after == "on")
        if after == "gone":
            await self._change(client, "off", FLAPPING.names[1], lambda c: c.delete("rule", "flapping", bus=ROUGH))
        else:
            await self._change(client, "on" if after == "on" else "off", FLAPPING.names[1], _apply(definition))

    async def _edit(self, client: Client) -> None:
        """What a target is sent by, so that its lane is replaced."""
        one = self._dice.choice(EDITED)
        self._edits += 1
        definition = scene.rule(one, self._sinks.url, config={"headers": {"x-edit": str(self._edits)}})
        await self._change(client, "edit", one.names[1], _apply(definition))

    async def _add(self, client: Client) -> None:
        """A rule that stays. Some want what the bus holds already."""
        if self._added == MOST_ADDED:
            return
        self._added += 1
        earliest = self._dice.random() < 0.5
        one = scene.watched(ROUGH, f"added-{self._added}", "e", changing=True)
        self._sinks.add(one)
        self._watched.append(one)
        definition = scene.rule(one, self._sinks.url, start="earliest" if earliest else "latest")
        await self._change(client, "on", one.names[1], _apply(definition), earliest=earliest)

    async def _pause(self, client: Client) -> None:
        self._paused = not self._paused
        if self._paused:
            await self._change(client, "pause", PAUSED, lambda c: c.pause(ROUGH, PAUSED, "t", reason="a test"))
        else:
            await self._change(client, "resume", PAUSED, lambda c: c.resume(ROUGH, PAUSED, "t"))

    async def mend(self, client: Client) -> None:
        """Let targets go on that are blocked at an event, or that said they want nothing any more."""
        for rule in MENDED:
            state = (await client.target(ROUGH, rule, "t")).state
            if state in {"blocked", "paused"}:
                skip = state == "blocked" and self._dice.random() < 0.5
                await client.resume(ROUGH, rule, "t", skip=skip)

    async def _redrive(self, client: Client) -> None:
        await client.redrive(ROUGH, rule=LETTERS)

    async def _stall(self, _: Client) -> None:
        names = self._dice.choice([(ROUGH, SLOW, "t"), (ROUGH, "keyed", "t"), (ROUGH, "edited", "t")])
        self._sinks.stall(names, self._dice.uniform(0.3, 0.8))

    async def _jump(self, _: Client) -> None:
        self._clock.jump(self._dice.uniform(-8, 12))

    async def _cancel(self, client: Client) -> None:
        """One of the delayed events that are far away."""
        now = self._clock.now()
        far = [
            put
            for put in self._history.acknowledged()
            if put.cancelled is None and put.event.due is not None and put.event.due > now + DAY_S
        ]
        if far:
            put = self._dice.choice(far)
            put.cancelled = float("inf")
            await client.cancel_delayed(put.event.bus, str(put.event.number))
            put.cancelled = time.monotonic()


def _apply(definition: scene.Json) -> Action:
    text = msgspec.json.encode(definition)
    return lambda client: client.apply(text, json=True)
