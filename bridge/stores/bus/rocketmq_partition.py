"""One partition of a log on RocketMQ: a queue, what is known of its ends, and reading it.

``end`` is told by answers to appends, at once, and by answers to pulls, which know of a message some milliseconds later:
a broker enters it into its queue in the background. So a pull that sees less than ``end`` is asked again; only when that
lasts is the end of the queue lost (a broker that lost its memory, a topic that was made anew).

Who waits at the end is served by one pull that the broker holds until something comes (a long poll); who reads further
back finds the next pull under way already.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, NamedTuple, TypeVar

import structlog

from bridge.errors import StoreUnavailable
from bridge.model.log import StoredChunk
from bridge.rocketmq.admin import Brokers
from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.consumer import HOLD_S, Cause, Fetched, Puller
from bridge.rocketmq.errors import GroupNotFound
from bridge.rocketmq.offsets import Offsets
from bridge.rocketmq.routes import Queue
from bridge.stores.bus.rocketmq_chunks import cut
from bridge.stores.bus.rocketmq_trouble import Troubles, persist
from bridge.stores.chores import Chores

T = TypeVar("T")
log = structlog.get_logger()

SHRUNK_AFTER_S = 5.0
"""For so long a queue must look shorter than it was until that is believed."""
LAG_S = 0.005
"""Pause before a broker is asked again for what it has not entered into the queue yet."""
LIMIT = 512
"""Messages in one long poll."""
AHEAD = 2
"""Pulls that are under way, or read and not fetched yet, before anybody asks for them."""


class Reading(NamedTuple):
    """What the partitions of a log share. ``moved``: told when an end has moved; ``make_group``: on this broker;
    ``was_reset``: told that an operator has reset the group, in this partition to that offset.
    """

    cluster: Cluster
    group: str
    chores: Chores
    troubles: Troubles
    patience_s: float
    moved: Callable[[], None]
    make_group: Callable[[str], Awaitable[None]]
    was_reset: Callable[["Partition", int], None]

    async def persist(self, work: Callable[[], Awaitable[T]], what: str, doing: str) -> T:
        """With the patience of a reader. Raises as ``rocketmq_trouble.persist``."""
        return await persist(work, what, doing, self.troubles, self.patience_s, stubborn=True)


class Partition:
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
        self._mean_size = 0.0
        self._reading = reading
        self._caps: list[tuple[int, int]] = []  # since which epoch there is nothing from which offset on
        self._shorter: tuple[int, int, float] | None = None  # than known: the lowest and latest end, since when
        self._mending: asyncio.Task[None] | None = None
        self._waiting = 0
        self._watching: asyncio.Task[None] | None = None
        self._ahead: dict[int, asyncio.Task[list[StoredChunk]]] = {}

    # Its ends

    def begin(self) -> None:
        """It has just been made."""
        self.known = True

    def check_known(self) -> None:
        """Raises StoreUnavailable while no broker has told of its ends."""
        if not self.known:
            raise StoreUnavailable(f"{self.name}: the broker has not answered yet, so nothing is known of it")

    async def learn(self) -> None:
        """Ask the broker for its ends. Raises RocketMQError."""
        self.saw(*await self._ends())

    async def _ends(self) -> tuple[int, int]:
        offsets = Offsets(self._reading.cluster, self._reading.group)
        first, end = await asyncio.gather(offsets.minimum(self.queue), offsets.maximum(self.queue))
        return first, end

    def stored(self, first: int, end: int, least: int) -> None:
        """We have just stored something there; it had to be at ``least`` or behind, unless the end was lost."""
        if first < least:
            self._is_shorter(first, certain=True)
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

    def _is_shorter(self, end: int, *, certain: bool = False) -> None:
        """The queue ends there, before what was known; when that lasts without growing, it is believed."""
        now = asyncio.get_running_loop().time()
        lowest, latest, since = self._shorter or (end, -1, now)
        self._shorter = (min(lowest, end), max(latest, end), now if end > latest else since)
        if self._mending is None and (certain or now - self._shorter[2] >= SHRUNK_AFTER_S):
            self._mending = self._reading.chores.run(self._mend())

    async def _mend(self) -> None:
        """Begin again with what is left: positions behind it go back to the first event that nobody can have read."""
        doing = f"cannot find the ends of {self.name}"
        try:
            cap = await self.first_since_boot()
            if self._shorter is not None:
                cap = min(cap, self._shorter[0])
            first, end = await self._reading.persist(self._ends, self.name, doing)
        except StoreUnavailable:
            return  # whoever looks next begins it anew
        finally:
            self._mending = None
        log.error(
            "the end of a queue is gone from its broker; cursors go back to what is left, and new events are not missed",
            partition=self.name, was=self.end, now=end,
        )  # fmt: skip
        self.first, self.end, self._shorter = first, max(first, end), None
        self.void(cap=cap)

    async def first_since_boot(self) -> int:
        """The first offset stored since the broker started, or the end: what a queue loses, it loses with a broker that
        dies, so whoever was beyond the end then has read everything before this. Raises StoreUnavailable.
        """
        cluster, broker = self._reading.cluster, self.queue.broker
        offsets = Offsets(cluster, self._reading.group)

        async def ask() -> int:
            boot_ms = (await Brokers(cluster).runtime(broker)).get("bootTimestamp", "")
            return await offsets.at(self.queue, int(boot_ms) if boot_ms.isdecimal() else 0)

        return await self._reading.persist(ask, self.name, f"cannot find the start of {broker}")

    def cap_since(self, epoch: int) -> float:
        """A position that was right in that epoch can be no further than this."""
        return min((cap for since, cap in self._caps if since > epoch), default=float("inf"))

    def void(self, *, cap: int | None = None, quiet: bool = False) -> None:
        """What readers know of their positions does not hold any more; there is nothing from ``cap`` on."""
        self.epoch += 1
        self.quiet = quiet
        if cap is not None:
            self._caps.append((self.epoch, cap))
        for task in self._ahead.values():
            task.cancel()
        self._ahead.clear()
        self._reading.moved()

    # Reading it

    async def read(self, offset: int, limit: int) -> list[StoredChunk]:
        """Raises StoreUnavailable, after some patience."""
        offset = max(offset, self.first)
        if offset >= self.end:
            return []
        coming = self._ahead.pop(offset, None)
        if coming is None:
            coming = self._reading.chores.begin(self._fetch(offset, limit))
        chunks = [chunk for chunk in await asyncio.shield(coming) if chunk.offset < max(offset, self.first) + limit]
        if chunks and (end := chunks[-1].end) < self.end and end not in self._ahead:
            self._keep_ahead(end, self._fetch(end, limit))
        return chunks

    def _keep_ahead(self, offset: int, chunks: Coroutine[Any, Any, list[StoredChunk]]) -> None:
        """Until a reader comes to this offset, or something else is wanted more."""
        while len(self._ahead) >= AHEAD:
            self._ahead.pop(next(iter(self._ahead))).cancel()
        self._ahead[offset] = self._reading.chores.begin(chunks)

    async def _fetch(self, offset: int, limit: int) -> list[StoredChunk]:
        """The chunks from there on; nothing only when the end has moved before it."""
        while offset < self.end:
            fetched = await self.look(offset, limit)
            if fetched.body:
                return cut(fetched.body)
            if fetched.gap is not None and fetched.gap.cause is Cause.DELETED:
                offset = max(fetched.next_offset, offset)
            else:
                await asyncio.sleep(LAG_S)
        return []

    async def _pull(self, offset: int, limit: int, wait_s: float = 0.0) -> Fetched:
        puller = Puller(self._reading.cluster, self._reading.group, self.queue)
        try:
            fetched = await puller.fetch(offset, limit, wait_s)
        except GroupNotFound:
            await self._reading.make_group(self.queue.broker)
            fetched = await puller.fetch(offset, limit, wait_s)
        self.saw(fetched.min_offset, fetched.max_offset)
        if fetched.gap is not None and fetched.gap.cause is Cause.RESET:
            self._reading.was_reset(self, fetched.gap.to)
        if fetched.body:
            count = max(1, fetched.next_offset - offset)
            self._mean_size += (len(fetched.body) / count - self._mean_size) * (0.1 if self._mean_size else 1.0)
        return fetched

    async def find_ends(self) -> None:
        """As ``learn``, with patience. Raises StoreUnavailable."""
        doing = f"cannot find the ends of {self.name}"
        await self._reading.persist(self.learn, self.name, doing)

    async def look(self, offset: int, limit: int) -> Fetched:
        """What the broker has there. Raises StoreUnavailable, after some patience."""
        doing = f"cannot read {self.name}"
        return await self._reading.persist(partial(self._pull, offset, limit), self.name, doing)

    async def message_size(self, sample: int) -> float:
        """The mean size in bytes of messages read lately, or now if none was. Raises StoreUnavailable."""
        if not self._mean_size:
            await self.look(max(self.first, self.end - sample), sample)
        return self._mean_size

    # Waiting at its end

    def holds(self, offset: int) -> bool:
        """Whether there is an event at or behind the offset."""
        return self.end > max(offset, self.first)

    def look_out(self) -> None:
        """Somebody waits here, until ``rest``."""
        self._waiting += 1
        if self._watching is None:
            self._watching = self._reading.chores.run(self._watch())

    def rest(self) -> None:
        self._waiting -= 1

    async def _watch(self) -> None:
        """Hold a pull at the end, for as long as somebody waits."""
        try:
            while self._waiting:
                await self._look()
        finally:
            self._watching = None

    async def _look(self) -> None:
        end = self.end
        doing = f"cannot wait for events of {self.name}"
        try:
            fetched = await self._reading.persist(partial(self._pull, end, LIMIT, HOLD_S), self.name, doing)
        except StoreUnavailable:
            return  # it is told already; whoever waits goes on waiting
        if fetched.body:
            self._keep_ahead(end, _given(fetched.body))
        elif fetched.gap is not None:
            await asyncio.sleep(LAG_S)


async def _given(body: bytes) -> list[StoredChunk]:
    return cut(body)
