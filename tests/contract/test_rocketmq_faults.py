"""What our client makes of everything that goes wrong at a cluster; on the fake, which can do wrong on demand."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bridge.rocketmq.admin import Brokers, Groups, Topics
from bridge.rocketmq.auth import Credentials
from bridge.rocketmq.cluster import Cluster, Timings
from bridge.rocketmq.codes import RequestCode, ResponseCode
from bridge.rocketmq.configs import TopicConfig
from bridge.rocketmq.consumer import Puller
from bridge.rocketmq.errors import (
    BrokerError,
    Busy,
    CallTimeout,
    CannotConnect,
    ConnectionLost,
    GroupNotFound,
    Malformed,
    NoBroker,
    NoPermission,
    NoRoute,
    NotRocketMQ,
    NotSupported,
    Refused,
    RocketMQError,
    TopicNotFound,
    Unavailable,
)
from bridge.rocketmq.lingering import Gathering, LingeringProducer
from bridge.rocketmq.offsets import Offsets
from bridge.rocketmq.producer import Limits, PartlySent, Producer
from bridge.rocketmq.records import Message
from bridge.rocketmq.retry import NEVER, Retry
from bridge.rocketmq.routes import Queue
from bridge.testing.broker import NAME_SERVER, SENDS, FakeCluster, Grant
from bridge.testing.clock import ManualClock

QUICK = Timings(call_timeout_s=0.3, connect_timeout_s=0.3, backoff_first_s=0.01, backoff_last_s=0.05)
SOON = Retry(first_s=0.01, last_s=0.02, budget_s=0.2)
PATIENT = Retry(first_s=0.01, last_s=0.02, budget_s=10.0)
SHORT = Limits(timeout_s=0.2)

A, B = Queue("t", "broker-a", 0), Queue("t", "broker-b", 0)


@pytest.fixture
async def fake() -> AsyncIterator[FakeCluster]:
    async with FakeCluster(brokers=2) as fake:
        fake.create_topic("t", queues=2)
        yield fake


@pytest.fixture
async def cluster(fake: FakeCluster) -> AsyncIterator[Cluster]:
    async with Cluster([fake.name_server], timings=QUICK) as cluster:
        yield cluster


@pytest.fixture
def producer(cluster: Cluster) -> Producer:
    return Producer(cluster, limits=SHORT, retry=PATIENT)


def stored(fake: FakeCluster, number: int | None = None) -> list[bytes]:
    """The bodies that are in topic t on one broker, or on both."""
    brokers = fake.brokers if number is None else [fake.brokers[number]]
    return [message.body for broker in brokers for message in broker.messages("t")]


async def outcome(send: "asyncio.Future[object]") -> RocketMQError:
    with pytest.raises(RocketMQError) as caught:
        await send
    return caught.value


class TestSending:
    """What becomes of a send."""

    async def test_a_busy_broker_is_asked_again(self, fake: FakeCluster, producer: Producer) -> None:
        """After pauses; the message is stored once."""
        fake.faults.busy(3)
        assert (await producer.send(Message("t", b"x"), A)).offset == 0
        assert stored(fake) == [b"x"]
        assert len(fake.requests(RequestCode.SEND_MESSAGE_V2)) == 4

    async def test_a_broker_that_stays_busy_is_given_up(self, fake: FakeCluster, cluster: Cluster) -> None:
        """Not stored, and the caller may try later."""
        fake.faults.busy(float("inf"))
        error = await outcome(Producer(cluster, retry=SOON).send(Message("t", b"x"), A))
        assert isinstance(error, Busy)
        assert (error.again, error.maybe_done) == (True, False)
        assert 2 <= len(fake.requests(RequestCode.SEND_MESSAGE_V2)) <= 25
        assert stored(fake) == []

    async def test_another_broker_is_tried_at_once(self, fake: FakeCluster, cluster: Cluster) -> None:
        """Where no queue was named; no pause is needed for that, and the bad broker is left alone for a while."""
        fake.faults.refuse_writes(on="broker-a")
        slow = Retry(first_s=60, last_s=60, budget_s=3600, jitter=lambda: 0.0)
        producer = Producer(cluster, retry=slow)
        async with asyncio.timeout(5):
            for n in range(8):
                await producer.send(Message("t", str(n).encode()))
        assert stored(fake, 1) == [str(n).encode() for n in range(8)]
        assert len(fake.requests(RequestCode.SEND_MESSAGE_V2)) == 9

    async def test_a_named_queue_is_kept_to(self, fake: FakeCluster, cluster: Cluster) -> None:
        """Its order would break elsewhere: it fails instead."""
        fake.faults.refuse_writes(on="broker-a")
        error = await outcome(Producer(cluster, retry=SOON).send(Message("t", b"x"), A))
        assert isinstance(error, Unavailable)
        assert "disk is full" in str(error)
        assert stored(fake) == []

    async def test_a_full_disk_everywhere(self, fake: FakeCluster, cluster: Cluster) -> None:
        """Writes are refused by all: the caller is told after the budget."""
        fake.faults.refuse_writes()
        assert isinstance(await outcome(Producer(cluster, retry=SOON).send(Message("t", b"x"))), Unavailable)

    @pytest.mark.parametrize("performed", [True, False])
    async def test_a_lost_answer_is_not_sent_again(
        self, fake: FakeCluster, producer: Producer, performed: bool
    ) -> None:
        """Whether it was stored is unknown: twice would be worse than asking the caller."""
        fake.faults.drop(performed=performed, codes=SENDS)
        error = await outcome(producer.send(Message("t", b"x"), A))
        assert isinstance(error, ConnectionLost)
        assert error.maybe_done
        assert stored(fake) == [b"x"] * performed

    async def test_a_broker_that_does_not_answer(self, fake: FakeCluster, producer: Producer) -> None:
        """Unknown as well, after the time of one try."""
        fake.faults.black_hole(performed=True, codes=SENDS)
        error = await outcome(producer.send(Message("t", b"x"), A))
        assert isinstance(error, CallTimeout)
        assert error.maybe_done
        assert stored(fake) == [b"x"]

    async def test_a_stopped_process(self, fake: FakeCluster, cluster: Cluster, producer: Producer) -> None:
        """As SIGSTOP: sends to it time out, those to others go on, and it works again afterwards."""
        await producer.send(Message("t", b"1"), A)
        fake.freeze(0)
        assert isinstance(await outcome(producer.send(Message("t", b"2"), A)), CallTimeout)
        await producer.send(Message("t", b"3"), B)
        fake.thaw(0)
        await producer.send(Message("t", b"4"), A)
        assert stored(fake, 1) == [b"3"]
        assert stored(fake, 0) == [b"1", b"2", b"4"]

    async def test_weak_storage_is_a_receipt(self, fake: FakeCluster, producer: Producer) -> None:
        """It is stored; sending it again would store it twice."""
        fake.faults.stored_weakly(ResponseCode.FLUSH_DISK_TIMEOUT)
        receipt = await producer.send(Message("t", b"x"), A)
        assert (receipt.offset, receipt.status) == (0, ResponseCode.FLUSH_DISK_TIMEOUT)
        fake.faults.stored_weakly(ResponseCode.SLAVE_NOT_AVAILABLE)
        receipts = await producer.send_many(A, [Message("t", b"y")] * 2)
        assert [r.status for r in receipts] == [ResponseCode.SLAVE_NOT_AVAILABLE] * 2
        assert stored(fake) == [b"x", b"y", b"y"]

    async def test_a_broker_restarts(self, fake: FakeCluster, producer: Producer) -> None:
        """Sends that began meanwhile are stored once it is back, each once."""
        await producer.send(Message("t", b"0"), A)
        await fake.stop(0)
        await asyncio.sleep(0.02)  # until the client has heard of it
        sends = [asyncio.ensure_future(producer.send(Message("t", str(n).encode()), A)) for n in range(1, 20)]
        await asyncio.sleep(0.05)
        assert not any(send.done() for send in sends)
        await fake.start(0)
        await asyncio.gather(*sends)
        assert sorted(stored(fake, 0)) == sorted(str(n).encode() for n in range(20))

    async def test_a_broker_is_down(self, fake: FakeCluster, cluster: Cluster, producer: Producer) -> None:
        """Messages without a queue go to the other one; those for its queues are told that nothing was sent."""
        await cluster.route("t")
        await fake.stop(0)
        assert {(await producer.send(Message("t", b"x"))).queue.broker for _ in range(4)} == {"broker-b"}
        error = await outcome(Producer(cluster, retry=SOON).send(Message("t", b"x"), A))
        assert isinstance(error, CannotConnect)
        assert not error.maybe_done

    async def test_a_dead_broker_does_not_hold_up_another(self, fake: FakeCluster, cluster: Cluster) -> None:
        """Each has its own window."""
        producer = Producer(cluster, limits=Limits(calls=2, timeout_s=5), retry=PATIENT)
        await producer.send(Message("t", b"x"), A)
        fake.freeze(0)
        stuck = [asyncio.ensure_future(producer.send(Message("t", b"x"), A)) for _ in range(10)]
        async with asyncio.timeout(2):
            await producer.send(Message("t", b"x"), B)
        fake.thaw(0)
        await asyncio.gather(*stuck)

    async def test_part_of_many_is_stored(self, fake: FakeCluster, cluster: Cluster) -> None:
        """The caller learns which, and why the rest is not."""
        producer = Producer(cluster, limits=Limits(message_bytes=300), retry=NEVER)
        fake.faults.slow(0, times=2, codes=SENDS)
        fake.faults.busy(1)
        messages = [Message("t", str(n).encode() + bytes(99)) for n in range(8)]
        error = await outcome(producer.send_many(A, messages))
        assert isinstance(error, PartlySent)
        assert [receipt.offset for receipt in error.receipts] == [0, 1]
        assert isinstance(error.cause, Busy)
        assert [body[:1] for body in stored(fake)] == [b"0", b"1"]

    async def test_of_lingering_messages_part_is_stored(self, fake: FakeCluster, cluster: Cluster) -> None:
        """Every sender learns its own."""
        producer = Producer(cluster, limits=Limits(message_bytes=300), retry=NEVER)
        fake.faults.slow(0, times=2, codes=SENDS)
        fake.faults.busy(float("inf"))
        async with LingeringProducer(producer) as lingering:
            sends = [lingering.send(Message("t", str(n).encode() + bytes(99)), A) for n in range(5)]
            got = await asyncio.gather(*sends, return_exceptions=True)
        assert [isinstance(one, Busy) for one in got] == [False, False, True, True, True]

    async def test_lingering_sends_few_requests(self, fake: FakeCluster, producer: Producer) -> None:
        """A hundred senders, one batch for each queue and moment."""
        async with LingeringProducer(producer) as lingering:
            await asyncio.gather(*[lingering.send(Message("t", b"x"), queue) for queue in (A, B) for _ in range(50)])
        assert len(fake.requests(RequestCode.SEND_BATCH_MESSAGE)) == 2
        assert len(stored(fake)) == 100

    async def test_a_full_batch_does_not_linger(self, fake: FakeCluster, producer: Producer) -> None:
        """It leaves before its time."""
        async with LingeringProducer(producer, Gathering(linger_s=30, count=5)) as lingering, asyncio.timeout(5):
            await asyncio.gather(*[lingering.send(Message("t", b"x"), A) for _ in range(5)])

    async def test_who_lingers_when_all_ends_is_told(self, fake: FakeCluster, producer: Producer) -> None:
        """What was not sent was not stored."""
        sends: list[asyncio.Future[object]] = []

        async def fail() -> None:
            async with LingeringProducer(producer, Gathering(linger_s=30)) as lingering:
                sends.extend(asyncio.ensure_future(lingering.send(Message("t", b"x"), A)) for _ in range(2))
                await asyncio.sleep(0)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await fail()
        errors = [await outcome(send) for send in sends]
        assert [error.maybe_done for error in errors] == [False, False]
        assert stored(fake) == []

    async def test_who_comes_too_late_is_told(self, producer: Producer) -> None:
        """After the block's end nothing is sent."""
        async with LingeringProducer(producer) as lingering:
            pass
        for _ in range(2):
            assert isinstance(await outcome(lingering.send(Message("t", b"x"), A)), CannotConnect)

    async def test_who_is_cancelled_leaves_the_others_alone(self, fake: FakeCluster, producer: Producer) -> None:
        """The batch goes on."""
        async with LingeringProducer(producer) as lingering:
            sends = [asyncio.ensure_future(lingering.send(Message("t", b"x"), A)) for _ in range(3)]
            await asyncio.sleep(0)
            sends[0].cancel()
            await asyncio.gather(*sends[1:])
        assert len(stored(fake)) == 3

    async def test_a_topic_without_write_bit(self, fake: FakeCluster, producer: Producer) -> None:
        """Brokers would store it: the client must not send."""
        fake.create_topic("closed", perm=4)
        for queue in (None, Queue("closed", "broker-a", 0)):
            assert isinstance(await outcome(producer.send(Message("closed", b"x"), queue)), NoPermission)
        assert fake.requests(RequestCode.SEND_MESSAGE_V2) == []

    async def test_a_queue_of_another_topic(self, producer: Producer) -> None:
        """A mistake of the caller."""
        assert isinstance(await outcome(producer.send(Message("t", b"x"), Queue("u", "broker-a", 0))), Refused)

    async def test_brokers_with_different_numbers_of_queues(self) -> None:
        """Each broker has its own."""
        async with FakeCluster(brokers=2, queues_differ=(0, 2)) as fake, Cluster([fake.name_server]) as cluster:
            fake.create_topic("t", queues=1)
            route = await cluster.route("t")
            assert [(queue.broker, queue.id) for queue in route.writable] == [
                ("broker-a", 0),
                ("broker-b", 0),
                ("broker-b", 1),
                ("broker-b", 2),
            ]
            producer = Producer(cluster)
            assert {(await producer.send(Message("t", b"x"))).queue for _ in range(4)} == set(route.writable)

    async def test_a_queue_that_vanished(self, fake: FakeCluster, cluster: Cluster, producer: Producer) -> None:
        """A topic that shrank refuses sends to its former queues; those without a queue go on."""
        await cluster.route("t")
        fake.create_topic("t", queues=1)
        assert isinstance(await outcome(producer.send(Message("t", b"x"), Queue("t", "broker-a", 1))), Refused)

    async def test_an_answer_that_makes_no_sense(self, fake: FakeCluster, producer: Producer) -> None:
        """Unknown whether it was stored: not sent again."""
        fake.faults.refuse(ResponseCode.SUCCESS, codes=SENDS)
        error = await outcome(producer.send(Message("t", b"x"), A))
        assert isinstance(error, Malformed)
        assert error.maybe_done

    async def test_a_clock_that_goes_wrong(self, fake: FakeCluster, cluster: Cluster) -> None:
        """The time that counts is the broker's, of storing; a born time of 1970 is only kept."""
        await Producer(cluster, clock=lambda: 86_400.0).send(Message("t", b"x"), A)
        (message,) = fake.brokers[0].messages("t")
        assert message.born_time_ms == 86_400_000
        assert message.store_time_ms > 1_700_000_000_000
        assert await Offsets(cluster, "g").at(A, message.store_time_ms) == 0

    async def test_a_timer_of_the_past(self, fake: FakeCluster, producer: Producer) -> None:
        """As a clock that is behind makes it: delivered at once."""
        await producer.send(Message("t", b"x", {"TIMER_DELIVER_MS": "1000"}), A)
        fake.tick()
        assert stored(fake) == [b"x"]

    async def test_a_timer_too_far_ahead(self, producer: Producer) -> None:
        """As a clock that is ahead makes it: refused, not tried again."""
        far = Message("t", b"x", {"TIMER_DELAY_SEC": str(4 * 86_400)})
        assert isinstance(await outcome(producer.send(far, A)), Refused)


