"""Load on one topic, and whether every claim of the client held: what it said is stored is there, what not is not.

Senders send numbered messages, one after the other, each to one queue; readers pull each queue from its beginning, through
all that goes wrong. What each send was told is recorded; at the end the queues are read once more and compared.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bridge.rocketmq.cluster import Cluster
from bridge.rocketmq.consumer import Puller
from bridge.rocketmq.errors import RocketMQError
from bridge.rocketmq.offsets import Offsets
from bridge.rocketmq.producer import Producer
from bridge.rocketmq.records import Message, StoredMessage
from bridge.rocketmq.routes import Queue

GROUP = "load_reader"
REST_S = 0.05
"""After a send or a pull that failed."""


@dataclass
class Told:
    """What the client said of each message, by its text. ``errors``: how many of each kind there were."""

    stored: dict[str, tuple[Queue, int]] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    not_stored: set[str] = field(default_factory=set)
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def attempts(self) -> int:
        return len(self.stored) + len(self.unknown) + len(self.not_stored)


class Load:
    """Used as ``async with Load(cluster, topic).running(senders=16) as load``; then ``check``."""

    def __init__(self, cluster: Cluster, topic: str, producer: Producer | None = None) -> None:
        self.told = Told()
        self.read: dict[Queue, list[StoredMessage]] = {}
        self.trouble: Counter[str] = Counter()  # of readers
        self._cluster = cluster
        self._topic = topic
        self._producer = producer or Producer(cluster, "load")
        self._ended = False

    @asynccontextmanager
    async def running(self, senders: int = 16) -> AsyncIterator["Load"]:
        """At the end no new send begins; readers go on until they have read all that the receipts tell of."""
        queues = (await self._cluster.route(self._topic)).writable
        async with asyncio.TaskGroup() as group:
            readers = [group.create_task(self._read(queue)) for queue in queues]
            sending = [group.create_task(self._send(str(n), queues[n % len(queues)])) for n in range(senders)]
            yield self
            self._ended = True
            await asyncio.wait(sending)
            async with asyncio.timeout(60):
                while any(len(self.read[queue]) < end for queue, end in self._ends().items()):
                    await asyncio.sleep(REST_S)
            for reader in readers:
                reader.cancel()

    async def more(self, number: int, seconds: float = 60) -> None:
        """Returns when so many more messages are acknowledged: sending goes on, or goes on again."""
        enough = len(self.told.stored) + number
        async with asyncio.timeout(seconds):
            while len(self.told.stored) < enough:
                await asyncio.sleep(REST_S)

    def _ends(self) -> dict[Queue, int]:
        ends: dict[Queue, int] = {}
        for queue, offset in self.told.stored.values():
            ends[queue] = max(ends.get(queue, 0), offset + 1)
        return ends

    async def _send(self, name: str, queue: Queue) -> None:
        number = 0
        while not self._ended:
            text = f"{name}-{number}"
            number += 1
            try:
                receipt = await self._producer.send(Message(self._topic, text.encode(), {"KEYS": text}), queue)
                self.told.stored[text] = (queue, receipt.offset)
            except RocketMQError as error:
                self.told.errors[type(error).__name__] += 1
                (self.told.unknown if error.maybe_done else self.told.not_stored).add(text)
                await asyncio.sleep(REST_S)

    async def _read(self, queue: Queue) -> None:
        puller, offset = Puller(self._cluster, GROUP, queue), 0
        found = self.read.setdefault(queue, [])
        while True:
            try:
                pulled = await puller.pull(offset, wait_s=2)
            except RocketMQError as error:
                self.trouble[type(error).__name__] += 1
                await asyncio.sleep(REST_S)
                continue
            found += pulled.messages
            offset = pulled.next_offset

    async def check(self) -> None:
        """All claims, against what the queues hold now."""
        held = {queue: await self._all(queue) for queue in self.read}
        by_text: dict[str, tuple[Queue, int]] = {}
        for queue, messages in held.items():
            assert [message.queue_offset for message in messages] == list(range(len(messages)))
            for message in messages:
                text = message.body.decode()
                assert text not in by_text, f"{text} is stored twice"
                by_text[text] = (queue, message.queue_offset)
        lost = {text: place for text, place in self.told.stored.items() if by_text.get(text) != place}
        assert not lost, f"acknowledged, and not there: {lost}"
        assert not self.told.not_stored & by_text.keys(), "said to be not stored, and it is"
        assert by_text.keys() <= self.told.stored.keys() | self.told.unknown
        for queue, messages in held.items():
            _check_order(message.body.decode() for message in messages if message.body.decode() in self.told.stored)
            seen = [(message.queue_offset, message.body) for message in self.read[queue]]
            assert seen == [(message.queue_offset, message.body) for message in messages[: len(seen)]]

    async def _all(self, queue: Queue) -> list[StoredMessage]:
        puller, found, offset = Puller(self._cluster, GROUP, queue), list[StoredMessage](), 0
        end = await Offsets(self._cluster, GROUP).maximum(queue)
        while offset < end:
            pulled = await puller.pull(offset, wait_s=0)
            found += pulled.messages
            offset = pulled.next_offset
        return found


def _check_order(texts: Iterable[str]) -> None:
    """Of each sender, what was sent after another message was acknowledged lies behind it. What got no answer may lie
    anywhere: a broker that was stopped stores late what it had taken in.
    """
    last: dict[str, int] = {}
    for text in texts:
        sender, number = text.split("-")
        assert last.get(sender, -1) < int(number), f"{text} is stored behind a later one"
        last[sender] = int(number)
