"""What connectors may ask of this bridge."""

from collections.abc import Mapping, Sequence

from bridge.connectors.base import Reach
from bridge.dataplane.ingress.put import Ingress
from bridge.errors import InvalidInput, StoreUnavailable
from bridge.model.clock import Clock
from bridge.model.event import Event


class BridgeHost:
    """Made before the ingress it leads to, since the ingress needs the buses, and they need their targets' host."""

    def __init__(self, clock: Clock, reach: Reach = Reach.LOOPBACK) -> None:
        self.clock = clock
        self.reach = reach
        self.ingress: Ingress | None = None

    async def put(self, bus: str, events: Sequence[Event]) -> Mapping[int, InvalidInput]:
        if self.ingress is None:
            raise StoreUnavailable("the bridge is still starting")
        return await self.ingress.put_events(bus, events)
