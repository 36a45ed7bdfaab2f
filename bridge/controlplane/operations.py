"""Running things: how they are, what went wrong, pausing them; and trying things without effect (``bridge.controlplane.trials``).

The facts come from the data plane through the functions given here; the planes do not know each other.
"""

from collections.abc import Awaitable, Callable

from bridge.connectors.base import Description, Kinds
from bridge.controlplane.delayed import Delayed
from bridge.controlplane.letters import Letters
from bridge.controlplane.pauses import Pauses, Place
from bridge.controlplane.trials import Trials
from bridge.errors import NotFound
from bridge.model.pauses import Author, Pause
from bridge.model.status import Status, TargetStatus


class Operations:
    def __init__(
        self,
        *,
        status: Callable[[], Awaitable[Status]],
        letters: Letters,
        delayed: Delayed,
        trials: Trials,
        pauses: Pauses,
        kinds: Kinds,
        ready: Callable[[], Awaitable[dict[str, str]]],
        metrics: Callable[[], Awaitable[bytes]],
    ) -> None:
        """``ready`` gives what is wrong, by part (nothing: ready); ``metrics`` the Prometheus text format."""
        self.status = status
        self.letters = letters
        self.delayed = delayed
        self.trials = trials
        self.ready = ready
        self.metrics = metrics
        self._pauses = pauses
        self._kinds = kinds

    async def target(self, bus: str, rule: str, target: str) -> TargetStatus:
        """Raises NotFound."""
        status = await self.status()
        for found in (b for b in status.buses if b.name == bus):
            for one in (r for r in found.rules if r.name == rule):
                for shown in (t for t in one.targets if t.name == target):
                    return shown
        raise NotFound(f"there is no target {bus}/{rule}/{target}")

    async def pause(self, bus: str, rule: str, target: str, reason: str = "", by: Author = "operator") -> Pause:
        """Stop deliveries to a target, across restarts, until it is resumed; see Pauses. Raises NotFound, InvalidInput."""
        return await self._pauses.pause(Place(bus, rule, target), reason, by)

    async def resume(self, bus: str, rule: str, target: str, *, skip: bool = False) -> None:
        """Let a paused or blocked target go on; ``skip``: behind the event that blocks it. Raises NotFound."""
        await self._pauses.resume(Place(bus, rule, target), skip=skip)

    def connectors(self) -> list[Description]:
        return self._kinds.describe()

    def connector(self, kind: str) -> Description:
        """Raises NotFound."""
        for description in self._kinds.describe():
            if description.kind == kind:
                return description
        raise NotFound(f"there is no connector {kind!r}; known: {', '.join(d.kind for d in self._kinds.describe())}")
