"""The broker fake against the recorded traffic of RocketMQ 5.5.0: the same requests, byte for byte, get the same answers.

Compared are the decoded answers: code, remark, arguments, body; of messages every field and the order of the properties.
Ports are the fake's, so they are masked. What else is not compared stands in ``NOT_COMPARED``, with the reason.
"""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bridge.rocketmq.auth import Credentials
from bridge.rocketmq.frames import Command, FrameReader, encode
from bridge.rocketmq.records import decode_messages
from bridge.testing.broker import FakeCluster
from bridge.testing.clock import ManualClock

RECORDED = Path(__file__).resolve().parents[2].parent / "shared" / "wire" / "rocketmq-frames.json"
pytestmark = pytest.mark.skipif(not RECORDED.exists(), reason="no recorded frames on this machine")

OTHER_TIMERS = "other timers were waiting on the recorded broker"
RECALL_WRITTEN = "a real broker writes a recall into the log, too"
RATES = "times and rates"
NOT_COMPARED: dict[str, tuple[set[str], str]] = {
    "send, timer message by delivery time": ({"queueOffset"}, OTHER_TIMERS),
    "send, delay level 1": ({"queueOffset"}, OTHER_TIMERS),
    "send, timer message by delay, to be recalled": ({"queueOffset"}, OTHER_TIMERS),
    "send, timer message": ({"queueOffset"}, OTHER_TIMERS),
    "send, timer message to be recalled": ({"queueOffset"}, OTHER_TIMERS),
    "send with binary header to a JSON server": ({"msgId"}, RECALL_WRITTEN),
    "query by key": ({"indexLastUpdateTimestamp", "indexLastUpdatePhyoffset"}, RECALL_WRITTEN),
    "query by unique key": ({"indexLastUpdateTimestamp", "indexLastUpdatePhyoffset"}, RECALL_WRITTEN),
    "earliest store time": ({"timestamp"}, "the recorded broker took 25 ms to store the message"),
    "ACL: signed request without body": ({"offset"}, "the message sent before was not yet entered into its queue"),
    "consume stats (body is not standard JSON)": ({"consumeTps", "lastTimestamp"}, RATES),
    "consume stats (208), objects as keys": ({"consumeTps", "lastTimestamp"}, RATES),
    "topic stats (body is not standard JSON)": ({"topicPutTps", "lastUpdateTimestamp"}, RATES),
    "topic stats (202), objects as keys": ({"topicPutTps", "lastUpdateTimestamp"}, RATES),
    "consumer connections (203)": ({"subVersion", "clientAddr"}, "a heartbeat that is not recorded came before"),
}
"""By name of the exchange: members of the answer that are not compared, and why. Its numbers are not in a busy remark."""


def frames() -> list[dict[str, Any]]:
    return json.loads(RECORDED.read_text("utf-8"))["frames"] if RECORDED.exists() else []


FRAMES = frames()


class Wire:
    """A connection that sends recorded bytes and keeps what comes back."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pushes: list[Command] = []
        self.raw = b""
        self._reader = reader
        self._writer = writer
        self._frames = FrameReader()
        self.answers: dict[int, Command] = {}

    @classmethod
    async def open(cls, address: str) -> "Wire":
        host, _, port = address.rpartition(":")
        return cls(*await asyncio.open_connection(host, int(port)))

    def send(self, frame: bytes) -> None:
        self._writer.write(frame)

    async def answer(self, opaque: int) -> Command:
        while opaque not in self.answers:
            await self.read()
        return self.answers.pop(opaque)

    async def push(self) -> Command:
        while not self.pushes:
            await self.read()
        return self.pushes.pop(0)

    async def read(self) -> None:
        self.raw = await self._reader.read(1 << 20)
        assert self.raw, "the fake closed the connection"
        for command in self._frames.feed(self.raw):
            if command.is_response:
                self.answers[command.opaque] = command
            else:
                self.pushes.append(command)

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


class Replay:
    """Plays recorded requests to a fake; each client that is a member of a group has a connection of its own."""

    def __init__(self, fake: FakeCluster, clock: ManualClock) -> None:
        self.fake = fake
        self.clock = clock
        self.wires: dict[str, Wire] = {}
        self.differences: list[str] = []

    async def wire(self, name: str) -> Wire:
        if name not in self.wires:
            address = self.fake.name_server if name == "name server" else self.fake.brokers[0].address
            self.wires[name] = await Wire.open(address)
        return self.wires[name]

    async def play(self, request: dict[str, Any], answer: dict[str, Any] | None) -> None:
        decoded = request["decoded"]
        self._move_clock(request)
        wire = await self.wire(connection_of(request))
        wire.send(base64.b64decode(request["frame"]))
        if "held" in request["name"] and answer is not None and "not held" not in request["name"]:
            await self._wait_out(int(decoded["extFields"]["suspendTimeoutMillis"]))
        if answer is not None:
            self.compare(request["name"], await wire.answer(decoded["opaque"]), answer["decoded"])

    async def _wait_out(self, held_ms: int) -> None:
        """Once the pull is held, let its time pass."""
        while not len(self.fake.brokers[0].holds):
            await asyncio.sleep(0)
        self.clock.advance(held_ms / 1000)
        self.fake.tick()

    def _move_clock(self, request: dict[str, Any]) -> None:
        born_ms = request["decoded"]["extFields"].get("g", "0")
        self.clock.now = max(self.clock.now, int(born_ms) / 1000, CLOCK_S.get(request["n"], 0))
        self.fake.tick()

    def compare(self, name: str, got: Command, wanted: dict[str, Any]) -> None:
        for part, ours, theirs in [
            ("code", got.code, wanted["code"]),
            ("remark", masked(name, got.remark), masked(name, wanted["remark"])),
            ("ext", ext(name, dict(got.ext)), ext(name, wanted["extFields"])),
            ("body", body(name, got, wanted), expected_body(name, wanted)),
        ]:
            if ours != theirs:
                self.differences.append(f"{name}: {part}\n  ours   {ours}\n  theirs {theirs}")

    async def close(self) -> None:
        for wire in self.wires.values():
            await wire.close()


CLOCK_S = {
    48: 1795425258.200,  # the message of delay level 1 has come, the timer message has not
    78: 1795425260.057,
    115: 1795426669.368,
    214: 1795426672.017,  # the second recording's timer message has come
}
"""When the recorded broker got a request, where that matters."""


PUSHED_TO = {
    46: "127.0.0.1@pull1@STREAM",
    83: "127.0.0.1@push1",
    95: "127.0.0.1@push2",
    97: "127.0.0.1@push1",
    106: "127.0.0.1@push1",
    215: "127.0.0.1@1@a",
    217: "127.0.0.1@1@a",
    230: "127.0.0.1@1@a",
}
"""Which member's connection got a push."""


