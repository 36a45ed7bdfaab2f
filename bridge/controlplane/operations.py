"""Running things: how they are, what went wrong; and trying things without effect (``bridge.controlplane.trials``).

The facts come from the data plane through the functions given here; the planes do not know each other.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from bridge.connectors.base import Description, Kinds
from bridge.controlplane.trials import Trials
from bridge.errors import InvalidInput, NotFound
from bridge.model.status import Status, TargetStatus
from bridge.stores.deadletters.base import DeadLetter, DeadLetters, Filter


class LetterPage(NamedTuple):
    """Some dead letters, newest last; ``next_page_token`` is empty on the last page."""

    letters: list[DeadLetter]
    next_page_token: str


class Operations:
    def __init__(
        self,
        *,
        status: Callable[[], Awaitable[Status]],
        dead_letters: DeadLetters,
        trials: Trials,
        kinds: Kinds,
        ready: Callable[[], Awaitable[dict[str, str]]],
        metrics: Callable[[], bytes],
    ) -> None:
        """``ready`` gives what is wrong, by part (nothing: ready); ``metrics`` the Prometheus text format."""
        self.status = status
        self.dead_letters = dead_letters
        self.trials = trials
        self.ready = ready
        self.metrics = metrics
        self._kinds = kinds

    async def target(self, bus: str, rule: str, target: str) -> TargetStatus:
        """Raises NotFound."""
        status = await self.status()
        for found in (b for b in status.buses if b.name == bus):
            for one in (r for r in found.rules if r.name == rule):
                for shown in (t for t in one.targets if t.name == target):
                    return shown
        raise NotFound(f"there is no target {bus}/{rule}/{target}")

    async def letters(self, where: Filter, *, limit: int = 100, page_token: str = "") -> LetterPage:
        """Dead letters that agree. Raises InvalidInput for a token that is none."""
        found = await self.dead_letters.list(where, limit=limit + 1, after=page_token)
        return LetterPage(found[:limit], found[limit - 1].id if len(found) > limit else "")

    async def purge(self, where: Filter, *, ids: Sequence[str] | None = None, everything: bool = False) -> int:
        """Delete dead letters of a bus and return how many; ``everything`` must say so when nothing else says which."""
        if not everything and ids is None and where == Filter(bus=where.bus):
            raise InvalidInput("say which: ids, rule, target, reason, since, until, or all: true")
        return await self.dead_letters.purge(where, ids=ids)

    def connectors(self) -> list[Description]:
        return self._kinds.describe()

    def connector(self, kind: str) -> Description:
        """Raises NotFound."""
        for description in self._kinds.describe():
            if description.kind == kind:
                return description
        raise NotFound(f"there is no connector {kind!r}; known: {', '.join(d.kind for d in self._kinds.describe())}")
