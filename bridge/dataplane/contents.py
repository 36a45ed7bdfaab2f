"""What is in a lane, wherever it is there: waiting, under way, resting, blocking, put aside. And how much that is."""

import asyncio
from collections.abc import Sequence

from bridge.dataplane.queues import ByKey, Fifo, Queue
from bridge.dataplane.sending import GivenUp, Keeper, Past, Send, Settled, Waiting, size_of
from bridge.model.delivery import Delivery
from bridge.model.rule import TargetSpec

MOST_HELD = 2_000
"""Deliveries in one lane from which on it is full: they hold their events in memory."""


class Contents:
    """``most_waiting``: sends that may wait before the lane is full. ``ended`` once the lane has none and takes none."""

    def __init__(self, spec: TargetSpec, per_send: int, most_waiting: int) -> None:
        self.by_key = ByKey() if spec.order == "key" else None
        self.queue: Queue = self.by_key if self.by_key is not None else Fifo()
        self.under_way: dict[asyncio.Task[None], list[Send]] = {}
        self.resting: set[Send] = set()
        self.blocking: dict[Send, Sequence[GivenUp]] = {}
        self.aside: list[Send] = []
        self.deliveries = 0
        self.ended = False
        self.changed = asyncio.Event()
        """Set when something has left."""
        self._bytes = 0
        self._most_bytes = spec.in_flight
        self._most_waiting = most_waiting if self.by_key is None else MOST_HELD
        self._per_send = per_send if self.by_key is None else 1
        self._send_bytes = spec.batch.size

    @property
    def has_room(self) -> bool:
        return (
            len(self.queue) < self._most_waiting
            and self.deliveries < MOST_HELD
            and self._bytes < self._most_bytes
            and not self.ended
        )

    def all(self) -> list[Send]:
        """In no order."""
        flying = [send for load in self.under_way.values() for send in load]
        sends = (*flying, *self.resting, *self.blocking, *self.aside, *self.queue)
        return [send for send in dict.fromkeys(sends) if send.deliveries]

    def oldest(self) -> dict[int, int]:
        """Per partition the lowest offset that is not settled with a cursor."""
        found: dict[int, int] = {}
        for send in self.all():
            for delivery in send.deliveries if send.keeper is None else ():
                partition, offset = delivery.position
                found[partition] = min(offset, found.get(partition, offset))
        return found

    def cut(self, deliveries: Sequence[Delivery], start: int, settled: Settled, keeper: Keeper | None) -> Send:
        """As many from ``start`` on as may go out together: by count, and by size, but at least one."""
        size, end = size_of(deliveries[start]), start + 1
        if self._per_send > 1:
            most = min(start + self._per_send, len(deliveries))
            while end < most and (more := size + size_of(deliveries[end])) <= self._send_bytes:
                size, end = more, end + 1
        return self._made(Send(deliveries[start:end], settled, size, keeper=keeper))

    def again(self, waiting: Waiting, keeper: Keeper) -> Send:
        """A send of one delivery that was tried before; no cursor needs to know what becomes of it."""
        delivery = waiting.delivery
        return self._made(Send([delivery], _no_cursor, size_of(delivery), keeper=keeper, pasts=[waiting.past]))

    def _made(self, send: Send) -> Send:
        if self.by_key is not None:
            send.key = send.deliveries[0].event.key
        self.deliveries += len(send.deliveries)
        self._bytes += send.size
        return send

    def unload(self) -> list[Send]:
        """Take out what waits and can be read again from the log; of each partition only what is later than all that stays,
        as that would be read again with it.
        """
        loose = self.queue.loose()
        staying = set(self.all()).difference(loose)
        last: dict[int, int] = {}
        for send in staying:
            partition, offset = max(delivery.position for delivery in send.deliveries)
            last[partition] = max(offset, last.get(partition, -1))
        sends = [send for send in loose if send.deliveries[0].position.offset > last.get(_partition(send), -1)]
        self.queue.remove(sends)
        for send in sends:
            self.deliveries -= len(send.deliveries)
            self._bytes -= send.size
        self.changed.set()
        return sends

    def leave(self, send: Send, deliveries: Sequence[Delivery]) -> None:
        """Some deliveries of a send are settled."""
        number = len(deliveries)
        if number == len(send.deliveries):
            send.deliveries = ()
            self._bytes -= send.size
        else:
            self._bytes -= send.without(deliveries)
        self.deliveries -= number
        self.changed.set()
        send.settled(number)

    def front(self, sends: Sequence[Send]) -> None:
        """They wait again, before all others."""
        for send in reversed(sends):
            self.queue.again(send)

    def block(self, send: Send, given_up: Sequence[GivenUp], again: Sequence[Waiting]) -> None:
        """Keep what was given up, each by itself; what is left of the send waits again."""
        stuck = {one.delivery.position: one for one in given_up}
        pasts = {waiting.delivery.position: waiting.past for waiting in again}
        parts = [send.part(index, index + 1) for index in range(len(send.deliveries))]
        others = []
        for part in parts:
            position = part.deliveries[0].position
            if position in stuck:
                self.blocking[part] = [stuck[position]]
                part.pasts = [Past(0.0)]
            else:
                part.pasts = [pasts[position]]
                others.append(part)
        send.deliveries = ()
        self.front(others)

    def end(self) -> list[Send]:
        """Take out everything, oldest first; nothing comes in any more."""
        left = sorted(self.all(), key=lambda send: send.deliveries[0].position)
        self.queue.empty()
        self.under_way.clear()
        self.resting.clear()
        self.blocking.clear()
        self.aside = []
        self.deliveries = self._bytes = 0
        self.ended = True
        self.changed.set()
        return left


def _partition(send: Send) -> int:
    return send.deliveries[0].position.partition


def _no_cursor(number: int) -> None:
    """Settled: nobody but the keeper needs to know."""
