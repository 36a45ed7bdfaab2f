"""Delayed events: listing and cancelling those that wait for a bus, and how users see them."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from bridge.controlplane.documents import format_time
from bridge.controlplane.resources import Resources
from bridge.model.delayed import DelayedEvent, DelayedView
from bridge.model.resource import Ref


class Waiting(Protocol):
    """The events that wait, known here by what one may do with them."""

    async def list(self, bus: str, limit: int, after: str = "") -> Sequence[DelayedEvent]:
        """The next ones first, behind a ``place``. Raises InvalidInput for what is no place."""

    async def cancel(self, bus: str, event_id: str, source: str = "") -> int:
        """Forget those with this id and, if given, of this source; returns how many. Raises NotFound: none."""


class DelayedPage(NamedTuple):
    """Some events that wait; ``next_page_token`` is empty on the last page."""

    events: list[DelayedEvent]
    next_page_token: str


class Delayed:
    def __init__(self, waiting: Waiting, resources: Resources) -> None:
        self._waiting = waiting
        self._resources = resources

    async def page(self, bus: str, *, limit: int = 100, page_token: str = "") -> DelayedPage:
        """Those that wait for a bus, the next one first. Raises NotFound, InvalidInput for a token that is none."""
        await self._check(bus)
        found = await self._waiting.list(bus, limit + 1, page_token)
        return DelayedPage(list(found[:limit]), found[limit - 1].place if len(found) > limit else "")

    async def cancel(self, bus: str, event_id: str, source: str = "") -> int:
        """Let those with this id never enter; returns how many. Raises NotFound: no such bus, or none waits."""
        await self._check(bus)
        return await self._waiting.cancel(bus, event_id, source)

    async def _check(self, bus: str) -> None:
        await self._resources.get(Ref("Bus", "", bus))


def view_delayed(delayed: DelayedEvent) -> DelayedView:
    event = delayed.event
    return DelayedView(
        id=event.id,
        source=event.source,
        type=event.type,
        subject=event.subject or "",
        scheduled=format_time(delayed.due),
    )
