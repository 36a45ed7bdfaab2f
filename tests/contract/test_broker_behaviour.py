"""What brokers answer: one suite, on the fake and, with BRIDGE_TEST_ROCKETMQ=host:port, on a real one.

It holds the fake to what RocketMQ does where nothing was recorded: mostly bad input, and the quirks that clients must know.
A real broker must be set up as ``docker/broker.conf`` says.
"""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Mapping

import pytest

from bridge.rocketmq.bodies import (
    ConsumerData,
    Heartbeat,
    LockRequest,
    Subscription,
    format_heartbeat,
    format_lock_request,
    parse_consumer_list,
    parse_locked,
    parse_offset_table,
)
from bridge.rocketmq.connection import Access, Connection
from bridge.rocketmq.frames import Command
from bridge.rocketmq.records import Message, StoredMessage, decode_messages, encode_batch, encode_properties
from bridge.rocketmq.routes import Queue, parse_cluster_info
from bridge.testing.broker import FakeCluster

REAL = os.environ.get("BRIDGE_TEST_ROCKETMQ")
ANY = range(10_000)
NONE: Mapping[str, str] = {}
SUFFIX = secrets.token_hex(4)
"""In every name, so that a real broker does not know them."""


class Wire:
    """Connections to a name server and to the first broker, with answers of any code."""

    def __init__(self, names: Connection, broker: Connection, name: str) -> None:
        self.names = names
        self.broker = broker
        self.name = name
        self.topic = f"behaviour_{SUFFIX}_{secrets.token_hex(4)}"
        self.group = f"behaviour_group_{SUFFIX}_{secrets.token_hex(4)}"

    async def ask(self, code: int, body: bytes = b"", **ext: object) -> Command:
        return await self.broker.call(code, {name: str(value) for name, value in ext.items()}, body, accept=ANY)

    async def create(self, topic: str, queues: int = 2, **ext: object) -> Command:
        numbers = {"readQueueNums": queues, "writeQueueNums": queues, "perm": 6}
        fixed = {"defaultTopic": "TBW102", "topicFilterType": "SINGLE_TAG", "order": "false"}
        return await self.ask(17, topic=topic, **{**numbers, **fixed, **ext})

    async def send(
        self, body: bytes = b"x", code: int = 310, properties: Mapping[str, str] = NONE, **ext: object
    ) -> Command:
        header = {
            "b": self.topic,
            "c": "TBW102",
            "d": 4,
            "e": 0,
            "f": 0,
            "g": 1,
            "h": 0,
            "i": encode_properties(properties),
        }
        answer = await self.ask(code, body, **{**header, "m": "false", **ext})
        if answer.code == 0 and not properties.keys() & {"DELAY", "TIMER_DELAY_SEC", "TIMER_DELAY_MS"}:
            await self._entered(answer, str(ext.get("b", self.topic)))
        return answer

    async def dead(self, body: bytes, topic: str, **ext: object) -> Command:
        """A send that may end elsewhere, so its place says nothing."""
        return await self.ask(310, body, b=topic, c="TBW102", d=4, e=0, f=0, g=1, h=0, **ext)

    async def _entered(self, answer: Command, topic: str) -> None:
        """Wait until the messages can be seen: a real broker enters them into their queue a little later."""
        end = int(answer.ext["queueOffset"]) + answer.ext["msgId"].count(",") + 1
        place = {"topic": topic, "queueId": answer.ext["queueId"]}
        async with asyncio.timeout(2):
            while int((await self.ask(30, **place)).ext["offset"]) < end:
                await asyncio.sleep(0.005)

    async def pull(self, offset: int = 0, **ext: object) -> Command:
        header = {"consumerGroup": self.group, "topic": self.topic, "queueId": 0, "queueOffset": offset}
        wish = {"maxMsgNums": 32, "sysFlag": 4, "subscription": "*", "subVersion": 0, "suspendTimeoutMillis": 1000}
        return await self.ask(11, **{**header, **wish, **ext})

    async def messages(self, topic: str | None = None, **ext: object) -> list[StoredMessage]:
        answer = await self.pull(**({"topic": topic} if topic else {}), **ext)
        return decode_messages(answer.body) if answer.code == 0 else []


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.external)])
async def wire(request: pytest.FixtureRequest) -> AsyncIterator[Wire]:
    """With a topic of two queues and a group."""
    if request.param == "real":
        if REAL is None:
            pytest.skip("BRIDGE_TEST_ROCKETMQ names no name server")
        async for wire in opened(REAL):
            yield wire
    else:
        async with FakeCluster(config={"enableMixedMessageType": "true"}) as fake:
            async for wire in opened(fake.name_server):
                yield wire