def connection_of(request: dict[str, Any]) -> str:
    decoded = request["decoded"]
    if request["server"] == "name server":
        return "name server"
    member = decoded.get("body_json", {}).get("clientID") if decoded["code"] == 34 else None
    return member or (decoded["extFields"]["clientID"] if decoded["code"] == 35 else "broker")


def masked(name: str, remark: str | None) -> str | None:
    if remark is None:
        return None
    remark = re.sub(r"\d+", "N", remark) if "flow control" in name else remark
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", remark)


def hidden(name: str) -> set[str]:
    return NOT_COMPARED.get(name, (set(), ""))[0]


def ext(name: str, fields: dict[str, str]) -> dict[str, str]:
    """The arguments that are compared; message ids without the port."""
    fields = {key: value for key, value in fields.items() if key not in hidden(name)}
    return {key: re.sub(r"7F0000010000[0-9A-F]{4}", "HOST", value) for key, value in fields.items()}


def body(name: str, got: Command, wanted: dict[str, Any]) -> Any:
    if "messages" in wanted:
        return [message(decoded) for decoded in decode_messages(got.body)]
    if "body_json" in wanted:
        return plain(name, json.loads(got.body))
    return text_body(name, got.body.decode())


def expected_body(name: str, wanted: dict[str, Any]) -> Any:
    if "messages" in wanted:
        return [recorded_message(recorded) for recorded in wanted["messages"]]
    if "body_json" in wanted:
        return plain(name, wanted["body_json"])
    return text_body(name, wanted.get("body_not_standard_json", ""))


def text_body(name: str, text: str) -> str:
    """A body that is no JSON, without port and hidden numbers."""
    for member in hidden(name):
        text = re.sub(rf'"{member}":[\d.]+', f'"{member}":N', text)
    return masked(name, text) or ""


def plain(name: str, value: Any) -> Any:
    """A JSON body without port and hidden members; lists of what has no order are sorted."""
    if isinstance(value, dict):
        return {key: plain(name, member) for key, member in value.items() if key not in hidden(name)}
    if isinstance(value, list):
        return sorted((plain(name, item) for item in value), key=json.dumps)
    return masked(name, value) if isinstance(value, str) else value


def message(stored: Any) -> list[Any]:
    properties = [f"{key}={timed(key, value)}" for key, value in stored.properties.items()]
    fields = [stored.topic, stored.queue_id, stored.queue_offset, stored.body, properties, stored.sys_flag, stored.flag]
    return [*fields, stored.born_time_ms, stored.reconsume_times, stored.prepared_offset]


def recorded_message(recorded: dict[str, Any]) -> list[Any]:
    properties = [f"{key}={timed(key, value)}" for key, value in recorded["properties"].items()]
    content = recorded["body"]
    body_bytes = content["text"].encode() if "text" in content else base64.b64decode(content["b64"])
    fields = [recorded["topic"], recorded["queue_id"], recorded["queue_offset"], body_bytes, properties]
    flags = [recorded["sysflag"], recorded["flag"], recorded["born_ms"]]
    return [*fields, *flags, recorded["reconsume_times"], recorded["prepared_offset"]]


def timed(key: str, value: str) -> str:
    return "N" if key == "TIMER_DEQUEUE_MS" else value


