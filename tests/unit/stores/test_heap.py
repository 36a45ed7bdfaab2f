"""A wish to the C library."""

import ctypes

import pytest

from bridge.stores import heap
from bridge.stores.heap import keep_freed_memory


def test_what_is_freed_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to some size, in few arenas."""
    told: dict[int, int] = {}

    class Library:
        @staticmethod
        def mallopt(option: int, value: int) -> int:
            return told.setdefault(option, value)

    monkeypatch.setattr(ctypes, "CDLL", lambda _: Library())
    keep_freed_memory()
    assert told == {heap.M_MMAP_THRESHOLD: 2**22, heap.M_TRIM_THRESHOLD: heap.KEPT_BYTES, heap.M_ARENA_MAX: 2}


def test_a_library_that_does_not_know_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """No such function: nothing happens."""
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    keep_freed_memory()
