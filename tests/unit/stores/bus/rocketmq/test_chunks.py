"""The messages of a pull as chunks."""

from struct import pack_into

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model.log import Format
from bridge.rocketmq.errors import Malformed
from bridge.rocketmq.records import MAGIC_BLANK, StoredMessage, decode_messages, encode_message
from bridge.stores.bus.rocketmq.chunks import cut, heads


def message(offset: int, time_ms: int = 1000, host: str = "127.0.0.1:1") -> bytes:
    body = b"x" * (offset % 7)
    return encode_message(
        StoredMessage("t", 0, offset, body, {"k": "v"}, store_time_ms=time_ms, born_host=host, store_host=host)
    )


def blank(size: int) -> bytes:
    made = bytearray(size)
    pack_into(">ii", made, 0, size, MAGIC_BLANK)
    return bytes(made)


def test_a_pull_is_one_chunk() -> None:
    """The bytes are handed on as they are."""
    body = b"".join(message(n) for n in range(5, 9))
    (chunk,) = cut(body)
    assert (chunk.offset, chunk.events, chunk.end, chunk.time, chunk.format) == (5, 4, 9, 1.0, Format.MESSAGES)
    assert chunk.body is body


def test_a_chunk_has_one_time_and_no_holes() -> None:
    """It ends where either changes."""
    body = b"".join([message(1), message(2), message(3, 1001), message(5, 1001), blank(40), message(6, 1001)])
    assert [(c.offset, c.events, c.time) for c in cut(body)] == [(1, 2, 1.0), (3, 1, 1.001), (5, 2, 1.001)]


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 1), st.booleans()), max_size=20))
def test_every_message_is_in_one_chunk(steps: list[tuple[int, int, bool]]) -> None:
    """With its own offset and time, IPv6 addresses or not."""
    offset, time_ms, made = 0, 5000, []
    for step, later, wide in steps:
        offset, time_ms = offset + step, time_ms + later
        made.append(message(offset, time_ms, "[::1]:1" if wide else "127.0.0.1:1"))
    found = [
        (chunk.offset + n, chunk.time, m.queue_offset, m.store_time_ms)
        for chunk in cut(b"".join(made))
        for n, m in enumerate(decode_messages(chunk.body))
    ]
    assert len(found) == len(made)
    assert all(offset == own and time == ms / 1000 for offset, time, own, ms in found)


def test_nothing_is_no_chunk() -> None:
    """As blanks are."""
    assert cut(b"") == cut(blank(100)) == []


@pytest.mark.parametrize("body", [message(1)[:-1], message(1)[:30], b"\x00\x00\x00\x01" + message(1)[4:], blank(8)[:7]])
def test_what_is_cut_short_is_refused(body: bytes) -> None:
    """A broker sends whole messages."""
    with pytest.raises(Malformed):
        list(heads(body))