class TestFindingTheCluster:
    """Wrong addresses, wrong servers."""

    async def test_no_name_server(self) -> None:
        """Nobody listens there."""
        async with Cluster(["127.0.0.1:1"], timings=QUICK) as cluster:
            error = await outcome(Producer(cluster, retry=SOON).send(Message("t", b"x")))
        assert isinstance(error, CannotConnect)
        assert "127.0.0.1:1" in str(error)

    async def test_the_name_server_dies(self, fake: FakeCluster, cluster: Cluster, producer: Producer) -> None:
        """What is known stays known: sends and pulls go on."""
        await producer.send(Message("t", b"1"), A)
        await fake.stop_name_server()
        await producer.send(Message("t", b"2"), A)
        await producer.send(Message("t", b"3"))
        assert len((await Puller(cluster, "g", A).pull(0, wait_s=0)).messages) >= 2

    @pytest.fixture
    async def web_server(self) -> AsyncIterator[str]:
        """The address of somebody who speaks HTTP."""

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()
            await writer.wait_closed()

        async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
            host, port = server.sockets[0].getsockname()
            yield f"{host}:{port}"

    async def test_something_else_answers(self, web_server: str) -> None:
        """Where a name server should be: no reason to try again."""
        async with Cluster([web_server], timings=QUICK) as cluster:
            error = await outcome(Producer(cluster, retry=SOON).send(Message("t", b"x")))
        assert isinstance(error, NotRocketMQ)
        assert not error.again

    async def test_routes_lead_to_something_else(self, fake: FakeCluster, cluster: Cluster, web_server: str) -> None:
        """As those of a proxy, which name its gRPC port: told at once, to senders and readers."""
        fake.redirect(0, web_server)
        error = await outcome(Producer(cluster, retry=SOON).send(Message("t", b"x"), A))
        assert isinstance(error, NotRocketMQ)
        assert web_server in str(error)
        assert "HTTP" in str(await outcome(Puller(cluster, "g", A).pull(0)))

    async def test_a_broker_is_taken_for_a_name_server(self, fake: FakeCluster) -> None:
        """The error says what is wrong."""
        async with Cluster([fake.brokers[0].address], timings=QUICK) as cluster:
            error = await outcome(Producer(cluster, retry=SOON).send(Message("t", b"x")))
        assert isinstance(error, NotSupported)
        assert "name server?" in str(error)

    async def test_routes_name_an_address_that_nobody_reaches(self, fake: FakeCluster, cluster: Cluster) -> None:
        """As a proxy's routes do, or a broker behind a wall: not stored, tried for a while."""
        fake.redirect(0, "127.0.0.1:1")
        error = await outcome(Producer(cluster, retry=SOON).send(Message("t", b"x"), A))
        assert isinstance(error, CannotConnect)
        assert not error.maybe_done

    async def test_no_such_topic(self, cluster: Cluster, producer: Producer) -> None:
        """Looked up twice, then told: waiting is no help."""
        error = await outcome(producer.send(Message("nowhere", b"x")))
        assert isinstance(error, NoRoute)
        assert "nowhere" in str(error)

    async def test_a_topic_that_comes_late(self, fake: FakeCluster, producer: Producer) -> None:
        """The second look finds it."""
        fake.faults.refuse(ResponseCode.TOPIC_NOT_EXIST, "No topic route info", on=NAME_SERVER)
        assert (await producer.send(Message("t", b"x"))).offset == 0

    async def test_a_broker_that_never_registered(self, producer: Producer, cluster: Cluster) -> None:
        """Told as what it is."""
        queue = Queue("t", "broker-z", 0)
        assert isinstance(await outcome(Producer(cluster, retry=SOON).send(Message("t", b"x"), queue)), NoBroker)


