"""Sends messages: window, queue choice, tries on other brokers, one receipt for each message.

Two sends keep their order when they go to one queue and the second starts after the first returned; a broker may store
what is on its way at the same time in any order. A stored message can be read a moment later: a broker enters it into
its queue in the background, within milliseconds.
"""

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.errors import (
    CannotConnect,
    NoPermission,
    NoRoute,
    Refused,
    RocketMQError,
    TooLarge,
    TopicNotFound,
    Unavailable,
)
from bridge.rocketmq.frames import Command
from bridge.rocketmq.queues import Rotation
from bridge.rocketmq.records import Message
from bridge.rocketmq.retry import PATIENT, Retry, decide
from bridge.rocketmq.routes import Permission, Queue, Route
from bridge.rocketmq.sending import STORED, Ids, Parcel, Receipt, pack, pack_batch, receipts
from bridge.rocketmq.unique import MAKER_BYTES, UniqueIds
from bridge.rocketmq.window import Window

_ELSEWHERE = (CannotConnect, NoRoute, TopicNotFound, Unavailable)
"""After these the queues may be on other brokers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """``calls`` and ``call_bytes`` may wait for the answer of one broker at a time; further sends wait for their turn.
    ``message_bytes`` is the broker's ``maxMessageSize``, for a body as for a whole batch.
    """

    calls: int = 256
    call_bytes: int = 64 * 2**20
    message_bytes: int = 4 * 2**20
    timeout_s: float = 3.0  # of one try


class PartlySent(RocketMQError):
    """Of many messages the first ones are stored; ``receipts`` are theirs, ``cause`` is what the next ones met."""

    again = True
    maybe_done = True

    def __init__(self, stored: list[Receipt], cause: RocketMQError) -> None:
        super().__init__(f"{len(stored)} messages are stored, then: {cause}", code=cause.code, address=cause.address)
        self.receipts = stored
        self.cause = cause

    def copy(self) -> Self:
        return type(self)(self.receipts, self.cause)


class Producer:
    """Sends for one producer group over the connections of a cluster; owns no task and need not be closed.

    Errors of every send: **not stored**, tried again within the budget of ``retry`` and then raised: Busy, Unavailable,
    CannotConnect, NoRoute, TopicNotFound and other BrokerErrors; not stored, raised at once: NoPermission, Refused,
    TooLarge; **unknown**, raised at once: CallTimeout, ConnectionLost, NotRocketMQ, Malformed, and cancelling. Who sends
    again after one of the last may store the message twice. ``maybe_done`` of the error tells.
    """

    def __init__(
        self,
        cluster: Cluster,
        group: str = "bridge",
        *,
        limits: Limits = Limits(),
        retry: Retry = PATIENT,
        clock: Callable[[], float] = time.time,  # noqa: TID251 - born times; this package knows no clock of others
        ids: Ids | None = None,
    ) -> None:
        """``clock``: seconds since the epoch; ``ids``: makes the UNIQ_KEY of messages that have none."""
        self._cluster = cluster
        self._group = group
        self._limits = limits
        self._retry = retry
        self._clock = clock
        self._ids = ids or UniqueIds(os.urandom(MAKER_BYTES), clock)
        self._rotation = Rotation()
        self._windows: dict[str, Window] = {}
        self._places: dict[Queue, dict[str, str]] = {}
        self._routes: dict[str, tuple[Route, tuple[Queue, ...]]] = {}

    async def send(self, message: Message, queue: Queue | None = None) -> Receipt:
        """Store one message, in ``queue`` or (None) in one queue after the other.

        A delayed one needs a body, and its receipt tells only that the broker keeps it. See the class for errors.
        """
        if len(message.body) > self._limits.message_bytes:
            raise TooLarge(f"the body has {len(message.body)} bytes, at most {self._limits.message_bytes} are possible")
        parcel = pack(message, int(self._clock() * 1000), self._ids)
        return (await self._deliver(parcel, queue))[0]

    async def send_many(self, queue: Queue | None, messages: Sequence[Message]) -> list[Receipt]:
        """Store messages of one topic as batches, each as one whole, in order; None: each batch in any one queue.

        More than fits a batch goes as several, one after the other. Raises PartlySent when a later one fails, else as
        ``send``, and Refused for messages that cannot share a batch (other topics, delayed ones).
        """
        if not messages:
            return []
        parcels = pack_batch(messages, int(self._clock() * 1000), self._ids, limit_bytes=self._limits.message_bytes)
        stored: list[Receipt] = []
        for parcel in parcels:
            try:
                stored += await self._deliver(parcel, queue)
            except RocketMQError as error:
                if stored:
                    raise PartlySent(stored, error) from error
                raise
        return stored

    async def _deliver(self, parcel: Parcel, queue: Queue | None) -> list[Receipt]:
        return receipts(parcel, *await self.deliver(parcel, queue))

    async def deliver(self, parcel: Parcel, queue: Queue | None = None) -> tuple[Queue, Command]:
        """Store what is packed already, for who needs no receipt for each message: the queue, and the broker's answer
        (``sending.receipts`` reads it). Tries until it is stored or nothing helps; see the class for errors.
        """
        chosen, failures, began = queue, 0, asyncio.get_running_loop().time()
        fresh = False
        while True:
            try:
                chosen = await self._choose(parcel.topic, queue, fresh=fresh)
                return chosen, await self._call(chosen, parcel)
            except RocketMQError as error:
                failures += 1
                await self._pause(error, failures, began, chosen if queue is None else None)
                fresh = isinstance(error, _ELSEWHERE)

    async def _choose(self, topic: str, queue: Queue | None, *, fresh: bool) -> Queue:
        route = await self._cluster.route(topic, fresh=fresh)
        if queue is not None:
            _check(route, queue)
            return queue
        known = self._routes.get(topic)
        if known is None or known[0] is not route:
            known = self._routes[topic] = (route, route.writable)
        if not known[1]:
            raise NoPermission(f"no queue of topic {topic} may be written to")
        return self._rotation.next(known[1], asyncio.get_running_loop().time())

    async def _call(self, queue: Queue, parcel: Parcel) -> Command:
        broker, size = queue.broker, len(parcel.body)
        window = self._windows.get(broker)
        if window is None:
            window = self._windows[broker] = Window(self._limits.calls, self._limits.call_bytes)
        if not window.try_enter(size):
            await window.enter(size)
        try:
            ext = {**self._place(queue), **parcel.fields}
            return await self._cluster.call_broker(
                broker, parcel.code, ext, parcel.body, timeout_s=self._limits.timeout_s, accept=STORED
            )
        finally:
            window.leave(size)

    def _place(self, queue: Queue) -> dict[str, str]:
        """The arguments that all sends to one queue share."""
        place = self._places.get(queue)
        if place is None:
            place = {"a": self._group, "b": queue.topic, "c": "TBW102", "d": "4", "e": str(queue.id)}
            place |= {"j": "0", "k": "false", "n": queue.broker}
            self._places[queue] = place
        return place

    async def _pause(self, error: RocketMQError, failures: int, began: float, tried: Queue | None) -> None:
        """Wait until the next try, not at all if another broker can be tried; raises ``error`` if there is none."""
        now = asyncio.get_running_loop().time()
        pause = decide(error, failures, now - began, self._retry, self._retry.jitter())
        if pause is None:
            raise error
        if tried is not None:
            self._rotation.avoid(tried.broker, now + pause)
            known = self._routes.get(tried.topic)
            if known is not None and self._rotation.has_other(known[1], now):
                return
        await asyncio.sleep(pause)


def _check(route: Route, queue: Queue) -> None:
    """Raises Refused for a queue of another topic, NoPermission without write bit: brokers store such sends all the same.

    A broker that is not in the route is down: the send will tell.
    """
    if queue.topic != route.topic:
        raise Refused(f"a message of topic {route.topic} cannot go to a queue of topic {queue.topic}")
    for data in route.queues:
        if data.broker == queue.broker and not data.perm & Permission.WRITE:
            raise NoPermission(f"topic {queue.topic} on broker {queue.broker} may not be written to")
