"""How parked deliveries of one target become deliveries again, by its rule as it is then."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bridge.dataplane.parking import Parked
from bridge.dataplane.routing import CompiledTarget
from bridge.dataplane.sending import Keeper, Waiting
from bridge.errors import InvalidInput, NotFound
from bridge.model.delivery import Delivery
from bridge.model.event import Event
from bridge.model.log import Position
from bridge.rules.scope import Names, Scope

if TYPE_CHECKING:
    from bridge.dataplane.making import RuleEntry


class Returning:
    """See parking.Owner. ``entries`` are the rules of the bus as they are then."""

    def __init__(self, bus: str, entries: "Mapping[str, RuleEntry]", names: Names) -> None:
        self._bus = bus
        self._entries = entries
        self._names = names

    def digest(self) -> str:
        target = self._find()
        return target.digest if target is not None else ""

    async def revive(self, parked: Parked, event: Event, position: Position) -> Delivery | None:
        target = self._find()
        if target is None:
            raise NotFound(f"there is no target {self._names.rule}/{self._names.target} now")
        scope = Scope(event, self._bus, parked.received)
        if parked.digest == target.digest:
            try:
                config = target.fill(scope, self._names) if target.fill is not None else target.config
            except InvalidInput:
                pass  # it could be made before: whatever changed, making it anew says why
            else:
                return Delivery(event, position, parked.payload, config, parked.received)
        made = target.render(event, position, parked.received, scope)
        if isinstance(made, Delivery):
            return made
        await target.bury([made])
        return None

    async def put_back(self, waiting: Waiting, keeper: Keeper) -> bool:
        target = self._find()
        return target is not None and await target.lane.put_back(waiting, keeper)

    def _find(self) -> CompiledTarget | None:
        entry = self._entries.get(self._names.rule)
        return entry.target(self._names.target) if entry is not None else None
