"""All that is parked for one target: a queue of timers for each partition, so that instances can share a bus.

What comes back is brought back by the instance that reads the partition. A redriven dead letter may be parked by another
one: it lies in the same queue, where the reader finds it within ``parking.LOOK_EVERY_S``.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from bridge.dataplane.parking import Owner, Parking
from bridge.dataplane.sending import Timing, Waiting
from bridge.dataplane.tasks import Spawn
from bridge.model.delivery import Delivery
from bridge.stores.timers.base import Timers


def everywhere(_: int) -> bool:
    """Where no other instance reads the bus."""
    return True


class Parkings:
    """``prefix``: how the names of this target's queues begin; the partition follows. See aftermath.Park."""

    def __init__(
        self,
        timers: Timers,
        prefix: str,
        owner: Owner,
        spawn: Spawn,
        timing: Timing,
        *,
        reads: Callable[[int], bool] = everywhere,
    ) -> None:
        """``reads``: whether a partition is read here."""
        self._reads = reads
        self._begins: frozenset[int] | None = None
        self._timers = timers
        self._prefix = prefix
        self._owner = owner
        self._spawn = spawn
        self._timing = timing
        self._parkings: dict[int, Parking] = {}
        self._begun = asyncio.Event()

    def __getitem__(self, partition: int) -> Parking:
        known = self._parkings.get(partition)
        if known is None:
            known = self._parkings[partition] = Parking(
                self._timers,
                f"{self._prefix}{partition}",
                self._owner,
                self._spawn,
                self._timing,
                foreign=not self._reads(partition),
            )
            self._begin_empty(partition)
        return known

    def _begin_empty(self, partition: int) -> None:
        """One that is new, or read elsewhere, has nothing that could come back here."""
        if self._begins is not None and partition not in self._begins:
            self._parkings[partition].begin_empty()

    async def begin(self, partitions: Iterable[int], *, by_key: bool, shared: bool = False) -> None:
        """Bring back what is parked of these partitions. ``shared``: other instances may park something there, too."""
        self._begins = frozenset(partitions)
        for partition in self._parkings:
            self._begin_empty(partition)
        await asyncio.gather(*(self[partition].begin(by_key=by_key, shared=shared) for partition in self._begins))
        self._begun.set()

    def keeps(self, key: str) -> bool:
        """Before all have begun nobody knows: everything is put aside until then."""
        return not self._begun.is_set() or any(parking.keeps(key) for parking in self._parkings.values())

    def is_stale(self, delivery: Delivery) -> bool:
        """In its own partition: adding partitions moves keys, and there is no order between two of them."""
        parking = self._parkings.get(delivery.position.partition)
        return parking is not None and parking.is_stale(delivery)

    async def park(self, waiting: Sequence[Waiting], key: str | None) -> None:
        by_partition: dict[int, list[Waiting]] = {}
        for one in waiting:
            by_partition.setdefault(one.delivery.position.partition, []).append(one)
        for partition, some in by_partition.items():
            await self[partition].park(some, key)

    async def join(self, deliveries: Sequence[Delivery]) -> None:
        await self._begun.wait()
        by_partition: dict[int, list[Delivery]] = {}
        for delivery in deliveries:
            by_partition.setdefault(delivery.position.partition, []).append(delivery)
        for partition, some in by_partition.items():
            await self[partition].join(some)

    async def stop(self) -> None:
        """Bring nothing back any more; what is parked stays so."""
        await asyncio.gather(*(parking.stop() for parking in self._parkings.values()))

    async def drop(self) -> None:
        """The target is gone, and with it what is parked of the partitions that are read here."""
        await self.stop()
        for queue in await self._timers.queues(self._prefix):
            if self._reads(int(queue.removeprefix(self._prefix))):
                await self._timers.drop(queue)
