"""A queue that has lost its end gives offsets a second time; its partition does not.

Who reads the partition gives what the queue stores from there on a new number (``numbering``), and every cursor
the place that means. Both are written into the registry at once, the cursors with groups that never were: what brokers
remember of positions in the old numbers must not count. Until that is done nobody reads, and puts wait for their answer.
Other processes take the new numbers over.
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from bridge.errors import StoreError
from bridge.rocketmq.errors import RocketMQError
from bridge.stores.bus.rocketmq.cursors import Cursors
from bridge.stores.bus.rocketmq.ends import Reading, boot_ms
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
        self._turn = asyncio.Lock()  # what one look has found, another one must know

    async def load(self) -> None:
        """The numbers as they are registered, of partitions whose reading begins. Raises StoreUnavailable."""
        numbers = await self._registry.numbers(self._log)
        for part in self._partitions:
            if part.number in numbers:
                part.numbering, part.boot_ms = numbers[part.number]
            part.known_before = None

    def lost(self, partition: int, start: int) -> None:
        """From this offset of its queue on, everything that was known is gone."""
        self._reading.chores.run(self._mend(self._partitions[partition], start))

    async def _mend(self, part: Partition, start: int) -> None:
        while True:
            try:
                if part.number in self._here():
                    await self._renumber(part, start)
                    return
                registered, _ = (await self._registry.numbers(self._log)).get(part.number, (part.numbering, None))
                if registered != part.numbering:
                    self._cursors.forget_places()
                    part.mended(registered, *await part.ends())
                    return
            except (StoreError, RocketMQError) as error:
                log.warning("a queue that lost its end waits", partition=part.name, reason=str(error))
            await asyncio.sleep(AGAIN_S)

    async def _renumber(self, part: Partition, start: int) -> None:
        old = part.numbering
        start = await part.first_new(start)
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
        part.mended(new, first, end)

    @property
    def are_due(self) -> bool:
        """Whether brokers were there again, and have not been looked at yet."""
        return any(part.known_before is not None for part in self._partitions if part.number in self._here())

    async def check_boots(self) -> None:
        """Whether brokers of partitions that are read here were started again, and have lost something. Those that do not
        answer are asked with their next connection.
        """
        async with self._turn:
            own = [part for part in self._partitions if part.number in self._here()]
            await asyncio.gather(*[self._check(broker, own) for broker in {part.queue.broker for part in own}])

    async def _check(self, broker: str, parts: Sequence[Partition]) -> None:
        cluster, own = self._reading.cluster, [part for part in parts if part.queue.broker == broker]
        try:
            address, boot = (await cluster.broker(broker)).address, await boot_ms(cluster, broker)
            if boot is None:
                return
            changed = [part for part in own if part.boot_ms != boot]
            for part in changed:
                await self._compare(part, boot)
            if changed:
                await self._registry.put_boot(self._log, [part.number for part in changed], boot)
        except (StoreError, RocketMQError) as error:
            log.info("whether a broker has lost something is seen later", broker=broker, reason=str(error))
            return
        for part in own:
            part.address, part.boot_ms, part.known_before = address, boot, None

    async def _compare(self, part: Partition, boot: int) -> None:
        known = part.known_before
        if known is None:  # this process has just begun to read it
            known = max((await self._cursors.positions(part.number)).values(), default=0)
        await part.compare(boot, known)
