"""Records by place, by queue and by key."""

import pytest

from bridge.rocketmq.records import StoredMessage, decode_messages
from bridge.testing.broker.log import Log


@pytest.fixture
def log() -> Log:
    """Five messages in one queue, stored at 10, 20, 20, 30 and 40 ms."""
    made = Log()
    for number, time_ms in enumerate([10, 20, 20, 30, 40]):
        properties = {"KEYS": f"k{number} all", "UNIQ_KEY": f"u{number}"}
        made.append(StoredMessage("t", 0, 0, b"%d" % number, properties, store_time_ms=time_ms))
    return made


def bodies(log: Log, key: str, begin_ms: int = 0, end_ms: int = 100) -> list[bytes]:
    return [record.message.body for record in log.find("t", key, begin_ms, end_ms)]


def test_a_record_knows_its_place(log: Log) -> None:
    """Queue offsets count, physical offsets follow the sizes, and the bytes say both."""
    records = log.queue("t", 0).records
    assert [record.message.queue_offset for record in records] == [0, 1, 2, 3, 4]
    assert [record.end for record in records[:-1]] == [record.message.physical_offset for record in records[1:]]
    assert decode_messages(b"".join(record.encoded for record in records)) == [record.message for record in records]
    assert log.last is records[-1]


def test_a_place_in_the_log_finds_its_record(log: Log) -> None:
    """Only where one begins."""
    record = log.queue("t", 0).at(3)
    assert log.view(record.message.physical_offset) is record
    assert log.view(record.message.physical_offset + 1) is None


@pytest.mark.parametrize(
    ("time_ms", "first", "last"), [(5, 0, 0), (10, 0, 0), (15, 1, 0), (20, 1, 2), (40, 4, 4), (41, 5, 4)]
)
def test_times_find_offsets(log: Log, time_ms: int, first: int, last: int) -> None:
    """The first one since and the last one until."""
    queue = log.queue("t", 0)
    assert (queue.first_since(time_ms), queue.last_until(time_ms)) == (first, last)


def test_keys_find_messages(log: Log) -> None:
    """Each word of KEYS and the unique key, within times of storing, oldest first."""
    assert bodies(log, "k1") == bodies(log, "u1") == [b"1"]
    assert bodies(log, "all", 20, 30) == [b"1", b"2", b"3"]
    assert bodies(log, "k1 all") == []


def test_a_written_record_is_seen_when_it_is_entered(log: Log) -> None:
    """By its place at once, in its queue and by its keys only then; one of a deleted topic never."""
    written = [log.write(StoredMessage("t", 0, 0, body, {"KEYS": "late"})) for body in (b"5", b"6")]
    assert [record.message.queue_offset for record in written] == [5, 6]
    assert log.view(written[0].message.physical_offset) is written[0]
    assert log.queue("t", 0).maximum == 5
    log.enter(written[0])
    assert log.queue("t", 0).maximum == 6
    assert bodies(log, "late") == [b"5"]
    log.forget_queues("t")
    log.enter(written[1])
    assert log.queue("t", 0).maximum == 0


def test_an_unknown_queue_is_empty(log: Log) -> None:
    """Asking for it does not create it."""
    assert (log.queue("t", 7).minimum, log.queue("t", 7).maximum) == (0, 0)


def test_expiry_drops_the_oldest(log: Log) -> None:
    """They are found no more; offsets go on."""
    log.expire("t", 0, 3)
    queue = log.queue("t", 0)
    assert (queue.minimum, queue.maximum) == (3, 5)
    assert bodies(log, "all") == [b"3", b"4"]
    assert queue.at(3).message.body == b"3"
    log.expire("t", 0, 100)
    assert (queue.minimum, queue.maximum) == (5, 5)


def test_a_deleted_topics_records_stay_in_the_log(log: Log) -> None:
    """Its queues begin at 0 again, its messages are still found."""
    record = log.queue("t", 0).at(2)
    log.forget_queues("t")
    assert log.queue("t", 0).maximum == 0
    assert log.view(record.message.physical_offset) is record
    assert bodies(log, "k2") == [b"2"]


def test_old_records_may_count_as_on_disk(log: Log) -> None:
    """Those that lie further back than the memory reaches."""
    old, new = log.queue("t", 0).at(0), log.queue("t", 0).at(4)
    assert log.in_memory(old)
    log.memory_bytes = len(new.encoded)
    assert [log.in_memory(record) for record in (old, new)] == [False, True]
