"""Buses: each has a log, which exists before the bus does and goes after it."""

from collections.abc import Awaitable, Callable

from bridge.controlplane.kinds import Kind
from bridge.controlplane.paths import below
from bridge.errors import Conflict, InvalidConfig
from bridge.model.bus import BusSpec
from bridge.model.documents import parse_json
from bridge.model.resource import Ref, Resource
from bridge.stores.bus.base import BusLog, BusStore

Forget = Callable[[str], Awaitable[None]]
"""Drops what waits for a bus that is deleted: delayed events, parked retries."""


async def forget_nothing(_: str) -> None:
    """Where nothing ever waits."""


class Buses(Kind):
    name = "Bus"
    plural = "buses"
    in_bus = False
    Spec = BusSpec

    def __init__(self, bus_store: BusStore, forget: Forget) -> None:
        self._bus_store = bus_store
        self._forget = forget

    def check(self, resource: Resource) -> list[str]:
        """What a definition says is done: where brokers decide how long events are kept, it cannot say."""
        kept = parse_bus(resource).retention
        if self._bus_store.retention == "broker" and (kept.age is not None or kept.size is not None):
            raise InvalidConfig(
                "on RocketMQ the brokers decide how long events are kept (fileReservedTime), for all buses alike; leave it out",
                path="$.spec.retention",
            )
        return []

    def check_change(self, before: Resource | None, after: Resource) -> None:
        """Events cannot leave a partition, so there never are fewer."""
        if before is None:
            return
        old, new = parse_bus(before).partitions, parse_bus(after).partitions
        if new < old:
            raise Conflict(f"the bus has {old} partitions; they cannot become {new}", path="$.spec.partitions")

    async def prepare(self, before: Resource | None, after: Resource) -> Resource:
        """Create or grow the log; also where the bus is unchanged, should its log be missing."""
        partitions = parse_bus(after).partitions
        if before is None:
            await self._drop_if_empty(after.name, partitions)
        with below("$.spec.partitions"):
            await self._bus_store.create(after.name, partitions)
        return after

    async def _drop_if_empty(self, name: str, partitions: int) -> None:
        """A bus that could not be written left its log behind; nothing was ever in it, so it need not be kept."""
        if name in self._bus_store.logs():
            log = self._bus_store.log(name)
            if log.partitions > partitions and not any(ends(log).values()):
                await self._bus_store.drop(name)

    async def dispose(self, ref: Ref) -> None:
        await self._bus_store.drop(ref.name)
        await self._forget(ref.name)


def parse_bus(resource: Resource) -> BusSpec:
    """The spec of a Bus. Raises InvalidConfig below ``$.spec``."""
    with below("$.spec"):
        return parse_json(resource.spec, BusSpec)


def ends(log: BusLog) -> dict[int, int]:
    """The next free offset of each partition."""
    return {partition: log.bounds(partition).end for partition in range(log.partitions)}
