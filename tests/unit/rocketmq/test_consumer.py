"""What the answer to a pull means."""

import pytest

from bridge.rocketmq.consumer import Cause, Gap, Pulled, read_answer
from bridge.rocketmq.errors import BrokerError, Malformed
from bridge.rocketmq.frames import Command
from bridge.rocketmq.records import StoredMessage, encode_message


def answer(code: int, remark: str, to: int, body: bytes = b"") -> Command:
    return Command(code, ext={"nextBeginOffset": str(to), "minOffset": "3", "maxOffset": "9"}, remark=remark, body=body)


def test_found_messages_come_with_where_to_go_on() -> None:
    """The next offset is the broker's word."""
    messages = [StoredMessage("t", 0, n, b"x", {"n": str(n)}) for n in (4, 5)]
    body = b"".join(map(encode_message, messages))
    assert read_answer(answer(0, "FOUND", 6, body), 4) == Pulled(messages, 6, 3, 9)


@pytest.mark.parametrize(
    ("code", "remark"), [(19, "OFFSET_OVERFLOW_ONE"), (19, "NO_MESSAGE_IN_QUEUE"), (20, "NO_MATCHED_MESSAGE")]
)
def test_nothing_found_is_no_gap(code: int, remark: str) -> None:
    """Nothing came in time, or nothing that matches."""
    assert read_answer(answer(code, remark, 9), 9) == Pulled([], 9, 3, 9)


@pytest.mark.parametrize(
    ("remark", "cause"),
    [
        ("OFFSET_TOO_SMALL", Cause.DELETED),
        ("OFFSET_OVERFLOW_BADLY", Cause.BEYOND_END),
        ("NO_MESSAGE_IN_QUEUE", Cause.EMPTY),
        ("NO_MATCHED_LOGIC_QUEUE", Cause.EMPTY),
        ("OFFSET_RESET", Cause.RESET),
    ],
)
def test_causes_of_a_moved_offset_are_told_apart(remark: str, cause: Cause) -> None:
    """Deleted messages, a shorter queue, a new topic and an operator's reset need different reactions."""
    pulled = read_answer(answer(21, remark, 3), 1)
    assert pulled == Pulled([], 3, 3, 9, Gap(cause, 1, 3))
    assert pulled.gap is not None
    assert pulled.gap.lost == (2 if cause is Cause.DELETED else 0)


def test_an_unknown_cause_is_an_error() -> None:
    """Nobody goes on reading past what nobody understands."""
    with pytest.raises(BrokerError, match="SOMETHING_NEW"):
        read_answer(answer(21, "SOMETHING_NEW", 3), 1)


def test_an_answer_without_offsets_is_malformed() -> None:
    """So is one whose messages cannot be read."""
    with pytest.raises(Malformed):
        read_answer(Command(0, ext={"nextBeginOffset": "1"}), 0)
    with pytest.raises(Malformed):
        read_answer(answer(0, "FOUND", 6, b"\x00\x00\x00\x20junk"), 4)
