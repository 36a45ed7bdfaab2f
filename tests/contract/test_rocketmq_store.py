"""What the bus log promises on RocketMQ beyond the contract of all stores: what others see, and what happens when
something fails. On the fake broker.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.codec.log import encode_event, events_of, join_events
from bridge.errors import Conflict, NotFound, StartError, StoreUnavailable, TooLarge
from bridge.model.event import DataForm, Event
from bridge.model.log import Chunk
from bridge.rocketmq.admin import Groups, Topics
from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.codes import RequestCode, ResponseCode
from bridge.rocketmq.lookup import Lookup
from bridge.rocketmq.routes import Queue
from bridge.stores.bus.base import Bounds, BusLog
from bridge.stores.bus.rocketmq import changes, doubt, ends, partition
from bridge.stores.bus.rocketmq import log as bus_log
from bridge.stores.bus.rocketmq.places import Place
from bridge.stores.bus.rocketmq.store import Options, RocketMqBusStore
from bridge.testing.broker import SENDS, FakeCluster

OPTIONS = Options(patience_s=0.5, reading_patience_s=5.0, send_timeout_s=0.5)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes seconds, so that a broker under load is not misjudged, takes a moment here."""
    monkeypatch.setattr(ends, "SHRUNK_AFTER_S", 0.1)
    monkeypatch.setattr(doubt, "SETTLE_S", 0.05)
    monkeypatch.setattr(bus_log, "BEYOND_S", 0.2)


@pytest.fixture
async def fake() -> AsyncIterator[FakeCluster]:
    async with FakeCluster() as cluster:
        yield cluster


@asynccontextmanager
async def opened(
    fake: FakeCluster, folder: Path, options: Options = OPTIONS, catalog: str = "catalog"
) -> AsyncIterator[RocketMqBusStore]:
    store = RocketMqBusStore([fake.name_server], f"sqlite:///{folder / catalog}.db", options=options)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def store(fake: FakeCluster, tmp_path: Path) -> AsyncIterator[RocketMqBusStore]:
    async with opened(fake, tmp_path) as made:
        yield made


@pytest.fixture
async def log(store: RocketMqBusStore) -> BusLog:
    return await store.create("traffic", 1)


def event(name: str, data: bytes | None = None) -> Event:
    return Event(name, "/s", "t", {}, data, DataForm.BINARY)


def chunk(*events: str | Event) -> Chunk:
    made = [event(each) if isinstance(each, str) else each for each in events]
    raws = [encode_event(each) for each in made]
    form = raws[0][0]
    return Chunk(form, len(raws), join_events(form, [raw for _, raw in raws]))


async def put(log: BusLog, *names: str) -> int:
    (offset,) = await log.append([(0, chunk(*names))])
    return offset


async def ids(log: BusLog, offset: int = 0, partition: int = 0) -> list[str]:
    found: list[str] = []
    while chunks := await log.read(partition, offset, 1000):
        found += [each.id for one in chunks for each in events_of(one, offset)]
        offset = chunks[-1].end
    return found


async def until(true: Callable[[], bool], seconds: float = 5.0) -> None:
    """Look every few milliseconds whether it has come."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.005)


async def until_stored(work: Callable[[], Awaitable[object]]) -> None:
    """Do it again until it is no longer unavailable."""
    async with asyncio.timeout(5):
        while True:
            try:
                await work()
            except StoreUnavailable:
                await asyncio.sleep(0.02)
            else:
                return


# What others see


async def test_any_consumer_finds_the_event(fake: FakeCluster, log: BusLog) -> None:
    """As a message of the CloudEvents binding, by the event's id, its data as they are."""
    await log.append([(0, chunk(Event("e 1", "/junction/7", "light.changed", {"subject": "7"}, b"\x00\x01")))])
    async with Cluster([fake.name_server]) as cluster:
        (found,) = await Lookup(cluster).by_key("bridge-traffic", "e%201")
    assert found.body == b"\x00\x01"
    properties = {name: found.properties[name] for name in ("CE_id", "CE_source", "CE_type", "CE_subject", "TAGS")}
    assert list(properties.values()) == ["e 1", "/junction/7", "light.changed", "7", "light.changed"]


async def test_messages_of_others_are_events(fake: FakeCluster, log: BusLog) -> None:
    """Whoever sends to the topic puts on the bus: readers are woken."""
    waiting = asyncio.ensure_future(log.wait({0: 0}))
    await until(lambda: bool(fake.requests(RequestCode.PULL_MESSAGE)))
    fake.brokers[0].put("bridge-traffic", b'{"n": 1}', 0, {"UNIQ_KEY": "U1", "TAGS": "x"})
    async with asyncio.timeout(5):
        await waiting
    (found,) = await log.read(0, 0, 10)
    (made,) = events_of(found)
    assert (made.id, made.source, made.data) == ("U1", "/rocketmq/bridge-traffic", b'{"n": 1}')


