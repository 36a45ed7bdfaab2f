"""Several processes on one bus: they divide its partitions, and none is read by two. On the fake broker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from bridge.codec.log import encode_event, events_of, join_events
from bridge.errors import StoreUnavailable
from bridge.model.event import Event
from bridge.model.log import Chunk, Format
from bridge.rocketmq.groups import Cadence
from bridge.stores.bus.base import BusLog
from bridge.stores.bus.rocketmq.store import Options, RocketMqBusStore
from bridge.testing.broker import FakeCluster

CADENCE = Cadence(heartbeat_s=0.5, rebalance_s=0.2, renew_s=0.1, lost_after_s=0.4, again_s=0.05, settle_s=0.2)
PARTITIONS = 6


@pytest.fixture
async def fake() -> AsyncIterator[FakeCluster]:
    async with FakeCluster() as cluster:
        yield cluster


@asynccontextmanager
async def process(fake: FakeCluster, folder: Path) -> AsyncIterator[BusLog]:
    """One of those who share a catalog; its log is divided again whenever that is due."""
    options = Options(cadence=CADENCE, patience_s=1.0)
    store = RocketMqBusStore([fake.name_server], f"sqlite:///{folder}/catalog.db", shared=True, options=options)
    await store.open()
    try:
        log = await store.create("traffic", PARTITIONS)
        await log.divide()
        following = asyncio.ensure_future(follow(log))
        yield log
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    finally:
        await store.close()


async def follow(log: BusLog) -> None:
    while True:
        await log.until_divided()
        await log.divide()


def chunk(name: str) -> Chunk:
    return Chunk(Format.JSON, 1, join_events(Format.JSON, [encode_event(Event(name, "/s", "t", {}))[1]]))


async def shares(*sizes: int, of: list[BusLog]) -> None:
    """Wait until the logs have that many partitions each, all of them together, and none twice."""
    async with asyncio.timeout(10):
        while True:
            here = [log.here for log in of]
            assert sum(map(len, here)) <= PARTITIONS
            if sorted(map(len, here)) == sorted(sizes) and frozenset().union(*here) == frozenset(range(PARTITIONS)):
                return
            await asyncio.sleep(0.01)


async def test_one_alone_reads_everything(fake: FakeCluster, tmp_path: Path) -> None:
    """From its first division on."""
    async with process(fake, tmp_path) as log:
        assert (log.is_shared, log.here) == (True, frozenset(range(PARTITIONS)))


async def test_partitions_are_divided_and_come_back(fake: FakeCluster, tmp_path: Path) -> None:
    """As processes come and go, with at most one reader for each partition at any time."""
    async with process(fake, tmp_path) as first:
        async with process(fake, tmp_path) as second:
            await shares(3, 3, of=[first, second])
            async with process(fake, tmp_path) as third:
                await shares(2, 2, 2, of=[first, second, third])
            await shares(3, 3, of=[first, second])
        await shares(6, of=[first])


async def test_everybody_appends_everywhere_and_cursors_are_one(fake: FakeCluster, tmp_path: Path) -> None:
    """Who takes a partition over goes on where the other one stopped."""
    async with process(fake, tmp_path) as first:
        for name in "abc":
            await first.append([(p, chunk(name)) for p in range(PARTITIONS)])
        await first.commit("live", dict.fromkeys(range(PARTITIONS), 2))
        async with process(fake, tmp_path) as second:
            await shares(3, 3, of=[first, second])
            await first.append([(p, chunk("d")) for p in range(PARTITIONS)])
            async with asyncio.timeout(5):
                for p in second.here:
                    await second.wait({p: 3})
            assert await second.cursor("live") == dict.fromkeys(range(PARTITIONS), 2)
            for p in second.here:
                chunks = await second.read(p, 2, 10)
                assert [event.id for c in chunks for event in events_of(c, 2)] == ["c", "d"]
                await second.commit("live", {p: 4})
            expected = {p: 4 if p in second.here else 2 for p in range(PARTITIONS)}
            assert await first.cursor("live") == expected


async def test_more_partitions_are_divided_too(fake: FakeCluster, tmp_path: Path) -> None:
    """When the bus gets them."""
    options = Options(cadence=CADENCE)
    url = f"sqlite:///{tmp_path}/catalog.db"
    async with AsyncExitStack() as stack:
        logs = []
        for _ in range(2):
            store = RocketMqBusStore([fake.name_server], url, shared=True, options=options)
            await store.open()
            stack.push_async_callback(store.close)
            logs.append((store, await store.create("traffic", 2)))
        following = [asyncio.ensure_future(follow(log)) for _, log in logs]
        for _, log in logs:
            await log.divide()
        for store, _ in logs:
            await store.create("traffic", 4)
        async with asyncio.timeout(10):
            while sorted(len(log.here) for _, log in logs) != [2, 2]:
                await asyncio.sleep(0.01)
        for each in following:
            each.cancel()
        await asyncio.gather(*following, return_exceptions=True)


async def test_everybody_tells_the_same_offsets_when_an_end_was_lost(fake: FakeCluster, tmp_path: Path) -> None:
    """Who does not read the partition waits for what its reader finds after the start of the broker."""
    async with process(fake, tmp_path) as first, process(fake, tmp_path) as second:
        await shares(3, 3, of=[first, second])
        p = min(first.here)
        for name in "abc":
            await first.append([(p, chunk(name))])
        await first.commit("live", {p: 3})
        await fake.stop(crash=True)
        del fake.brokers[0].log.queue("bridge-traffic", p).records[1:]
        await fake.start()
        (at,) = await second.append([(p, chunk("d"))])
        assert at >= 3
        for log in (first, second):
            assert [event.id for c in await log.read(p, at, 10) for event in events_of(c, at)] == ["d"]


async def test_a_lost_lock_ends_reading_at_once(fake: FakeCluster, tmp_path: Path) -> None:
    """Somebody else may read already: whoever waits is told, and what is committed is not kept."""
    async with process(fake, tmp_path) as log:
        await log.append([(0, chunk("a")), (0, chunk("b"))])
        await log.commit("live", {0: 1})
        await log.cursor("live")
        waiting = asyncio.ensure_future(log.wait({0: 2}))
        await asyncio.sleep(0.05)
        broker = fake.brokers[0]
        broker.locks.clear()
        broker.locks.lock("bridge-traffic", "somebody@else", log.parts.row.queues, broker.now_ms)
        with pytest.raises(StoreUnavailable):
            async with asyncio.timeout(5):
                await waiting
        await log.commit("live", {0: 2})
        assert await log.cursor("live") == {0: 1}


async def test_a_process_that_dies_gives_its_partitions_up(fake: FakeCluster, tmp_path: Path) -> None:
    """Once the broker has let its locks expire."""
    async with process(fake, tmp_path) as first:
        dead = RocketMqBusStore(
            [fake.name_server], f"sqlite:///{tmp_path}/catalog.db", shared=True, options=Options(cadence=CADENCE)
        )
        await dead.open()
        log = await dead.create("traffic", PARTITIONS)
        await log.divide()
        following = asyncio.ensure_future(follow(log))
        await shares(3, 3, of=[first, log])
        following.cancel()
        fake.brokers[0].locks.clear()  # as if 60 s had passed
        await dead.close()
        await shares(6, of=[first])


async def test_a_dropped_log_has_no_members(fake: FakeCluster, tmp_path: Path) -> None:
    """Other processes learn of it within some seconds, and leave."""
    store = RocketMqBusStore(
        [fake.name_server], f"sqlite:///{tmp_path}/catalog.db", shared=True, options=Options(cadence=CADENCE)
    )
    await store.open()
    log = await store.create("traffic", PARTITIONS)
    await log.divide()
    assert log.here
    await store.drop("traffic")
    async with asyncio.timeout(5):
        while fake.brokers[0].members.client_ids("bridge-traffic"):
            await asyncio.sleep(0.01)
    await store.close()
