"""The commit log and its views: records by physical offset, by queue, by key.

Every record is encoded once, when it is appended, so a pull joins bytes. A deleted topic's records stay in the log, and
are still found by key and physical offset, as on a real broker; ``expire`` drops the oldest.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from bridge.rocketmq.records import StoredMessage, encode_message
from bridge.testing.broker.java import java_hash

FOREVER = 1 << 62


class Record(NamedTuple):
    message: StoredMessage
    encoded: bytes
    tag_hash: int

    @property
    def end(self) -> int:
        """The physical offset after it."""
        return self.message.physical_offset + len(self.encoded)


@dataclass(slots=True)
class QueueView:
    """One queue: its records from ``minimum`` on; ``written`` counts those that are in the log and not yet in here."""

    minimum: int = 0
    records: list[Record] = field(default_factory=list)
    written: int = 0

    @property
    def maximum(self) -> int:
        """The next offset to be written."""
        return self.minimum + len(self.records)

    def at(self, offset: int) -> Record:
        return self.records[offset - self.minimum]

    def first_since(self, time_ms: int) -> int:
        """The first offset stored at or after the time; the next one to be written if all are older."""
        return self.minimum + bisect_left(self.records, time_ms, key=_stored)

    def last_until(self, time_ms: int) -> int:
        """The last offset stored at or before the time; 0 if all are younger."""
        return max(self.minimum + bisect_right(self.records, time_ms, key=_stored) - 1, 0)


class Log:
    """``position`` is the physical offset of the next record; a test may move it on. What lies further back than
    ``memory_bytes`` counts as on disk, where the limits of a pull are lower.
    """

    def __init__(self) -> None:
        self.position = 0
        self.memory_bytes = FOREVER
        self.last: Record | None = None
        self._queues: dict[tuple[str, int], QueueView] = defaultdict(QueueView)
        self._records: dict[int, Record] = {}
        self._keys: dict[tuple[str, str], list[int]] = defaultdict(list)

    def queue(self, topic: str, queue_id: int) -> QueueView:
        """The queue's view, an empty one if nothing was ever stored there."""
        return self._queues.get((topic, queue_id)) or QueueView()

    def write(self, message: StoredMessage) -> Record:
        """Store a message; queue offset and physical offset are given here. It can only be viewed by its place yet."""
        view = self._queues[message.topic, message.queue_id]
        offset = view.maximum + view.written
        message = message._replace(queue_offset=offset, physical_offset=self.position)
        record = Record(message, encode_message(message), _tag_hash(message))
        view.written += 1
        self._records[self.position] = record
        self.position = record.end
        return record

    def enter(self, record: Record) -> None:
        """Show a written record in its queue and by its keys, in the order of writing."""
        message = record.message
        view = self._queues[message.topic, message.queue_id]
        if not view.written or message.queue_offset != view.maximum:
            return  # its topic was deleted meanwhile
        view.written -= 1
        view.records.append(record)
        for key in _keys(message):
            self._keys[message.topic, key].append(message.physical_offset)
        self.last = record

    def append(self, message: StoredMessage) -> Record:
        """Write and enter."""
        record = self.write(message)
        self.enter(record)
        return record

    def view(self, physical_offset: int) -> Record | None:
        return self._records.get(physical_offset)

    def find(self, topic: str, key: str, begin_ms: int, end_ms: int) -> list[Record]:
        """All records with the key in KEYS or UNIQ_KEY, stored within the times, oldest first."""
        offsets = self._keys.get((topic, key), [])
        found = [record for offset in dict.fromkeys(offsets) if (record := self._records.get(offset)) is not None]
        return [record for record in found if begin_ms <= record.message.store_time_ms <= end_ms]

    def in_memory(self, record: Record) -> bool:
        return self.position - record.message.physical_offset <= self.memory_bytes

    def forget_queues(self, topic: str) -> None:
        """What deleting a topic does: the queues go, the records stay."""
        for key in [key for key in self._queues if key[0] == topic]:
            del self._queues[key]

    def expire(self, topic: str, queue_id: int, before: int) -> None:
        """Drop the queue's records below an offset for good, as retention does."""
        view = self._queues[topic, queue_id]
        gone = max(min(before, view.maximum) - view.minimum, 0)
        for record in view.records[:gone]:
            self._records.pop(record.message.physical_offset, None)
        del view.records[:gone]
        view.minimum += gone


def _stored(record: Record) -> int:
    return record.message.store_time_ms


def _tag_hash(message: StoredMessage) -> int:
    """What filters by tag compare; 0 without a tag."""
    return java_hash(message.properties.get("TAGS", ""))


def _keys(message: StoredMessage) -> list[str]:
    keys = message.properties.get("KEYS", "").split()
    unique = message.properties.get("UNIQ_KEY")
    return [*keys, unique] if unique else keys