async def test_a_rest_is_one_long_poll(fake: FakeCluster, log: BusLog) -> None:
    """Waiting costs nothing, however long; several readers share it."""
    waiting = [asyncio.ensure_future(log.wait({0: 0})) for _ in range(5)]
    await until(lambda: bool(fake.requests(RequestCode.PULL_MESSAGE)))
    await asyncio.sleep(0.1)
    assert len(fake.requests(RequestCode.PULL_MESSAGE)) == 1
    await put(log, "a")
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting)
    assert await ids(log) == ["a"]


async def test_the_live_cursor_is_the_group_of_the_topic_s_name(
    fake: FakeCluster, store: RocketMqBusStore, log: BusLog
) -> None:
    """So that RocketMQ's own tools show how far a bus is."""
    await put(log, "a", "b", "c")
    await log.commit("live", {0: 2})
    await log.commit("target/rule a/1", {0: 1})
    async with Cluster([fake.name_server]) as cluster:
        (progress,) = await Groups(cluster).progress("bridge-traffic", "bridge-traffic")
        assert (progress.committed, progress.lag) == (2, 1)
        _, group = await store._registry.places.groups(store._logs["traffic"].parts.row.id)
        assert group.startswith("bridge-traffic-target-rule-a-1-")
        (own,) = await Groups(cluster).progress(group, "bridge-traffic")
        assert own.committed == 1


async def test_partitions_are_spread_over_brokers_and_stay_where_they_are(tmp_path: Path) -> None:
    """Also while a broker is down, and when there are more brokers than before."""
    options = Options(patience_s=0.5, reading_patience_s=0.5)
    async with FakeCluster(brokers=2) as fake, opened(fake, tmp_path, options) as store:
        log = await store.create("traffic", 3)
        await log.append([(n, chunk(f"{n}")) for n in range(3)])
        assert [len(broker.messages("bridge-traffic")) for broker in fake.brokers] == [2, 1]
        await fake.stop(1)
        with pytest.raises(StoreUnavailable):
            await log.append([(1, chunk("lost"))])
        assert await log.append([(0, chunk("x")), (2, chunk("y"))]) == [1, 1]
        await fake.start(1)
        await until_stored(lambda: log.append([(1, chunk("z"))]))
        await store.create("traffic", 4)
        await log.append([(3, chunk("new"))])
        assert [await ids(log, 0, n) for n in range(4)] == [["0", "x"], ["1", "z"], ["2", "y"], ["new"]]
        assert [message.queue_id for message in fake.brokers[1].messages("bridge-traffic")] == [0, 0, 1]


async def test_a_dead_broker_does_not_stop_the_others(tmp_path: Path) -> None:
    """Its partitions wait; those of the others are read and committed."""
    async with FakeCluster(brokers=2) as fake, opened(fake, tmp_path) as store:
        log = await store.create("traffic", 2)
        await log.commit("live", {0: 0, 1: 0})
        await fake.stop(1)
        waiting = asyncio.ensure_future(log.wait({1: 0}))
        await log.append([(0, chunk("a"))])
        await log.wait({0: 0})
        assert await ids(log) == ["a"]
        await log.commit("live", {0: 1, 1: 0})
        assert (await log.cursor("live"))[0] == 1
        await fake.start(1)
        await until_stored(lambda: log.append([(1, chunk("b"))]))
        async with asyncio.timeout(5):
            await waiting


async def _read_on(log: BusLog, waiting: Awaitable[None]) -> None:
    await waiting
    while True:
        await log.read(0, 5, 10)
        await asyncio.sleep(0)


# Faults


@pytest.mark.parametrize("performed", [True, False])
async def test_an_event_is_not_doubled_when_the_answer_was_lost(
    fake: FakeCluster, log: BusLog, performed: bool
) -> None:
    """Whether the broker had stored it or not, is looked up."""
    await put(log, "a")
    fake.faults.drop(performed=performed, codes=SENDS)
    assert await put(log, "b", "c") == 1
    fake.faults.black_hole(1, performed=performed, codes=SENDS)
    assert await put(log, "d") == 3
    assert await ids(log) == ["a", "b", "c", "d"]


