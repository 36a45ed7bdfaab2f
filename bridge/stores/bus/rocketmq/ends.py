"""The ends of a partition's queue: which offsets it holds. All offsets here are the queue's own.

``end`` is told by answers to appends, at once, and by answers to pulls, which know of a message some milliseconds later:
a broker enters it into its queue in the background. So a queue that looks shorter than it was is asked again; only when
that lasts is its end believed to be lost. Three ways lead to that: it looks shorter for seconds (somebody made the topic
anew), an append got an offset that was used before, or the broker has started again and has less than was known, or
stored anew what was known (``boots``).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

from bridge.errors import StoreUnavailable
from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.offsets import Offsets
from bridge.rocketmq.routes import Queue
from bridge.stores.bus.rocketmq.numbering import Numbering
from bridge.stores.bus.rocketmq.trouble import Durability, Troubles, persist
from bridge.stores.chores import Chores

T = TypeVar("T")

SHRUNK_AFTER_S = 30.0
"""For so long a queue must look shorter than it was, without growing, until that is believed. A broker under load may be
seconds late to enter what it has stored.
"""
LOOK_S = 0.5


class Reading(NamedTuple):
    """What the partitions of a log share. ``troubles`` are the log's, ``durability`` that of all brokers; ``moved``: told when
    an end has moved; ``make_group``: on this broker; ``was_reset``: told that an operator has reset the group, in this
    partition; ``lost``: told the partition, and from which offset on everything that was known of it is gone.
    """

    cluster: Cluster
    group: str
    chores: Chores
    troubles: Troubles
    durability: Durability
    patience_s: float
    moved: Callable[[], None]
    make_group: Callable[[str], Awaitable[None]]
    was_reset: Callable[[int], None]
    lost: Callable[[int, int], None]

    async def persist(self, work: Callable[[], Awaitable[T]], what: str, doing: str) -> T:
        """With the patience of a reader. Raises as ``trouble.persist``."""
        return await persist(work, what, doing, self.troubles, self.patience_s, stubborn=True)


class Ends:
    """``first`` and ``end`` count once ``known``. ``numbering`` makes offsets of the partition of them. ``epoch`` grows
    when what readers know of their position does not hold any more; ``quiet``: they are told that in another way.
    """

    def __init__(self, queue: Queue, bus: str, number: int, reading: Reading) -> None:
        self.queue = queue
        self.number = number
        self.name = f"partition {number} of the bus {bus} (queue {queue.id} on {queue.broker})"
        self.first = self.end = 0
        self.known = False
        self.numbering = Numbering()
        self.epoch = 0
        self.quiet = False
        self.heard_at = -float("inf")
        """When the broker last told of the ends, on the loop's clock."""
        self._reading = reading
        self._offsets = Offsets(reading.cluster, reading.group)
        self._shorter: tuple[int, int, float] | None = None  # than known: the lowest and latest end, since when
        self._whole = asyncio.Event()
        self._whole.set()

    def begin(self) -> None:
        """It has just been made."""
        self.known = True

    def check_known(self) -> None:
        """Raises StoreUnavailable while no broker has told of its ends."""
        if not self.known:
            raise StoreUnavailable(f"{self.name}: the broker has not answered yet, so nothing is known of it")

    async def learn(self) -> None:
        """Ask the broker for its ends. Raises RocketMQError."""
        self._saw(*await self.ends())

    async def find_ends(self) -> None:
        """As ``learn``, with patience. Raises StoreUnavailable."""
        await self._reading.persist(self.learn, self.name, f"cannot find the ends of {self.name}")

    async def ends(self) -> tuple[int, int]:
        """What the broker says. Raises RocketMQError."""
        first, end = await asyncio.gather(self._offsets.minimum(self.queue), self._offsets.maximum(self.queue))
        return first, end

    def stored(self, first: int, end: int, least: int, numbering: Numbering) -> None:
        """We have just stored something there; it had to be at ``least`` or behind, unless the end was lost since then.

        ``least`` was seen under that numbering.
        """
        if first < least and numbering == self.numbering:
            self.lose(first)
        elif end > self.end:
            self.end = end
            self._reading.moved()

    def _saw(self, first: int, end: int) -> None:
        """A broker has told its ends."""
        self.heard_at = asyncio.get_running_loop().time()
        if self.known and end < self.end:
            self._is_shorter(end)
            return
        if not self.known:
            end = max(end, self.end)  # of what we have stored meanwhile
        grown = end > self.end or not self.known
        self.first, self.end, self.known, self._shorter = first, max(first, end), True, None
        if grown:
            self._reading.moved()

    # What is lost

    def _is_shorter(self, end: int) -> None:
        """The queue ends there, before what was known; when that lasts without growing, it is believed."""
        now = asyncio.get_running_loop().time()
        lowest, latest, since = self._shorter or (end, -1, now)
        lowest, since = min(lowest, end), now if end > latest else since
        self._shorter = (lowest, max(latest, end), since)
        if now - since >= SHRUNK_AFTER_S:
            self.lose(lowest)

    def lose(self, lowest: int) -> None:
        """From ``lowest`` on, everything that was known is gone."""
        if self.is_whole:
            self._whole.clear()
            self._reading.lost(self.number, lowest)

    async def reach(self, offset: int) -> None:
        """Others were there already: return once the queue holds so much, or is mended. Raises StoreUnavailable."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + SHRUNK_AFTER_S
        await self.find_ends()
        while offset > self.end and self.is_whole and loop.time() < deadline:
            await asyncio.sleep(LOOK_S)
            await self.find_ends()
        if offset > self.end:
            self.lose(self.end)
            await self.until_whole()

    @property
    def is_whole(self) -> bool:
        """Not while a lost end is being mended: offsets mean nothing certain then."""
        return self._whole.is_set()

    async def until_whole(self) -> None:
        """Raises StoreUnavailable when that takes too long."""
        try:
            async with asyncio.timeout(self._reading.patience_s):
                await self._whole.wait()
        except TimeoutError as error:
            raise StoreUnavailable(
                f"{self.name}: the queue has lost its end, and nobody has mended that yet"
            ) from error

    def mended(self, numbering: Numbering, first: int, end: int) -> None:
        """What is there has these numbers now."""
        self.numbering = numbering
        self.first, self.end, self._shorter = first, max(first, end), None
        self._whole.set()
        self._reading.moved()

    def void(self, *, quiet: bool = False) -> None:
        """What readers know of their positions does not hold any more."""
        self.epoch += 1
        self.quiet = quiet
        self._reading.moved()
