"""The fake cluster on its sockets: starting, stopping, time, and faults on demand."""

import asyncio
import contextlib
import shutil
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Callable

import pytest

from bridge.rocketmq.auth import Credentials
from bridge.rocketmq.bodies import ConsumerData, Heartbeat, Subscription, format_heartbeat
from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.connection import Access, Connection
from bridge.rocketmq.errors import (
    Busy,
    CallTimeout,
    CannotConnect,
    ConnectionLost,
    NoPermission,
    NoRoute,
    StoredWeakly,
    Unavailable,
)
from bridge.rocketmq.frames import Command
from bridge.testing.broker import NAME_SERVER, FakeCluster
from bridge.testing.clock import ManualClock

SEND = {"b": "orders", "e": "0", "f": "0", "g": "1", "h": "0"}
PULL = {"consumerGroup": "g", "topic": "orders", "queueId": "0", "queueOffset": "0", "maxMsgNums": "32", "sysFlag": "6"}


@pytest.fixture
async def fake() -> AsyncIterator[FakeCluster]:
    async with FakeCluster() as fake:
        fake.create_topic("orders")
        yield fake


@pytest.fixture
async def opened() -> AsyncIterator[Callable[..., object]]:
    """Opens connections to a broker, and closes them at the end."""
    connections: list[Connection] = []

    async def open_(fake: FakeCluster, number: int = 0, timeout_s: float = 5, **options: object) -> Connection:
        access = Access(call_timeout_s=timeout_s, **options)
        connections.append(await Connection.open(fake.brokers[number].address, access))
        return connections[-1]

    yield open_
    for connection in connections:
        await connection.close()


async def until(holds: Callable[[], bool]) -> None:
    """Wait for what comes soon."""
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.001)


async def test_a_cluster_starts_quickly() -> None:
    """In a few milliseconds, name server included."""
    times = []
    for _ in range(5):
        started = time.perf_counter()
        async with FakeCluster():
            times.append(time.perf_counter() - started)
    assert min(times) < 0.01


async def test_brokers_have_names_addresses_and_routes() -> None:
    """Two of them share a topic, with different numbers of queues where that is wanted."""
    async with FakeCluster(brokers=2, queues_differ=[0, 3]) as fake, Cluster([fake.name_server]) as cluster:
        fake.create_topic("orders", queues=1)
        route = await cluster.route("orders")
        assert [(queue.broker, queue.id) for queue in route.readable] == [
            ("broker-a", 0),
            *[("broker-b", number) for number in range(4)],
        ]
        assert {data.master for data in route.brokers.values()} == {broker.address for broker in fake.brokers}


async def test_a_stopped_broker_refuses_and_comes_back_with_its_data(fake: FakeCluster, opened) -> None:
    """On its old port; name servers know it only while it runs."""
    connection = await opened(fake)
    await connection.call(310, SEND, b"x")
    await fake.stop()
    await until(lambda: connection.closed)
    with pytest.raises(CannotConnect):
        await opened(fake)
    async with Cluster([fake.name_server]) as cluster:
        with pytest.raises(NoRoute):
            await cluster.route("orders")
        address = fake.brokers[0].address
        await fake.start()
        assert (await cluster.route("orders")).brokers["broker-a"].master == address
    answer = await (await opened(fake)).call(310, SEND, b"y")
    assert answer.ext["queueOffset"] == "1"


async def test_a_crash_breaks_calls_and_loses_young_commits(fake: FakeCluster, opened) -> None:
    """Whoever waits for an answer does not know."""
    fake.create_group("g")
    connection = await opened(fake)
    place = {"consumerGroup": "g", "topic": "orders", "queueId": "0"}
    await connection.call(15, {**place, "commitOffset": "1"})
    waiting = asyncio.ensure_future(connection.call(11, {**PULL, "suspendTimeoutMillis": "9000", "subscription": "*"}))
    await until(lambda: len(fake.brokers[0].holds) == 1)
    await fake.restart(crash=True)
    with pytest.raises(ConnectionLost):
        await waiting
    assert fake.brokers[0].offsets.find("g", "orders", 0) is None


