"""Commits that a broker could not be told: they wait here until it is there again, and count meanwhile."""

import asyncio
from collections.abc import Sequence

from bridge.rocketmq.admin import Groups
from bridge.rocketmq.configs import GroupConfig
from bridge.rocketmq.errors import GroupNotFound, RocketMQError
from bridge.rocketmq.offsets import Offsets
from bridge.rocketmq.retry import pause_s
from bridge.stores.bus.rocketmq.ends import Reading
from bridge.stores.bus.rocketmq.partition import Partition
from bridge.stores.bus.rocketmq.trouble import PACE


class Untold:
    """Of one log: the latest offset for each group and partition, as its queue has it."""

    def __init__(self, reading: Reading, partitions: Sequence[Partition]) -> None:
        """``partitions`` may grow."""
        self._reading = reading
        self._partitions = partitions
        self._offsets: dict[tuple[str, int], int] = {}
        self._telling: asyncio.Task[None] | None = None

    def find(self, group: str, number: int) -> int | None:
        return self._offsets.get((group, number))

    def keep(self, group: str, number: int, offset: int) -> None:
        """Tell it to the broker later."""
        is_new = (group, number) not in self._offsets
        self._offsets[group, number] = offset
        if is_new and self._telling is None:
            self._telling = self._reading.chores.run(self._tell_until_done())

    def forget(self, group: str, number: int) -> None:
        self._offsets.pop((group, number), None)

    async def close(self) -> None:
        """Tell brokers what they have not been told, if they are there."""
        if self._telling is not None:
            self._telling.cancel()
        await self._tell_all()

    async def _tell_until_done(self) -> None:
        try:
            failures = 0
            while self._offsets:
                failures += 1
                await asyncio.sleep(pause_s(failures, PACE, 0.0))
                await self._tell_all()
        finally:
            self._telling = None

    async def _tell_all(self) -> None:
        """One try for each."""
        for (group, number), offset in list(self._offsets.items()):
            partition = self._partitions[number]
            try:
                await self._tell(group, partition, offset)
            except RocketMQError:
                continue
            self._reading.troubles.works(partition.name)
            if self._offsets.get((group, number)) == offset:
                del self._offsets[group, number]

    async def _tell(self, group: str, partition: Partition, offset: int) -> None:
        offsets = Offsets(self._reading.cluster, group)
        try:
            await offsets.commit(partition.queue, offset)
        except GroupNotFound:
            await Groups(self._reading.cluster).create(GroupConfig(group), [partition.queue.broker])
            await offsets.commit(partition.queue, offset)
