"""Positions, chunks, partitions."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.model.log import Format, StoredChunk, partition_of


def test_a_stored_chunk_knows_its_end() -> None:
    """The end is the offset behind the last event."""
    assert StoredChunk(10, 0.0, Format.JSON, 3, b"").end == 13


def test_joints() -> None:
    """JSON bodies join by a comma, protobuf bodies as they are."""
    assert (Format.JSON.joint, Format.PROTOBUF.joint) == (b",", b"")


@given(st.text(), st.integers(1, 256))
def test_every_key_has_a_partition(key: str, partitions: int) -> None:
    """Stable, and within range, for any text."""
    assert 0 <= partition_of(key, partitions) < partitions
    assert partition_of(key, partitions) == partition_of(key, partitions)


def test_partitions_of_known_keys_never_change() -> None:
    """The function is part of the stored format: these values are fixed."""
    assert [partition_of(key, 16) for key in ("light-3", "", "ключ")] == [9, 0, 10]