async def test_others_may_write_while_an_answer_is_lost(fake: FakeCluster, log: BusLog) -> None:
    """The place that is found is that of our events."""
    fake.faults.drop(performed=True, codes=SENDS)
    putting = asyncio.ensure_future(put(log, "a"))
    fake.brokers[0].put("bridge-traffic", b"other")
    offset = await putting
    assert (await ids(log))[offset] == "a"


async def test_a_busy_broker_is_asked_again(fake: FakeCluster, log: BusLog) -> None:
    """Nobody hears of it."""
    fake.faults.busy(3)
    assert [await put(log, "a"), await ids(log)] == [0, ["a"]]


async def test_a_full_broker_is_told_as_such(fake: FakeCluster, store: RocketMqBusStore, log: BusLog) -> None:
    """Reading goes on; readiness says what is wrong until it is not."""
    await put(log, "a")
    fake.faults.refuse_writes()
    with pytest.raises(StoreUnavailable, match="disk is full"):
        await put(log, "b")
    assert any("disk is full" in reason for reason in store.problems().values())
    assert await ids(log) == ["a"]
    fake.faults.heal()
    await put(log, "c")
    assert await ids(log) == ["a", "c"]
    assert store.problems() == {}


async def test_weaker_durability_is_told_and_nothing_is_sent_again(
    fake: FakeCluster, store: RocketMqBusStore, log: BusLog
) -> None:
    """The events are stored: it stays ready."""
    fake.faults.stored_weakly(times=2)
    with capture_logs() as told:
        assert [await put(log, name) for name in "abcd"] == [0, 1, 2, 3]
    assert [each["log_level"] for each in told if "durably" in each["event"]] == ["warning", "info"]
    assert (await ids(log), store.problems()) == (["a", "b", "c", "d"], {})


async def test_an_event_above_the_limit_harms_no_other(tmp_path: Path) -> None:
    """It alone is refused, whether we knew the broker's limit or not."""
    large = chunk(event("large", b"x" * 60_000))
    for options in (OPTIONS, Options(batch_bytes=50_000)):
        async with FakeCluster(config={"maxMessageSize": "50000"}) as fake, opened(fake, tmp_path, options) as store:
            log = await store.create(f"traffic{options.batch_bytes}", 1)
            calls = [log.append([(0, each)]) for each in (chunk("a"), large, chunk("b"))]
            first, refused, third = await asyncio.gather(*calls, return_exceptions=True)
            assert isinstance(refused, TooLarge)
            assert sorted([first, third]) == [[0], [1]]
            assert sorted(await ids(log)) == ["a", "b"]


async def test_more_than_a_batch_is_several(tmp_path: Path) -> None:
    """In order, and the broker's own limit may be lower than ours."""
    names = [f"{n}" for n in range(100)]
    many = chunk(*[event(name, b"x" * 1000) for name in names])
    for options in (OPTIONS, Options(batch_bytes=20_000)):
        async with FakeCluster(config={"maxMessageSize": "20000"}) as fake, opened(fake, tmp_path, options) as store:
            log = await store.create(f"traffic{options.batch_bytes}", 1)
            assert await log.append([(0, many)]) == [0]
            assert await ids(log) == names


async def test_a_broker_that_restarts_is_waited_for(fake: FakeCluster, tmp_path: Path) -> None:
    """Readers go on where they were; puts that come meanwhile wait; nothing is lost or doubled."""
    async with opened(fake, tmp_path, Options(patience_s=5.0, reading_patience_s=5.0)) as store:
        log = await store.create("traffic", 1)
        await put(log, "a")
        waiting = asyncio.ensure_future(log.wait({0: 1}))
        await asyncio.sleep(0.01)
        await fake.stop(crash=True)
        putting = asyncio.ensure_future(put(log, "b"))
        reading = asyncio.ensure_future(log.read(0, 0, 10))
        await asyncio.sleep(0.1)
        await fake.start()
        async with asyncio.timeout(5):
            await waiting
            assert await putting == 1
            assert [each.id for one in await reading for each in events_of(one)][:1] == ["a"]
        assert await ids(log) == ["a", "b"]


async def test_a_broker_that_stays_away_is_an_error_in_the_end(fake: FakeCluster, tmp_path: Path) -> None:
    """Readers of people are not left waiting for ever."""
    async with opened(fake, tmp_path, Options(reading_patience_s=0.2, patience_s=0.2)) as store:
        log = await store.create("traffic", 1)
        await put(log, "a")
        await fake.stop()
        for call in (log.read(0, 0, 1), log.offset_at(0, 0), put(log, "b"), store.create("more", 1)):
            with pytest.raises(StoreUnavailable, match=r"connection refused|no broker"):
                await call
        await fake.start()