async def test_time_is_the_clocks() -> None:
    """A timer and a wait are over when it says so, soon after it was moved or at once with ``tick``."""
    clock = ManualClock()
    async with FakeCluster(clock=clock) as fake:
        fake.create_topic("orders")
        connection = await Connection.open(fake.brokers[0].address)
        await connection.call(310, {**SEND, "i": "TIMER_DELAY_SEC\x013600\x02"}, b"later")
        pull = {**PULL, "suspendTimeoutMillis": "60000", "subscription": "*"}
        waiting = asyncio.ensure_future(connection.call(11, pull, timeout_s=5, accept=(0, 19)))
        await until(lambda: len(fake.brokers[0].holds) == 1)
        clock.advance(60)
        assert (await waiting).code == 19
        clock.advance(3600)
        fake.tick()
        assert [message.body for message in fake.brokers[0].messages("orders")] == [b"later"]
        await connection.close()


async def test_a_busy_broker_stores_nothing(fake: FakeCluster, opened) -> None:
    """So many times."""
    connection = await opened(fake)
    fake.faults.busy(2)
    for _ in "12":
        with pytest.raises(Busy):
            await connection.call(310, SEND, b"x")
    assert (await connection.call(310, SEND, b"x")).ext["queueOffset"] == "0"


async def test_a_full_disk_refuses_writes_only(fake: FakeCluster, opened) -> None:
    """Until it is healed."""
    connection = await opened(fake)
    fake.faults.refuse_writes()
    with pytest.raises(Unavailable):
        await connection.call(310, SEND, b"x")
    await connection.call(30, {"topic": "orders", "queueId": "0"})
    fake.faults.heal()
    await connection.call(310, SEND, b"x")


async def test_weakly_stored_is_stored(fake: FakeCluster, opened) -> None:
    """The answer has everything but the code."""
    connection = await opened(fake)
    fake.faults.stored_weakly()
    with pytest.raises(StoredWeakly):
        await connection.call(310, SEND, b"x")
    fake.faults.stored_weakly(12)
    answer = await connection.call(310, SEND, b"y", accept=(12,))
    assert answer.ext["queueOffset"] == "1"
    fake.faults.stored_weakly()
    assert (await connection.call(310, {**SEND, "e": "9"}, b"z", accept=(29,))).code == 29


@pytest.mark.parametrize("performed", [False, True])
async def test_a_dropped_connection_tells_nothing(fake: FakeCluster, opened, performed: bool) -> None:
    """Neither whether the message was stored."""
    connection = await opened(fake)
    fake.faults.drop(performed=performed)
    with pytest.raises(ConnectionLost):
        await connection.call(310, SEND, b"x")
    assert len(fake.brokers[0].messages("orders")) == performed
    await (await opened(fake)).call(310, SEND, b"y")


@pytest.mark.parametrize("performed", [False, True])
async def test_a_black_hole_never_answers(fake: FakeCluster, opened, performed: bool) -> None:
    """The connection stays open."""
    connection = await opened(fake, timeout_s=0.05)
    fake.faults.black_hole(1, performed=performed)
    with pytest.raises(CallTimeout):
        await connection.call(310, SEND, b"x")
    assert len(fake.brokers[0].messages("orders")) == performed
    assert (await connection.call(310, SEND, b"y")).code == 0


async def test_a_slow_broker_answers_later(fake: FakeCluster, opened) -> None:
    """What it does, it does at once."""
    connection = await opened(fake)
    fake.faults.slow(0.05, 1)
    started = time.perf_counter()
    waiting = asyncio.ensure_future(connection.call(310, SEND, b"x"))
    await until(lambda: bool(fake.brokers[0].messages("orders")))
    assert not waiting.done()
    await waiting
    assert time.perf_counter() - started >= 0.05


async def test_a_frozen_broker_does_everything_after_it_is_thawed(fake: FakeCluster, opened) -> None:
    """Also what new connections asked for."""
    old = await opened(fake)
    fake.freeze()
    new = await opened(fake)
    calls = [asyncio.ensure_future(connection.call(310, SEND, b"x")) for connection in (old, new)]
    await asyncio.sleep(0.05)
    assert not any(call.done() for call in calls)
    assert fake.requests(310) == []
    fake.thaw()
    assert {(await call).ext["queueOffset"] for call in calls} == {"0", "1"}


async def test_a_frozen_broker_can_be_stopped(fake: FakeCluster, opened) -> None:
    """What was asked meanwhile is not done."""
    connection = await opened(fake)
    fake.freeze()
    call = asyncio.ensure_future(connection.call(310, SEND, b"x"))
    await asyncio.sleep(0.01)
    await fake.stop(crash=True)
    with pytest.raises(ConnectionLost):
        await call
    await fake.start()
    assert fake.brokers[0].messages("orders") == []


