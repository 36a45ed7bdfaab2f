"""Reading one partition of a log on RocketMQ. All offsets here are those of its queue.

Who waits at the end is served by one pull that the broker holds until something comes (a long poll); who reads further
back finds the next pull under way already.
"""

import asyncio
from collections.abc import Coroutine
from functools import partial
from typing import Any, NamedTuple

from bridge.errors import StoreUnavailable
from bridge.model.log import StoredChunk
from bridge.rocketmq.consumer import HOLD_S, Cause, Fetched, Puller
from bridge.rocketmq.errors import GroupNotFound, RocketMQError
from bridge.rocketmq.routes import Queue
from bridge.stores.bus.rocketmq.chunks import cut, heads
from bridge.stores.bus.rocketmq.ends import Ends, Reading
from bridge.stores.bus.rocketmq.numbering import Numbering
from bridge.stores.bus.rocketmq.trouble import store_error

LAG_S = 0.005
"""Pause before a broker is asked again for what it has not entered into the queue yet."""
LIMIT = 512
"""Messages in one long poll."""
AHEAD, AHEAD_S = 2, 5.0
"""Pulls that are under way, or read, before anybody asks for them; and how long they are kept."""

Chunks = list[StoredChunk]


class _Coming(NamedTuple):
    """A pull that was begun at this time, on the loop's clock."""

    since: float
    chunks: "asyncio.Task[Chunks]"


class Partition(Ends):
    def __init__(self, queue: Queue, bus: str, number: int, reading: Reading) -> None:
        super().__init__(queue, bus, number, reading)
        self.newest_ms: int | None = None
        """The store time of the newest event that was read here, by the broker's clock."""
        self._mean_size = 0.0
        self._waiting = 0
        self._watching: asyncio.Task[None] | None = None
        self._ahead: dict[int, _Coming] = {}

    def mended(self, numbering: Numbering, first: int, end: int) -> None:
        self._forget_ahead(list(self._ahead))
        super().mended(numbering, first, end)

    def tidy(self) -> None:
        """What nobody came for is let go."""
        now = asyncio.get_running_loop().time()
        self._forget_ahead([offset for offset, coming in self._ahead.items() if now - coming.since > AHEAD_S])

    def _forget_ahead(self, offsets: list[int]) -> None:
        for offset in offsets:
            self._ahead.pop(offset).chunks.cancel()

    # Reading

    async def read(self, offset: int, limit: int) -> Chunks:
        """Raises StoreUnavailable, after some patience."""
        offset = max(offset, self.first)
        if offset >= self.end:
            return []
        coming = self._ahead.pop(offset, None)
        task = coming.chunks if coming is not None else self._reading.chores.begin(self._fetch(offset, limit))
        chunks = [chunk for chunk in await asyncio.shield(task) if chunk.offset < max(offset, self.first) + limit]
        if chunks and (end := chunks[-1].end) < self.end and end not in self._ahead:
            self._keep_ahead(end, self._fetch(end, limit))
        return chunks

    def _keep_ahead(self, offset: int, chunks: Coroutine[Any, Any, Chunks]) -> None:
        """Until a reader comes to this offset, or something else is wanted more."""
        self._forget_ahead(list(self._ahead)[: max(0, len(self._ahead) - AHEAD + 1)])
        self._ahead[offset] = _Coming(asyncio.get_running_loop().time(), self._reading.chores.begin(chunks))

    async def _fetch(self, offset: int, limit: int) -> Chunks:
        """The chunks from there on; nothing only when the end has moved before it, or is lost."""
        while offset < self.end and self.is_whole:
            fetched = await self.look(offset, limit)
            if fetched.body:
                return await self._cut(fetched.body)
            if fetched.gap is not None and fetched.gap.cause is Cause.DELETED:
                offset = max(fetched.next_offset, offset)
            else:
                await asyncio.sleep(LAG_S)
        return []

    async def _cut(self, body: bytes) -> Chunks:
        try:
            chunks = cut(body)
        except RocketMQError as error:
            raise store_error(f"cannot read {self.name}", error) from error
        self.newest_ms = max(self.newest_ms or 0, round(chunks[-1].time * 1000)) if chunks else self.newest_ms
        return chunks

    async def _pull(self, offset: int, limit: int, wait_s: float = 0.0) -> Fetched:
        puller = Puller(self._reading.cluster, self._reading.group, self.queue)
        try:
            fetched = await puller.fetch(offset, limit, wait_s)
        except GroupNotFound:
            await self._reading.make_group(self.queue.broker)
            fetched = await puller.fetch(offset, limit, wait_s)
        self._saw(fetched.min_offset, fetched.max_offset)
        if fetched.gap is not None and fetched.gap.cause is Cause.RESET:
            self._reading.was_reset(self.number)
        if fetched.body:
            count = max(1, fetched.next_offset - offset)
            self._mean_size += (len(fetched.body) / count - self._mean_size) * (0.1 if self._mean_size else 1.0)
        return fetched

    async def look(self, offset: int, limit: int) -> Fetched:
        """What the broker has there. Raises StoreUnavailable, after some patience."""
        doing = f"cannot read {self.name}"
        return await self._reading.persist(partial(self._pull, offset, limit), self.name, doing)

    async def stored_ms(self, offset: int) -> int | None:
        """When the event at this offset was stored, by the broker's clock; None if there is none. Raises RocketMQError."""
        if offset < 0:
            return None
        body = (await self._pull(offset, 1)).body
        return next((head.time_ms for head in heads(body) if head.offset == offset), None)

    async def message_size(self, sample: int) -> float:
        """The mean size in bytes of messages read lately, or now if none was. Raises StoreUnavailable."""
        if not self._mean_size:
            await self.look(max(self.first, self.end - sample), sample)
        return self._mean_size

    # Waiting at its end

    def holds(self, offset: int) -> bool:
        """Whether there is an event at or behind the offset."""
        return self.end > max(offset, self.first) and self.is_whole

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
            self._keep_ahead(end, self._cut(fetched.body))
        elif fetched.gap is not None:
            await asyncio.sleep(LAG_S)
