"""Instances in memory: for tests, where several of them are in one process."""

from collections.abc import Sequence

from msgspec.structs import replace

from bridge.errors import StoreUnavailable
from bridge.model.clock import Clock, system_clock
from bridge.stores.instances.base import Instance, Instances


class MemoryInstances(Instances):
    def __init__(self, clock: Clock = system_clock) -> None:
        self._clock = clock
        self._told: dict[str, tuple[float, Instance]] = {}
        self._requests: dict[str, list[bytes]] = {}
        self._closed = False

    async def open(self) -> None:
        self._closed = False

    async def close(self) -> None:
        self._closed = True

    async def tell(self, instance: Instance) -> None:
        self._check()
        if not instance.status and instance.id in self._told:
            instance = replace(instance, status=self._told[instance.id][1].status)
        self._told[instance.id] = (self._clock(), instance)

    async def list(self, within_s: float) -> Sequence[Instance]:
        self._check()
        now = self._clock()
        found = [replace(one, age_s=now - seen) for seen, one in self._told.values() if now - seen <= within_s]
        return sorted(found, key=lambda one: (one.started, one.id))

    async def leave(self, instance_id: str) -> None:
        self._check()
        self._told.pop(instance_id, None)
        self._requests.pop(instance_id, None)

    async def forget(self, after_s: float) -> int:
        self._check()
        now = self._clock()
        gone = [one for one, (seen, _) in self._told.items() if now - seen > after_s]
        for one in gone:
            await self.leave(one)
        return len(gone)

    async def ask(self, instance_id: str, request: bytes) -> None:
        self._check()
        self._requests.setdefault(instance_id, []).append(request)

    async def take(self, instance_id: str) -> Sequence[bytes]:
        self._check()
        return self._requests.pop(instance_id, [])

    def _check(self) -> None:
        if self._closed:
            raise StoreUnavailable("the register of instances is closed")
