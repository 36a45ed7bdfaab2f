"""One broker without its sockets: everything that it knows, and what happens as time goes by."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping

from bridge.model.clock import Clock, system_clock
from bridge.rocketmq.codes import RequestCode
from bridge.rocketmq.frames import ONE_WAY, Command
from bridge.rocketmq.records import StoredMessage
from bridge.testing.broker.config import Config
from bridge.testing.broker.groups import Groups
from bridge.testing.broker.holds import Holds
from bridge.testing.broker.locks import Locks
from bridge.testing.broker.log import FOREVER, Log, Record
from bridge.testing.broker.members import Members
from bridge.testing.broker.offsets import Offsets
from bridge.testing.broker.requests import Answer, Request, Session
from bridge.testing.broker.timers import Timers
from bridge.testing.broker.topics import Topics

CLUSTER, REGION = "DefaultCluster", "DefaultRegion"


class Broker:
    """Its parts are open for asserts and for arranging a test; ``put`` and ``messages`` are the usual two.

    ``entry_delay_ms``: so much later than its send is answered a message is seen in its queue, by pulls and by offsets.
    It is some milliseconds on a real broker, and 0 here unless a test sets it.
    """

    def __init__(
        self,
        name: str = "broker-a",
        *,
        clock: Clock = system_clock,
        config: Mapping[str, str] | None = None,
        more_queues: int = 0,
    ) -> None:
        self.name = name
        self.cluster = CLUSTER
        self.address = "127.0.0.1:10911"
        self.clock = clock
        self.config = Config(config)
        self.topics = Topics(CLUSTER, name, more_queues=more_queues)
        self.groups = Groups(self.config)
        self.log = Log()
        self.offsets = Offsets()
        self.members = Members()
        self.locks = Locks()
        self.timers = Timers()
        self.holds = Holds()
        self.boot_ms = self.now_ms
        self.offsets.start(clock())
        self.entry_delay_ms = 0
        self._entering: deque[tuple[int, Record]] = deque()
        self._pushed = 0

    @property
    def now_ms(self) -> int:
        return int(self.clock() * 1000)

    def put(
        self, topic: str, body: bytes, queue_id: int = 0, properties: Mapping[str, str] | None = None
    ) -> StoredMessage:
        """Store a message as if it had been sent, nothing added; the topic need not exist."""
        message = StoredMessage(topic, queue_id, 0, body, dict(properties or {}))
        return self.store(message).message

    def messages(self, topic: str, queue_id: int | None = None) -> list[StoredMessage]:
        """What is kept of a topic's queue, or of all its queues in the order of arrival."""
        config = self.topics.find(topic)
        ids = (
            [queue_id] if queue_id is not None else range(max(config.read_queues, config.write_queues) if config else 1)
        )
        found = [record.message for number in ids for record in self.log.queue(topic, number).records]
        return sorted(found, key=lambda message: message.physical_offset)

    def store(self, message: StoredMessage) -> Record:
        """Append to the log and end the pulls that wait for it. Time and host of storing are given here."""
        return self.store_all([message])[0]

    def store_all(self, messages: Iterable[StoredMessage]) -> list[Record]:
        """Append several before anybody sees them."""
        now_ms = self.now_ms
        messages = [message._replace(store_time_ms=now_ms, store_host=self.address) for message in messages]
        records = [self.log.write(message) for message in messages]
        self._entering.extend((now_ms + self.entry_delay_ms, record) for record in records)
        self._enter(now_ms)
        return records

    def _enter(self, now_ms: int) -> None:
        """Show what was written long enough ago, all of it before anybody is told."""
        shown = []
        while self._entering and self._entering[0][0] <= now_ms:
            shown.append(self._entering.popleft()[1])
            self.log.enter(shown[-1])
        for record in shown:
            for held in self.holds.arrived(record):
                held.resume()

    def tick(self) -> None:
        """Do what time has brought: deliver timers, end waits, drop silent members with their connections."""
        now_ms = self.now_ms
        self._enter(now_ms)
        for message in self.timers.due(now_ms):
            self.store(message)
        for held in self.holds.expired(now_ms):
            held.resume()
        for session in self.members.silent(now_ms):
            self.disconnect(session)
            session.close()

    @property
    def next_ms(self) -> int | None:
        """When ``tick`` will have something to do."""
        entry = self._entering[0][0] if self._entering else None
        times = (entry, self.timers.next_ms, self.holds.next_ms, self.members.next_ms)
        return min((time for time in times if time is not None), default=None)

    def notify(self, group: str) -> None:
        """Tell a group's members that they are others than before."""
        config = self.groups.reach(group)
        for session in self.members.sessions(group) if config is None or config.notify_ids_changed else []:
            self._pushed += 1
            code = RequestCode.NOTIFY_CONSUMER_IDS_CHANGED
            session.push(Command(code, self._pushed, ONE_WAY, {"consumerGroup": group}, language="JAVA"))

    def disconnect(self, session: Session) -> None:
        """A connection has closed."""
        self.holds.disconnect(session)
        for group in self.members.disconnect(session):
            self.notify(group)

    def stop(self, *, crash: bool = False) -> None:
        """What ends with the process: members, locks, waits; after a crash also commits of the last seconds."""
        self.members.clear()
        self.locks.clear()
        self.holds = Holds()
        self._enter(FOREVER)
        if crash:
            self.offsets.crash(self.clock())

    def start(self) -> None:
        self.boot_ms = self.now_ms
        self.offsets.start(self.clock())


Handler = Callable[[Broker, Request], Answer | None]
"""Carries out one kind of request; None: no answer, or not yet. Raises Refusal."""
