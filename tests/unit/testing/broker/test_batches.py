"""Batches: all members or none, as they are."""

import pytest

from bridge.rocketmq.records import Message, encode_batch
from bridge.testing.broker import Broker
from bridge.testing.broker.requests import Answer

MEMBERS = [Message("orders", b"%d" % n, {"KEYS": f"k{n}", "empty": ""}) for n in range(3)]
HEADER = {"b": "orders", "c": "TBW102", "d": 4, "e": 1, "f": 0, "g": 7, "h": 0, "m": "true"}


def send(client, body: bytes | None = None, code: int = 320, **changed: object) -> Answer:
    return client.get(code, encode_batch(MEMBERS) if body is None else body, **{**HEADER, **changed})


def test_members_are_stored_in_order_as_they_were_sent(broker: Broker, client) -> None:
    """Nothing is added, nothing lost; the answer has the first offset and every id."""
    answer = send(client)
    stored = broker.messages("orders", 1)
    assert [(message.body, message.properties) for message in stored] == [(m.body, m.properties) for m in MEMBERS]
    assert answer.ext["queueOffset"] == "0"
    assert answer.ext["msgId"].split(",") == [message.message_id for message in stored]
    assert "transactionId" not in answer.ext


def test_the_headers_properties_are_not_the_members(broker: Broker, client) -> None:
    """Its unique key is only answered."""
    assert send(client, i="UNIQ_KEY\x01u\x02colour\x01red\x02").ext["transactionId"] == "u"
    assert all("colour" not in message.properties for message in broker.messages("orders"))


def test_the_header_says_whether_it_is_a_batch(broker: Broker, client) -> None:
    """Not the code: without ``m`` the bytes are one message, with it a single send is a batch."""
    send(client, m="false")
    assert [message.body for message in broker.messages("orders")] == [encode_batch(MEMBERS)]
    send(client, code=310)
    assert len(broker.messages("orders")) == 4


@pytest.mark.parametrize(
    ("changed", "code"),
    [({"e": 9}, 29), ({"b": "nowhere"}, 17), ({"b": "%RETRY%g", "e": 0}, 13), ({"i": "DELAY\x013\x02"}, 13)],
)
def test_refusals(client, changed: dict[str, object], code: int) -> None:
    """As for single sends; a delay in the header and a retry topic are 13."""
    assert send(client, **changed).code == code


@pytest.mark.parametrize("body", [b"", b"junk", encode_batch(MEMBERS)[:-3]])
def test_a_body_that_is_no_batch_is_answered_1(broker: Broker, client, body: bytes) -> None:
    """And nothing is stored."""
    assert send(client, body).code == 1
    assert broker.messages("orders") == []


def test_a_batch_above_the_limit_is_answered_1(broker: Broker, client) -> None:
    """Where a single message is answered 13."""
    broker.config.update({"maxMessageSize": "100"})
    answer = send(client)
    assert answer.code == 1
    assert "message body size exceeded" in (answer.remark or "")


def test_an_empty_body_is_fine_in_a_batch(broker: Broker, client) -> None:
    """But not alone."""
    assert send(client, encode_batch([Message("orders", b"")])).code == 0


def test_delays_of_members_are_ignored(broker: Broker, client) -> None:
    """They appear at once."""
    send(client, encode_batch([Message("orders", b"x", {"TIMER_DELAY_SEC": "60", "DELAY": "3"})]))
    assert len(broker.messages("orders")) == 1


def test_a_timer_in_the_header_loses_the_members(broker: Broker, client) -> None:
    """And stops every timer of the broker, until it is told to pass over such errors."""
    broker.config.update({"timerSkipUnknownError": "false"})
    assert send(client, i="TIMER_DELAY_SEC\x0160\x02").code == 0
    assert broker.messages("orders") == []
    assert broker.timers.stuck
    client.get(25, b"timerSkipUnknownError=true\n")
    assert not broker.timers.stuck


def test_whoever_waits_gets_the_whole_batch(client, other) -> None:
    """Nobody sees a part of it."""
    client.pull(0, flags=6, suspendTimeoutMillis=1000, queueId=1)
    send(other)
    assert client.late[0].ext["nextBeginOffset"] == "3"
