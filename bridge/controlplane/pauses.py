"""Pausing a target and letting it go on. A pause is written into the catalog: every instance sees it, and it outlives them.

What was asked for twice happened once: the first pause stands, with its time and reason, and a target that is not paused
is resumed by doing nothing.

A target that is *blocked* is so where it is at work. One instance alone is told directly; several are told by the catalog,
too, each of which may be blocked at an event of its own.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import NamedTuple

import msgspec

from bridge.controlplane.resources import Resources
from bridge.errors import InvalidInput, NotFound
from bridge.model.clock import Clock
from bridge.model.pauses import Author, Pause, entries, let_go_on, pause, resume
from bridge.model.resource import Ref
from bridge.model.times import format_time

MAX_REASON = 1_024

Unblock = Callable[[str, str, str, bool], Awaitable[None]]
"""Lets a target go on that waits at an event which it may not skip (bus, rule, target): tries that one again, or, when told
to skip, makes it a dead letter. Raises NotFound for a target that is not blocked, or not at work here."""

IsBlocked = Callable[[str, str, str], Awaitable[bool]]
"""Whether any instance may be blocked at a target (bus, rule, target)."""


class Place(NamedTuple):
    """Which target."""

    bus: str
    rule: str
    target: str


class Pauses:
    def __init__(
        self, resources: Resources, unblock: Unblock, clock: Clock, *, is_blocked: IsBlocked | None = None
    ) -> None:
        """``is_blocked``: where several instances share their buses; then ``unblock`` is not used."""
        self._resources = resources
        self._unblock = unblock
        self._clock = clock
        self._is_blocked = is_blocked

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
        if self._is_blocked is not None:
            await self._resume_everywhere(place, self._is_blocked, skip=skip)
            return
        if skip:
            await self._unblock(*place, True)
        await self._resources.amend(_rule(place), lambda rule: resume(rule, place.target))
        if not skip:
            with suppress(NotFound):  # nothing blocks it
                await self._unblock(*place, False)

    async def _resume_everywhere(self, place: Place, is_blocked: IsBlocked, *, skip: bool) -> None:
        """Each instance acts when it sees the change."""
        if skip and not await is_blocked(*place):
            raise NotFound(f"the target {'/'.join(place)} is not blocked")
        at = format_time(self._clock())
        await self._resources.amend(_rule(place), lambda rule: let_go_on(rule, place.target, at, skip=skip))


def _rule(place: Place) -> Ref:
    return Ref("Rule", place.bus, place.rule)
