"""Events that wait keep all they have, and go into chunks when their time has come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.codec.delayed import chunks_of, keep_delayed, read_delayed
from bridge.codec.judged import Delayed
from bridge.codec.log import encode_event, events_of
from bridge.errors import StoreError
from bridge.model.event import Event
from bridge.model.log import StoredChunk, partition_of
from tests.unit.codec.strategies import ANY_FORM


def body(event: Event) -> bytes:
    return keep_delayed(Delayed(event.id, 5.0, *encode_event(event)))


@given(ANY_FORM)
def test_what_waits_reads_back_equal(event: Event) -> None:
    """In either format."""
    assert read_delayed(body(event)) == event


@given(st.lists(ANY_FORM, max_size=8), st.integers(1, 4))
def test_they_enter_in_order_by_partition(events: list[Event], partitions: int) -> None:
    """Each in its key's partition, one behind the other."""
    found: dict[int, list[Event]] = {}
    for partition, chunk in chunks_of([body(event) for event in events], partitions):
        found.setdefault(partition, []).extend(events_of(StoredChunk(0, 0.0, *chunk)))
    wanted: dict[int, list[Event]] = {}
    for event in events:
        wanted.setdefault(partition_of(event.key, partitions), []).append(event)
    assert found == wanted


@pytest.mark.parametrize(
    "damaged", [b"", b"\x00{}", b"\x02", b"\x02{", b"\x02[]", b"\x01\xff", b"\x02{}", b'\x02{"id":"\xff"}']
)
def test_damage_is_a_fault_of_the_store(damaged: bytes) -> None:
    """Nothing that is not whole enters a bus."""
    with pytest.raises(StoreError, match="damaged"):
        read_delayed(damaged)
    with pytest.raises(StoreError, match="damaged"):
        chunks_of([damaged], 1)
