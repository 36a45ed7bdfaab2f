"""Deliveries and sends for tests of the parts of a lane."""

from collections.abc import Sequence

from bridge.dataplane.sending import Past, Send, size_of
from bridge.model.delivery import Delivery
from bridge.model.event import Event
from bridge.model.log import Position


class Nobody:
    """A keeper that is told nothing that matters."""

    async def done(self, deliveries: Sequence[Delivery], became: str) -> None: ...


NOBODY = Nobody()


def delivery(offset: int, key: str = "k", size: int = 10, partition: int = 0) -> Delivery:
    event = Event(str(offset), "/s", "t", {"partitionkey": key}, b"x" * size)
    return Delivery(event, Position(partition, offset), None, None, 1.0)


def send(first: int, count: int = 1, *, key: str = "", size: int = 10, tried: bool = False, kept: bool = False) -> Send:
    """``tried``: there was an attempt; ``kept``: it came from a keeper and not from a cursor."""
    deliveries = [delivery(first + n, key or "k", size) for n in range(count)]
    pasts = [Past(1.0, 1)] * count if tried else None
    made = Send(
        deliveries, lambda number: None, sum(map(size_of, deliveries)), keeper=NOBODY if kept else None, pasts=pasts
    )
    made.key = key
    return made


def offsets(sends: Sequence[Send]) -> list[int]:
    return [delivery.position.offset for send in sends for delivery in send.deliveries]