async def opened(name_server: str) -> AsyncIterator[Wire]:
    names = await Connection.open(name_server)
    info = parse_cluster_info((await names.call(106, {})).body)
    name, data = next(iter(info.brokers.items()))
    assert data.master is not None
    broker = await Connection.open(data.master, Access(call_timeout_s=15))
    wire = Wire(names, broker, name)
    await wire.create(wire.topic)
    await wire.ask(200, b'{"groupName":"%s"}' % wire.group.encode())
    yield wire
    await wire.ask(207, groupName=wire.group, cleanOffset="true")
    for topic in (wire.topic, f"%RETRY%{wire.group}", f"%DLQ%{wire.group}"):
        await wire.ask(215, topic=topic)
        await names.call(216, {"topic": topic}, accept=ANY)
    await broker.close()
    await names.close()


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        ("", 29),
        ("  ", 29),
        ("a.b", 29),
        ("ä", 29),
        ("x" * 128, 29),
        ("DefaultCluster", 29),
        ("TBW102", 29),
        ("rmq_sys_x", 29),
    ],
)
async def test_names_that_no_topic_may_have(wire: Wire, topic: str, code: int) -> None:
    """Refused when it is created, and, if it can be said, when it is deleted."""
    assert (await wire.create(topic)).code == code


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ("+message.type=FIFO", 0),
        ("+message.type=MIXED", 0),
        ("+colour=red", 1),
        ("+message.type=LOUD", 1),
        ("-message.type", 1),
        ("+queue.type=SimpleCQ", 1),
        ("+reserve.time=x", 1),
        ("message.type=FIFO", 1),
        ("+", 1),
    ],
)
async def test_attributes_of_a_topic_that_exists(wire: Wire, attributes: str, code: int) -> None:
    """Known names and values; the kind of queue is fixed, and what is not there cannot be removed."""
    assert (await wire.create(wire.topic, attributes=attributes)).code == code


@pytest.mark.parametrize("topic", ["", " ", "TBW102", "DefaultCluster"])
async def test_topics_that_cannot_be_deleted(wire: Wire, topic: str) -> None:
    """29; one that is not there is answered 0."""
    assert (await wire.ask(215, topic=topic)).code == 29
    assert (await wire.ask(215, topic=f"absent_{SUFFIX}")).code == 0


@pytest.mark.parametrize(("name", "code"), [("a.b", 29), ("x" * 121, 29), ("", 29)])
async def test_names_that_no_group_may_have(wire: Wire, name: str, code: int) -> None:
    """Refused when it is defined; 26 when it is only looked at."""
    assert (await wire.ask(200, b'{"groupName":"%s"}' % name.encode())).code == code
    if name:
        assert (await wire.ask(352, group=name)).code == 26
        assert (await wire.pull(consumerGroup=name)).code == 26


async def test_groups_that_are_deleted(wire: Wire) -> None:
    """For good with their offsets, else they are made again with the usual settings."""
    body = b'{"groupName":"%s","retryMaxTimes":3}' % wire.group.encode()
    commit = {"consumerGroup": wire.group, "topic": wire.topic, "queueId": 0, "commitOffset": 1}
    for clean, code in (("false", 0), ("true", 26)):
        assert (await wire.ask(200, body)).code == 0
        assert (await wire.ask(207, groupName=wire.group, cleanOffset=clean)).code == 0
        assert (await wire.ask(15, **commit)).code == code


