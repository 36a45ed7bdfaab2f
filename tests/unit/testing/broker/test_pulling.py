"""Pulls: what is found, what is not, and waits."""

import pytest

from bridge.rocketmq.configs import GroupConfig, TopicConfig
from bridge.testing.broker import Broker
from bridge.testing.broker.requests import Answer


@pytest.fixture
def filled(broker: Broker) -> Broker:
    """Five messages in queue 0, tagged A and B in turn, numbered."""
    for number in range(5):
        broker.put("orders", b"%d" % number, 0, {"TAGS": "AB"[number % 2], "n": str(number)})
    return broker


def told(answer: Answer | None) -> tuple[int, str | None, str, str, str]:
    assert answer is not None
    code, ext, _, remark = answer
    return int(code), remark, ext["nextBeginOffset"], ext["minOffset"], ext["maxOffset"]


def test_messages_are_found_in_order(filled: Broker, client) -> None:
    """From the offset on, as many as asked for, at least one."""
    assert [message.body for message in client.pulled(1)] == [b"1", b"2", b"3", b"4"]
    assert told(client.pull(1, maxMsgNums=2)) == (0, "FOUND", "3", "0", "5")
    assert told(client.pull(1, maxMsgNums=0)) == (0, "FOUND", "2", "0", "5")
    assert client.pulled(0)[0] == filled.messages("orders", 0)[0]


@pytest.mark.parametrize(
    ("offset", "answer"),
    [
        (5, (19, "OFFSET_OVERFLOW_ONE", "5", "2", "5")),
        (6, (21, "OFFSET_OVERFLOW_BADLY", "5", "2", "5")),
        (1, (21, "OFFSET_TOO_SMALL", "2", "2", "5")),
    ],
)
def test_offsets_without_a_message(filled: Broker, client, offset: int, answer: tuple[object, ...]) -> None:
    """At the end, beyond it, and before what is kept."""
    filled.log.expire("orders", 0, 2)
    assert told(client.pull(offset)) == answer


def test_an_empty_queue_has_an_answer_of_its_own(client) -> None:
    """At 0 it is no error, elsewhere the offset has moved."""
    assert told(client.pull(0)) == (19, "NO_MESSAGE_IN_QUEUE", "0", "0", "0")
    assert told(client.pull(3)) == (21, "NO_MESSAGE_IN_QUEUE", "0", "0", "0")


def test_filters_pass_over_messages(filled: Broker, client) -> None:
    """The next offset is behind what was looked at."""
    assert [message.body for message in client.pulled(subscription="B")] == [b"1", b"3"]
    assert [message.body for message in client.pulled(subscription="n > 3", expressionType="SQL92")] == [b"4"]
    assert told(client.pull(subscription="C")) == (20, "NO_MATCHED_MESSAGE", "5", "0", "5")


def test_a_filtered_pull_looks_at_800_messages(broker: Broker, client) -> None:
    """Or as many as were asked for."""
    for _ in range(900):
        broker.put("orders", b"x")
    assert told(client.pull(subscription="C"))[2] == "800"
    assert told(client.pull(subscription="C", maxMsgNums=850))[2] == "850"


@pytest.mark.parametrize(("where", "most"), [("Memory", 3), ("Disk", 2)])
def test_limits_of_count_and_size(filled: Broker, client, where: str, most: int) -> None:
    """Others for old messages than for new ones; one message always comes."""
    filled.log.memory_bytes = 0 if where == "Disk" else filled.log.memory_bytes
    filled.config.update({f"maxTransferCountOnMessageIn{where}": str(most)})
    assert len(client.pulled()) == most
    filled.config.update({f"maxTransferBytesOnMessageIn{where}": "1"})
    assert len(client.pulled()) == 1


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"topic": "nowhere"}, 17),
        ({"queueId": 2}, 29),
        ({"queueId": -1}, 29),
        ({"topic": "locked"}, 16),
        ({"consumerGroup": "paused"}, 16),
        ({"consumerGroup": "a.b"}, 26),
        ({"subscription": "||"}, 23),
        ({"flags": 0}, 24),
    ],
)
def test_refusals(broker: Broker, client, changed: dict[str, object], code: int) -> None:
    """Topic, queue, permission of topic and group, bad group, bad expression, no subscription."""
    broker.topics.put(TopicConfig("locked", 1, 1, perm=2))
    broker.groups.put(GroupConfig("paused", consume_enable=False))
    answer = client.pull(**changed)
    assert answer is not None
    assert answer.code == code


def test_sql_needs_a_setting(filled: Broker, client) -> None:
    """1 without it."""
    filled.config.update({"enablePropertyFilter": "false"})
    answer = client.pull(subscription="n > 3", expressionType="SQL92")
    assert answer is not None
    assert answer.code == 1


