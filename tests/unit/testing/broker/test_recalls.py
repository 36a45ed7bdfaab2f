"""Taking a timer message back."""

import base64

import pytest

from bridge.testing.broker import Broker
from bridge.testing.broker.requests import Answer


def recall(client, handle: str, topic: str = "orders") -> Answer:
    return client.get(370, topic=topic, recallHandle=handle)


def test_a_recalled_message_is_never_delivered(broker: Broker, client, clock) -> None:
    """Saying so twice is fine; the answer names the unique key."""
    handle = client.send(TIMER_DELAY_SEC=60, UNIQ_KEY="u").ext["recallHandle"]
    assert base64.urlsafe_b64decode(handle).split()[:3] == [b"v1", b"orders", b"broker-a"]
    assert [dict(recall(client, handle).ext) for _ in "12"] == [{"MSG_REGION": "DefaultRegion", "msgId": "u"}] * 2
    clock.advance(120)
    broker.tick()
    assert broker.messages("orders") == []
    assert recall(client, handle).code == 604


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "v2 orders broker-a 9 u",
        "v1 other broker-a 9 u",
        "v1 orders broker-x 1795425300000 u",
        "v1 orders broker-a soon u",
        "v1 orders broker-a 1 u",
        "v1 orders broker-a 9999999999999 u",
    ],
)
def test_bad_handles_are_refused(client, text: str) -> None:
    """Another form, topic or broker, a time that has passed or is too far ahead: 604."""
    assert recall(client, base64.urlsafe_b64encode(text.encode()).decode()).code == 604
    assert recall(client, "abc").code == 604


def test_recalls_of_an_unknown_topic_and_without_the_setting(broker: Broker, client) -> None:
    """17, and 16."""
    assert recall(client, "abc", "nowhere").code == 17
    broker.config.update({"recallMessageEnable": "false"})
    assert recall(client, "abc").code == 16