async def test_name_servers_are_several_and_fail_alone(fake: FakeCluster) -> None:
    """They know the same; faults reach them only by name."""
    second = await fake.add_name_server()
    assert fake.name_servers == [fake.name_server, second]
    fake.faults.busy(1, codes={105}, on=NAME_SERVER)
    connection = await Connection.open(second)
    with pytest.raises(Busy):
        await connection.call(105, {"topic": "orders"})
    await connection.call(105, {"topic": "orders"})
    await connection.close()
    await fake.stop_name_server()
    with pytest.raises(CannotConnect):
        await Connection.open(fake.name_server)
    await fake.start_name_server()
    await (await Connection.open(fake.name_server)).close()


async def test_a_redirected_broker_is_announced_elsewhere(fake: FakeCluster) -> None:
    """Until it is told otherwise."""
    fake.redirect(0, "127.0.0.1:1")
    async with Cluster([fake.name_server]) as cluster:
        assert (await cluster.route("orders")).brokers["broker-a"].master == "127.0.0.1:1"
        fake.redirect(0, None)
        route = await cluster.route("orders", fresh=True)
        assert route.brokers["broker-a"].master == fake.brokers[0].address


async def test_bytes_that_are_no_frame_close_the_connection(fake: FakeCluster) -> None:
    """Without an answer."""
    host, _, port = fake.name_server.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    received = b""
    with contextlib.suppress(ConnectionError):
        received = await reader.read()
    assert received == b""
    writer.close()


async def test_one_way_requests_get_no_answer(fake: FakeCluster, opened) -> None:
    """They are carried out."""
    connection = await opened(fake)
    connection.one_way(310, SEND, b"x")
    await until(lambda: bool(fake.brokers[0].messages("orders")))
    assert [command.is_one_way for command in fake.requests(310)] == [True]


async def test_members_are_pushed_to_on_their_connections(fake: FakeCluster) -> None:
    """And dropped with them."""
    told: list[Command] = []
    member = await Connection.open(fake.brokers[0].address, on_push=told.append)
    other = await Connection.open(fake.brokers[0].address)
    data = ConsumerData("g", (Subscription("orders"),))
    await member.call(34, {}, format_heartbeat(Heartbeat("a", (), (data,))))
    await other.call(34, {}, format_heartbeat(Heartbeat("b", (), (data,))))
    await other.close()
    await until(lambda: len(told) == 3)
    assert fake.brokers[0].members.client_ids("g") == ["a"]
    await member.close()


async def test_users_sign_their_requests() -> None:
    """To brokers; name servers take any."""
    admin = Credentials("admin", "secret")
    async with FakeCluster(credentials=admin) as fake:
        fake.create_topic("orders")
        async with Cluster([fake.name_server]) as cluster:
            await cluster.route("orders")
            with pytest.raises(NoPermission):
                await cluster.call_broker("broker-a", 310, SEND, b"x")
        async with Cluster([fake.name_server], credentials=admin) as cluster:
            await cluster.call_broker("broker-a", 310, SEND, b"x")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """One that signs itself, for 127.0.0.1, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command")
    folder = tmp_path_factory.mktemp("tls")
    files = str(folder / "cert.pem"), str(folder / "key.pem")
    request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-out", files[0], "-keyout", files[1]]
    subprocess.run([openssl, *request, *names], check=True, capture_output=True)
    return files


async def test_tls_and_nothing_else(certificate: tuple[str, str]) -> None:
    """On name servers and brokers; stopping takes no time."""
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(*certificate)
    async with FakeCluster(tls=server) as fake:
        fake.create_topic("orders")
        async with Cluster([fake.name_server], tls=ssl.create_default_context(cafile=certificate[0])) as cluster:
            await cluster.route("orders")
            await cluster.call_broker("broker-a", 310, SEND, b"x")
            async with asyncio.timeout(5):
                await fake.restart()
        plain = await Connection.open(fake.brokers[0].address)
        with pytest.raises(ConnectionLost):
            await plain.call(310, SEND, b"x")
        await plain.close()


async def test_a_bug_of_the_fake_is_not_swallowed() -> None:
    """The request is answered, the block fails."""
    fake = await FakeCluster().__aenter__()
    del fake.brokers[0].log
    connection = await Connection.open(fake.brokers[0].address)
    answer = await connection.call(30, {"topic": "orders", "queueId": "0"}, accept=(1,))
    assert "the fake itself failed" in (answer.remark or "")
    await connection.close()
    with pytest.raises(ExceptionGroup, match="the fake broker has bugs"):
        await fake.__aexit__(None, None, None)
