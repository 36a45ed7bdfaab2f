"""How members of a group share queues: on the fake and, with BRIDGE_TEST_ROCKETMQ=host:port, on a real cluster."""

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest

from bridge.rocketmq.admin import Groups, Topics
from bridge.rocketmq.bodies import LockRequest, format_lock_request
from bridge.rocketmq.cluster import Cluster, Timings
from bridge.rocketmq.codes import RequestCode
from bridge.rocketmq.configs import GroupConfig, TopicConfig
from bridge.rocketmq.consumer import Puller
from bridge.rocketmq.errors import RocketMQError
from bridge.rocketmq.groups import Cadence, Membership
from bridge.rocketmq.offsets import Offsets
from bridge.rocketmq.presence import Member
from bridge.rocketmq.producer import Producer
from bridge.rocketmq.records import Message
from bridge.rocketmq.routes import Queue
from bridge.testing.broker import FakeCluster
from bridge.testing.clock import ManualClock

REAL = os.environ.get("BRIDGE_TEST_ROCKETMQ")
QUICK = Cadence(heartbeat_s=1, rebalance_s=1, renew_s=1, again_s=0.02, settle_s=0.05, timeout_s=1)
TIMINGS = Timings(call_timeout_s=1, connect_timeout_s=1, backoff_first_s=0.01, backoff_last_s=0.05)


class Reader:
    """An owner that notes what it is told, and who reads what at any time in ``readers``."""

    def __init__(self, name: str = "", readers: "dict[Queue, set[str]] | None" = None) -> None:
        self.name = name
        self.told: list[tuple[str, list[int]]] = []
        self.readers = readers if readers is not None else {}
        self.overlaps: list[Queue] = []

    async def assigned(self, queues: Sequence[Queue]) -> None:
        self.told.append(("assigned", [queue.id for queue in queues]))
        for queue in queues:
            reading = self.readers.setdefault(queue, set())
            self.overlaps += [queue] * bool(reading)
            reading.add(self.name)

    async def revoked(self, queues: Sequence[Queue]) -> None:
        self.told.append(("revoked", [queue.id for queue in queues]))
        await asyncio.sleep(0.01)
        for queue in queues:
            self.readers.get(queue, set()).discard(self.name)

    def lost(self, queues: Sequence[Queue]) -> None:
        self.told.append(("lost", [queue.id for queue in queues]))
        for queue in queues:
            self.readers.get(queue, set()).discard(self.name)


@asynccontextmanager
async def running(membership: Membership) -> AsyncIterator[Membership]:
    """The life of a member; leaves at the end."""
    life = asyncio.ensure_future(membership.run())
    try:
        yield membership
    finally:
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)


async def until(true: Callable[[], bool], within_s: float = 10.0) -> None:
    async with asyncio.timeout(within_s):
        while not true():
            await asyncio.sleep(0.005)