async def test_a_body_that_is_no_definition(wire: Wire) -> None:
    """1; none at all does nothing."""
    assert [(await wire.ask(200, body)).code for body in (b"junk", b"")] == [1, 0]


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        ("SELF_TEST_TOPIC", 16),
        ("OFFSET_MOVED_EVENT", 16),
        ("SCHEDULE_TOPIC_XXXX", 16),
        ("RMQ_SYS_TRANS_HALF_TOPIC", 16),
        ("CHECKPOINT_TOPIC", 17),
        pytest.param(f"absent_{SUFFIX}", 17, id="absent"),  # the names of tests are the same in every process
        pytest.param(f"%DLQ%absent_{SUFFIX}", 17, id="absent dead letters"),
        ("a.b", 29),
        ("", 29),
    ],
)
async def test_topics_that_cannot_be_sent_to(wire: Wire, topic: str, code: int) -> None:
    """The broker's own, unknown ones, bad names; every answer carries region and trace."""
    answer = await wire.send(b=topic)
    assert (answer.code, dict(answer.ext)) == (code, {"MSG_REGION": "DefaultRegion", "TRACE_ON": "true"})


@pytest.mark.parametrize("name", ["b", "e", "f", "g", "h"])
async def test_required_arguments_of_a_send(wire: Wire, name: str) -> None:
    """1 without one of them, and without the two usual arguments."""
    header = {"b": wire.topic, "c": "TBW102", "d": 4, "e": 0, "f": 0, "g": 1, "h": 0}
    assert (await wire.ask(310, b"x", **header)).code == 0
    del header[name]
    answer = await wire.ask(310, b"x", **header)
    assert (answer.code, dict(answer.ext)) == (1, {})


@pytest.mark.parametrize("name", ["consumerGroup", "topic", "queueId", "queueOffset", "maxMsgNums", "sysFlag"])
async def test_required_arguments_of_a_pull(wire: Wire, name: str) -> None:
    """1 without one of them."""
    header = {"consumerGroup": wire.group, "topic": wire.topic, "queueId": 0, "queueOffset": 0}
    header |= {"maxMsgNums": 1, "sysFlag": 4}
    assert (await wire.ask(11, **header)).code == 19
    del header[name]
    assert (await wire.ask(11, **header)).code == 1


async def test_sizes_of_a_single_message(wire: Wire) -> None:
    """No body is 1, too long a body or too many properties are 13."""
    answers = [
        await wire.send(b""),
        await wire.send(b"x" * (4 * 2**20 + 1)),
        await wire.send(properties={"long": "x" * 32_740}),
        await wire.send(properties={"long": "x" * 32_000}),
    ]
    assert [answer.code for answer in answers] == [1, 13, 13, 0]


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"TIMER_DELAY_SEC": "259200"}, 0),
        ({"TIMER_DELAY_SEC": "259201"}, 13),
        ({"TIMER_DELIVER_MS": "soon"}, 13),
        ({"DELAY": "99"}, 0),
        ({"DELAY": "x"}, 1),
    ],
)
async def test_delays_that_wait_or_are_refused(wire: Wire, properties: dict[str, str], code: int) -> None:
    """Three days at most; a level that is no number is 1; nothing of it appears in the topic."""
    answer = await wire.send(properties=properties)
    assert answer.code == code
    await asyncio.sleep(0.05)
    assert await wire.messages() == []
    if handle := answer.ext.get("recallHandle"):
        await wire.ask(370, topic=wire.topic, recallHandle=handle)


@pytest.mark.parametrize("properties", [{"TIMER_DELIVER_MS": "1"}, {"TIMER_DELAY_SEC": "-5"}, {"DELAY": "-1"}])
async def test_delays_that_are_over(wire: Wire, properties: dict[str, str]) -> None:
    """The message is stored where it belongs, at once."""
    answer = await wire.send(properties=properties)
    assert (answer.ext["queueOffset"], "recallHandle" in answer.ext) == ("0", False)