async def test_events_are_seen_a_moment_after_they_are_stored(fake: FakeCluster, log: BusLog) -> None:
    """A real broker needs some milliseconds; nobody takes that for an end that was lost."""
    fake.brokers[0].entry_delay_ms = 50
    for name in "abc":
        await put(log, name)
        assert log.bounds(0) == Bounds(0, "abc".index(name) + 1)
    assert await ids(log) == ["a", "b", "c"]


async def test_what_retention_deleted_is_passed_over(fake: FakeCluster, log: BusLog) -> None:
    """A read begins at the first event that is kept, and its chunk says so."""
    for name in "abcd":
        await put(log, name)
    fake.brokers[0].log.expire("bridge-traffic", 0, 2)
    found, *_ = await log.read(0, 0, 10)
    assert (found.offset, await ids(log), log.bounds(0)) == (2, ["c", "d"], Bounds(2, 4))
    assert await log.trim(before=1e12) == 0


# Ends that are lost, topics that are gone, operators


def forget_end(fake: FakeCluster, keep: int) -> None:
    """The broker lost its memory before it was on disk."""
    del fake.brokers[0].log.queue("bridge-traffic", 0).records[keep:]


async def test_no_offset_means_two_events_when_the_end_of_a_queue_is_lost(fake: FakeCluster, log: BusLog) -> None:
    """The queue gives them again, the log does not: readers go on where they were, and miss nothing that comes."""
    await put(log, "a", "b", "c")
    await log.commit("live", {0: 3})
    await log.commit("behind", {0: 1})
    assert await log.cursor("live") == {0: 3}
    waiting = asyncio.ensure_future(log.wait({0: 3}))
    await asyncio.sleep(0.01)
    forget_end(fake, 1)
    await fake.restart(crash=True)
    assert await put(log, "d") == 3
    async with asyncio.timeout(5):
        await waiting
    assert (await ids(log, 3), await ids(log, 0)) == (["d"], ["a", "d"])
    assert log.bounds(0) == Bounds(0, 4)
    assert (await log.cursor("live"), await log.cursor("behind")) == ({0: 3}, {0: 3})
    await log.commit("live", {0: 4})
    assert (await log.cursor("live"), await log.offset_at(0, 0)) == ({0: 4}, 0)
    assert await put(log, "e") == 4
    assert await ids(log, 4) == ["e"]


async def test_a_lost_end_is_seen_at_the_next_start(fake: FakeCluster, tmp_path: Path) -> None:
    """It was lost while no bridge ran; and what it became stays so."""
    async with opened(fake, tmp_path) as store:
        log = await store.create("traffic", 1)
        await put(log, "a", "b", "c")
        await log.commit("live", {0: 3})
    forget_end(fake, 1)
    await asyncio.sleep(0.002)  # the clock of a broker has milliseconds
    await fake.restart(crash=True)
    for name in ("d", "e"):
        async with opened(fake, tmp_path) as store:
            log = await store.create("traffic", 1)
            assert await log.cursor("live") == {0: 3}
            assert await put(log, name) == (3 if name == "d" else 4)
            assert (await ids(log, 3))[-1] == name


async def test_a_lost_end_is_seen_at_the_next_start_although_others_have_filled_it(
    fake: FakeCluster, tmp_path: Path
) -> None:
    """By the time at which the broker was started."""
    async with opened(fake, tmp_path) as store:
        log = await store.create("traffic", 1)
        await put(log, "a", "b", "c")
        await log.commit("live", {0: 3})
    forget_end(fake, 1)
    await asyncio.sleep(0.002)
    await fake.restart(crash=True)
    for number in range(5):
        fake.brokers[0].put("bridge-traffic", b"x", 0, {"UNIQ_KEY": f"new{number}"})
    async with opened(fake, tmp_path) as store:
        log = await store.create("traffic", 1)
        at = (await log.cursor("live"))[0]
        assert await ids(log, at) == [f"new{number}" for number in range(5)]


async def test_a_lost_end_is_seen_although_others_have_filled_it(fake: FakeCluster, log: BusLog) -> None:
    """The queue never looked shorter than before; that the broker has started again tells it."""
    await put(log, "a", "b", "c")
    await log.cursor("live")
    await log.commit("live", {0: 3})
    waiting = asyncio.ensure_future(log.wait({0: 3}))
    await asyncio.sleep(0.01)
    await fake.stop(crash=True)
    forget_end(fake, 1)
    await fake.start()
    for number in range(5):
        fake.brokers[0].put("bridge-traffic", b"x", 0, {"UNIQ_KEY": f"new{number}"})
    async with asyncio.timeout(5):
        await waiting
        while (found := await ids(log, 3))[:1] != ["new0"]:
            await asyncio.sleep(0.01)
    assert found == [f"new{number}" for number in range(5)]
    assert (await log.cursor("live"))[0] <= log.bounds(0).end - 5


