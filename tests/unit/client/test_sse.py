"""Server-sent events, however they are cut into pieces."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.client.sse import Reader, ServerSent

STREAM = b': welcome\n\nevent: put\nid: 7\ndata: {"a":1}\n\n: still here\n\nid: 0:8\r\ndata: one\r\ndata: two\r\n\r\nid: 9\n\n'
MESSAGES = [ServerSent("put", "7", b'{"a":1}'), ServerSent("message", "0:8", b"one\ntwo")]


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_pieces_do_not_matter(cuts: list[int]) -> None:
    """The same messages, wherever the stream is cut; comments and messages without data fall away."""
    reader, found, begin = Reader(), [], 0
    for cut in [*sorted(cuts), len(STREAM)]:
        found += reader.feed(STREAM[begin:cut])
        begin = cut
    assert found == MESSAGES


def test_a_long_line_is_no_trouble() -> None:
    """A line of a megabyte is one message."""
    reader = Reader()
    assert not list(reader.feed(b"data: " + b"x" * 2**20))
    assert [len(m.data) for m in reader.feed(b"\n\n")] == [2**20]


@given(st.binary())
def test_any_bytes_are_read(noise: bytes) -> None:
    """Nothing that a server sends makes the reader fail."""
    list(Reader().feed(noise + b"\n\n"))
