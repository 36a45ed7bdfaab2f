"""The nouns of a lane: what goes out together, what was tried before, what is given up, and who is told.

A delivery is *settled* once nobody needs to remember it any more: it was taken, or is a dead letter, or is parked durably.
Its ``settled`` tells the cursor it came from. Deliveries that did not come from a cursor, but from somewhere durable (a
parked retry, a dead letter that is redriven), have a Keeper there, which is told what they became before they settle.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, NamedTuple, Protocol

from bridge.dataplane.retry import GiveUp
from bridge.model.clock import Clock
from bridge.model.delivery import Delivery
from bridge.stores.deadletters.base import Attempt

FIRST_KEPT, LAST_KEPT = 1, 19
"""Of many attempts, so many of the first and of the last are kept; all are counted."""

Settled = Callable[[int], None]
"""Told how many deliveries of a batch are settled."""

Became = Literal["delivered", "buried", "parked", "released"]
"""``released``: the lane has let go of it undone; whoever keeps it may try again."""


class Keeper(Protocol):
    """Keeps deliveries somewhere durable while a lane has them."""

    async def done(self, deliveries: Sequence[Delivery], became: Became) -> None:
        """What became of them; called before they settle. What they became is durable already."""


class Past(NamedTuple):
    """What was tried with a delivery so far: when its first attempt began, how many there were, and some of them."""

    began: float
    tries: int = 0
    attempts: tuple[Attempt, ...] = ()

    def after(self, attempt: Attempt) -> "Past":
        """With one more attempt."""
        attempts = (*self.attempts, attempt)
        if len(attempts) > FIRST_KEPT + LAST_KEPT:
            attempts = attempts[:FIRST_KEPT] + attempts[-LAST_KEPT:]
        return Past(self.began, self.tries + 1, attempts)


class GivenUp(NamedTuple):
    """A delivery that becomes a dead letter, and why. ``tries`` counts all attempts, also those not kept."""

    delivery: Delivery
    decision: GiveUp
    detail: str
    attempts: tuple[Attempt, ...] = ()
    tries: int = 0


Bury = Callable[[Sequence[GivenUp]], Awaitable[None]]
"""Stores dead letters; returns when they are durable, however long that takes."""


class Waiting(NamedTuple):
    """A delivery that is to be tried again at ``due`` (seconds since the epoch)."""

    delivery: Delivery
    past: Past
    due: float


class Timing(NamedTuple):
    """What tests move: the clock, the wait, the point within a policy's jitter (-1 to 1)."""

    clock: Clock
    sleep: Callable[[float], Awaitable[None]]
    jitter: Callable[[], float]


class Watcher:
    """Told what happens in a lane; does nothing by itself. Telemetry overrides what it wants to know."""

    def delivered(self, deliveries: Sequence[Delivery], took_s: float, now: float) -> None:
        """One send was taken whole; ``now`` in seconds since the epoch."""

    def failed(self, deliveries: int, reason: str, now: float) -> None:
        """So many deliveries failed in one attempt, ``reason`` being that of the first."""

    def buried(self, deliveries: int) -> None:
        """So many became dead letters."""

    def parked(self, deliveries: int) -> None:
        """So many wait durably for their next attempt."""


class Send:
    """Deliveries that stay together on their way through a lane. Who is told that they are settled may change meanwhile.

    ``size``: their bytes, about. ``stays``: what came later may have been sent before it. ``most``: how many deliveries may
    go out together with these; it shrinks when several fail as one, so that the bad one is found. ``pasts`` is as long as
    ``deliveries`` once there was an attempt.
    """

    __slots__ = ("deliveries", "keeper", "key", "most", "pasts", "settled", "size", "stays")

    def __init__(
        self,
        deliveries: Sequence[Delivery],
        settled: Settled,
        size: int = 0,
        *,
        keeper: Keeper | None = None,
        pasts: Sequence[Past] | None = None,
    ) -> None:
        self.deliveries = deliveries
        self.settled = settled
        self.size = size
        self.keeper = keeper
        self.pasts = pasts
        self.most = 1_000_000
        self.key = ""
        self.stays = False

    @property
    def is_fresh(self) -> bool:
        """Whether it came from a cursor, was not tried yet and nothing behind it was: it can be read again as well."""
        return self.pasts is None and self.keeper is None and not self.stays

    def split(self, most: int) -> "list[Send]":
        """Pieces of at most so many deliveries, in order, to which this one gives all it has; itself, if it is no larger."""
        if len(self.deliveries) <= most:
            return [self]
        pieces = [self.part(start, start + most) for start in range(0, len(self.deliveries), most)]
        self.deliveries = ()
        return pieces

    def without(self, gone: Sequence[Delivery]) -> int:
        """Leave out some of its deliveries; returns how many bytes less that are."""
        positions = {delivery.position for delivery in gone}
        kept = [index for index, delivery in enumerate(self.deliveries) if delivery.position not in positions]
        self.deliveries = [self.deliveries[index] for index in kept]
        if self.pasts is not None:
            self.pasts = [self.pasts[index] for index in kept]
        before, self.size = self.size, sum(map(size_of, self.deliveries))
        return before - self.size

    def part(self, start: int, end: int) -> "Send":
        """Some of its deliveries, for the same ears."""
        deliveries = self.deliveries[start:end]
        pasts = self.pasts[start:end] if self.pasts is not None else None
        part = Send(deliveries, self.settled, sum(map(size_of, deliveries)), keeper=self.keeper, pasts=pasts)
        part.most, part.key, part.stays = self.most, self.key, self.stays
        return part


def size_of(delivery: Delivery) -> int:
    """Bytes of what is sent, about: attributes are taken for 200."""
    if delivery.payload is not None:
        return len(delivery.payload.body)
    return 200 + len(delivery.event.data or b"")