class World:
    """A cluster with a topic of four queues on one broker, and a group; members are clients of their own."""

    def __init__(self, name_server: str, stack: AsyncExitStack) -> None:
        self.name_server = name_server
        self.topic, self.group = f"test_{secrets.token_hex(6)}", f"test_{secrets.token_hex(6)}"
        self._stack = stack

    async def cluster(self) -> Cluster:
        return await self._stack.enter_async_context(Cluster([self.name_server], timings=TIMINGS))

    async def member(
        self, name: str, reader: Reader, *, locks: bool = True, cadence: Cadence = QUICK
    ) -> tuple[Cluster, Membership]:
        cluster = await self.cluster()
        member = Member(self.group, f"{name}@{secrets.token_hex(4)}", (self.topic,))
        return cluster, Membership(cluster, member, reader, locks=locks, cadence=cadence)

    @property
    def queues(self) -> set[int]:
        return {0, 1, 2, 3}


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.external)])
async def world(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        if request.param == "real" and REAL is None:
            pytest.skip("BRIDGE_TEST_ROCKETMQ names no name server")
        server = REAL if request.param == "real" else (await stack.enter_async_context(FakeCluster())).name_server
        assert server is not None
        world = World(server, stack)
        cluster = await world.cluster()
        await Topics(cluster).create(TopicConfig(world.topic, 4, 4), (await Topics(cluster).masters())[:1])
        await Groups(cluster).create(GroupConfig(world.group))
        yield world
        await Topics(cluster).delete(world.topic)
        await Topics(cluster).delete(f"%RETRY%{world.group}")  # which heartbeats have made
        await Groups(cluster).delete(world.group)


def ids(membership: Membership) -> set[int]:
    return {queue.id for queue in membership.owned}


class TestSharing:
    """Joining, leaving."""

    @pytest.mark.parametrize("locks", [True, False])
    async def test_a_lone_member_has_all(self, world: World, locks: bool) -> None:
        """And is known to the broker; afterwards it is not."""
        reader = Reader()
        cluster, membership = await world.member("a", reader, locks=locks)
        async with running(membership):
            await until(lambda: ids(membership) == world.queues)
            assert len(await Groups(cluster).members(world.group)) == 1
            assert membership.problems == {}
        assert reader.told == [("assigned", [0, 1, 2, 3]), ("revoked", [0, 1, 2, 3])]
        assert await Groups(cluster).members(world.group) == []
        assert membership.owned == frozenset()

    async def test_a_second_member_gets_half(self, world: World) -> None:
        """The first gives up before the second takes over, and only what must move."""
        readers: dict[Queue, set[str]] = {}
        first, second = Reader("a", readers), Reader("b", readers)
        async with running((await world.member("a", first))[1]) as a:
            await until(lambda: ids(a) == world.queues)
            async with running((await world.member("b", second))[1]) as b:
                await until(lambda: ids(b) == {2, 3})
                assert ids(a) == {0, 1}
                assert first.told[-1] == ("revoked", [2, 3])
            await until(lambda: ids(a) == world.queues)
        assert first.overlaps == second.overlaps == []
        assert second.told == [("assigned", [2, 3]), ("revoked", [2, 3])]

    async def test_many_come_and_go(self, world: World) -> None:
        """At the end everything is read by somebody, and never was anything read by two."""
        readers: dict[Queue, set[str]] = {}
        owners = [Reader(name, readers) for name in "abcdef"]
        lives = [running((await world.member(owner.name, owner))[1]) for owner in owners]
        members = [await life.__aenter__() for life in lives]
        await until(lambda: sum(len(member.owned) for member in members) == 4)
        for life in lives[:4]:
            await life.__aexit__(None, None, None)
        await until(lambda: ids(members[4]) | ids(members[5]) == world.queues)
        assert [len(member.owned) for member in members[4:]] == [2, 2]
        for life in lives[4:]:
            await life.__aexit__(None, None, None)
        assert [owner.overlaps for owner in owners] == [[]] * 6

    async def test_a_locked_queue_is_waited_for(self, world: World) -> None:
        """Another client holds one queue; when it lets go, the member takes it."""
        cluster = await world.cluster()
        queue = (await cluster.route(world.topic)).readable[1]
        body = format_lock_request(LockRequest(world.group, "stranger", (queue,)))
        await cluster.call_broker(queue.broker, RequestCode.LOCK_BATCH_MQ, {}, body)
        async with running((await world.member("a", Reader()))[1]) as member:
            await until(lambda: ids(member) == {0, 2, 3})
            await asyncio.sleep(0.1)
            assert ids(member) == {0, 2, 3}
            await cluster.call_broker(queue.broker, RequestCode.UNLOCK_BATCH_MQ, {}, body)
            await until(lambda: ids(member) == world.queues)

    async def test_more_queues_are_shared_out(self, world: World) -> None:
        """Once the route shows them."""
        cluster, membership = await world.member("a", Reader())
        async with running(membership):
            await until(lambda: ids(membership) == world.queues)
            await Topics(cluster).create(TopicConfig(world.topic, 6, 6), (await Topics(cluster).masters())[:1])
            await until(lambda: ids(membership) == {0, 1, 2, 3, 4, 5})

    async def test_a_reader_that_fails_ends_its_membership(self, world: World) -> None:
        """With its error; others get the queues."""

        class Broken(Reader):
            async def assigned(self, queues: Sequence[Queue]) -> None:
                raise ZeroDivisionError

        cluster, membership = await world.member("a", Broken())
        with pytest.raises(ExceptionGroup) as caught:
            await membership.run()
        assert caught.group_contains(ZeroDivisionError)
        assert await Groups(cluster).members(world.group) == []
        async with running((await world.member("b", Reader()))[1]) as other:
            await until(lambda: ids(other) == world.queues)


class Copying(Reader):
    """An owner that really reads: pulls its queues, commits behind itself, notes what it saw."""

    def __init__(self, name: str, cluster: Cluster, group: str, seen: list[tuple[Queue, int]]) -> None:
        super().__init__(name)
        self._cluster, self._group, self._seen = cluster, group, seen
        self._tasks: dict[Queue, asyncio.Task[None]] = {}
        self._next: dict[Queue, int] = {}

    async def assigned(self, queues: Sequence[Queue]) -> None:
        for queue in queues:
            self._tasks[queue] = asyncio.ensure_future(self._read(queue))

    async def revoked(self, queues: Sequence[Queue]) -> None:
        for queue in queues:
            await self._stop(queue)
            if queue in self._next:
                await Offsets(self._cluster, self._group).commit(queue, self._next.pop(queue))

    async def _stop(self, queue: Queue) -> None:
        if (task := self._tasks.pop(queue, None)) is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _read(self, queue: Queue) -> None:
        puller = Puller(self._cluster, self._group, queue)
        self._next[queue] = await Offsets(self._cluster, self._group).committed(queue) or 0
        while True:
            pulled = await puller.pull(self._next[queue], limit=7)
            self._seen += [(queue, message.queue_offset) for message in pulled.messages]
            self._next[queue] = pulled.next_offset


async def test_nothing_is_lost_when_members_come_and_go(world: World) -> None:
    """Every message is seen, in order, and none twice while everybody hands over as agreed."""
    seen: list[tuple[Queue, int]] = []
    producer = Producer(await world.cluster())

    async def reading(name: str) -> "tuple[Membership, Copying]":
        cluster = await world.cluster()
        copying = Copying(name, cluster, world.group, seen)
        member = Member(world.group, f"{name}@{secrets.token_hex(4)}", (world.topic,))
        return Membership(cluster, member, copying, cadence=QUICK), copying

    async def produce() -> None:
        for number in range(400):
            await producer.send(Message(world.topic, str(number).encode()))

    producing = asyncio.ensure_future(produce())
    async with running((await reading("a"))[0]) as a:
        await until(lambda: bool(a.owned))
        async with running((await reading("b"))[0]) as b:
            await until(lambda: bool(b.owned))
            async with running((await reading("c"))[0]) as c:
                await until(lambda: bool(c.owned))
            await until(lambda: len(a.owned | b.owned) == 4)
        await producing
        await until(lambda: len(seen) >= 400)
    assert sorted(seen) == sorted(set(seen))
    assert len(seen) == 400
    for queue in {queue for queue, _ in seen}:
        order = [offset for where, offset in seen if where == queue]
        assert order == sorted(order)


class TestFaults:
    """What only the fake can do wrong."""

    @pytest.fixture
    async def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    async def fake(self, clock: ManualClock) -> AsyncIterator[FakeCluster]:
        async with FakeCluster(brokers=2, clock=clock) as fake:
            fake.create_topic("t", queues=2)
            fake.create_group("g")
            yield fake

    @pytest.fixture
    async def cluster(self, fake: FakeCluster) -> AsyncIterator[Cluster]:
        async with Cluster([fake.name_server], timings=TIMINGS) as cluster:
            yield cluster

    def membership(self, cluster: Cluster, reader: Reader, *, name: str = "a", cadence: Cadence = QUICK) -> Membership:
        return Membership(cluster, Member("g", name, ("t",)), reader, cadence=cadence)

    async def test_a_member_that_dies(self, fake: FakeCluster, clock: ManualClock, cluster: Cluster) -> None:
        """Its connection closes: the others know at once, and have its queues when its locks expire."""
        async with Cluster([fake.name_server], timings=TIMINGS) as doomed:
            dying = asyncio.ensure_future(self.membership(doomed, Reader(), name="b").run())
            async with running(self.membership(cluster, Reader())) as survivor:
                await until(lambda: len(survivor.owned) == 2)
                await doomed.close()  # nothing it says from now on is heard
                dying.cancel()
                await asyncio.gather(dying, return_exceptions=True)
                await until(lambda: self._members(fake) == {"a"})
                await asyncio.sleep(0.1)
                assert len(survivor.owned) == 2
                clock.advance(61)
                await until(lambda: len(survivor.owned) == 4)

    @staticmethod
    def _members(fake: FakeCluster) -> set[str]:
        return {member for broker in fake.brokers for member in broker.members.client_ids("g")}

    async def test_a_broker_restarts(self, fake: FakeCluster, cluster: Cluster) -> None:
        """It has forgotten members and locks: both are renewed, and the owner keeps its queues."""
        reader = Reader()
        async with running(self.membership(cluster, reader)) as member:
            await until(lambda: len(member.owned) == 4)
            await fake.restart(0)
            await until(lambda: self._locked(fake) == 4 and fake.brokers[0].members.client_ids("g") == ["a"])
            assert len(member.owned) == 4
        assert [word for word, _ in reader.told] == ["assigned", "revoked"]

    @staticmethod
    def _locked(fake: FakeCluster) -> int:
        queues = [(broker, Queue("t", broker.name, number)) for broker in fake.brokers for number in (0, 1)]
        return sum(broker.locks.owner("g", queue, broker.now_ms) == "a" for broker, queue in queues)

    async def test_a_stranger_takes_a_lock_after_a_restart(self, fake: FakeCluster, cluster: Cluster) -> None:
        """The next renewal shows it: the owner stops at once, and gets the queue back later."""
        reader = Reader()
        async with running(self.membership(cluster, reader)) as member:
            await until(lambda: len(member.owned) == 4)
            fake.brokers[0].locks.clear()
            queue = Queue("t", "broker-a", 1)
            body = format_lock_request(LockRequest("g", "stranger", (queue,)))
            await cluster.call_broker("broker-a", RequestCode.LOCK_BATCH_MQ, {}, body)
            await until(lambda: ("lost", [1]) in reader.told)
            assert queue not in member.owned
            await cluster.call_broker("broker-a", RequestCode.UNLOCK_BATCH_MQ, {}, body)
            await until(lambda: len(member.owned) == 4)
        assert reader.told[-1][0] == "revoked"

    async def test_a_lock_that_cannot_be_renewed_is_lost(self, fake: FakeCluster, cluster: Cluster) -> None:
        """Long before the broker would give it to others."""
        reader = Reader()
        cadence = Cadence(
            heartbeat_s=1, rebalance_s=1, renew_s=0.05, lost_after_s=0.3, again_s=0.02, settle_s=0.05, timeout_s=0.1
        )
        async with running(self.membership(cluster, reader, cadence=cadence)) as member:
            await until(lambda: len(member.owned) == 4)
            fake.faults.black_hole(codes=[RequestCode.LOCK_BATCH_MQ], on="broker-a")
            await until(lambda: ("lost", [0, 1]) in reader.told)
            assert {queue.broker for queue in member.owned} == {"broker-b"}
            assert any("locks: broker-a" in name for name in member.problems)
            fake.faults.heal()
            await until(lambda: len(member.owned) == 4)
            await until(lambda: not member.problems)

    async def test_unlocking_that_failed_is_tried_again(self, fake: FakeCluster, cluster: Cluster) -> None:
        """Else others would wait until the lock expires, and it would be a problem until something else is unlocked."""
        cadence = replace(QUICK, timeout_s=0.1)
        async with running(self.membership(cluster, Reader(), cadence=cadence)) as member:
            await until(lambda: len(member.owned) == 4)
            fake.faults.black_hole(codes=[RequestCode.UNLOCK_BATCH_MQ])
            async with (
                Cluster([fake.name_server], timings=TIMINGS) as second,
                running(self.membership(second, Reader(), name="b")) as other,
            ):
                await until(lambda: any("unlocking: broker-b" in name for name in member.problems))
                assert len(other.owned) == 0
                fake.faults.heal()
                await until(lambda: len(other.owned) == 2)
                await until(lambda: not member.problems and not other.problems)

    async def test_locks_that_were_granted_unseen_are_given_back(self, fake: FakeCluster, cluster: Cluster) -> None:
        """When they are another member's by the time the broker is heard again."""
        cadence = replace(QUICK, timeout_s=0.1)
        fake.faults.black_hole(performed=True, codes=[RequestCode.LOCK_BATCH_MQ], on="broker-a")
        async with running(self.membership(cluster, Reader(), name="b", cadence=cadence)) as member:
            await until(lambda: any("locking: broker-a" in name for name in member.problems))
            async with (
                Cluster([fake.name_server], timings=TIMINGS) as second,
                running(self.membership(second, Reader(), name="a", cadence=cadence)) as other,
            ):
                await until(lambda: any("locking: broker-a" in name for name in other.problems))
                fake.faults.heal()
                await until(lambda: [queue.broker for queue in other.owned] == ["broker-a", "broker-a"])
                await until(lambda: not member.problems and not other.problems)
                assert {queue.broker for queue in member.owned} == {"broker-b"}

    async def test_a_broker_that_is_down_is_a_problem(
        self, fake: FakeCluster, cluster: Cluster, caplog: pytest.LogCaptureFixture
    ) -> None:
        """It shows, the log has one line for it, and it goes away with the broker's return."""
        async with running(self.membership(cluster, Reader())) as member:
            await until(lambda: len(member.owned) == 4)
            await fake.stop(0)
            await until(lambda: any("heartbeat: broker-a" in name for name in member.problems))
            await asyncio.sleep(0.2)
            assert all(isinstance(error, RocketMQError) for error in member.problems.values())
            assert sum("heartbeat: broker-a" in line for line in caplog.messages) == 1
            await fake.start(0)
            await until(lambda: not member.problems)
            await until(lambda: len(member.owned) == 4)

    async def test_all_brokers_are_down_at_first(self, fake: FakeCluster) -> None:
        """The member waits for them; the second one may come just after it has looked for routes."""
        await fake.stop(0)
        await fake.stop(1)
        async with (
            Cluster([fake.name_server], timings=replace(TIMINGS, refresh_s=1)) as cluster,
            running(self.membership(cluster, Reader())) as member,
        ):
            await until(lambda: bool(member.problems))
            await fake.start(0)
            await fake.start(1)
            await until(lambda: len(member.owned) == 4)
            await until(lambda: not member.problems)

    async def test_a_stored_list_of_queues_is_shared(self, fake: FakeCluster, cluster: Cluster) -> None:
        """Though the route shows more, and less while a broker is down: the shares of living ones do not move."""
        queues = (Queue("t", "broker-a", 0), Queue("t", "broker-b", 0))
        reader = Reader()
        membership = Membership(cluster, Member("g", "a", ("t",), queues), reader, cadence=QUICK)
        async with running(membership):
            await until(lambda: membership.owned == set(queues))
            await fake.stop(0)
            await until(lambda: bool(membership.problems))
            await asyncio.sleep(0.1)
            assert membership.owned == set(queues)
            await fake.start(0)
            await until(lambda: not membership.problems)
        assert reader.told == [("assigned", [0, 0]), ("revoked", [0, 0])]

    async def test_who_is_cancelled_while_locking_leaves_no_lock(self, fake: FakeCluster, cluster: Cluster) -> None:
        """The broker may have granted it: it is given back unseen."""
        fake.faults.slow(0.3, codes=[RequestCode.LOCK_BATCH_MQ])
        async with running(self.membership(cluster, Reader())):
            await until(lambda: len(fake.requests(RequestCode.LOCK_BATCH_MQ)) >= 2)
        fake.faults.heal()
        async with running(self.membership(cluster, Reader(), name="b")) as other:
            await until(lambda: len(other.owned) == 4, 3)

    async def test_leaving_a_cluster_that_is_gone(self, fake: FakeCluster, cluster: Cluster) -> None:
        """Takes moments, and is no error."""
        async with running(self.membership(cluster, Reader())) as member:
            await until(lambda: len(member.owned) == 4)
            await fake.stop(0)
            await fake.stop(1)
        assert member.owned == frozenset()

    async def test_deaf_to_other_groups(self, fake: FakeCluster, cluster: Cluster) -> None:
        """Their changes are not ours."""
        async with running(self.membership(cluster, Reader())) as member:
            await until(lambda: len(member.owned) == 4)
            before = len(fake.requests(RequestCode.GET_CONSUMER_LIST_BY_GROUP))
            other = Membership(cluster, Member("h", "x", ("t",)), Reader(), cadence=QUICK)
            async with running(other):
                await until(lambda: len(other.owned) == 4)
            mine = [
                command
                for command in fake.requests(RequestCode.GET_CONSUMER_LIST_BY_GROUP)[before:]
                if command.ext["consumerGroup"] == "g"
            ]
        assert len(mine) <= 4