async def test_a_delayed_message_says_where_it_was(wire: Wire) -> None:
    """By level and by timer, each with its properties."""
    await wire.send(b"level", properties={"DELAY": "1"})
    await wire.send(b"timer", properties={"TIMER_DELAY_MS": "500"})
    async with asyncio.timeout(10):
        while len(found := await wire.messages()) < 2:
            await asyncio.sleep(0.1)
    by_body = {message.body: set(message.properties) for message in found}
    common = {"MSG_REGION", "TRACE_ON", "CLUSTER", "UNIQ_KEY", "REAL_TOPIC", "REAL_QID"}
    times = {"TIMER_OUT_MS", "TIMER_ENQUEUE_MS", "TIMER_DEQUEUE_MS"}
    assert by_body[b"level"] == common | {"DELAY"}
    assert by_body[b"timer"] == common | times | {"TIMER_DELAY_MS"}


MEMBERS = encode_batch([Message("", b"%d" % number, {"KEYS": "k"}) for number in range(3)])


@pytest.mark.parametrize(
    ("body", "changed", "code"),
    [
        (b"", {}, 1),
        (b"junk", {}, 1),
        (MEMBERS[:-3], {}, 1),
        (MEMBERS, {"e": 9}, 29),
        (MEMBERS, {"b": f"absent_{SUFFIX}"}, 17),
        (MEMBERS, {"i": "DELAY\x013\x02"}, 13),
        (encode_batch([Message("", b"x" * 2**20)] * 4), {}, 1),
        (encode_batch([Message("", b"", {"a": "b"})]), {}, 0),
    ],
    ids=["empty", "junk", "cut", "no queue", "no topic", "delayed", "too large", "member without body"],
)
async def test_batches(wire: Wire, body: bytes, changed: dict[str, object], code: int) -> None:
    """All or nothing."""
    assert (await wire.send(body, 320, m="true", **changed)).code == code
    assert len(await wire.messages()) == (code == 0)


async def test_the_header_says_whether_it_is_a_batch(wire: Wire) -> None:
    """Not the code."""
    assert (await wire.send(MEMBERS, 310, m="true")).ext["msgId"].count(",") == 2
    assert (await wire.send(MEMBERS, 320, m="false")).ext["queueOffset"] == "3"


async def test_a_batch_for_a_retry_topic(wire: Wire) -> None:
    """13."""
    assert (await wire.send(MEMBERS, 320, m="true", b=f"%RETRY%{wire.group}")).code == 13


FILTERS: list[tuple[str, str, str]] = [
    ("TAG", "A", "024"),
    ("TAG", " A || B ", "01234"),
    ("TAG", "", "01234"),
    ("TAG", " || ", ""),
    ("XPATH", "A", "01234"),
    ("", "A", ""),
    ("", "*", "01234"),
    ("SQL92", "n > 2", "34"),
    ("SQL92", "n BETWEEN 1 AND 2", "12"),
    ("SQL92", "n IN ('1','2')", "12"),
    ("SQL92", "NOT (n = 1 OR n = 2)", "034"),
    ("SQL92", "missing <> 1", ""),
    ("SQL92", "NOT missing = 1", ""),
    ("SQL92", "n = 1 OR missing = 2", "1"),
    ("SQL92", "n", ""),
    ("SQL92", "n LIKE '1'", ""),
    ("SQL92", "n + 1 = 2", ""),
    ("SQL92", "n % 2 = 0", "01234"),
    ("SQL92", "n NOT", "01234"),
    ("SQL92", "a NOT = 1", "01234"),
    ("SQL92", "NOT n > 2", "01234"),
    ("SQL92", "TAGS > 'A'", "01234"),
    ("SQL92", "n IN (1)", "01234"),
    ("SQL92", "((", "01234"),
    ("SQL92", "1", "01234"),
    ("SQL92", "n = 1e0", "1"),
]


