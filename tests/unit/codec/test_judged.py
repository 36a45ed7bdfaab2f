"""Verdicts become chunks."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.codec.judged import Delayed, Judged, Verdict, gather, gather_one, keep_whole, spread
from bridge.errors import InvalidEvent
from bridge.model.log import Chunk, Format, partition_of

BAD = InvalidEvent("bad")


def test_one_partition_and_nothing_refused_is_one_chunk() -> None:
    """Then nothing needs a place."""
    verdicts = [Verdict("1", None, "a", Format.JSON, b"{}"), Verdict("2", None, "b", Format.JSON, b"[]")]
    assert gather(verdicts, 1) == (["1", "2"], {}, [(0, Chunk(Format.JSON, 2, b"{},[]"))], None, {})
    assert keep_whole(["1"], Format.JSON, b"{}") == (["1"], {}, [(0, Chunk(Format.JSON, 1, b"{}"))], None, {})
    assert keep_whole([], Format.JSON, b"") == ([], {}, [], None, {})


def test_order_within_a_partition_outweighs_the_number_of_chunks() -> None:
    """Two formats in turns are a chunk for each turn."""
    raws = [(Format.JSON, b"1"), (Format.JSON, b"2"), (Format.PROTOBUF, b""), (Format.JSON, b"3")]
    judged = gather([Verdict("", None, "k", format_, raw) for format_, raw in raws], 1)
    assert [chunk for _, chunk in judged.chunks] == [
        Chunk(Format.JSON, 2, b"1,2"),
        Chunk(Format.PROTOBUF, 1, b"\x12\x00"),
        Chunk(Format.JSON, 1, b"3"),
    ]
    assert judged.places == [(0, 0), (0, 1), (1, 0), (2, 0)]


def test_a_single_event() -> None:
    """As many."""
    sound = Verdict("1", None, "key", Format.JSON, b"{}")
    for verdict in (sound, sound._replace(due=5.0), Verdict("1", BAD)):
        assert gather_one(verdict, 16) == gather([verdict], 16)


def test_events_for_later_are_in_no_chunk() -> None:
    """They stand beside them, with their index; the others keep their places."""
    at_once, later = Verdict("1", None, "k", Format.JSON, b"1"), Verdict("2", None, "k", Format.PROTOBUF, b"2", 5.5)
    judged = gather([later, at_once, Verdict("", BAD), later._replace(id="3")], 1)
    assert judged.places == [(-2, -2), (0, 0), (-1, -1), (-2, -2)]
    assert judged.chunks == [(0, Chunk(Format.JSON, 1, b"1"))]
    assert judged.delayed == {0: Delayed("2", 5.5, Format.PROTOBUF, b"2"), 3: Delayed("3", 5.5, Format.PROTOBUF, b"2")}
    assert gather([later], 4) == (["2"], {}, [], [(-2, -2)], {0: judged.delayed[0]})


@given(st.lists(st.none() | st.text(max_size=2), max_size=12), st.integers(1, 5))
def test_every_accepted_event_lies_where_its_place_says(keys: list[str | None], partitions: int) -> None:
    """In its key's partition, in order; refused ones lie nowhere."""
    verdicts = [
        Verdict(str(i), BAD) if key is None else Verdict(str(i), None, key, Format.JSON, b"%d" % i)
        for i, key in enumerate(keys)
    ]
    judged = gather(verdicts, partitions)
    assert judged.ids == [str(i) for i in range(len(keys))]
    assert judged.errors == {i: BAD for i, key in enumerate(keys) if key is None}
    for i, (key, (chunk, index)) in enumerate(zip(keys, places(judged), strict=True)):
        if key is None:
            assert (chunk, index) == (-1, -1)
        else:
            partition, (_, events, body) = judged.chunks[chunk]
            assert partition == partition_of(key, partitions)
            assert len(body.split(b",")) == events
            assert body.split(b",")[index] == b"%d" % i
    if None not in keys:
        raws = [verdict.raw for verdict in verdicts]
        assert spread(judged.ids, [str(key) for key in keys], raws, partitions, Format.JSON) == judged


def places(judged: Judged) -> list[tuple[int, int]]:
    return [(0, i) for i in range(len(judged.ids))] if judged.places is None else judged.places
