"""Messages by place and by key."""

import pytest

from bridge.rocketmq.records import decode_messages
from bridge.testing.broker import Broker

EVER = {"beginTimestamp": 0, "endTimestamp": 1 << 50}


@pytest.fixture
def filled(broker: Broker, client) -> Broker:
    for number in range(4):
        client.send(b"%d" % number, KEYS=f"all k{number}", UNIQ_KEY=f"u{number}")
    return broker


def found(client, key: str, most: int = 9, **ext: object) -> list[bytes]:
    answer = client.get(12, topic="orders", key=key, maxNum=most, **{**EVER, **ext})
    return [message.body for message in decode_messages(answer.body)] if answer.code == 0 else []


def test_a_message_is_viewed_by_its_place(filled: Broker, client) -> None:
    """1 where none begins."""
    message = filled.messages("orders")[2]
    assert decode_messages(client.get(33, offset=message.physical_offset).body) == [message]
    assert client.get(33, offset=message.physical_offset + 1).code == 1


def test_messages_are_found_by_key(filled: Broker, client) -> None:
    """The newest ones, oldest first, within the times."""
    assert found(client, "all") == [b"0", b"1", b"2", b"3"]
    assert found(client, "all", 2) == [b"2", b"3"]
    assert found(client, "k1") == [b"1"]
    assert found(client, "all", endTimestamp=filled.now_ms - 1) == []


def test_a_unique_key_has_a_limit_of_its_own(filled: Broker, client) -> None:
    """The broker's, not the request's."""
    assert found(client, "u2", 0, _UNIQUE_KEY_QUERY="true") == [b"2"]
    assert found(client, "k2", 0) == []


def test_nothing_found_is_22(client) -> None:
    """With empty figures of the index; a missing time is 1."""
    answer = client.get(12, topic="orders", key="k", maxNum=1, **EVER)
    assert (answer.code, set(answer.ext.values())) == (22, {"0"})
    assert client.get(12, topic="orders", key="k", maxNum=1).code == 1
