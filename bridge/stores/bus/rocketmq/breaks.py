"""A queue that has lost its end gives offsets a second time; its partition does not.

Who reads the partition gives what the queue stores from there on a new number (``numbering``), and every cursor
the place that means. Both are written into the registry at once, the cursors with groups that never were: what brokers
remember of positions in the old numbers must not count. Until that is done nobody reads, and puts wait for their answer.
Other processes take the new numbers over.

When a broker of theirs has started again, partitions are looked at for that (``starts``, ``boots``).
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from bridge.errors import StoreError
from bridge.rocketmq.errors import RocketMQError
from bridge.stores.bus.rocketmq.boots import Boots
from bridge.stores.bus.rocketmq.cursors import Cursors
from bridge.stores.bus.rocketmq.ends import Reading
from bridge.stores.bus.rocketmq.numbering import Numbering
from bridge.stores.bus.rocketmq.partition import Partition
from bridge.stores.bus.rocketmq.registry import Registry

log = structlog.get_logger()

AGAIN_S = 1.0


class Breaks:
    """Of one log."""

    def __init__(
        self,
        log_id: str,
        registry: Registry,
        reading: Reading,
        partitions: Sequence[Partition],
        cursors: Cursors,
        here: Callable[[], frozenset[int]],
    ) -> None:
        """``partitions`` may grow; ``here`` are those that this process reads."""
        self._log = log_id
        self._registry = registry
        self._reading = reading
        self._partitions = partitions
        self._cursors = cursors
        self._here = here
        self._boots: dict[int, Boots] = {}

    async def load(self) -> None:
        """The numbers as they are registered, of partitions whose reading begins. Raises StoreUnavailable."""
        numbers = await self._registry.numbers.of(self._log)
        for part in self._partitions:
            boots = self.boots(part)
            part.numbering, boot = numbers.get(part.number, (part.numbering, boots.ms))
            boots.load(boot)

    def boots(self, part: Partition) -> Boots:
        """What starts of its broker mean for a partition."""
        if part.number not in self._boots:
            self._boots[part.number] = Boots(part, self._reading)
        return self._boots[part.number]

    async def furthest(self, part: Partition) -> int:
        """The furthest place of a cursor, as an offset of the queue. Raises StoreUnavailable."""
        return max((await self._cursors.positions(part.number)).values(), default=0)

    def lost(self, partition: int, start: int) -> None:
        """From this offset of its queue on, everything that was known is gone."""
        self._reading.chores.run(self._mend(self._partitions[partition], start))

    async def _mend(self, part: Partition, start: int) -> None:
        while True:
            try:
                if part.number in self._here():
                    await self._renumber(part, start)
                    return
                numbers = await self._registry.numbers.of(self._log)
                registered, _ = numbers.get(part.number, (part.numbering, None))
                if await self.take_over(part, registered):
                    return
            except (StoreError, RocketMQError) as error:
                log.warning("a queue that lost its end waits", partition=part.name, reason=str(error))
            await asyncio.sleep(AGAIN_S)

    async def take_over(self, part: Partition, registered: Numbering) -> bool:
        """Who reads the partition has numbered it; whether that is new. Raises RocketMQError."""
        if registered == part.numbering:
            return False
        first, end = await part.ends()
        self._cursors.forget_places()
        self._mended(part, registered, first, end)
        return True

    async def _renumber(self, part: Partition, start: int) -> None:
        old = part.numbering
        start = await self.boots(part).first_new(start)
        positions = await self._cursors.positions(part.number)
        known = max(part.end, max(positions.values(), default=0))
        new = old.broken(start, old.outer(known))
        moved = {name: new.inner(old.outer(offset)) for name, offset in positions.items()}
        first, end = await part.ends()
        await self._cursors.move(part.number, new, moved)
        log.error(
            "the end of a queue is gone from its broker; what it stores from there on has new offsets, and none is missed",
            partition=part.name, lost=old.outer(start), next=new.outer(start),
        )  # fmt: skip
        self._mended(part, new, first, end)

    def _mended(self, part: Partition, numbering: Numbering, first: int, end: int) -> None:
        self.boots(part).mended()
        part.mended(numbering, first, end)
