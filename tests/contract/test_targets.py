"""What every target guarantees: one suite, each kind through a harness of its own."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from bridge.connectors.base import Target
from bridge.connectors.registry import Registry
from bridge.errors import NotConnected, Retryable, StoreUnavailable
from bridge.model.delivery import Delivery
from bridge.testing.connectors import FakeHost, make_delivery, make_target
from bridge.testing.sink import Answer, HttpSink

REGISTRY = Registry.discover()


class Harness:
    """The other side of a target: what arrived there, and a way to make it fail."""

    kind: str
    can_fail = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.host = FakeHost(buses=["other"])

    async def start(self) -> None:
        """Get the other side ready."""

    async def stop(self) -> None:
        """Let go of it."""

    def config(self) -> dict[str, Any]:
        """A config that leads there."""
        raise NotImplementedError

    def ids(self) -> list[str]:
        """The ids of the events that arrived, in order."""
        raise NotImplementedError

    def fail(self) -> None:
        """Make everything fail from now on."""

    def mend(self) -> None:
        """End that."""


class HttpHarness(Harness):
    kind = "http"
    mode = "binary"

    async def start(self) -> None:
        self.sink = await HttpSink().__aenter__()

    async def stop(self) -> None:
        await self.sink.__aexit__()

    def config(self) -> dict[str, Any]:
        return {"url": self.sink.url, "mode": self.mode}

    def ids(self) -> list[str]:
        return [r.headers["ce-id"] for r in self.sink.received]

    def fail(self) -> None:
        self.refused = len(self.sink.received)
        self.sink.default = Answer(503)

    def mend(self) -> None:
        del self.sink.received[self.refused :]
        self.sink.default = Answer()


class BatchedHttpHarness(HttpHarness):
    mode = "batched"

    def ids(self) -> list[str]:
        return [event["id"] for r in self.sink.received for event in json.loads(r.body)]


class FileHarness(Harness):
    kind = "file"

    def config(self) -> dict[str, Any]:
        return {"path": str(self.folder / "out" / "events.jsonl")}

    def ids(self) -> list[str]:
        path = self.folder / "out" / "events.jsonl"
        return [json.loads(line)["id"] for line in path.read_text().splitlines()] if path.exists() else []

    def fail(self) -> None:
        (self.folder / "out").rename(self.folder / "away")
        (self.folder / "out").write_text("in the way of a folder")

    def mend(self) -> None:
        (self.folder / "out").unlink()
        (self.folder / "away").rename(self.folder / "out")


class BusHarness(Harness):
    kind = "bus"

    def config(self) -> dict[str, Any]:
        return {"bus": "other"}

    def ids(self) -> list[str]:
        return [event.id for event in self.host.buses["other"]]

    def fail(self) -> None:
        self.host.failing = StoreUnavailable()

    def mend(self) -> None:
        self.host.failing = None


class LogHarness(Harness):
    kind = "log"
    can_fail = False

    async def start(self) -> None:
        self.before = structlog.get_config()
        self.lines = structlog.testing.LogCapture()
        structlog.configure(processors=[self.lines], cache_logger_on_first_use=False)

    async def stop(self) -> None:
        structlog.configure(**self.before)

    def config(self) -> dict[str, Any]:
        return {}

    def ids(self) -> list[str]:
        return [line["event_id"] for line in self.lines.entries]


HARNESSES: dict[str, type[Harness]] = {
    "http": HttpHarness,
    "http batched": BatchedHttpHarness,
    "file": FileHarness,
    "bus": BusHarness,
    "log": LogHarness,
}


@pytest.fixture(params=HARNESSES)
async def harness(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Harness]:
    made = HARNESSES[request.param](tmp_path)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def target(harness: Harness) -> AsyncIterator[Target]:
    kind = REGISTRY.find(harness.kind)
    assert kind is not None
    made = make_target(kind, harness.host, **harness.config())
    await made.open()
    yield made
    await made.close()


def deliveries(target: Target, first: int, count: int) -> list[Delivery]:
    return [make_delivery(target, offset=first + i) for i in range(count)]


def numbers(first: int, count: int) -> list[str]:
    return [str(first + i) for i in range(count)]


def test_every_kind_stands_before_this_suite() -> None:
    """A kind without a harness is not done."""
    assert {harness.kind for harness in HARNESSES.values()} == set(REGISTRY.kinds())


async def test_it_takes_one_delivery_and_as_many_as_it_says(harness: Harness, target: Target) -> None:
    """In the order they were given, none missing, none twice."""
    most = target.features.max_batch
    await target.send(deliveries(target, 0, 1))
    await target.send(deliveries(target, 1, most))
    arrived = harness.ids()
    assert sorted(arrived, key=int) == numbers(0, 1 + most)
    if target.features.ordered:
        assert arrived == numbers(0, 1 + most)


async def test_what_was_sent_is_there_when_send_returns(harness: Harness, target: Target) -> None:
    """Send by send; nothing is held back for a later batch."""
    for first in range(0, 9, 3):
        for delivery in deliveries(target, first, 3):
            await target.send([delivery])
        assert harness.ids() == numbers(0, first + 3)


async def test_a_failure_is_raised_and_the_next_try_arrives(harness: Harness, target: Target) -> None:
    """It is one that is tried again; after it the target works, reopened where it asks for that."""
    if not harness.can_fail:
        pytest.skip("cannot fail")
    await target.send(deliveries(target, 0, 1))
    harness.fail()
    for _ in range(3):
        with pytest.raises((Retryable, NotConnected)) as caught:
            await target.send(deliveries(target, 1, 1))
    harness.mend()
    if isinstance(caught.value, NotConnected):
        await target.close()
        await target.open()
    await target.send(deliveries(target, 1, 1))
    assert harness.ids() == numbers(0, 2)


async def test_it_closes_while_idle_and_opens_again(harness: Harness, target: Target) -> None:
    """Close may come at any time between sends, also twice; nothing is lost or repeated by it."""
    await target.close()
    for round_ in range(3):
        await target.open()
        await target.send(deliveries(target, round_, 1))
        await target.close()
        await target.close()
    assert harness.ids() == numbers(0, 3)
    await target.open()


async def test_sends_at_the_same_time_all_arrive(harness: Harness, target: Target) -> None:
    """Fifty of them; each batch keeps its order."""
    most = min(3, target.features.max_batch)
    await asyncio.gather(*(target.send(deliveries(target, i * most, most)) for i in range(50)))
    arrived = harness.ids()
    assert sorted(arrived, key=int) == numbers(0, 50 * most)
    places = {id_: place for place, id_ in enumerate(arrived)}
    for i in range(50):
        assert sorted(numbers(i * most, most), key=places.__getitem__) == numbers(i * most, most)


@pytest.mark.parametrize("turns", [0, 1, 4, 16])
async def test_a_cancelled_send_leaves_a_target_that_works(harness: Harness, target: Target, turns: int) -> None:
    """Whatever was under way may arrive or not; what comes later arrives whole, as does the repeated send."""
    sending = [asyncio.ensure_future(target.send(deliveries(target, i, 1))) for i in range(10)]
    for _ in range(turns):
        await asyncio.sleep(0)
    for task in sending:
        task.cancel()
    await asyncio.gather(*sending, return_exceptions=True)
    for i in range(10):
        await target.send(deliveries(target, i, 1))
    assert set(harness.ids()) == set(numbers(0, 10))


async def test_two_targets_with_one_config_do_not_disturb_each_other(harness: Harness, target: Target) -> None:
    """Both deliver, at the same time, to the same place; one closes while the other goes on."""
    other = make_target(type(target), harness.host, **harness.config())
    await other.open()
    await asyncio.gather(
        *(one.send(deliveries(one, 2 * i + n, 1)) for i in range(20) for n, one in enumerate((target, other)))
    )
    await other.close()
    await target.send(deliveries(target, 40, 1))
    assert sorted(harness.ids(), key=int) == numbers(0, 41)
