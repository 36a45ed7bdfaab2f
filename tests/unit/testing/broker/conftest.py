"""A broker without sockets, a clock that stands still, and clients that ask it directly."""

import pytest

from bridge.rocketmq.bodies import ConsumerData, Heartbeat, Subscription, format_heartbeat
from bridge.rocketmq.configs import TopicConfig
from bridge.rocketmq.frames import Command
from bridge.rocketmq.records import StoredMessage, decode_messages
from bridge.testing.broker import Broker
from bridge.testing.broker.dispatch import answer
from bridge.testing.broker.requests import Answer, Request
from bridge.testing.broker.users import Users
from bridge.testing.clock import ManualClock


class Client:
    """One connection: what it asked for and was answered, pushed and told later."""

    def __init__(self, broker: Broker, name: str = "client") -> None:
        self.broker = broker
        self.name = name
        self.peer = "127.0.0.1:50000"
        self.pushes: list[str] = []
        self.late: list[Answer] = []
        self.closed = False

    def push(self, command: Command) -> None:
        assert command.code == 40
        self.pushes.append(command.ext["consumerGroup"])

    def answer(self, request: Command, answer: Answer) -> None:
        self.late.append(answer)

    def close(self) -> None:
        self.closed = True

    def ask(self, code: int, body: bytes = b"", **ext: object) -> Answer | None:
        command = Command(code, 1, ext={name: str(value) for name, value in ext.items()}, body=body)
        return answer(self.broker, Users(), Request(command, self, self.broker.now_ms))

    def get(self, code: int, body: bytes = b"", **ext: object) -> Answer:
        got = self.ask(code, body, **ext)
        assert got is not None
        return got

    def send(self, body: bytes = b"x", topic: str = "orders", queue: int = 0, **properties: object) -> Answer:
        text = "".join(f"{name}\x01{value}\x02" for name, value in properties.items())
        return self.get(310, body, b=topic, c="TBW102", d=4, e=queue, f=0, g=7, h=0, i=text)

    def pull(self, offset: int = 0, *, topic: str = "orders", flags: int = 4, **ext: object) -> Answer | None:
        header = {
            "consumerGroup": "g",
            "queueId": 0,
            "maxMsgNums": 32,
            "subVersion": 0,
            "subscription": "*",
            "expressionType": "TAG",
        }
        return self.ask(11, **{**header, "topic": topic, "queueOffset": offset, "sysFlag": flags, **ext})

    def pulled(self, offset: int = 0, **options: object) -> list[StoredMessage]:
        got = self.pull(offset, **options)
        assert got is not None
        assert got.code == 0, got
        return decode_messages(got.body)

    def beat(self, group: str = "g", *topics: str, expression: str = "*", version: int = 0) -> Answer:
        subscriptions = tuple(Subscription(topic, expression, "TAG", version) for topic in topics)
        return self.get(34, format_heartbeat(Heartbeat(self.name, (), (ConsumerData(group, subscriptions),))))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(1_795_425_252.0)


@pytest.fixture
def broker(clock: ManualClock) -> Broker:
    """With a topic ``orders`` of two queues."""
    made = Broker(clock=clock)
    made.topics.put(TopicConfig("orders", 2, 2))
    return made


@pytest.fixture
def client(broker: Broker) -> Client:
    return Client(broker)


@pytest.fixture
def other(broker: Broker) -> Client:
    """A second connection."""
    return Client(broker, "other")
