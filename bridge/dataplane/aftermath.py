"""After an attempt: deliveries are settled, tried again, parked, buried, or block their lane."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol

import structlog

from bridge.dataplane.contents import Contents
from bridge.dataplane.judging import Verdict
from bridge.dataplane.sending import Became, Bury, GivenUp, Send, Timing, Waiting, Watcher
from bridge.dataplane.tasks import Spawn, try_spawn
from bridge.model.delivery import Delivery
from bridge.model.log import Position
from bridge.model.rule import TargetSpec

log = structlog.get_logger()

LONGEST_REST_S = 5.0
"""A longer wait for the next attempt is parked, where that is possible."""


class Park(Protocol):
    """Where deliveries wait durably for their next attempt."""

    def keeps(self, key: str) -> bool:
        """Whether deliveries of this key are parked, so that later ones must wait behind them."""

    def is_stale(self, delivery: Delivery) -> bool:
        """Whether what is just coming back must wait longer: its key was parked again meanwhile."""

    async def park(self, waiting: Sequence[Waiting], key: str | None) -> None:
        """Return when they are durable, however long that takes. ``key``: they are all of it, and keep their order."""

    async def join(self, deliveries: Sequence[Delivery]) -> None:
        """Park these behind those of their keys that are parked."""


class Exits(NamedTuple):
    """Where deliveries go that the target does not take; and who is told that it wants, or gets, none any more."""

    bury: Bury
    park: Park | None = None
    retire: Callable[[str], None] | None = None


class Means(NamedTuple):
    """What a lane works with. ``wake``: something waits that may go out. ``block``: go no further, for a reason."""

    spec: TargetSpec
    exits: Exits
    timing: Timing
    spawn: Spawn
    watcher: Watcher
    wake: Callable[[], None]
    block: Callable[[str], None]


class Aftermath:
    """Of one lane. Once that has ended, its heir has what is left: then nothing is settled here any more."""

    def __init__(self, contents: Contents, means: Means) -> None:
        self._contents = contents
        self._means = means
        self._joining = False
        self._aside_keys = Counter[str]()

    def is_aside(self, key: str) -> bool:
        """Whether something of a key is on its way to those that are parked: what is later must follow it."""
        return key in self._aside_keys

    def is_before(self, key: str, position: Position) -> bool:
        """Whether something of a key that is aside lies before a position: an old lane may have parked what is behind."""
        aside = self._contents.aside if self.is_aside(key) else ()
        places = (send.deliveries[0].position for send in aside if send.key == key)
        return any(place.partition == position.partition and place < position for place in places)

    async def taken(self, send: Send) -> None:
        """The target took all of it."""
        await self._settle(send, send.deliveries, "delivered")
        self._end(send)

    async def follow(self, send: Send, verdict: Verdict, together: int) -> None:
        """Do what an attempt led to; ``together``: how many deliveries went out in it."""
        if verdict.delivered:
            await self._settle(send, verdict.delivered, "delivered")
        if verdict.given_up and self._means.spec.errors_tolerance == "NONE":
            self._block(send, verdict)
            return
        if verdict.given_up:
            await self._bury(send, verdict.given_up)
        if verdict.again:
            await self._try_again(send, verdict, together)
        else:
            self._end(send)

    async def unblock(self, *, skip: bool) -> None:
        """Try what blocks the lane again, as if for the first time; or make it a dead letter."""
        if skip:
            await self._skip()
            return
        blocking, self._contents.blocking = self._contents.blocking, {}
        self._contents.front(list(blocking))

    async def _skip(self) -> None:
        """What blocks stays where it is known of until it is a dead letter, however long that takes."""
        for send, given_up in list(self._contents.blocking.items()):
            await self._means.exits.bury(given_up)
            self._means.watcher.buried(len(given_up))
            if self._contents.blocking.pop(send, None) is not None:  # else it was tried again, or has an heir
                await self._settle(send, send.deliveries, "buried")
                self._end(send)

    def put_aside(self, sends: Sequence[Send]) -> None:
        """They wait durably behind others of their key; soon, many at a time."""
        self._contents.aside += sends
        self._aside_keys.update(send.key for send in sends)
        if self._contents.aside and not self._joining:
            self._joining = True
            try_spawn(self._means.spawn, self._join())

    async def _try_again(self, send: Send, verdict: Verdict, together: int) -> None:
        if self._contents.ended:
            return
        waiting = verdict.again
        send.pasts = [one.past for one in waiting]
        wait_s = max(one.due for one in waiting) - self._means.timing.clock()
        park = self._means.exits.park
        if wait_s > LONGEST_REST_S and park is not None and self._means.spec.errors_tolerance == "ALL":
            await self._park(park, send, waiting)
            return
        pieces = [send]
        if verdict.halve:
            most = max(1, together // 2)
            pieces = send.split(most)
            for piece in pieces:
                piece.most = most
        if wait_s > 0:
            self._contents.resting.update(pieces)
            self._means.spawn(self._rest(pieces, wait_s))
        else:
            self.once_more(pieces)

    async def _rest(self, sends: Sequence[Send], wait_s: float) -> None:
        await self._means.timing.sleep(wait_s)
        self._contents.resting.difference_update(sends)
        self.once_more(sends)

    def once_more(self, sends: Sequence[Send]) -> None:
        """To the front of what waits, unless nothing is left of them."""
        if self._contents.ended:
            return
        self._contents.front([send for send in sends if send.deliveries])
        self._means.wake()

    async def _park(self, park: Park, send: Send, waiting: Sequence[Waiting]) -> None:
        """Let them wait durably. In order by key, what is behind them waits there too."""
        by_key = self._contents.by_key
        if by_key is None:
            await park.park(waiting, None)
        else:
            behind = by_key.after(send.key)
            parking = park.park(waiting, send.key)
            await self._park_all(parking, behind)
        self._means.watcher.parked(len(waiting))
        await self._settle(send, send.deliveries, "parked")
        self._end(send)

    async def _park_all(self, parking: Awaitable[None], behind: Sequence[Send]) -> None:
        """What comes from a cursor is put aside; what was parked before still is, and only leaves this lane."""
        self.put_aside([send for send in behind if send.keeper is None])
        kept = [send for send in behind if send.keeper is not None]
        self._contents.resting.update(kept)  # should the lane be stopped meanwhile, their keeper is told
        await parking
        self._contents.resting.difference_update(kept)
        for send in kept:
            await self._settle(send, send.deliveries, "parked")

    async def _join(self) -> None:
        park = self._means.exits.park
        assert park is not None, "only what a park keeps is put aside"
        contents = self._contents
        while contents.aside and not contents.ended:
            sends = list(contents.aside)
            await park.join([send.deliveries[0] for send in sends])
            contents.aside = contents.aside[len(sends) :]
            self._aside_keys -= Counter(send.key for send in sends)
            for send in sends:
                await self._settle(send, send.deliveries, "parked")
        self._joining = False

    def _block(self, send: Send, verdict: Verdict) -> None:
        """Go no further: a delivery may not be skipped."""
        if self._contents.ended:
            return
        self._contents.block(send, verdict.given_up, verdict.again)
        first = verdict.given_up[0]
        event = first.delivery.event
        log.error(
            "a target is blocked at an event", target=self._means.spec.name, event_id=event.id, reason=first.detail
        )
        self._means.block(f"event {event.id} of {event.source}: {first.detail} ({first.decision.reason})")

    async def _bury(self, send: Send, given_up: Sequence[GivenUp]) -> None:
        await self._means.exits.bury(given_up)
        self._means.watcher.buried(len(given_up))
        await self._settle(send, [one.delivery for one in given_up], "buried")

    async def _settle(self, send: Send, deliveries: Sequence[Delivery], became: Became) -> None:
        if send.keeper is not None and not self._contents.ended:
            await send.keeper.done(deliveries, became)
        if not self._contents.ended:
            self._contents.leave(send, deliveries)

    def _end(self, send: Send) -> None:
        if not self._contents.ended and not send.deliveries:
            self._contents.queue.done(send)
