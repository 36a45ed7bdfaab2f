"""How instances that share their buses know of each other: each tells now and then how it is, and reads what others told.

What is told goes through a database, so it is short and not asked of any store: counts, states, redrives. The more there
is, the more seldom it is told, so that instances with thousands of targets do not keep a database busy.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

import msgspec
import structlog
from msgspec.structs import replace

from bridge.dataplane.redriving import Sleep
from bridge.errors import StoreError
from bridge.model.redrive import Redrive
from bridge.model.status import InstanceStatus, Status
from bridge.model.statuses import merge_statuses
from bridge.model.times import format_time
from bridge.stores.instances.base import Instance, Instances

log = structlog.get_logger()

BEAT_S = 1.0
"""How often an instance says that it lives."""
GONE_S = 6.0
"""After so long without a sign of life an instance is not counted any more."""
FORGET_S = 600.0
BYTES_S = 100_000
"""So many bytes per second an instance tells at most, beyond the first beat."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How an instance is, as it tells the others."""

    status: Status
    redrives: tuple[Redrive, ...] = ()


class CancelRedrive(msgspec.Struct, frozen=True, tag=True):
    """What one instance may ask of another."""

    bus: str
    id: str


class Other(NamedTuple):
    """Another instance that lives. ``report`` is None until it told one, and for one that this version cannot read."""

    instance: Instance
    report: Report | None


_reports = msgspec.json.Decoder(Report)
_requests = msgspec.json.Decoder(CancelRedrive)


class Presence:
    """``run`` says that this instance lives; the other methods may be called at any time.

    ``report`` says how it is; ``obey`` does what another one asks.
    """

    def __init__(
        self,
        store: Instances,
        me: Instance,
        sleep: Sleep,
        *,
        report: Callable[[], Awaitable[Report]],
        obey: Callable[[CancelRedrive], None],
    ) -> None:
        self._store = store
        self._me = me
        self._sleep = sleep
        self._report = report
        self._obey = obey
        self._beats_to_wait = 0
        self._failing = False
        self._aged_s = 0.0

    @property
    def id(self) -> str:
        return self._me.id

    async def run(self, address: str) -> None:
        """Until cancelled; then it is gone. ``address``: where its HTTP listener is reached."""
        self._me = replace(self._me, address=address)
        try:
            while True:
                await self._beat()
                await self._sleep(BEAT_S)
        finally:
            await self._leave()

    async def together(self, mine: Status) -> Status:
        """The status of all instances that live, of which ``mine`` is one. Raises StoreError."""
        others = await self.others()
        merged = merge_statuses(mine, [other.report.status for other in others if other.report is not None])
        me = Other(replace(self._me, age_s=0.0), Report(status=mine))
        every = sorted([me, *others], key=lambda one: (one.instance.started, one.instance.id))
        return replace(merged, instances=tuple(map(_shown, every)))

    async def others(self) -> list[Other]:
        """Those that live, without this one. Raises StoreError."""
        found = await self._store.list(GONE_S)
        return [Other(one, _read(one.status)) for one in found if one.id != self._me.id]

    async def ask(self, instance_id: str, request: CancelRedrive) -> None:
        """Have something done by another instance, soon. Raises StoreError."""
        await self._store.ask(instance_id, msgspec.json.encode(request))

    async def _beat(self) -> None:
        try:
            status = await self._due_report()
            await self._store.tell(replace(self._me, status=status))
            for request in await self._store.take(self._me.id):
                self._obey(_requests.decode(request))
            await self._forget_old()
        except (StoreError, msgspec.DecodeError) as error:
            if not self._failing:
                log.error("other instances cannot be told how this one is", reason=str(error))
            self._failing = True
        except Exception:
            log.exception("other instances cannot be told how this one is")
        else:
            self._failing = False

    async def _due_report(self) -> bytes:
        """Nothing, in the beats after a long one."""
        if self._beats_to_wait:
            self._beats_to_wait -= 1
            return b""
        told = msgspec.json.encode(await self._report())
        self._beats_to_wait = int(len(told) / (BYTES_S * BEAT_S))
        return told

    async def _forget_old(self) -> None:
        self._aged_s += BEAT_S
        if self._aged_s >= FORGET_S / 10:
            self._aged_s = 0.0
            await self._store.forget(FORGET_S)

    async def _leave(self) -> None:
        try:
            await self._store.leave(self._me.id)
        except StoreError as error:  # the others see it by its silence
            log.debug("this instance could not say that it stops", reason=str(error))


def _read(told: bytes) -> Report | None:
    try:
        return _reports.decode(told) if told else None
    except msgspec.DecodeError:  # of another version
        return None


def _shown(other: Other) -> InstanceStatus:
    instance, report = other
    return InstanceStatus(
        id=instance.id,
        address=instance.address,
        version=report.status.version if report is not None else "",
        started=format_time(instance.started),
        partitions=sum(len(bus.reading) for bus in report.status.buses) if report is not None else 0,
        heard=round(max(0.0, instance.age_s), 3),
    )