class TestPermission:
    """ACL 2.0."""

    @pytest.fixture
    async def guarded(self) -> AsyncIterator[FakeCluster]:
        async with FakeCluster(credentials=Credentials("admin", "secret")) as fake:
            fake.create_topic("t", queues=1)
            fake.create_topic("u", queues=1)
            fake.users.add(Credentials("guest", "guestsecret"), [Grant("Topic:t", frozenset({"Pub"}))])
            yield fake

    @pytest.mark.parametrize(
        "credentials",
        [None, Credentials("admin", "wrong"), Credentials("nobody", "x"), Credentials("guest", "guestsecret")],
    )
    async def test_who_may_not_is_told_at_once(self, guarded: FakeCluster, credentials: Credentials | None) -> None:
        """No credentials, wrong secret, unknown user, no policy: no reason to try again."""
        async with Cluster([guarded.name_server], credentials=credentials) as cluster:
            error = await outcome(Producer(cluster).send(Message("u", b"x")))
            assert isinstance(error, NoPermission)
            assert not error.again
            error = await outcome(Puller(cluster, "g", Queue("u", "broker-a", 0)).pull(0, wait_s=0))
            assert isinstance(error, NoPermission)
        assert len(guarded.requests(RequestCode.SEND_MESSAGE_V2)) == 1

    async def test_who_may_does(self, guarded: FakeCluster) -> None:
        """Single sends and batches, signed, whatever the text."""
        async with Cluster([guarded.name_server], credentials=Credentials("guest", "guestsecret")) as cluster:
            producer = Producer(cluster)
            await producer.send(Message("t", b"x", {"CE_source": "/läden/漢"}))
            await producer.send_many(None, [Message("t", b"y")] * 2)
        assert [m.body for m in guarded.brokers[0].messages("t")] == [b"x", b"y", b"y"]


