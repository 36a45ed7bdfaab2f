"""The ends of a partition's queue: which offsets it holds, and what that means for those who are in it.

``end`` is told by answers to appends, at once, and by answers to pulls, which know of a message some milliseconds later:
a broker enters it into its queue in the background. So a queue that looks shorter than it was is asked again; only when
that lasts is its end believed to be lost. Three ways lead to that: it looks shorter for seconds (somebody made the topic
anew), an append got an offset that was used before, or the broker has started again and what it has stored since begins
before the end that was known.

What is lost makes room: new events get offsets that readers have passed. So positions behind the loss go back to the first
event stored since the broker's start, which nobody can have read.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

import structlog

from bridge.errors import StoreUnavailable
from bridge.rocketmq.admin import Brokers
from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.offsets import Offsets
from bridge.rocketmq.routes import Queue
from bridge.stores.bus.rocketmq_trouble import Troubles, persist
from bridge.stores.chores import Chores

T = TypeVar("T")
log = structlog.get_logger()

SHRUNK_AFTER_S = 5.0
"""For so long a queue must look shorter than it was until that is believed."""


class Reading(NamedTuple):
    """What the partitions of a log share. ``moved``: told when an end has moved; ``make_group``: on this broker;
    ``was_reset``: told that an operator has reset the group, in this partition.
    """

    cluster: Cluster
    group: str
    chores: Chores
    troubles: Troubles
    patience_s: float
    moved: Callable[[], None]
    make_group: Callable[[str], Awaitable[None]]
    was_reset: Callable[[int], None]

    async def persist(self, work: Callable[[], Awaitable[T]], what: str, doing: str) -> T:
        """With the patience of a reader. Raises as ``rocketmq_trouble.persist``."""
        return await persist(work, what, doing, self.troubles, self.patience_s, stubborn=True)


class Ends:
    """``first`` and ``end`` count once ``known``. ``epoch`` grows when what readers know does not hold any more;
    ``quiet``: they are told that in another way.
    """

    def __init__(self, queue: Queue, bus: str, number: int, reading: Reading) -> None:
        self.queue = queue
        self.number = number
        self.name = f"partition {number} of the bus {bus} (queue {queue.id} on {queue.broker})"
        self.first = self.end = 0
        self.known = False
        self.epoch = 0
        self.quiet = False
        self.heard_at = -float("inf")
        """When the broker last told of the ends, on the loop's clock."""
        self._reading = reading
        self._offsets = Offsets(reading.cluster, reading.group)
        self._caps: list[tuple[int, int]] = []  # since which epoch there is nothing from which offset on
        self._shorter: tuple[int, int, float] | None = None  # than known: the lowest and latest end, since when
        self._mending: asyncio.Task[None] | None = None
        self._boot_ms: int | None = None
        self._end_at_connect: int | None = None  # known before the broker was there again

    def begin(self) -> None:
        """It has just been made."""
        self.known = True

    def check_known(self) -> None:
        """Raises StoreUnavailable while no broker has told of its ends."""
        if not self.known:
            raise StoreUnavailable(f"{self.name}: the broker has not answered yet, so nothing is known of it")

    async def learn(self) -> None:
        """Ask the broker for its ends. Raises RocketMQError."""
        self.saw(*await self._ask())

    async def find_ends(self) -> None:
        """As ``learn``, with patience. Raises StoreUnavailable."""
        await self._reading.persist(self.learn, self.name, f"cannot find the ends of {self.name}")

    async def _ask(self) -> tuple[int, int]:
        first, end = await asyncio.gather(self._offsets.minimum(self.queue), self._offsets.maximum(self.queue))
        return first, end

    def stored(self, first: int, end: int, least: int) -> None:
        """We have just stored something there; it had to be at ``least`` or behind, unless the end was lost."""
        if first < least:
            self._lose(first)
        elif end > self.end:
            self.end = end
            self._reading.moved()

    def saw(self, first: int, end: int) -> None:
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
            self._lose(lowest)

    def _lose(self, lowest: int) -> None:
        """From ``lowest`` on, everything that was known is gone."""
        if self._mending is None:
            self._mending = self._reading.chores.run(self._mend(lowest))

    async def _mend(self, lowest: int) -> None:
        """Begin again with what is left."""
        try:
            cap = min(lowest, await self.first_since_boot())
            first, end = await self._reading.persist(self._ask, self.name, f"cannot find the ends of {self.name}")
        except StoreUnavailable:
            return  # whoever sees it next begins it anew
        finally:
            self._mending = None
        log.error(
            "the end of a queue is gone from its broker; cursors go back to what is left, and new events are not missed",
            partition=self.name, was=self.end, left=cap,
        )  # fmt: skip
        self.first, self.end, self._shorter = first, max(first, end), None
        self.void(cap=cap)

    async def first_since_boot(self) -> int:
        """The first offset stored since the broker started; its end if there is none. Raises StoreUnavailable."""

        async def ask() -> int:
            return await self._offsets.at(self.queue, await boot_ms(self._reading.cluster, self.queue.broker) or 0)

        return await self._reading.persist(ask, self.name, f"cannot find the start of {self.queue.broker}")

    def connected(self) -> None:
        """Some broker is there, perhaps again."""
        if self.known and self._end_at_connect is None:
            self._end_at_connect = self.end

    async def check_boot(self, boot: int) -> None:
        """The broker started at this time: if that is news, has it lost something before? Raises RocketMQError."""
        end, before = self._end_at_connect, self._boot_ms
        if end is not None and before is not None and boot != before:
            first_new = await self._offsets.at(self.queue, boot)
            if first_new < end:
                self._lose(first_new)
        self._boot_ms, self._end_at_connect = boot, None

    def cap_since(self, epoch: int) -> float:
        """A position that was right in that epoch can be no further than this."""
        return min((cap for since, cap in self._caps if since > epoch), default=float("inf"))

    def void(self, *, cap: int | None = None, quiet: bool = False) -> None:
        """What readers know of their positions does not hold any more; there is nothing from ``cap`` on."""
        self.epoch += 1
        self.quiet = quiet
        if cap is not None:
            self._caps.append((self.epoch, cap))
        self._reading.moved()


async def boot_ms(cluster: Cluster, broker: str) -> int | None:
    """When a broker was started, ms since the epoch by its clock; None where it does not say. Raises RocketMQError."""
    told = (await Brokers(cluster).runtime(broker)).get("bootTimestamp", "")
    return int(told) if told.isdecimal() else None