async def test_filters(wire: Wire) -> None:
    """Of five messages; what a broker does not understand lets everything through."""
    for number in range(5):
        await wire.send(b"%d" % number, properties={"TAGS": "AB"[number % 2], "n": str(number)})
    seen = []
    for kind, expression, _ in FILTERS:
        found = await wire.messages(subscription=expression, expressionType=kind)
        seen.append((kind, expression, b"".join(message.body for message in found).decode()))
    assert seen == FILTERS
    for kind, expression in [("TAG", "||"), ("SQL92", ""), ("XPATH", "")]:
        assert (await wire.pull(subscription=expression, expressionType=kind)).code == 23


@pytest.mark.parametrize(
    ("offset", "changed", "code", "remark"),
    [
        (0, {"maxMsgNums": 0}, 0, "FOUND"),
        (0, {"maxMsgNums": -1}, 0, "FOUND"),
        (0, {"queueId": 1}, 19, "NO_MESSAGE_IN_QUEUE"),
        (5, {"queueId": 1}, 21, "NO_MESSAGE_IN_QUEUE"),
        (-1, {"queueId": 1}, 21, "NO_MESSAGE_IN_QUEUE"),
        (-1, {}, 21, "OFFSET_TOO_SMALL"),
        (1, {}, 19, "OFFSET_OVERFLOW_ONE"),
        (2, {}, 21, "OFFSET_OVERFLOW_BADLY"),
    ],
)
async def test_pulls_of_one_message(wire: Wire, offset: int, changed: dict[str, int], code: int, remark: str) -> None:
    """Where it is, and everywhere else."""
    await wire.send()
    answer = await wire.pull(offset, **changed)
    assert (answer.code, answer.remark) == (code, remark)


async def test_pulls_that_are_not_allowed(wire: Wire) -> None:
    """A topic without the read bit, a group that must not read: 16. Sends do not mind the write bit."""
    await wire.ask(200, b'{"groupName":"%s","consumeEnable":false}' % wire.group.encode())
    assert (await wire.pull()).code == 16
    await wire.ask(200, b'{"groupName":"%s"}' % wire.group.encode())
    await wire.create(wire.topic, perm=2)
    assert (await wire.pull()).code == 16
    await wire.create(wire.topic, perm=4)
    assert (await wire.send()).code == 0


async def test_what_ends_a_wait(wire: Wire, request: pytest.FixtureRequest) -> None:
    """A wanted message, for all who wait; not one that the filter drops, nor a part of a batch."""
    is_real = request.node.callspec.params["wire"] == "real"

    async def wait_for(offset: int = 0) -> Command:
        answer = await wire.pull(offset, sysFlag=6, suspendTimeoutMillis=9000, subscription="B")
        # every 5 s a real broker looks at all who wait, whatever came, and tells them to ask again
        return await wait_for(int(answer.ext["nextBeginOffset"])) if is_real and answer.code == 20 else answer

    waits = [asyncio.ensure_future(wait_for()) for _ in "12"]
    await asyncio.sleep(0.1)
    await wire.send(b"no", properties={"TAGS": "A"})
    await asyncio.sleep(0.1)
    assert not any(wait.done() for wait in waits)
    batch = encode_batch([Message("", body, {"TAGS": "B"}) for body in (b"1", b"2")])
    await wire.send(batch, 320, m="true")
    answers = [await wait for wait in waits]
    assert [answer.code for answer in answers] == [0, 0]
    # a real broker under load may answer between the two entries of the batch
    possible = {"2", "3"} if is_real else {"3"}
    assert {answer.ext["nextBeginOffset"] for answer in answers} <= possible


