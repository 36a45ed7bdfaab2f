"""All that is parked for one target: a queue of timers for each partition, so that instances can share a bus.

What comes back is brought back by the instance that reads the partition. (A redriven dead letter may be parked by
another one; it lies in the same queue.)
"""

import asyncio
from collections.abc import Iterable, Sequence

from bridge.dataplane.parking import Owner, Parking
from bridge.dataplane.sending import Timing, Waiting
from bridge.dataplane.tasks import Spawn
from bridge.model.delivery import Delivery
from bridge.stores.timers.base import Timers


class Parkings:
    """``prefix``: how the names of this target's queues begin; the partition follows. See aftermath.Park."""

    def __init__(self, timers: Timers, prefix: str, owner: Owner, spawn: Spawn, timing: Timing) -> None:
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
            queue = f"{self._prefix}{partition}"
            known = self._parkings[partition] = Parking(self._timers, queue, self._owner, self._spawn, self._timing)
        return known

    async def begin(self, partitions: Iterable[int], *, by_key: bool, shared: bool = False) -> None:
        """Bring back what is parked of these partitions. ``shared``: other instances may park something there, too."""
        await asyncio.gather(*(self[partition].begin(by_key=by_key, shared=shared) for partition in partitions))
        self._begun.set()

    def keeps(self, key: str) -> bool:
        """Before all have begun nobody knows: everything is put aside until then."""
        return not self._begun.is_set() or any(parking.keeps(key) for parking in self._parkings.values())

    def is_stale(self, key: str) -> bool:
        return any(parking.is_stale(key) for parking in self._parkings.values())

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

    async def count(self) -> int:
        return sum([await parking.count() for parking in self._parkings.values()])

    async def next_due(self) -> float | None:
        """When the first of all is due; None when nothing is parked."""
        dues = [await parking.next_due() for parking in self._parkings.values()]
        return min((due for due in dues if due is not None), default=None)

    async def stop(self) -> None:
        """Bring nothing back any more; what is parked stays so."""
        await asyncio.gather(*(parking.stop() for parking in self._parkings.values()))

    async def drop(self) -> None:
        """The target is gone, and with it what is parked."""
        await self.stop()
        for queue in await self._timers.queues(self._prefix):
            await self._timers.drop(queue)