def test_sql_needs_a_version_of_the_subscription(filled: Broker, client) -> None:
    """Any; without one it is refused with 23."""
    header = {"consumerGroup": "g", "topic": "orders", "queueId": 0, "queueOffset": 0, "maxMsgNums": 1, "sysFlag": 4}
    header |= {"subscription": "n > 3", "expressionType": "SQL92"}
    assert [client.get(11, **header, **more).code for more in ({"subVersion": 0}, {})] == [0, 23]


@pytest.mark.parametrize("name", ["consumerGroup", "topic", "queueId", "queueOffset", "maxMsgNums", "sysFlag"])
def test_required_arguments(client, name: str) -> None:
    """A missing one is answered 1."""
    header = {"consumerGroup": "g", "topic": "orders", "queueId": 0, "queueOffset": 0, "maxMsgNums": 1, "sysFlag": 4}
    assert client.get(11, **header).code == 19
    assert client.get(361, **header).code == 19
    del header[name]
    assert client.get(11, **header).code == 1


def test_a_pull_creates_its_group(broker: Broker, client) -> None:
    """Even one that is refused."""
    client.pull(consumerGroup="new", flags=0)
    assert "new" in broker.groups


def test_a_members_subscription_counts_without_the_flag(filled: Broker, client) -> None:
    """24 for another topic, 25 when the client knows a newer one."""
    client.beat("g", "orders", expression="B", version=5)
    assert [message.body for message in client.pulled(flags=0, subVersion=5)] == [b"1", b"3"]
    filled.topics.put(TopicConfig("other"))
    answers = [client.pull(flags=0, topic="other"), client.pull(flags=0, subVersion=6)]
    assert [answer.code for answer in answers if answer] == [24, 25]


def test_a_commit_may_come_along(filled: Broker, client) -> None:
    """With the flag for it."""
    client.pull(2, flags=5, commitOffset=2)
    assert filled.offsets.find("g", "orders", 0) == 2
    client.pull(2, flags=4, commitOffset=1)
    assert filled.offsets.find("g", "orders", 0) == 2


def test_a_reset_is_told_by_the_next_pull(filled: Broker, client) -> None:
    """Once, even where messages are."""
    filled.offsets.reset("g", "orders", 0, 1, 0)
    assert told(client.pull(4)) == (21, "OFFSET_RESET", "1", "0", "5")
    assert told(client.pull(4))[0] == 0


def test_a_message_ends_a_wait(broker: Broker, client, other) -> None:
    """For everybody who waits there, and for nobody else."""
    for waiting in (client, other):
        assert waiting.pull(0, flags=6, suspendTimeoutMillis=1000) is None
    assert client.pull(0, flags=6, suspendTimeoutMillis=1000, queueId=1) is None
    broker.put("orders", b"x", 0)
    assert [told(answer)[:2] for answer in client.late + other.late] == [(0, "FOUND")] * 2
    assert len(broker.holds) == 1


def test_a_message_that_is_not_wanted_does_not_end_a_wait(broker: Broker, client, clock) -> None:
    """When it is over, the offset has moved on."""
    client.pull(0, flags=6, suspendTimeoutMillis=1000, subscription="B")
    broker.put("orders", b"x", 0, {"TAGS": "A"})
    assert client.late == []
    clock.advance(1)
    broker.tick()
    assert told(client.late[0]) == (20, "NO_MATCHED_MESSAGE", "1", "0", "1")


def test_neither_a_reset_nor_the_topics_end_wakes_a_wait(broker: Broker, client, clock) -> None:
    """Both are told when its time is over."""
    broker.put("orders", b"x", 0)
    client.pull(1, flags=6, suspendTimeoutMillis=1000)
    client.pull(0, flags=6, suspendTimeoutMillis=2000, queueId=1)
    client.get(222, group="g", topic="orders", queueId=0, timestamp=0, offset=0)
    clock.advance(0.999)
    broker.tick()
    assert client.late == []
    clock.advance(0.001)
    broker.tick()
    assert told(client.late[0])[:3] == (21, "OFFSET_RESET", "0")
    client.get(215, topic="orders")
    clock.advance(1)
    broker.tick()
    assert client.late[1].code == 17


def test_only_what_is_not_there_yet_is_waited_for(filled: Broker, client) -> None:
    """Everything else is answered at once."""
    for offset in (0, 6, -1):
        assert client.pull(offset, flags=6, suspendTimeoutMillis=1000) is not None
    assert client.pull(0, flags=6, suspendTimeoutMillis=1000, subscription="C") is not None


def test_a_wait_without_a_time_is_never_answered(broker: Broker, client, clock) -> None:
    """A defect of the real one, too."""
    assert client.pull(0, flags=6) is None
    broker.put("orders", b"x")
    clock.advance(3600)
    broker.tick()
    assert client.late == []


def test_a_closed_connection_waits_no_more(broker: Broker, client, other) -> None:
    """The others still do."""
    for waiting in (client, other):
        waiting.pull(0, flags=6, suspendTimeoutMillis=1000)
    broker.disconnect(client)
    broker.put("orders", b"x")
    assert (len(client.late), len(other.late)) == (0, 1)