class TestReading:
    """What becomes of a pull, a commit, a look."""

    async def test_a_broker_dies_under_a_pull(self, fake: FakeCluster, cluster: Cluster) -> None:
        """The reader learns at once, and goes on where it was when the broker is back."""
        fake.brokers[0].put("t", b"1")
        puller = Puller(cluster, "g", A)
        assert (await puller.pull(0, wait_s=0)).next_offset == 1
        waiting = asyncio.ensure_future(puller.pull(1))
        await asyncio.sleep(0.02)
        await fake.stop(0)
        assert isinstance(await outcome(waiting), ConnectionLost)
        assert isinstance(await outcome(puller.pull(1)), CannotConnect)
        await fake.start(0)
        await asyncio.sleep(0.06)  # the pause after a failed connect
        fake.brokers[0].put("t", b"2")
        assert [m.body for m in (await puller.pull(1, wait_s=0)).messages] == [b"2"]

    async def test_a_topic_is_deleted_under_a_reader(self) -> None:
        """Told when the hold ends: nothing wakes it before."""
        clock = ManualClock()
        async with FakeCluster(clock=clock) as fake, Cluster([fake.name_server]) as cluster:
            fake.create_topic("t", queues=1)
            waiting = asyncio.ensure_future(Puller(cluster, "g", A).pull(0, wait_s=15))
            while not fake.requests(RequestCode.PULL_MESSAGE):
                await asyncio.sleep(0.01)
            await Topics(cluster).delete("t")
            assert not waiting.done()
            clock.advance(21)
            fake.tick()
            assert isinstance(await outcome(waiting), TopicNotFound)

    async def test_a_reset_under_a_reader(self) -> None:
        """Told when the hold ends."""
        clock = ManualClock()
        async with FakeCluster(clock=clock) as fake, Cluster([fake.name_server]) as cluster:
            fake.create_topic("t", queues=1)
            fake.create_group("g")
            fake.brokers[0].put("t", b"x")
            waiting = asyncio.ensure_future(Puller(cluster, "g", A).pull(1, wait_s=15))
            while not fake.requests(RequestCode.PULL_MESSAGE):
                await asyncio.sleep(0.01)
            await Groups(cluster).reset("g", A, 0)
            clock.advance(21)
            fake.tick()
            pulled = await waiting
            assert pulled.gap is not None
            assert (pulled.gap.cause.name, pulled.gap.to) == ("RESET", 0)

    async def test_a_late_hold_is_waited_for(self, fake: FakeCluster, cluster: Cluster) -> None:
        """The broker answers up to 5 s late: longer than any other call may take."""
        fake.faults.slow(0.5, codes=[RequestCode.PULL_MESSAGE])
        assert (await Puller(cluster, "g", A).pull(0, wait_s=0)).messages == []

    async def test_a_group_that_may_not_be_made(self) -> None:
        """Where brokers do not create groups on the fly."""
        config = {"autoCreateSubscriptionGroup": "false"}
        async with FakeCluster(config=config) as fake, Cluster([fake.name_server]) as cluster:
            fake.create_topic("t", queues=1)
            assert isinstance(await outcome(Puller(cluster, "nobody", A).pull(0, wait_s=0)), GroupNotFound)

    async def test_a_topic_without_read_bit(self, fake: FakeCluster, cluster: Cluster) -> None:
        """The broker refuses."""
        fake.create_topic("closed", perm=2)
        assert isinstance(await outcome(Puller(cluster, "g", Queue("closed", "broker-a", 0)).pull(0)), NoPermission)

    async def test_a_broker_crash_takes_commits_with_it(self, fake: FakeCluster, cluster: Cluster) -> None:
        """Those of the last seconds: readers see messages again, never too few."""
        fake.create_group("g")
        offsets = Offsets(cluster, "g")
        await offsets.commit(A, 5)
        await fake.restart(0, crash=True)
        await asyncio.sleep(0.06)
        assert await offsets.committed(A) in {None, 5}

    async def test_a_topic_that_does_not_show(self, fake: FakeCluster, cluster: Cluster) -> None:
        """Created, but no name server says so: told, since nobody could use it."""
        fake.faults.refuse(
            ResponseCode.TOPIC_NOT_EXIST, "No topic route info", 999, on=NAME_SERVER,
            codes=[RequestCode.GET_ROUTEINFO_BY_TOPIC],
        )  # fmt: skip
        with pytest.raises(CallTimeout, match="late is made"):
            await Topics(cluster).create(TopicConfig("late"), visible_within_s=0.1)

    async def test_one_of_two_brokers_refuses(self, fake: FakeCluster, cluster: Cluster) -> None:
        """The others were asked all the same; trying again completes it."""
        fake.faults.refuse(
            ResponseCode.SYSTEM_ERROR, "not now", on="broker-a", codes=[RequestCode.UPDATE_AND_CREATE_TOPIC]
        )
        with pytest.raises(BrokerError, match="not now"):
            await Topics(cluster).create(TopicConfig("new", 1, 1))
        assert sorted(await Topics(cluster).find("new")) == ["broker-b"]
        assert len((await Topics(cluster).create(TopicConfig("new", 1, 1))).queues) == 2

    async def test_settings_change_at_once(self, cluster: Cluster) -> None:
        """Only here: a real broker would rewrite its file with every key it knows."""
        brokers = Brokers(cluster)
        await brokers.change_config("broker-a", {"maxMessageSize": "99", "fileReservedTime": "24"})
        config = await brokers.config("broker-a")
        assert (config["maxMessageSize"], config["fileReservedTime"]) == ("99", "24")
        assert (await brokers.config("broker-b"))["maxMessageSize"] == "4194304"