async def test_a_restart_that_loses_nothing_changes_nothing(fake: FakeCluster, log: BusLog) -> None:
    """Offsets of the queue and of the log stay the same."""
    await put(log, "a", "b")
    waiting = asyncio.ensure_future(log.wait({0: 2}))
    await asyncio.sleep(0.01)
    await fake.restart(crash=True)
    await asyncio.sleep(0.1)
    assert await put(log, "c") == 2
    async with asyncio.timeout(5):
        await waiting
    assert (await ids(log), log.bounds(0)) == (["a", "b", "c"], Bounds(0, 3))


async def test_who_waits_beyond_the_end_is_told(log: BusLog) -> None:
    """There is no such offset, and perhaps never will be."""
    await put(log, "a")
    with pytest.raises(StoreUnavailable, match="ends at 1: there is no offset 5"):
        async with asyncio.timeout(5):
            await log.wait({0: 5})


async def test_a_topic_that_somebody_deleted_is_made_anew_when_its_bus_is_applied(
    fake: FakeCluster, store: RocketMqBusStore, log: BusLog
) -> None:
    """Puts fail with the reason until then; its events are gone, and readers go on with the first new one."""
    await put(log, "a", "b")
    await log.commit("live", {0: 2})
    async with Cluster([fake.name_server]) as cluster:
        await Topics(cluster).delete("bridge-traffic")
    with pytest.raises(StoreUnavailable, match="somebody deleted the topic"):
        await put(log, "c")
    assert any("deleted the topic" in reason for reason in store.problems().values())
    assert await store.create("traffic", 1) is log
    assert await put(log, "d") == 2
    assert await log.cursor("live") == {0: 2}
    async with asyncio.timeout(5):
        await log.wait({0: 2})
    assert (await ids(log), log.bounds(0)) == (["d"], Bounds(2, 3))
    assert store.problems() == {}


async def test_events_that_went_with_a_deleted_topic_are_not_acknowledged(fake: FakeCluster, log: BusLog) -> None:
    """A broker may still store and answer while it deletes a topic, and forget the events with the queue."""
    await put(log, "a", "b")
    await log.cursor("live")
    forget_end(fake, 0)
    fake.faults.slow(0.05, 1, codes=SENDS)
    putting = asyncio.ensure_future(put(log, "c", "d", "e", "f"))
    queue = fake.brokers[0].log.queue("bridge-traffic", 0)
    await until(lambda: len(queue.records) == 4)
    fake.brokers[0].log.expire("bridge-traffic", 0, before=3)
    with pytest.raises(StoreUnavailable, match="gone with the end of its queue"):
        async with asyncio.timeout(5):
            await putting
    next_one = await put(log, "g")
    assert (await ids(log, 2), log.bounds(0)) == (["f", "g"], Bounds(next_one - 1, next_one + 1))


async def test_an_operator_may_move_the_live_cursor(fake: FakeCluster, log: BusLog) -> None:
    """With RocketMQ's tools: whoever reads begins again where the group was set to."""
    await put(log, *"abcde")
    await log.commit("live", {0: 5})
    waiting = asyncio.ensure_future(log.wait({0: 5}))
    await asyncio.sleep(0.01)
    async with Cluster([fake.name_server]) as cluster:
        await Groups(cluster).reset("bridge-traffic", Queue("bridge-traffic", "broker-a", 0), 2)
    await put(log, "f")
    with pytest.raises(StoreUnavailable, match="read from the cursor again"):
        await asyncio.wait_for(_read_on(log, waiting), 5)
    with pytest.raises(StoreUnavailable, match="does not hold any more"):
        await log.commit("live", {0: 6})
    await log.commit("live", {0: 6})
    assert await log.cursor("live") == {0: 2}
    await log.commit("live", {0: 3})
    assert await log.cursor("live") == {0: 3}


