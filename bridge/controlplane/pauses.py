"""Pausing a target and letting it go on. A pause is written into the catalog: every instance sees it, and it outlives them.

What was asked for twice happened once: the first pause stands, with its time and reason, and a target that is not paused
is resumed by doing nothing.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple

import msgspec

from bridge.controlplane.resources import Resources
from bridge.errors import InvalidInput, NotFound
from bridge.model.clock import Clock
from bridge.model.pauses import Author, Pause, entries, pause, resume
from bridge.model.resource import Ref
from bridge.model.times import format_time

MAX_REASON = 1_024

Unblock = Callable[[str, str, str, bool], Awaitable[None]]
"""Lets a target go on that waits at an event which it may not skip (bus, rule, target): tries that one again, or, when told
to skip, makes it a dead letter. Raises NotFound for a target that is not blocked, or not at work here."""


class Place(NamedTuple):
    """Which target."""

    bus: str
    rule: str
    target: str


class Pauses:
    def __init__(self, resources: Resources, unblock: Unblock, clock: Clock) -> None:
        self._resources = resources
        self._unblock = unblock
        self._clock = clock

    async def pause(self, place: Place, reason: str = "", by: Author = "operator") -> Pause:
        """Stop deliveries to a target; its events are kept. Returns the pause that stands. Raises NotFound, InvalidInput."""
        if len(reason) > MAX_REASON:
            if by == "operator":
                raise InvalidInput(f"longer than {MAX_REASON} characters", path="$.reason")
            reason = reason[:MAX_REASON]  # of a target's own making: nothing that could keep it from being paused
        entry = Pause(since=format_time(self._clock()), reason=reason, by=by)
        stored = await self._resources.amend(_rule(place), lambda rule: pause(rule, place.target, entry))
        return msgspec.convert(entries(stored)[place.target], Pause)

    async def resume(self, place: Place, *, skip: bool = False) -> None:
        """Let a target go on: a paused one with what it has missed, a blocked one with the event that blocks it.

        ``skip`` makes that event a dead letter and goes on behind it. Raises NotFound, also where there is none to skip.
        """
        if skip:
            await self._unblock(*place, True)
        await self._resources.amend(_rule(place), lambda rule: resume(rule, place.target))
        if not skip:
            with suppress(NotFound):  # nothing blocks it
                await self._unblock(*place, False)


def _rule(place: Place) -> Ref:
    return Ref("Rule", place.bus, place.rule)
