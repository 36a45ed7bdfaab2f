"""A queue that has lost its end gives offsets a second time; its partition does not.

Who reads the partition gives what the queue stores from there on a new number (``numbering``), and every cursor
the place that means. Both are written into the registry at once, the cursors with groups that never were: what brokers
remember of positions in the old numbers must not count. Until that is done nobody reads, and puts wait for their answer.
Other processes take the new numbers over.

When a broker of theirs has started again, partitions are looked at for that (``boots``).
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from bridge.errors import StoreError
from bridge.rocketmq.errors import RocketMQError
from bridge.stores.bus.rocketmq.boots import Boots, boot_ms
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
        self._turn = asyncio.Lock()  # what one look has found, another one must know

    async def load(self) -> None:
        """The numbers as they are registered, of partitions whose reading begins. Raises StoreUnavailable."""
        numbers = await self._registry.numbers.of(self._log)
        for part in self._partitions:
            boots = self._of(part)
            part.numbering, boot = numbers.get(part.number, (part.numbering, boots.ms))
            boots.load(boot)

    def _of(self, part: Partition) -> Boots:
        if part.number not in self._boots:
            self._boots[part.number] = Boots(part, self._reading)
        return self._boots[part.number]

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
                if registered != part.numbering:
                    self._cursors.forget_places()
                    self._mended(part, registered, *await part.ends())
                    return
            except (StoreError, RocketMQError) as error:
                log.warning("a queue that lost its end waits", partition=part.name, reason=str(error))
            await asyncio.sleep(AGAIN_S)

    async def _renumber(self, part: Partition, start: int) -> None:
        old = part.numbering
        start = await self._of(part).first_new(start)
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
        self._of(part).mended()
        part.mended(numbering, first, end)

    # Brokers that were started again

    def connected(self, address: str) -> None:
        """A broker is there, perhaps again."""
        for boots in self._boots.values():
            boots.connected(address)

    async def check_boots(self, *, if_due: bool = False) -> None:
        """Whether brokers of partitions that are read here were started again, and have lost something. Those that do not
        answer are asked with their next connection. ``if_due``: only when one was there again and was not asked yet.
        """
        if if_due and not self._are_due():
            return
        async with self._turn:
            own = [part for part in self._partitions if part.number in self._here()]
            await asyncio.gather(*[self._check(broker, own) for broker in {part.queue.broker for part in own}])

    def _are_due(self) -> bool:
        return any(boots.known_before is not None for number, boots in self._boots.items() if number in self._here())

    async def _check(self, broker: str, parts: Sequence[Partition]) -> None:
        cluster, own = self._reading.cluster, [part for part in parts if part.queue.broker == broker]
        try:
            address, boot = (await cluster.broker(broker)).address, await boot_ms(cluster, broker)
            if boot is None:
                return
            changed = [part for part in own if self._of(part).ms != boot]
            for part in changed:
                await self._compare(part, boot)
            if changed:
                await self._registry.numbers.put_boot(self._log, [part.number for part in changed], boot)
        except (StoreError, RocketMQError) as error:
            log.info("whether a broker has lost something is seen later", broker=broker, reason=str(error))
            return
        for part in own:
            self._of(part).looked_at(address, boot)

    async def _compare(self, part: Partition, boot: int) -> None:
        boots = self._of(part)
        known = boots.known_before
        if known is None:  # this process has just begun to read it
            known = max((await self._cursors.positions(part.number)).values(), default=0)
        await boots.compare(boot, known)
