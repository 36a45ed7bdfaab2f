"""What a start of its broker means for a partition. All offsets here are its queue's own.

A broker that has started again may have lost the newest events of a queue, and stores new ones at their offsets. When it
was started says which events are from before and which are from after that.
"""

import asyncio

from bridge.errors import StoreUnavailable
from bridge.rocketmq.admin import Brokers
from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.offsets import Offsets
from bridge.stores.bus.rocketmq.ends import Reading
from bridge.stores.bus.rocketmq.partition import Partition

SURE_S = 5.0
"""So long an offset is not told while it is not known what the start of a broker has done to it. After that there is
nobody who reads the partition, and most starts lose nothing.
"""


class Boots:
    """Those of one partition's broker."""

    def __init__(self, partition: Partition, reading: Reading) -> None:
        self.ms: int | None = None
        """When the broker was started, as far as that was looked at."""
        self.known_before: int | None = None
        """The end that was known before the broker was there again; None while it never was away."""
        self.in_doubt = True
        """Whether the broker is there, perhaps again, and was not looked at since then."""
        self._sure = asyncio.Event()  # not while offsets wait for what that means
        self._address: str | None = None  # of the broker, when that was looked at
        self._restarted = False
        self._partition = partition
        self._cluster = reading.cluster
        self._offsets = Offsets(reading.cluster, reading.group)

    def load(self, ms: int | None) -> None:
        """What is registered, when reading begins."""
        self.ms, self.known_before = ms, None

    def connected(self, address: str) -> None:
        """This broker is there, perhaps again."""
        if address != self._address:
            return
        self.in_doubt = True
        self._sure.clear()
        if self._partition.known and self.known_before is None:
            self.known_before = self._partition.end

    async def until_sure(self) -> None:
        """While the broker has just been there again, and nobody has said yet what that means. Not for ever."""
        if not self._sure.is_set():
            try:
                async with asyncio.timeout(SURE_S):
                    await self._sure.wait()
            except TimeoutError:
                self._sure.set()

    def looked_at(self, address: str, ms: int | None) -> None:
        """Whether that start has lost something is found out, and written down."""
        self._address, self.ms, self.known_before, self.in_doubt = address, ms, None, False
        self._sure.set()

    def mended(self) -> None:
        self._restarted = False

    async def compare(self, ms: int, known: int) -> None:
        """The broker was started at this time; it had so much before. Raises RocketMQError.

        A broker enters everything that it has kept into its queues before it answers. So a queue that is shorter has lost
        its end; and what lies at the last offset that was known was stored before, or the queue has given it again.
        """
        if self.ms is None or ms <= self.ms:
            return  # it is another one, that has been there for longer
        self._restarted = True
        _, end = await self._partition.ends()
        if end < known:
            self._partition.lose(end)
            return
        stored = await self._partition.stored_ms(known - 1)
        if stored is not None and stored >= ms:
            self._partition.lose(known - 1)

    async def first_new(self, lowest: int) -> int:
        """The first offset that was given again: ``lowest`` or before it. Raises RocketMQError, StoreUnavailable.

        A broker that was started anew lost what it lost by then. A topic that was made anew has nothing as old as what was
        read. Where neither is so (a replica took over that had less), ``lowest`` is all that is known.
        """
        part = self._partition
        ms = await boot_ms(self._cluster, part.queue.broker)
        if ms is not None and self._is_news(ms):
            return min(lowest, await self._first_since(ms))
        oldest_ms, (first, _) = await self._offsets.earliest_ms(part.queue), await part.ends()
        anew = oldest_ms is None or part.newest_ms is None or oldest_ms > part.newest_ms
        return min(lowest, first) if anew else lowest

    def _is_news(self, ms: int) -> bool:
        """Whether the broker was started since this was read here last, as far as is known."""
        newest = self._partition.newest_ms
        if self._restarted or newest is None or ms > newest:
            return True
        return self.ms is not None and ms > self.ms

    async def _first_since(self, ms: int) -> int:
        """The first offset stored since then. A broker that has just started may not know yet; so its answer is proved."""
        part = self._partition
        found = await self._offsets.at(part.queue, ms)
        before, after = await part.stored_ms(found - 1), await part.stored_ms(found)
        if (before is not None and before >= ms) or (after is not None and after < ms):
            raise StoreUnavailable(f"{part.name}: the broker does not know yet what it has")
        return found


async def boot_ms(cluster: Cluster, broker: str) -> int | None:
    """When a broker was started, ms since the epoch by its clock; None where it does not say. Raises RocketMQError."""
    told = (await Brokers(cluster).runtime(broker)).get("bootTimestamp", "")
    return int(told) if told.isdecimal() else None
