"""What our client does with a cluster: one suite, on the fake and, with BRIDGE_TEST_ROCKETMQ=host:port, on a real one."""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator

import pytest

from bridge.rocketmq.admin import Brokers, Groups, Topics
from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.codes import RequestCode, ResponseCode
from bridge.rocketmq.configs import GroupConfig, TopicConfig
from bridge.rocketmq.consumer import Cause, Gap, Puller
from bridge.rocketmq.errors import BrokerError, GroupNotFound, NotFound, Refused, TooLarge, TopicNotFound
from bridge.rocketmq.lingering import Gathering, LingeringProducer
from bridge.rocketmq.lookup import Lookup
from bridge.rocketmq.offsets import Boundary, Offsets
from bridge.rocketmq.producer import Limits, Producer
from bridge.rocketmq.records import Message, StoredMessage, encode_batch
from bridge.rocketmq.retry import NEVER
from bridge.rocketmq.routes import Queue
from bridge.testing.broker import FakeCluster

REAL = os.environ.get("BRIDGE_TEST_ROCKETMQ")


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.external)])
async def cluster(request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    if request.param == "real":
        if REAL is None:
            pytest.skip("BRIDGE_TEST_ROCKETMQ names no name server")
        async with Cluster([REAL]) as cluster:
            yield cluster
    else:
        async with FakeCluster() as fake, Cluster([fake.name_server]) as cluster:
            yield cluster


@pytest.fixture
async def topic(cluster: Cluster) -> AsyncIterator[str]:
    """A topic of two queues on one broker, with a name that nobody used before."""
    name = f"test_{secrets.token_hex(6)}"
    await Topics(cluster).create(TopicConfig(name, 2, 2), (await Topics(cluster).masters())[:1])
    yield name
    await Topics(cluster).delete(name)


@pytest.fixture
async def group(cluster: Cluster) -> AsyncIterator[str]:
    name = f"test_group_{secrets.token_hex(6)}"
    await Groups(cluster).create(GroupConfig(name))
    yield name
    await Groups(cluster).delete(name)


@pytest.fixture
async def queue(cluster: Cluster, topic: str) -> Queue:
    return (await cluster.route(topic)).writable[0]


@pytest.fixture
def producer(cluster: Cluster) -> Producer:
    return Producer(cluster, "test_producer")


@pytest.fixture
def puller(cluster: Cluster, group: str, queue: Queue) -> Puller:
    return Puller(cluster, group, queue)


@pytest.fixture
def offsets(cluster: Cluster, group: str) -> Offsets:
    return Offsets(cluster, group)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def messages(topic: str, number: int, size: int = 0) -> list[Message]:
    return [Message(topic, str(n).encode() + bytes(size)) for n in range(number)]


async def read(puller: Puller, number: int, offset: int = 0) -> list[StoredMessage]:
    """So many messages from an offset on: a message is readable some milliseconds after its receipt."""
    found: list[StoredMessage] = []
    while len(found) < number:
        pulled = await puller.pull(offset, wait_s=5)
        found += pulled.messages
        offset = pulled.next_offset
    return found


async def readable(offsets: Offsets, queue: Queue, number: int) -> None:
    """Until the queue shows so many messages."""
    async with asyncio.timeout(10):
        while await offsets.maximum(queue) < number:
            await asyncio.sleep(0.002)


class TestSending:
    """Producer and LingeringProducer."""

    async def test_a_message_comes_back_as_it_was(self, producer: Producer, puller: Puller, queue: Queue) -> None:
        """Body, flag, properties of any text, and the unique id of its receipt."""
        properties = {"CE_source": "/läden/漢", "KEYS": "a b", "TAGS": "T", "long": "x" * 3000}
        receipt = await producer.send(Message(queue.topic, b"\x00\xff{}", properties, flag=7), queue)
        (message,) = await read(puller, 1)
        assert receipt == (queue, 0, message.message_id, message.properties["UNIQ_KEY"], ResponseCode.SUCCESS)
        assert (message.topic, message.queue_id, message.queue_offset) == (queue.topic, queue.id, 0)
        assert (message.body, message.flag) == (b"\x00\xff{}", 7)
        assert properties.items() <= message.properties.items()

    async def test_many_messages_keep_their_order(self, producer: Producer, puller: Puller, queue: Queue) -> None:
        """Each has its receipt, its offset and its own id."""
        receipts = await producer.send_many(queue, messages(queue.topic, 30))
        found = await read(puller, 30)
        assert [message.body for message in found] == [str(n).encode() for n in range(30)]
        assert [receipt.offset for receipt in receipts] == list(range(30))
        assert [receipt.message_id for receipt in receipts] == [message.message_id for message in found]
        assert [receipt.unique_id for receipt in receipts] == [message.properties["UNIQ_KEY"] for message in found]

    async def test_none_is_no_batch(self, producer: Producer, queue: Queue) -> None:
        """Nothing is sent."""
        assert await producer.send_many(queue, []) == []

    async def test_too_much_for_one_batch_goes_as_several(self, cluster: Cluster, queue: Queue, puller: Puller) -> None:
        """In order, each part within the limit."""
        producer = Producer(cluster, limits=Limits(message_bytes=3000))
        receipts = await producer.send_many(queue, messages(queue.topic, 10, size=1000))
        assert [receipt.offset for receipt in receipts] == list(range(10))

    async def test_batches_of_the_size_that_brokers_allow(self, producer: Producer, queue: Queue) -> None:
        """9 MiB in messages of 1 KiB: three batches of just below 4 MiB."""
        receipts = await producer.send_many(queue, messages(queue.topic, 9 * 1024, size=1024))
        assert [receipt.offset for receipt in receipts] == list(range(9 * 1024))

    async def test_without_a_queue_all_get_some(self, producer: Producer, topic: str) -> None:
        """One after the other."""
        receipts = [await producer.send(message) for message in messages(topic, 4)]
        assert sorted((receipt.queue.id, receipt.offset) for receipt in receipts) == [(0, 0), (0, 1), (1, 0), (1, 1)]

    async def test_a_body_may_be_empty(self, producer: Producer, puller: Puller, queue: Queue) -> None:
        """Though brokers refuse such a message alone."""
        await producer.send(Message(queue.topic, b"", {"a": "b"}), queue)
        (message,) = await read(puller, 1)
        assert (message.body, message.properties["a"]) == (b"", "b")

    async def test_properties_that_are_no_text(self, cluster: Cluster, puller: Puller, queue: Queue) -> None:
        """Another client's bytes that are no UTF-8 are readable, with U+FFFD in their place."""
        body = encode_batch([Message(queue.topic, b"x", {"a": "ZZ", "b": "ü"})]).replace(b"ZZ", b"\xff\xfe")
        ext = {"b": queue.topic, "e": str(queue.id), "f": "0", "g": "0", "h": "0", "m": "true"}
        await cluster.call_broker(queue.broker, RequestCode.SEND_BATCH_MESSAGE, ext, body)
        (message,) = await read(puller, 1)
        assert (message.properties["a"], message.properties["b"]) == ("\ufffd\ufffd", "ü")

    async def test_a_delayed_message_comes_in_its_time(
        self, producer: Producer, topic: str, cluster: Cluster, group: str
    ) -> None:
        """Never early, 1.15 s late at most, with a new offset."""
        due_ms = now_ms() + 300
        queue = (await cluster.route(topic)).writable[1]
        await producer.send(Message(topic, b"later", {"TIMER_DELIVER_MS": str(due_ms)}), queue)
        pulled = await Puller(cluster, group, queue).pull(0, wait_s=10)
        (message,) = pulled.messages
        assert (message.body, message.queue_offset) == (b"later", 0)
        assert due_ms - 1000 <= message.store_time_ms
        assert now_ms() >= due_ms

    async def test_a_body_beyond_the_limit_is_too_large(
        self, producer: Producer, cluster: Cluster, queue: Queue
    ) -> None:
        """Told here, and by the broker to a client that thinks otherwise."""
        message = Message(queue.topic, bytes(4 * 2**20 + 1))
        with pytest.raises(TooLarge):
            await producer.send(message, queue)
        with pytest.raises(TooLarge):
            await Producer(cluster, limits=Limits(message_bytes=2**24)).send(message, queue)

    async def test_a_batch_beyond_the_brokers_limit_is_too_large(self, cluster: Cluster, queue: Queue) -> None:
        """The broker's word for it is another than for a single message."""
        producer = Producer(cluster, limits=Limits(message_bytes=2**24))
        with pytest.raises(TooLarge):
            await producer.send_many(queue, messages(queue.topic, 5, size=2**20))

    async def test_properties_beyond_the_limit_are_too_large(self, producer: Producer, queue: Queue) -> None:
        """32,767 bytes in all."""
        with pytest.raises(TooLarge):
            await producer.send(Message(queue.topic, b"x", {"a": "b" * 40_000}), queue)

    async def test_a_queue_that_does_not_exist_is_refused(self, producer: Producer, queue: Queue) -> None:
        """By the broker, for sends and pulls."""
        with pytest.raises(Refused):
            await producer.send(Message(queue.topic, b"x"), queue._replace(id=99))

    async def test_many_senders_at_once(self, cluster: Cluster, topic: str) -> None:
        """200 sends through a window of 8: every one has a place of its own."""
        producer = Producer(cluster, limits=Limits(calls=8))
        receipts = await asyncio.gather(*[producer.send(message) for message in messages(topic, 200)])
        assert len({(receipt.queue, receipt.offset) for receipt in receipts}) == 200
        assert len({receipt.unique_id for receipt in receipts}) == 200

    async def test_lingering_joins_what_comes_together(
        self, producer: Producer, offsets: Offsets, puller: Puller, queue: Queue
    ) -> None:
        """Single sends of many callers keep the order in which they were called."""
        async with LingeringProducer(producer, Gathering(count=7)) as lingering:
            sends = [lingering.send(message, queue) for message in messages(queue.topic, 30)]
            receipts = await asyncio.gather(*sends)
        assert [receipt.offset for receipt in receipts] == list(range(30))
        assert [message.body for message in await read(puller, 30)] == [str(n).encode() for n in range(30)]

    async def test_a_bad_message_does_not_harm_its_neighbours(self, producer: Producer, topic: str) -> None:
        """It alone gets the error."""
        bad = Message(topic, b"x", {"a": "\x01"})
        async with LingeringProducer(producer) as lingering:
            sends = [lingering.send(message) for message in (Message(topic, b"1"), bad, Message(topic, b"2"))]
            first, second, third = await asyncio.gather(*sends, return_exceptions=True)
        assert isinstance(second, Refused)
        assert not isinstance(first, BaseException)
        assert not isinstance(third, BaseException)

    async def test_delayed_messages_do_not_linger(
        self, producer: Producer, topic: str, puller: Puller, queue: Queue
    ) -> None:
        """In a batch they would come at once."""
        due = str(now_ms() + 60_000)
        async with LingeringProducer(producer) as lingering:
            late = Message(topic, b"late", {"TIMER_DELIVER_MS": due})
            await asyncio.gather(lingering.send(Message(topic, b"now"), queue), lingering.send(late, queue))
        assert [message.body for message in await read(puller, 1)] == [b"now"]


class TestPulling:
    """Puller."""

    async def test_pulls_go_on_where_the_last_one_ended(
        self, producer: Producer, puller: Puller, offsets: Offsets, queue: Queue
    ) -> None:
        """At most as many as asked for."""
        await producer.send_many(queue, messages(queue.topic, 5))
        await readable(offsets, queue, 5)
        first = await puller.pull(0, limit=3, wait_s=0)
        second = await puller.pull(first.next_offset, limit=3, wait_s=0)
        assert [len(first.messages), len(second.messages)] == [3, 2]
        assert (second.next_offset, second.min_offset, second.max_offset, second.gap) == (5, 0, 5, None)

    async def test_a_pull_that_waits_is_woken(self, producer: Producer, puller: Puller, queue: Queue) -> None:
        """Within moments, not at its end."""
        began = time.monotonic()
        waiting = asyncio.ensure_future(puller.pull(0, wait_s=15))
        await producer.send(Message(queue.topic, b"x"), queue)
        assert [message.body for message in (await waiting).messages] == [b"x"]
        assert time.monotonic() - began < 5

    async def test_a_pull_that_does_not_wait(self, puller: Puller) -> None:
        """Nothing there, nothing brought."""
        assert await puller.pull(0, wait_s=0) == ([], 0, 0, 0, None)

    async def test_a_wait_ends(self, puller: Puller) -> None:
        """Without a message; up to 5 s late."""
        assert (await puller.pull(0, wait_s=0.2)).messages == []

    async def test_a_queue_is_pulled_once_at_a_time(self, puller: Puller) -> None:
        """A second pull is a bug of the caller, and a cancelled one is over."""
        waiting = asyncio.ensure_future(puller.pull(0, wait_s=15))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="already"):
            await puller.pull(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert (await puller.pull(0, wait_s=0)).messages == []

    async def test_a_pull_may_commit(self, producer: Producer, puller: Puller, offsets: Offsets, queue: Queue) -> None:
        """One call less."""
        await producer.send_many(queue, messages(queue.topic, 5))
        await puller.pull(3, wait_s=0, commit=2)
        assert await offsets.committed(queue) == 2

    async def test_beyond_the_end(self, producer: Producer, puller: Puller, offsets: Offsets, queue: Queue) -> None:
        """The queue is shorter than the reader thinks."""
        await producer.send(Message(queue.topic, b"x"), queue)
        await readable(offsets, queue, 1)
        assert (await puller.pull(99, wait_s=0)).gap == Gap(Cause.BEYOND_END, 99, 1)

    async def test_before_the_beginning(
        self, producer: Producer, puller: Puller, offsets: Offsets, queue: Queue
    ) -> None:
        """As for what retention has deleted: how much is missing is known."""
        await producer.send(Message(queue.topic, b"x"), queue)
        await readable(offsets, queue, 1)
        gap = (await puller.pull(-3, wait_s=0)).gap
        assert gap == Gap(Cause.DELETED, -3, 0)
        assert gap is not None
        assert gap.lost == 3

    async def test_a_topic_that_was_made_anew(
        self, cluster: Cluster, producer: Producer, puller: Puller, offsets: Offsets, queue: Queue
    ) -> None:
        """It is empty, and begins at 0."""
        await producer.send_many(queue, messages(queue.topic, 3))
        await readable(offsets, queue, 3)
        await Topics(cluster).delete(queue.topic)
        await Topics(cluster).create(TopicConfig(queue.topic, 2, 2))
        assert (await puller.pull(3, wait_s=0)).gap == Gap(Cause.EMPTY, 3, 0)

    async def test_a_reset_by_an_operator(
        self, cluster: Cluster, producer: Producer, puller: Puller, offsets: Offsets, group: str, queue: Queue
    ) -> None:
        """Commits are void until the next pull tells the new offset."""
        await producer.send_many(queue, messages(queue.topic, 5))
        await readable(offsets, queue, 5)
        assert await offsets.commit(queue, 5)
        assert await Groups(cluster).reset(group, queue, 2) == {queue: 2}
        assert not await offsets.commit(queue, 5)
        assert (await puller.pull(5, wait_s=0)).gap == Gap(Cause.RESET, 5, 2)
        assert [message.body for message in await read(puller, 3, 2)] == [b"2", b"3", b"4"]
        assert await offsets.commit(queue, 5)

    async def test_a_deleted_topic(self, cluster: Cluster, puller: Puller, queue: Queue) -> None:
        """Readers are told, senders too."""
        await Topics(cluster).delete(queue.topic)
        with pytest.raises(TopicNotFound):
            await puller.pull(0, wait_s=0)
        with pytest.raises(TopicNotFound):
            await Producer(cluster).send(Message(queue.topic, b"x"), queue)

    async def test_a_queue_that_does_not_exist(self, cluster: Cluster, group: str, queue: Queue) -> None:
        """Refused, not empty."""
        with pytest.raises(Refused):
            await Puller(cluster, group, queue._replace(id=99)).pull(0, wait_s=0)


class TestOffsets:
    """Offsets."""

    async def test_bounds(self, producer: Producer, offsets: Offsets, queue: Queue) -> None:
        """The next offset to be written, and the oldest kept."""
        assert (await offsets.minimum(queue), await offsets.maximum(queue)) == (0, 0)
        assert await offsets.earliest_ms(queue) is None
        await producer.send_many(queue, messages(queue.topic, 3))
        await readable(offsets, queue, 3)
        assert (await offsets.minimum(queue), await offsets.maximum(queue)) == (0, 3)
        assert abs((await offsets.earliest_ms(queue) or 0) - now_ms()) < 60_000

    async def test_by_time(self, producer: Producer, offsets: Offsets, puller: Puller, queue: Queue) -> None:
        """The first one since a time, the last one until it, by store time."""
        for message in messages(queue.topic, 3):
            await producer.send(message, queue)
            await asyncio.sleep(0.02)
        times = [message.store_time_ms for message in await read(puller, 3)]
        assert await offsets.at(queue, times[1]) == 1
        assert await offsets.at(queue, times[1] + 1) == 2
        assert await offsets.at(queue, times[1], Boundary.UPPER) == 1
        assert await offsets.at(queue, times[2] + 60_000) == 3
        assert await offsets.at(queue, times[2] + 60_000, Boundary.UPPER) == 2
        assert await offsets.at(queue, 0) == 0

    async def test_nothing_is_committed_at_first(self, producer: Producer, offsets: Offsets, queue: Queue) -> None:
        """Though a young queue's broker would say 0."""
        await producer.send(Message(queue.topic, b"x"), queue)
        await readable(offsets, queue, 1)
        assert await offsets.committed(queue) is None

    async def test_commits_go_forth_and_back(self, offsets: Offsets, queue: Queue) -> None:
        """A lower offset replays."""
        for offset in (7, 3):
            assert await offsets.commit(queue, offset)
            assert await offsets.committed(queue) == offset

    async def test_a_commit_that_nobody_waits_for(self, offsets: Offsets, queue: Queue) -> None:
        """It is on its way before the next question."""
        await offsets.commit_soon(queue, 5)
        for _ in range(100):
            if await offsets.committed(queue) == 5:
                return
            await asyncio.sleep(0.02)
        pytest.fail("it never came")

    async def test_a_commit_creates_no_group(self, cluster: Cluster, queue: Queue) -> None:
        """Create it first."""
        with pytest.raises(GroupNotFound):
            await Offsets(cluster, f"test_nobody_{secrets.token_hex(4)}").commit(queue, 1)


class TestTopics:
    """Topics."""

    async def test_a_topic_shows_at_once(self, cluster: Cluster, topic: str) -> None:
        """Its route, its name, its definition."""
        route = await cluster.route(topic)
        assert [queue.id for queue in route.writable] == [0, 1] * len(route.queues)
        assert topic in await Topics(cluster).names()
        (broker, *_) = route.queues
        config = (await Topics(cluster).find(topic))[broker.broker]
        assert (config.name, config.read_queues, config.write_queues, config.perm) == (topic, 2, 2, 6)
        assert (await Topics(cluster).all_of(broker.broker))[topic] == config

    async def test_creating_again_changes(self, cluster: Cluster, topic: str) -> None:
        """More queues, an attribute."""
        wanted = TopicConfig(topic, 5, 3, attributes={"message.type": "FIFO"})
        route = await Topics(cluster).create(wanted, (await Topics(cluster).masters())[:1])
        assert {(data.read_queues, data.write_queues) for data in route.queues} == {(5, 3)}
        assert {config.attributes["message.type"] for config in (await Topics(cluster).find(topic)).values()} == {
            "FIFO"
        }

    async def test_deleting_what_is_gone_is_no_error(self, cluster: Cluster) -> None:
        """Nor is looking for it."""
        name = f"test_{secrets.token_hex(6)}"
        await Topics(cluster).delete(name)
        assert await Topics(cluster).find(name) == {}
        assert await cluster.find_route(name) is None

    async def test_bad_names_are_refused(self, cluster: Cluster) -> None:
        """Dots and too many letters."""
        for name in ("a.b", "x" * 128):
            with pytest.raises(Refused):
                await Topics(cluster).create(TopicConfig(name))

    async def test_bad_attributes_are_refused(self, cluster: Cluster) -> None:
        """Nothing is created."""
        name = f"test_{secrets.token_hex(6)}"
        with pytest.raises(BrokerError):
            await Topics(cluster).create(TopicConfig(name, attributes={"no.such.thing": "x"}))
        assert await Topics(cluster).find(name) == {}


class TestGroups:
    """Groups."""

    async def test_looking_for_a_group_does_not_create_it(self, cluster: Cluster, group: str) -> None:
        """As asking a broker for its definition would."""
        absent = f"test_absent_{secrets.token_hex(4)}"
        assert await Groups(cluster).find(absent) == {}
        assert await Groups(cluster).find(absent) == {}
        assert {config.name for config in (await Groups(cluster).find(group)).values()} == {group}

    async def test_a_deleted_group_has_no_offsets(self, cluster: Cluster, group: str, queue: Queue) -> None:
        """Made again, it begins without."""
        await Offsets(cluster, group).commit(queue, 3)
        await Groups(cluster).delete(group)
        assert await Groups(cluster).find(group) == {}
        await Groups(cluster).create(GroupConfig(group))
        assert await Offsets(cluster, group).committed(queue) is None

    async def test_nobody_is_there(self, cluster: Cluster, group: str) -> None:
        """A group without members has none, and that is no error."""
        assert await Groups(cluster).members(group) == []

    async def test_progress(
        self, cluster: Cluster, producer: Producer, offsets: Offsets, group: str, topic: str
    ) -> None:
        """Committed, kept and lag of each queue."""
        queues = (await cluster.route(topic)).readable
        await producer.send_many(queues[0], messages(topic, 5))
        await readable(offsets, queues[0], 5)
        await offsets.commit(queues[0], 2)
        progress = {entry.queue: entry for entry in await Groups(cluster).progress(group, topic)}
        assert set(progress) == set(queues)
        assert (progress[queues[0]].committed, progress[queues[0]].maximum, progress[queues[0]].lag) == (2, 5, 3)
        assert (progress[queues[1]].committed, progress[queues[1]].lag) == (None, 0)

    async def test_reset_to_a_time(
        self, cluster: Cluster, producer: Producer, offsets: Offsets, group: str, topic: str
    ) -> None:
        """All queues of the topic at once."""
        queues = (await cluster.route(topic)).readable
        await producer.send_many(queues[0], messages(topic, 5))
        await readable(offsets, queues[0], 5)
        assert await Groups(cluster).reset_to_time(group, topic, 0) == dict.fromkeys(queues, 0)
        later = await Groups(cluster).reset_to_time(group, topic, now_ms() + 60_000)
        assert later[queues[0]] == 5

    async def test_reset_beyond_the_queue(self, cluster: Cluster, group: str, queue: Queue) -> None:
        """Refused by the broker."""
        with pytest.raises(BrokerError):
            await Groups(cluster).reset(group, queue, 99)


class TestBrokers:
    """Brokers."""

    async def test_masters_and_their_state(self, cluster: Cluster) -> None:
        """Named as the routes name them."""
        brokers = Brokers(cluster)
        (name, *_) = await brokers.masters()
        assert await brokers.runtime(name)
        assert (await brokers.config(name))["brokerPermission"] == "6"


class TestLookup:
    """Lookup."""

    async def test_by_key(self, cluster: Cluster, producer: Producer, topic: str, queue: Queue) -> None:
        """Each of the blank-separated keys, from all queues, oldest first; parts of a key find nothing."""
        wanted = [Message(topic, str(n).encode(), {"KEYS": f"order-1 evt-{n}"}) for n in range(3)]
        for message in wanted:
            await producer.send(message)
        assert [m.body for m in await found(cluster, topic, "order-1", 3)] == [b"0", b"1", b"2"]
        assert [m.body for m in await Lookup(cluster).by_key(topic, "evt-2")] == [b"2"]
        assert await Lookup(cluster).by_key(topic, "evt") == []

    async def test_by_key_within_a_time(self, cluster: Cluster, producer: Producer, topic: str) -> None:
        """Store times."""
        await producer.send(Message(topic, b"x", {"KEYS": "k"}))
        (message,) = await found(cluster, topic, "k", 1)
        lookup = Lookup(cluster)
        assert await lookup.by_key(topic, "k", begin_ms=message.store_time_ms + 60_000) == []
        assert await lookup.by_key(topic, "k", end_ms=message.store_time_ms - 60_000) == []

    async def test_a_key_with_a_blank_is_refused(self, cluster: Cluster, topic: str) -> None:
        """No message can have it."""
        for key in ("a b", ""):
            with pytest.raises(Refused):
                await Lookup(cluster).by_key(topic, key)

    async def test_by_unique_id(self, cluster: Cluster, producer: Producer, topic: str, queue: Queue) -> None:
        """Of a member of a batch, too."""
        receipts = await producer.send_many(queue, messages(topic, 3))
        for _ in range(200):
            hits = await Lookup(cluster).by_unique_id(topic, receipts[1].unique_id)
            if hits:
                break
            await asyncio.sleep(0.02)
        assert [message.body for message in hits] == [b"1"]
        assert await Lookup(cluster).by_unique_id(topic, "0" * 32) == []

    async def test_by_message_id(self, cluster: Cluster, producer: Producer, topic: str, queue: Queue) -> None:
        """A receipt leads back to its message."""
        receipts = await producer.send_many(queue, messages(topic, 3))
        message = await Lookup(cluster).by_message_id(receipts[2].message_id, topic)
        assert (message.body, message.queue_offset, message.message_id) == (b"2", 2, receipts[2].message_id)

    async def test_an_id_of_nothing(self, cluster: Cluster, producer: Producer, topic: str, queue: Queue) -> None:
        """Not found; what is no id at all is refused."""
        receipt = await producer.send(Message(topic, b"x"), queue)
        with pytest.raises(NotFound):
            await Lookup(cluster).by_message_id(receipt.message_id[:16] + "0000000FFFFFFFFF")
        with pytest.raises(Refused):
            await Lookup(cluster).by_message_id("no id")


async def found(cluster: Cluster, topic: str, key: str, number: int) -> list[object]:
    """What is found by a key, once the index knows ``number`` messages."""
    for _ in range(200):
        hits = await Lookup(cluster).by_key(topic, key)
        if len(hits) >= number:
            return hits
        await asyncio.sleep(0.02)
    pytest.fail("the index never knew it")


async def test_no_retry_where_none_is_wanted(cluster: Cluster, topic: str) -> None:
    """A send that works needs none."""
    assert (await Producer(cluster, retry=NEVER).send(Message(topic, b"x"))).offset == 0