async def test_a_reset_is_told_when_a_wait_ends(wire: Wire) -> None:
    """It ends none itself."""
    await wire.send()
    wait = asyncio.ensure_future(wire.pull(1, sysFlag=6, suspendTimeoutMillis=9000))
    await asyncio.sleep(0.1)
    await wire.ask(222, group=wire.group, topic=wire.topic, queueId=0, offset=0, timestamp=0, isForce="true")
    await asyncio.sleep(0.1)
    assert not wait.done()
    await wire.send()
    assert ((await wait).code, (await wait).remark, (await wait).ext["nextBeginOffset"]) == (21, "OFFSET_RESET", "0")


async def test_committed_offsets(wire: Wire) -> None:
    """Any number and queue; a negative one counts as none; unknown groups and topics are refused."""
    place = {"consumerGroup": wire.group, "topic": wire.topic}
    strict = {"setZeroIfNotFound": "false"}
    assert (await wire.ask(14, **place, queueId=0)).code == 22
    await wire.send()
    assert (await wire.ask(14, **place, queueId=0)).ext["offset"] == "0"
    assert (await wire.ask(14, **place, queueId=0, **strict)).code == 22
    for queue, offset, code in [(0, 12345, 0), (99, 3, 0), (0, -7, 22)]:
        assert (await wire.ask(15, **place, queueId=queue, commitOffset=offset)).code == 0
        assert (await wire.ask(14, **place, queueId=queue, **strict)).code == code
    answers = [
        await wire.ask(15, consumerGroup=f"absent_{SUFFIX}", topic=wire.topic, queueId=0, commitOffset=1),
        await wire.ask(15, consumerGroup=wire.group, topic=f"absent_{SUFFIX}", queueId=0, commitOffset=1),
        await wire.ask(15, **place, queueId=0),
        await wire.ask(15, **place, commitOffset=1),
    ]
    assert [answer.code for answer in answers] == [26, 17, 29, 29]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"offset": 2}, {0: 2}),
        ({"offset": 3}, {0: 3}),
        ({"offset": 4}, 1),
        ({"offset": -5}, 1),
        ({"queueId": 7}, {7: 0}),
        ({"queueId": -1, "offset": 2}, {0: 0, 1: 0}),
        ({"queueId": -1, "timestamp": -1}, {0: 2, 1: 0}),
        ({"topic": f"absent_{SUFFIX}"}, 17),
        ({"group": f"absent_{SUFFIX}"}, 26),
    ],
)
async def test_resets(wire: Wire, changed: dict[str, object], expected: dict[int, int] | int) -> None:
    """To an offset of one queue, up to one behind its end, or to a time in all."""
    for _ in "12":
        await wire.send()
    header = {"group": wire.group, "topic": wire.topic, "queueId": 0, "timestamp": 0, "isForce": "true"}
    answer = await wire.ask(222, **{**header, **changed})
    got = {queue.id: offset for queue, offset in parse_offset_table(answer.body).items()} if answer.code == 0 else None
    assert (got or answer.code) == expected


async def test_commits_after_a_reset(wire: Wire) -> None:
    """Ignored until a pull was told; a commit that comes with that pull counts."""
    place = {"consumerGroup": wire.group, "topic": wire.topic, "queueId": 0}
    for _ in "12":
        await wire.send()
    await wire.ask(222, group=wire.group, topic=wire.topic, queueId=0, offset=1, timestamp=0, isForce="true")
    assert (await wire.ask(15, **place, commitOffset=2)).remark == "Offset has been previously reset"
    assert (await wire.ask(14, **place)).ext["offset"] == "1"
    assert (await wire.pull(2, sysFlag=5, commitOffset=2)).remark == "OFFSET_RESET"
    assert (await wire.ask(14, **place)).ext["offset"] == "2"


async def test_positions_in_queues_that_are_not_there(wire: Wire) -> None:
    """As in empty ones."""
    for place in ({"topic": f"absent_{SUFFIX}", "queueId": 0}, {"topic": wire.topic, "queueId": 77}):
        answers = [await wire.ask(code, **place, timestamp=5) for code in (29, 30, 31, 32)]
        assert [(answer.code, *answer.ext.values()) for answer in answers] == [(0, "0")] * 3 + [(0, "-1")]


