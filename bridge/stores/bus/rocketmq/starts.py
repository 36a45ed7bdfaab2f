"""Brokers that were started again, and what a log makes of that.

Who reads a partition looks whether its queue has lost something (``boots``), gives it new numbers then (``breaks``), and
writes down when the broker was started. The other processes wait for that: what they told of offsets meanwhile might be
the queue's and not the partition's.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence

import structlog

from bridge.errors import StoreError
from bridge.rocketmq.errors import RocketMQError
from bridge.stores.bus.rocketmq.boots import SURE_S, boot_ms
from bridge.stores.bus.rocketmq.breaks import Breaks
from bridge.stores.bus.rocketmq.ends import Reading
from bridge.stores.bus.rocketmq.partition import Partition
from bridge.stores.bus.rocketmq.registry import Registry

log = structlog.get_logger()

LOOK_S = 0.2
"""How soon a broker that did not answer is looked at again, and the registry asked again what the reader of a partition has
found; the pause doubles, up to ``SURE_S``.
"""


class Starts:
    """Those of the brokers of one log."""

    def __init__(
        self,
        breaks: Breaks,
        log_id: str,
        registry: Registry,
        reading: Reading,
        partitions: Sequence[Partition],
        here: Callable[[], frozenset[int]],
    ) -> None:
        """``partitions`` may grow; ``here`` are those that this process reads."""
        self._log = log_id
        self._registry = registry
        self._reading = reading
        self._partitions = partitions
        self._breaks = breaks
        self._here = here
        self._following: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()  # what one look has found, another one must know

    def connected(self, address: str) -> None:
        """A broker is there, perhaps again."""
        for part in self._partitions:
            self._breaks.boots(part).connected(address)

    async def check(self) -> None:
        """Look at the partitions that are read here."""
        self._follow_up()
        async with self._turn:
            await self._look(part for part in self._partitions if part.number in self._here())

    async def check_doubtful(self) -> None:
        """The same for those whose broker was there again and was not asked yet."""
        if any(self._in_doubt()):
            self._follow_up()
            await self._look_at_doubtful()

    async def _look_at_doubtful(self) -> None:
        async with self._turn:
            await self._look(part for part in self._in_doubt() if part.number in self._here())

    def _in_doubt(self) -> Iterator[Partition]:
        return (part for part in self._partitions if self._breaks.boots(part).in_doubt)

    def _follow_up(self) -> None:
        if self._following is None:
            self._following = self._reading.chores.run(self._follow())

    async def _follow(self) -> None:
        """Take over what readers have found, and look again here, until nothing is in doubt."""
        try:
            pause_s = LOOK_S
            while doubtful := list(self._in_doubt()):
                others = _by_broker(part for part in doubtful if part.number not in self._here())
                await asyncio.gather(*[self._take_over(*each) for each in others.items()])
                await asyncio.sleep(pause_s)
                await self._look_at_doubtful()
                pause_s = min(2 * pause_s, SURE_S)
        finally:
            self._following = None

    # Those that are read here

    async def _look(self, parts: Iterable[Partition]) -> None:
        await asyncio.gather(*[self._check(broker, of) for broker, of in _by_broker(parts).items()])

    async def _check(self, broker: str, parts: Sequence[Partition]) -> None:
        try:
            address, boot = await self._find(broker)
            if boot is not None:
                await self._take_in([part for part in parts if self._breaks.boots(part).ms != boot], boot)
        except (StoreError, RocketMQError) as error:
            log.info("whether a broker has lost something is seen later", broker=broker, reason=str(error))
            for part in parts:
                self._breaks.boots(part).in_doubt = True
            return
        for part in parts:
            self._breaks.boots(part).looked_at(address, boot)

    async def _take_in(self, parts: Sequence[Partition], boot: int) -> None:
        """These have another broker, or one that was started anew. Others are told when that changes nothing any more."""
        for part in parts:
            await self._compare(part, boot)
        await asyncio.gather(*[part.until_whole() for part in parts])
        if parts:
            await self._registry.numbers.put_boot(self._log, [part.number for part in parts], boot)

    async def _find(self, broker: str) -> tuple[str, int | None]:
        """Where it is, and when it was started. Raises RocketMQError."""
        cluster = self._reading.cluster
        return (await cluster.broker(broker)).address, await boot_ms(cluster, broker)

    async def _compare(self, part: Partition, boot: int) -> None:
        boots = self._breaks.boots(part)
        known = boots.known_before
        if known is None:  # this process has just begun to read it
            known = await self._breaks.furthest(part)
        await boots.compare(boot, known)

    # Those that others read

    async def _take_over(self, broker: str, parts: Sequence[Partition]) -> None:
        """If their readers have looked at them since the broker was started."""
        try:
            address, boot = await self._find(broker)
            registered = await self._registry.numbers.of(self._log)
            for part in parts:
                numbering, looked_ms = registered.get(part.number, (part.numbering, None))
                if boot is None or looked_ms == boot:
                    await self._breaks.take_over(part, numbering)
                    self._breaks.boots(part).looked_at(address, boot)
        except (StoreError, RocketMQError) as error:
            log.debug("what the reader of a partition has found is seen later", broker=broker, reason=str(error))


def _by_broker(parts: Iterable[Partition]) -> dict[str, list[Partition]]:
    found: dict[str, list[Partition]] = {}
    for part in parts:
        found.setdefault(part.queue.broker, []).append(part)
    return found
