"""A control plane with everything in memory."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any, Literal

import msgspec
import pytest

from bridge.connectors.base import Config, Description, Features, Reach, Target, field
from bridge.controlplane.documents import YAML, parse_documents
from bridge.controlplane.http import make_app
from bridge.controlplane.operations import Operations
from bridge.controlplane.resources import Applied, Resources
from bridge.controlplane.trials import Trials
from bridge.errors import InvalidConfig
from bridge.model.delivery import Delivery
from bridge.model.status import BusStatus, RuleStatus, Status, TargetStatus
from bridge.model.times import format_time
from bridge.stores.bus.memory import MemoryBusStore
from bridge.stores.catalog.memory import MemoryCatalog
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


class World:
    """Resources and operations over stores in memory, and the HTTP door before them."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.catalog = MemoryCatalog(self.clock)
        self.bus_store = MemoryBusStore(self.clock)
        self.letters = MemoryDeadLetters()
        self.reasons: dict[str, str] = {}
        self.resources = Resources(self.catalog, self.bus_store, FakeKinds())
        self.operations = Operations(
            status=self.status,
            dead_letters=self.letters,
            trials=Trials(self.catalog, self.bus_store),
            kinds=FakeKinds(),
            ready=self.ready,
            metrics=lambda: b"up 1\n",
        )
        self.app = make_app(self.resources, self.operations)

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