async def test_offsets_by_time(wire: Wire) -> None:
    """Before, at and after two messages."""
    for _ in "12":
        await wire.send()
    now_ms = int(time.time() * 1000)  # noqa: TID251 - a real broker's clock is the system's
    seen = [
        (await wire.ask(29, topic=wire.topic, queueId=0, timestamp=at, boundaryType=boundary)).ext["offset"]
        for boundary in ("lower", "UPPER", "x")
        for at in (-1, now_ms - 60_000, now_ms + 60_000)
    ]
    assert seen == ["0", "0", "2", "0", "0", "1", "0", "0", "2"]


async def test_members_and_pushes(wire: Wire) -> None:
    """A change is told to everybody, the new member included; so is somebody's leaving, even if nobody left."""
    told: dict[str, int] = {"a": 0, "b": 0}

    async def join(name: str) -> Connection:
        def count(_: Command) -> None:
            told[name] += 1

        connection = await Connection.open(wire.broker.address, on_push=count)
        await beat(connection, name, wire.topic)
        return connection

    async def beat(connection: Connection, name: str, *topics: str, version: int = 0) -> None:
        subscriptions = tuple(Subscription(topic, version=version) for topic in topics)
        await connection.call(34, {}, format_heartbeat(Heartbeat(name, (), (ConsumerData(wire.group, subscriptions),))))

    async def until(a: int, b: int) -> None:
        async with asyncio.timeout(5):
            while told != {"a": a, "b": b}:
                await asyncio.sleep(0.01)

    first, second = await join("a"), await join("b")
    await until(2, 1)
    await beat(first, "a", wire.topic, version=9)
    await until(2, 1)
    await beat(first, "a", wire.topic, "more")
    await until(3, 2)
    await wire.ask(35, clientID="a", consumerGroup=wire.group)
    await until(4, 3)
    assert sorted(parse_consumer_list((await wire.ask(38, consumerGroup=wire.group)).body)) == ["a", "b"]
    await second.call(35, {"clientID": "whoever", "consumerGroup": wire.group})
    await until(5, 3)
    await first.close()
    async with asyncio.timeout(5):
        while (await wire.ask(38, consumerGroup=wire.group)).code != 1:
            await asyncio.sleep(0.01)
    await second.close()


async def test_locks(wire: Wire) -> None:
    """Of any queue, for anybody who comes first."""
    queues = (Queue(wire.topic, wire.name, 0), Queue("absent", "broker-z", 1))
    first, second = (format_lock_request(LockRequest(wire.group, name, queues)) for name in "ab")
    assert parse_locked((await wire.ask(41, first)).body) == set(queues)
    assert parse_locked((await wire.ask(41, second)).body) == set()
    await wire.ask(42, second)
    assert parse_locked((await wire.ask(41, second)).body) == set()
    await wire.ask(42, first)
    assert parse_locked((await wire.ask(41, second)).body) == set(queues)
    assert [(await wire.ask(code, b"junk")).code for code in (34, 41, 42)] == [1, 1, 1]


async def test_dead_letters(wire: Wire) -> None:
    """Of a retry that came too often, of one sent while the group holds a lock, of one given back for that."""
    retry, dead = f"%RETRY%{wire.group}", f"%DLQ%{wire.group}"
    assert [(await wire.dead(b"%d" % times, retry, j=times)).code for times in (16, 17)] == [0, 0]
    lock = format_lock_request(LockRequest(wire.group, "a", (Queue(wire.topic, wire.name, 0),)))
    await wire.ask(41, lock)
    await wire.dead(b"locked", retry)
    await wire.ask(42, lock)
    await wire.send(b"back")
    (message,) = await wire.messages()
    back = {"offset": message.physical_offset, "group": wire.group, "delayLevel": -1}
    assert [(await wire.ask(36, **back, **more)).code for more in ({}, {"originTopic": wire.topic})] == [1, 0]
    async with asyncio.timeout(5):
        while len(letters := await wire.messages(dead)) < 3:
            await asyncio.sleep(0.01)
    assert [letter.body for letter in letters] == [b"17", b"locked", b"back"]
    assert [letter.properties["DELAY"] for letter in letters] == ["-1", "-1", "0"]
    assert [letter.reconsume_times for letter in letters] == [17, 0, 1]
    assert (letters[2].properties["RETRY_TOPIC"], letters[2].properties["WAIT"]) == (wire.topic, "false")
    assert letters[2].properties["ORIGIN_MESSAGE_ID"] == message.message_id
    assert (await wire.ask(36, offset=1 << 40, group=wire.group, delayLevel=1)).code == 1