@asynccontextmanager
async def replaying(**options: Any) -> AsyncIterator[Replay]:
    clock = ManualClock(1795425252.0)
    async with FakeCluster(clock=clock, **options) as fake:
        replay = Replay(fake, clock)
        try:
            yield replay
        finally:
            await replay.close()


def exchanges(part: Callable[[dict[str, Any]], bool]) -> Iterator[tuple[dict[str, Any], dict[str, Any] | None]]:
    """Requests with their answers, and pushes, in the order of the recording."""
    answers = {frame["answers"]: frame for frame in FRAMES if frame.get("answers") is not None}
    for frame in FRAMES:
        if part(frame) and frame.get("answers") is None:
            yield frame, answers.get(frame["n"])


async def renew(replay: Replay) -> None:
    """The heartbeat of the first member with newer subscriptions, which is not recorded, only what came of it."""
    recorded = next(frame["decoded"]["body_json"] for frame in FRAMES if frame["n"] == 82)
    text = re.sub(r'"subVersion": \d+', '"subVersion": 1795425269428', json.dumps(recorded))
    wire = await replay.wire("127.0.0.1@push1")
    wire.send(encode(Command(34, 1, body=text.encode(), language="JAVA")))
    await wire.answer(1)


async def join(replay: Replay) -> None:
    """The heartbeat of a second member, which is not recorded, only what came of it."""
    consumer = {"groupName": "demo_rule_1", "consumeType": "CONSUME_ACTIVELY", "messageModel": "CLUSTERING"}
    topic = {"topic": "demo_events", "subString": "*", "expressionType": "TAG", "subVersion": 0}
    data = {**consumer, "consumeFromWhere": "CONSUME_FROM_LAST_OFFSET", "subscriptionDataSet": [topic]}
    beat = {"clientID": "127.0.0.1@2@b", "producerDataSet": [], "consumerDataSet": [data]}
    wire = await replay.wire("127.0.0.1@2@b")
    wire.send(encode(Command(34, 1, body=json.dumps(beat).encode())))
    await wire.answer(1)
    await wire.push()


BETWEEN = {91: renew, 217: join}
"""What happened between the recorded frames."""


async def test_the_java_client_and_the_prototype_are_answered_as_recorded() -> None:
    """Both recordings, one after the other on one broker, as they were made."""
    async with replaying() as replay:
        log = replay.fake.brokers[0].log
        places = {12: 2467628982, 141: 13570689760}
        for request, answer in exchanges(lambda frame: frame["server"] in {"broker", "name server"}):
            log.position = places.get(request["n"], log.position)
            if request["n"] in BETWEEN:
                await BETWEEN[request["n"]](replay)
            if (member := PUSHED_TO.get(request["n"])) is not None:
                push = await (await replay.wire(member)).push()
                assert (push.code, push.ext) == (40, request["decoded"]["extFields"])
            else:
                await replay.play(request, answer)
        assert not replay.differences, "\n".join(replay.differences)
        assert [name for name, wire in replay.wires.items() if wire.pushes] == []
        left = {opaque: answer.code for wire in replay.wires.values() for opaque, answer in wire.answers.items()}
        assert left == {175: 17}, "only the pull that was held when its topic was deleted is answered later, with 17"


async def test_a_broker_with_acl_answers_as_recorded() -> None:
    """No signature, a good one, a wrong one, an unknown user and one without a policy."""
    async with replaying(credentials=Credentials("admin", "adminsecret")) as replay:
        replay.fake.users.add(Credentials("guest", "guestsecret"))
        replay.fake.create_topic("acl_events", queues=1)
        replay.fake.brokers[0].log.position = 0x3F6
        for request, answer in exchanges(lambda frame: frame["server"] == "broker with ACL 2.0"):
            await replay.play(request, answer)
        assert not replay.differences, "\n".join(replay.differences)


async def test_a_busy_broker_answers_as_recorded() -> None:
    """Flow control refuses with 2 and a text that says why."""
    async with replaying() as replay:
        replay.fake.create_topic("demo_events", queues=1)
        replay.fake.faults.busy()
        for request, answer in exchanges(lambda frame: "send queue limit" in frame["server"]):
            await replay.play(request, answer)
        assert not replay.differences, "\n".join(replay.differences)


async def test_a_broker_with_binary_headers_answers_as_recorded() -> None:
    """It answers with binary headers whatever it was asked with."""
    async with replaying(config={"rocketmq.serialize.type": "ROCKETMQ"}) as replay:
        replay.fake.brokers[0].log.position = 315560434
        for request, answer in exchanges(lambda frame: "binary headers" in frame["server"]):
            await replay.play(request, answer)
            assert (await replay.wire("broker")).raw[4] == 1
        assert not replay.differences, "\n".join(replay.differences)


def test_what_is_not_compared_was_recorded() -> None:
    """The list of exceptions names nothing that is not there."""
    assert set(NOT_COMPARED) <= {frame["name"] for frame in FRAMES}