async def test_an_operator_may_move_another_cursor(fake: FakeCluster, store: RocketMqBusStore, log: BusLog) -> None:
    """Told with its next commit."""
    await put(log, *"abcde")
    await log.commit("audit", {0: 4})
    (group,) = await store._registry.places.groups(store._logs["traffic"].parts.row.id)
    async with Cluster([fake.name_server]) as cluster:
        await Groups(cluster).reset(group, Queue("bridge-traffic", "broker-a", 0), 1)
    with pytest.raises(StoreUnavailable, match="does not hold any more"):
        await log.commit("audit", {0: 5})
    assert await log.cursor("audit") == {0: 1}
    await log.commit("audit", {0: 2})
    assert await log.cursor("audit") == {0: 2}


# Cursors


async def test_a_cursor_is_not_forgotten_with_its_broker_s_memory(fake: FakeCluster, log: BusLog) -> None:
    """A broker that is killed loses the commits of some seconds: a cursor goes back to where it began at most."""
    await put(log, *"abcde")
    await log.commit("live", {0: 2})
    await log.commit("live", {0: 5})
    await fake.restart(crash=True)
    assert await log.cursor("live") == {0: 2}
    assert await log.cursors() == ["live"]


async def test_the_first_commit_to_a_broker_goes_alone(fake: FakeCluster, store: RocketMqBusStore) -> None:
    """Of several first ones of a group it might keep one alone: only those that come later go together."""
    log = await store.create("four", 4)
    fake.faults.slow(0.05, codes=[RequestCode.UPDATE_CONSUMER_OFFSET])

    async def asked_at_once() -> list[int]:
        before = len(fake.requests(RequestCode.UPDATE_CONSUMER_OFFSET))
        counts = []
        committing = asyncio.ensure_future(log.commit("live", dict.fromkeys(range(4), 0)))
        while not committing.done():
            counts.append(len(fake.requests(RequestCode.UPDATE_CONSUMER_OFFSET)) - before)
            await asyncio.sleep(0.005)
        await committing
        return sorted(set(counts) - {0})

    assert (await asked_at_once())[0] == 1
    assert await asked_at_once() == [4]


async def test_a_commit_waits_for_its_broker(fake: FakeCluster, store: RocketMqBusStore, log: BusLog) -> None:
    """Who reads does not."""
    await put(log, *"abcde")
    await log.commit("live", {0: 2})
    await fake.stop()
    for offset in (3, 4):
        await log.commit("live", {0: offset})
    assert await log.cursor("live") == {0: 4}
    await fake.start()
    async with Cluster([fake.name_server]) as cluster:
        async with asyncio.timeout(5):
            while (await Groups(cluster).progress("bridge-traffic", "bridge-traffic"))[0].committed != 4:
                await asyncio.sleep(0.02)


async def test_a_cursor_that_is_made_again_begins_where_it_is_told(fake: FakeCluster, log: BusLog) -> None:
    """What brokers remember of one that had its name does not count."""
    await put(log, *"abcde")
    for name in ("live", "target/rule/one"):
        await log.commit(name, {0: 1})
        await log.commit(name, {0: 5})
        await log.delete_cursor(name)
        assert await log.cursor(name) == {}
        await log.commit(name, {0: 2})
        await fake.restart(crash=True)
        assert await log.cursor(name) == {0: 2}


