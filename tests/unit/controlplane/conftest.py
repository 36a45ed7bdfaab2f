"""A control plane with everything in memory."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec.structs import replace

from bridge.connectors.base import Config, Description, Features, Reach, Target, field
from bridge.controlplane.delayed import Delayed
from bridge.controlplane.documents import YAML, parse_documents
from bridge.controlplane.http import make_app
from bridge.controlplane.letters import Letters
from bridge.controlplane.operations import Operations
from bridge.controlplane.pauses import Pauses
from bridge.controlplane.resources import Applied, Resources
from bridge.controlplane.trials import Trials
from bridge.errors import InvalidConfig, InvalidInput, NotFound
from bridge.model.delayed import DelayedEvent
from bridge.model.delivery import Delivery
from bridge.model.redrive import Redrive
from bridge.model.status import BusStatus, RuleStatus, Status, TargetStatus
from bridge.model.times import format_time
from bridge.stores.bus.memory import MemoryBusStore
from bridge.stores.catalog.memory import MemoryCatalog
from bridge.stores.deadletters.base import Filter
from bridge.stores.deadletters.memory import MemoryDeadLetters
from bridge.testing.asgi import Answer, call
from bridge.testing.clock import ManualClock


class PaperConfig(Config, frozen=True, kw_only=True):
    path: Annotated[str, field("where to write", expression=True)]
    mode: Annotated[Literal["add", "replace"], field("what to do with what is there")] = "add"
    headers: Annotated[dict[str, str], field("more", expression=True)] = msgspec.field(default_factory=dict)
    token: Annotated[str, field("what opens the drawer", secret=True)] = ""


class PaperTarget(Target):
    kind = "paper"
    Config = PaperConfig

    @classmethod
    def check(cls, config: Any) -> None:
        if config.path.startswith("/"):
            raise InvalidConfig("must be relative", path="$.path")

    async def send(self, deliveries: Sequence[Delivery]) -> None:
        """Nothing is sent here."""


class FakeKinds:
    """One kind that is available and one that is not."""

    def find(self, kind: str) -> type[Target] | None:
        return PaperTarget if kind == "paper" else None

    def kinds(self) -> list[str]:
        return ["paper"]

    def describe(self) -> list[Description]:
        paper = Description(kind="paper", summary="Paper.", guarantee="None.", retried="None.", features=Features())
        marble = Description(
            kind="marble", summary="Stone.", guarantee="", retried="", available=False, install="bridge[marble]"
        )
        return [marble, paper]

    def check(self, target: type[Target], config: Any) -> None:
        target.check_reach(config, Reach.LOOPBACK)


class FakeRedrives:
    """Sends nothing: remembers what was asked for, and gives jobs numbers."""

    def __init__(self, letters: MemoryDeadLetters) -> None:
        self.asked: list[tuple[Filter, Sequence[str] | None, float | None]] = []
        self.jobs: list[Redrive] = []
        self._letters = letters

    async def count(self, where: Filter, *, ids: Sequence[str] | None = None) -> int:
        return sum((await self._letters.counts(where, ids=ids)).values())

    async def start(self, where: Filter, *, ids: Sequence[str] | None = None, rate: float | None = None) -> Redrive:
        self.asked.append((where, ids, rate))
        counts = {"matched": await self.count(where, ids=ids), "sent": 0, "delivered": 0, "parked": 0, "failed": 0}
        number, at = str(len(self.jobs)), "2026-11-24T08:00:00.500Z"
        self.jobs.append(Redrive(id=number, bus=where.bus, state="running", rate=rate or 0.0, started=at, **counts))
        return self.jobs[-1]

    async def get(self, bus: str, redrive_id: str) -> Redrive:
        for job in self.jobs:
            if (job.bus, job.id) == (bus, redrive_id):
                return job
        raise NotFound(f"there is no redrive {redrive_id} of the bus {bus}")

    async def list(self, bus: str) -> list[Redrive]:
        return [job for job in self.jobs if job.bus == bus]

    async def cancel(self, bus: str, redrive_id: str) -> Redrive:
        job = await self.get(bus, redrive_id)
        ended = replace(job, state="cancelled", ended="2026-11-24T08:00:01.000Z", reason="enough")
        self.jobs[self.jobs.index(job)] = ended
        return ended


class FakeWaiting:
    """Events that wait for the bus ``traffic``, by place."""

    def __init__(self) -> None:
        self.events: list[DelayedEvent] = []

    async def list(self, bus: str, limit: int, after: str = "") -> Sequence[DelayedEvent]:
        if after and not after.isdigit():
            raise InvalidInput("no token", path="$.pageToken")
        return [one for one in self.events if bus == "traffic" and one.place > after][:limit]

    async def cancel(self, bus: str, event_id: str, source: str = "") -> int:
        doomed = [one for one in self.events if one.event.id == event_id and source in {"", one.event.source}]
        if not doomed:
            raise NotFound("none waits")
        self.events = [one for one in self.events if one not in doomed]
        return len(doomed)


class World:
    """Resources and operations over stores in memory, and the HTTP door before them."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.catalog = MemoryCatalog(self.clock)
        self.bus_store = MemoryBusStore(self.clock)
        self.letters = MemoryDeadLetters()
        self.redrives = FakeRedrives(self.letters)
        self.reasons: dict[str, str] = {}
        self.at_work = {"traffic/red"}
        self.unblocked: list[tuple[str, str, str, bool]] = []
        self.waiting = FakeWaiting()
        self.forgotten: list[str] = []
        self.resources = Resources(self.catalog, self.bus_store, FakeKinds(), self.forget)
        self.operations = Operations(
            status=self.status,
            letters=Letters(self.letters, self.redrives),
            delayed=Delayed(self.waiting, self.resources),
            trials=Trials(self.catalog, self.bus_store),
            pauses=Pauses(self.resources, self.unblock, self.clock),
            kinds=FakeKinds(),
            ready=self.ready,
            metrics=self.metrics,
        )
        self.app = make_app(self.resources, self.operations)

    async def forget(self, bus: str) -> None:
        assert bus not in self.bus_store.logs()
        self.forgotten.append(bus)

    async def metrics(self) -> bytes:
        return b"up 1\n"

    async def status(self) -> Status:
        target = TargetStatus(name="a", kind="paper", state="running", lag=0, delivered=1, failed=0, dead=0, rate=0.0)
        rule = RuleStatus(name="red", enabled=True, matched=1, targets=(target,))
        bus = BusStatus(
            name="traffic",
            partitions=1,
            events=1,
            size_bytes=1,
            oldest=None,
            received=1,
            rate=0.0,
            lag=0,
            rules=(rule,),
        )
        return Status(version="0", started=format_time(self.clock()), buses=(bus,))

    async def ready(self) -> dict[str, str]:
        return self.reasons

    async def unblock(self, bus: str, rule: str, target: str, skip: bool) -> None:
        if f"{bus}/{rule}" not in self.at_work:
            raise NotFound(f"{bus}/{rule} is not at work")
        self.unblocked.append((bus, rule, target, skip))

    async def call(self, method: str, target: str, body: bytes | str = b"", media: str = "application/json") -> Answer:
        sent = body.encode() if isinstance(body, str) else body
        return await call(self.app, method, target, sent, [("Content-Type", media)])

    async def apply(self, text: str, **options: Any) -> list[Applied]:
        return await self.resources.apply(parse_documents(text.encode(), YAML), **options)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    await world.catalog.open()
    await world.bus_store.open()
    await world.letters.open()
    yield world
    await world.catalog.close()
    await world.bus_store.close()
