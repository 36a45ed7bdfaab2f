"""The redrives of all instances that share a bus, from any of them.

A redrive runs where it was started. Others know how far it is by what that instance tells, which is a second or two old,
and cancel it by asking there. One whose instance is gone is gone with it: its letters are still there.
"""

from collections.abc import Sequence

from bridge.dataplane.presence import BEAT_S, CancelRedrive, Other, Presence
from bridge.dataplane.redrive import Redrives
from bridge.dataplane.redriving import Sleep
from bridge.errors import NotFound, StoreUnavailable
from bridge.model.redrive import Redrive
from bridge.stores.deadletters.base import Filter

LOOKS = 8
"""How often it is looked whether another instance has done what it was asked, two times a beat."""


class AllRedrives:
    """``presence``: None where no other instance shares the buses."""

    def __init__(self, mine: Redrives, presence: Presence | None, sleep: Sleep) -> None:
        self._mine = mine
        self._presence = presence
        self._sleep = sleep

    async def count(self, where: Filter, *, ids: Sequence[str] | None = None) -> int:
        """See Redrives."""
        return await self._mine.count(where, ids=ids)

    async def start(self, where: Filter, *, ids: Sequence[str] | None = None, rate: float | None = None) -> Redrive:
        """See Redrives: it runs here."""
        return await self._mine.start(where, ids=ids, rate=rate)

    async def get(self, bus: str, redrive_id: str) -> Redrive:
        """Raises NotFound, StoreError."""
        try:
            return self._mine.get(bus, redrive_id)
        except NotFound:
            return (await self._find(bus, redrive_id))[1]

    async def list(self, bus: str) -> list[Redrive]:
        """Those of a bus that are running or have ended lately, oldest first. Raises StoreError."""
        told = [redrive for other in await self._others() for redrive in _redrives(other) if redrive.bus == bus]
        return sorted([*self._mine.list(bus), *told], key=lambda redrive: redrive.started)

    async def cancel(self, bus: str, redrive_id: str) -> Redrive:
        """See Redrives. Raises NotFound, and StoreUnavailable when its instance does not do so in time: ask again."""
        try:
            return self._mine.cancel(bus, redrive_id)
        except NotFound:
            other, redrive = await self._find(bus, redrive_id)
        assert self._presence is not None, "otherwise it is not found"
        if redrive.state == "running":
            await self._presence.ask(other.instance.id, CancelRedrive(bus, redrive_id))
        for _ in range(LOOKS):
            if redrive.state != "running":
                return redrive
            await self._sleep(BEAT_S / 2)
            redrive = (await self._find(bus, redrive_id))[1]
        raise StoreUnavailable(f"the instance at {other.instance.address}, where it runs, has not cancelled it yet")

    def cancel_mine(self, asked: CancelRedrive) -> None:
        """Another instance asks for it; one that has ended meanwhile is let be."""
        if any(redrive.id == asked.id for redrive in self._mine.list(asked.bus)):
            self._mine.cancel(asked.bus, asked.id)

    async def _find(self, bus: str, redrive_id: str) -> tuple[Other, Redrive]:
        for other in await self._others():
            for redrive in _redrives(other):
                if (redrive.bus, redrive.id) == (bus, redrive_id):
                    return other, redrive
        raise NotFound(f"there is no redrive {redrive_id} of the bus {bus}")

    async def _others(self) -> Sequence[Other]:
        return await self._presence.others() if self._presence is not None else ()


def _redrives(other: Other) -> Sequence[Redrive]:
    return other.report.redrives if other.report is not None else ()