async def test_queries(wire: Wire) -> None:
    """The newest ones, oldest first; none asked for is none found."""
    for number in range(4):
        await wire.send(b"%d" % number, properties={"KEYS": f"all k{number}"})
    ever = {"topic": wire.topic, "beginTimestamp": 0, "endTimestamp": 1 << 50}
    await asyncio.sleep(0.1)
    found = await wire.ask(12, key="all", maxNum=2, **ever)
    assert [message.body for message in decode_messages(found.body)] == [b"2", b"3"]
    assert (await wire.ask(12, key="all", maxNum=0, **ever)).code == 22
    assert (await wire.ask(12, key="all", maxNum=2, topic=wire.topic)).code == 1
    assert (await wire.ask(33, offset=-1)).code == 1


async def test_a_deleted_topic(wire: Wire) -> None:
    """Its queues and offsets go at once, its messages stay in the log, its route stays until it is deleted, too."""
    await wire.send(properties={"UNIQ_KEY": wire.topic})
    (message,) = await wire.messages()
    await wire.ask(15, consumerGroup=wire.group, topic=wire.topic, queueId=0, commitOffset=1)
    await wire.ask(215, topic=wire.topic)
    assert (await wire.pull()).code == 17
    place = {"topic": wire.topic, "queueId": 0}
    assert (await wire.ask(30, **place)).ext["offset"] == "0"
    assert (await wire.ask(14, consumerGroup=wire.group, **place, setZeroIfNotFound="false")).code == 22
    assert decode_messages((await wire.ask(33, offset=message.physical_offset)).body) == [message]
    assert (await wire.names.call(105, {"topic": wire.topic}, accept=ANY)).code == 0
    await wire.names.call(216, {"topic": wire.topic})
    assert (await wire.names.call(105, {"topic": wire.topic}, accept=ANY)).code == 17
    await wire.create(wire.topic)
    answer = await wire.pull(1)
    assert (answer.code, answer.remark) == (21, "NO_MESSAGE_IN_QUEUE")


async def test_requests_that_a_server_does_not_know(wire: Wire) -> None:
    """3, from either; a name server without a cluster to list knows no topics."""
    assert (await wire.ask(9999)).code == 3
    assert (await wire.names.call(310, {}, accept=ANY)).code == 3
    assert (await wire.names.call(224, {}, accept=ANY)).body == b'{"topicList":[]}'
    assert (await wire.names.call(105, {}, accept=ANY)).code == 17


async def test_what_is_answered_about_what_is_not_there(wire: Wire) -> None:
    """Topics, groups, members."""
    absent = f"absent_{SUFFIX}"
    answers = [
        await wire.ask(351, topic=absent),
        await wire.ask(202, topic=absent),
        await wire.ask(38, consumerGroup=absent),
        await wire.ask(203, consumerGroup=absent),
        await wire.ask(208, consumerGroup=absent),
        await wire.ask(207, groupName=absent, cleanOffset="true"),
        await wire.ask(370, topic=absent, recallHandle="abc"),
        await wire.ask(370, topic=wire.topic),
    ]
    assert [answer.code for answer in answers] == [17, 17, 1, 206, 0, 0, 17, 604]
