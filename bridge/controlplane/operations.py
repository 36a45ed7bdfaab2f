"""Running things: how they are, what went wrong, trying patterns and transforms without effect.

The facts come from the data plane through the functions given here; the planes do not know each other.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from bridge.connectors.base import Description, Kinds
from bridge.controlplane.paths import below
from bridge.errors import InvalidInput, NotFound
from bridge.model.rule import Dialect
from bridge.model.status import Status, TargetStatus
from bridge.rules.explain import test_pattern
from bridge.rules.pattern import parse_pattern
from bridge.rules.preview import test_transform
from bridge.rules.transform import compile_transform
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
        kinds: Kinds,
        ready: Callable[[], Awaitable[dict[str, str]]],
        metrics: Callable[[], bytes],
    ) -> None:
        """``ready`` gives what is wrong, by part (nothing: ready); ``metrics`` the Prometheus text format."""
        self.status = status
        self.dead_letters = dead_letters
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

    @staticmethod
    def test_pattern(pattern: bytes, event: bytes, dialect: Dialect = "bridge") -> dict[str, Any]:
        """Whether a pattern matches an event, and why, field by field.

        Raises InvalidPattern, and InvalidInput for the event, with paths below ``$.pattern`` and ``$.event``.
        """
        with below("$.pattern"):
            parse_pattern(pattern, dialect)
        with below("$.event"):
            return test_pattern(pattern, event, dialect)

    @staticmethod
    def test_transform(transform: bytes, event: bytes) -> dict[str, Any]:
        """What a transform makes of an event, and its variables.

        Raises InvalidTransform below ``$.transform`` when it is not legal, below ``$.event`` when this event cannot be
        given its shape, and InvalidInput for the event.
        """
        with below("$.transform"):
            compile_transform(transform)
        with below("$.event"):
            return test_transform(transform, event)
