"""Who reads which partition of a bus: its processes divide them by RocketMQ's own group protocol, with a lock for each.

A member that leaves gives its locks back, and others take over at once. One that dies keeps them until the broker lets
them expire, 60 s after their last renewal: for so long nobody reads its partitions.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.groups import Cadence, Membership
from bridge.rocketmq.presence import Member
from bridge.rocketmq.routes import Queue
from bridge.stores.bus.rocketmq.partition import Partition
from bridge.stores.chores import Chores
from bridge.stores.waiters import Waiters

SHARE_S = 0.5
"""Who gives something back waits so long for what is given in its place, and a new member for its first share: what comes
later is another division, and each makes readers begin again.
"""


class Division:
    """Of one log. Owns its Membership, and is the Owner that this one tells."""

    def __init__(
        self, cluster: Cluster, client_id: str, partitions: Sequence[Partition], chores: Chores, cadence: Cadence
    ) -> None:
        """``partitions`` may grow."""
        self._cluster = cluster
        self._client_id = client_id
        self._partitions = partitions
        self._chores = chores
        self._cadence = cadence
        self._member: Member | None = None
        self._membership: Membership | None = None
        self._life: asyncio.Task[None] | None = None
        self._due = asyncio.Event()
        self._moved = Waiters()
        self._reading: frozenset[Queue] = frozenset()
        self._leaving: set[Queue] = set()
        self.here: frozenset[int] = frozenset()

    @property
    def problems(self) -> dict[str, str]:
        return {what: str(error) for what, error in self._membership.problems.items()} if self._membership else {}

    async def until_due(self) -> None:
        await self._due.wait()

    def is_due(self) -> None:
        """There are more partitions, say."""
        self._due.set()

    async def divide(self) -> None:
        """While nothing reads: give back what others shall read, take what is ours."""
        gives_back = bool(self._leaving)
        self._stop_reading()
        self._due.clear()
        queues = tuple(partition.queue for partition in self._partitions)
        if self._member is None or self._member.queues != queues:
            await self.leave()
            self._join(queues)
            await self._share()
        elif gives_back:
            await self._share()
        if self._membership is None:
            return  # the log was dropped meanwhile
        self._due.clear()
        self._reading = self._membership.owned - self._leaving
        self.here = frozenset(partition.number for partition in self._partitions if partition.queue in self._reading)

    def _stop_reading(self) -> None:
        self._reading, self.here = frozenset(), frozenset()
        self._moved.wake()

    async def leave(self) -> None:
        """Give back everything, so that others need not wait."""
        self._stop_reading()
        life, self._life, self._membership, self._member = self._life, None, None, None
        if life is not None:
            life.cancel()
            await asyncio.wait([life])

    async def _share(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(SHARE_S):
                await self._due.wait()

    def _join(self, queues: tuple[Queue, ...]) -> None:
        topic = queues[0].topic
        self._member = Member(topic, self._client_id, (topic,), queues)
        self._membership = Membership(self._cluster, self._member, self, cadence=self._cadence)
        self._life = self._chores.run(self._membership.run())

    # As the owner of what the membership holds

    async def assigned(self, queues: Sequence[Queue]) -> None:
        self._due.set()

    async def revoked(self, queues: Sequence[Queue]) -> None:
        """Returns when nobody reads them here any more."""
        self._leaving.update(queues)
        try:
            while not self._reading.isdisjoint(queues):
                self._due.set()
                await self._moved.turn()
        finally:
            self._leaving.difference_update(queues)

    def lost(self, queues: Sequence[Queue]) -> None:
        """Others may read them already."""
        self._reading -= frozenset(queues)
        for partition in self._partitions:
            if partition.queue in queues:
                partition.void(quiet=True)
        self._due.set()