async def test_a_cursor_that_ends_while_it_is_looked_up_is_not_remembered(
    store: RocketMqBusStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the next one of its name would be known to a broker only, and be lost."""
    log = await store.create("wide", 2)
    await log.commit("target/r/t", {0: 0, 1: 0})
    places, (found, go_on) = store._registry.places, (asyncio.Event(), asyncio.Event())
    of = places.of

    async def slowly(*names: str) -> dict[int, Place]:
        there = await of(*names)
        found.set()
        await go_on.wait()
        return there

    with monkeypatch.context() as slow:
        slow.setattr(places, "of", slowly)
        looking = asyncio.ensure_future(log.cursor("target/r/t"))
        await found.wait()
        await log.delete_cursor("target/r/t", [0])
    go_on.set()
    await looking
    await log.commit("target/r/t", {0: 0})
    assert await log.cursor("target/r/t") == {0: 0, 1: 0}


async def test_groups_of_deleted_cursors_are_deleted(fake: FakeCluster, store: RocketMqBusStore, log: BusLog) -> None:
    """Brokers are not filled with them."""
    await log.commit("audit", {0: 0})
    (group,) = await store._registry.places.groups(store._logs["traffic"].parts.row.id)
    assert group in fake.brokers[0].groups
    await log.delete_cursor("audit")
    await until(lambda: group not in fake.brokers[0].groups)


# Stores


async def test_a_store_finds_everything_again(fake: FakeCluster, tmp_path: Path) -> None:
    """Logs, partitions, events and cursors."""
    async with opened(fake, tmp_path) as store:
        log = await store.create("traffic", 2)
        await log.append([(0, chunk("a")), (1, chunk("b", "c"))])
        await log.commit("live", {0: 1, 1: 1})
    async with opened(fake, tmp_path) as store:
        assert store.logs() == ["traffic"]
        log = store.log("traffic")
        assert (log.partitions, log.bounds(0), log.bounds(1)) == (2, Bounds(0, 1), Bounds(0, 2))
        assert (await log.cursor("live"), await ids(log, 1, 1)) == ({0: 1, 1: 1}, ["c"])


async def test_a_bus_takes_over_a_topic_that_is_there(fake: FakeCluster, tmp_path: Path) -> None:
    """Its catalog was lost: events and the live cursor are not."""
    async with opened(fake, tmp_path) as store:
        log = await store.create("traffic", 2)
        await log.append([(0, chunk("a")), (1, chunk("b", "c"))])
        await log.commit("live", {0: 1, 1: 1})
    async with opened(fake, tmp_path, catalog="another") as store:
        with pytest.raises(Conflict, match="with 2 queues"):
            await store.create("traffic", 1)
        log = await store.create("traffic", 3)
        assert (log.bounds(1), await log.cursor("live")) == (Bounds(0, 2), {0: 1, 1: 1})
        await log.append([(2, chunk("d"))])
        assert [await ids(log, 0, n) for n in range(3)] == [["a"], ["b", "c"], ["d"]]


async def test_a_log_is_not_dropped_while_a_broker_is_down(tmp_path: Path) -> None:
    """Its part there would come back with the broker; once it is back, the drop is finished."""
    async with FakeCluster(brokers=2) as fake, opened(fake, tmp_path) as store:
        log = await store.create("traffic", 2)
        await log.append([(1, chunk("old"))])
        await fake.stop(1)
        with pytest.raises(StoreUnavailable, match="while broker-b is down"):
            await store.drop("traffic")
        assert store.logs() == []
        with pytest.raises(NotFound):
            await log.read(1, 0, 1)
        with pytest.raises(StoreUnavailable, match="while broker-b is down"):
            await store.create("traffic", 2)
        await fake.start(1)
        again = await store.create("traffic", 2)
        assert await ids(again, 0, 1) == []


async def test_a_dropped_log_leaves_nothing_behind(fake: FakeCluster, store: RocketMqBusStore, log: BusLog) -> None:
    """No topic, no group."""
    before = {group.name for group in fake.brokers[0].groups}
    await log.commit("live", {0: 0})
    await log.commit("audit", {0: 0})
    await store.drop("traffic")
    assert fake.brokers[0].topics.find("bridge-traffic") is None
    assert {group.name for group in fake.brokers[0].groups} <= before - {"bridge-traffic"}


async def test_a_dropped_log_is_no_trouble(
    fake: FakeCluster, store: RocketMqBusStore, log: BusLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though a pull that its broker held is answered after that: that the topic is gone."""
    monkeypatch.setattr(partition, "HOLD_S", 0.3)
    waiting = asyncio.ensure_future(log.wait({0: 0}))
    await until(lambda: bool(fake.requests(RequestCode.PULL_MESSAGE)))
    await store.drop("traffic")
    with pytest.raises(NotFound):
        await waiting
    pulls = len(fake.requests(RequestCode.PULL_MESSAGE))
    await asyncio.sleep(0.1)
    assert (store.problems(), len(fake.requests(RequestCode.PULL_MESSAGE))) == ({}, pulls)


async def test_who_is_patient_with_a_broker_is_told_of_a_drop(fake: FakeCluster, tmp_path: Path) -> None:
    """At once: it may hold up others, who change the buses of this process."""
    async with opened(fake, tmp_path, Options(reading_patience_s=60)) as store:
        log = await store.create("traffic", 1)
        await put(log, "a")
        await log.commit("live", {0: 1})
        fake.faults.refuse(ResponseCode.TOPIC_NOT_EXIST, times=1000, codes=[RequestCode.QUERY_CONSUMER_OFFSET])
        asking = asyncio.ensure_future(log.cursor("live"))
        await until(lambda: len(fake.requests(RequestCode.QUERY_CONSUMER_OFFSET)) > 1)
        await store.drop("traffic")
        assert await asyncio.wait([asking], timeout=1) == ({asking}, set())
        with pytest.raises(NotFound, match="was dropped"):
            await asking


async def test_who_is_cancelled_is_not_told_of_a_drop(fake: FakeCluster, store: RocketMqBusStore, log: BusLog) -> None:
    """It ends, as whoever cancels it expects."""
    await put(log, "a")
    await log.commit("live", {0: 1})
    fake.faults.black_hole(codes=[RequestCode.QUERY_CONSUMER_OFFSET])
    asking = asyncio.ensure_future(log.cursor("live"))
    await until(lambda: len(fake.requests(RequestCode.QUERY_CONSUMER_OFFSET)) > 1)
    log.end(lambda: NotFound("gone"))
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_a_drop_does_not_wait_for_ever_for_what_is_under_way(
    fake: FakeCluster, store: RocketMqBusStore, log: BusLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other buses are made and changed only when it is done."""
    monkeypatch.setattr(changes, "FINISH_S", 0.1)
    fake.faults.black_hole(codes=SENDS)
    putting = asyncio.ensure_future(put(log, "a"))
    await until(lambda: bool(fake.requests(RequestCode.SEND_BATCH_MESSAGE)))
    async with asyncio.timeout(2):
        await store.drop("traffic")
        with pytest.raises(NotFound, match="was dropped"):
            await putting
        await store.create("other", 1)


async def test_a_log_that_is_made_again_has_nothing_of_the_old_one(
    fake: FakeCluster, store: RocketMqBusStore, log: BusLog
) -> None:
    """Although its broker was late to enter the last events into their queue."""
    fake.brokers[0].entry_delay_ms = 100
    await put(log, "old")
    await store.drop("traffic")
    again = await store.create("traffic", 1)
    assert await put(again, "new") == 0
    assert await ids(again) == ["new"]


async def test_two_bridges_with_different_catalogs_see_each_other(fake: FakeCluster, tmp_path: Path) -> None:
    """The second one does not touch the first one's bus, and says what to do; it begins when the first one has gone."""
    async with opened(fake, tmp_path, catalog="other") as other:
        async with opened(fake, tmp_path) as store:
            await store.create("traffic", 1)
            with pytest.raises(StoreUnavailable, match="it has another catalog"):
                await other.create("traffic", 1)
        await until_stored(lambda: other.create("traffic", 1))


async def test_several_clusters_must_be_told_apart(fake: FakeCluster, tmp_path: Path) -> None:
    """Else topics would be made on any of them."""
    async with opened(fake, tmp_path, Options(cluster="Other", patience_s=0.1)) as store:
        with pytest.raises(StoreUnavailable, match=r"there are DefaultCluster \(rocketmq.cluster is Other\)"):
            await store.create("traffic", 1)


# Addresses


async def test_no_name_server_is_waited_for(tmp_path: Path) -> None:
    """The store opens and says what is wrong; when one answers, all is well."""
    async with FakeCluster() as fake:
        await fake.stop_name_server()
        async with opened(fake, tmp_path) as store:
            assert "no name server answers" in store.problems()["name server"]
            with pytest.raises(StoreUnavailable, match="connection refused"):
                await store.create("traffic", 1)
            await fake.start_name_server()
            await until_stored(lambda: store.create("traffic", 1))
            assert await put(store.log("traffic"), "a") == 0


async def test_a_broker_is_no_name_server(fake: FakeCluster, tmp_path: Path) -> None:
    """Nor is a proxy: both answer that they do not know the question."""
    store = RocketMqBusStore([fake.brokers[0].address], f"sqlite:///{tmp_path}/c.db")
    with pytest.raises(StartError, match="name server"):
        await store.open()


async def test_something_else_is_no_name_server(tmp_path: Path) -> None:
    """A web server, say."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1")
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(StartError, match="is this the address of a name server"):
        await RocketMqBusStore([f"127.0.0.1:{port}"], f"sqlite:///{tmp_path}/c.db").open()
    server.close()
    await server.wait_closed()


def test_what_is_no_address_is_refused(tmp_path: Path) -> None:
    """Before anything is opened."""
    with pytest.raises(StartError, match="no address"):
        RocketMqBusStore(["nonsense"], f"sqlite:///{tmp_path}/c.db")


async def test_who_may_not_is_told_so(tmp_path: Path) -> None:
    """The reason names the permissions that a bridge needs."""
    async with FakeCluster() as fake, opened(fake, tmp_path) as store:
        log = await store.create("traffic", 1)
        fake.faults.refuse(ResponseCode.NO_PERMISSION, "User:x has no permission", 1, codes=SENDS)
        with pytest.raises(StoreUnavailable, match=r"User:x has no permission .*\(check rocketmq.access_key"):
            await put(log, "a")
        assert await put(log, "b") == 0
