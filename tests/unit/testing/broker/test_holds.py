"""Pulls that wait."""

from bridge.rocketmq.records import StoredMessage
from bridge.testing.broker.holds import Held, Holds
from bridge.testing.broker.log import Log, Record


def record(offset: int, tag: str = "A") -> Record:
    log = Log()
    log.expire("t", 0, 0)
    for _ in range(offset):
        log.append(StoredMessage("t", 0, 0, b"", {}))
    return log.append(StoredMessage("t", 0, 0, b"", {"TAGS": tag}))


def held(client, offset: int = 0, deadline_ms: int = 100, tag: str = "A") -> Held:
    return Held(client, offset, lambda record: record.message.properties["TAGS"] == tag, deadline_ms, lambda: None)


def test_a_wanted_record_at_or_behind_the_offset_ends_a_wait(client) -> None:
    """Each wait ends once."""
    holds, one, two = Holds(), held(client, 0), held(client, 5)
    holds.add("t", 0, one)
    holds.add("t", 0, two)
    assert holds.arrived(record(3, "B")) == []
    assert holds.arrived(record(3)) == [one]
    assert holds.arrived(record(5)) == [two]
    assert holds.arrived(record(6)) == []
    assert len(holds) == 0


def test_waits_end_with_their_time(client) -> None:
    """The earliest says when to look."""
    holds, one, two = Holds(), held(client, deadline_ms=100), held(client, deadline_ms=200)
    holds.add("t", 0, one)
    holds.add("u", 1, two)
    assert holds.next_ms == 100
    assert holds.expired(99) == []
    assert holds.expired(100) == [one]
    assert holds.next_ms == 200
    assert holds.expired(1000) == [two]
    assert holds.next_ms is None


def test_a_connections_waits_go_with_it(client, other) -> None:
    """No other's."""
    holds, mine = Holds(), held(client)
    holds.add("t", 0, mine)
    holds.add("t", 0, held(other))
    holds.disconnect(other)
    assert holds.expired(1000) == [mine]
