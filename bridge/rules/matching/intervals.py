"""Which of many ranges hold a value: one binary search, whatever their number."""

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

Key = TypeVar("Key", int, float, str)

_LAST = chr(0x10FFFF)


class Intervals(Generic[Key]):
    """``masks[bisect_right(keys, value)]`` has the bits of all ranges that hold ``value``."""

    __slots__ = ("keys", "masks")

    def __init__(self, keys: Sequence[Key], masks: list[int]) -> None:
        self.keys: Sequence[Key] = keys
        self.masks = masks

    @classmethod
    def of(cls, ranges: Iterable[tuple[Key, Key | None, int]]) -> "Intervals[Key]":
        """Ranges are (first, end, bits): ``end`` is the first value behind it, None when there is none."""
        flips = _flips(ranges)
        keys: list[Key] = sorted(flips)
        return cls(keys, _sweep(keys, flips))

    @classmethod
    def by(cls, keys: Iterable[Key], lowest: Key, find: Callable[[Key], int]) -> "Intervals[Key]":
        """A function that changes only at these keys, as a table; ``lowest`` is any value below them all."""
        ordered: list[Key] = sorted(keys)
        return cls(ordered, [find(lowest), *map(find, ordered)])

    def find(self, value: Key) -> int:
        return self.masks[bisect_right(self.keys, value)]


def side_by_side(layers: Sequence[Iterable[tuple[Key, Key | None, int]]]) -> list[Intervals[Key]]:
    """Several sets of ranges as tables over the same keys, so that one search serves all."""
    flips = [_flips(ranges) for ranges in layers]
    keys = sorted({key for each in flips for key in each})
    return [Intervals(keys, _sweep(keys, each)) for each in flips]


def _flips(ranges: Iterable[tuple[Key, Key | None, int]]) -> dict[Key, int]:
    """At each boundary, the bits that change."""
    flips: dict[Key, int] = {}
    for first, end, bits in _disjoint(ranges):
        flips[first] = flips.get(first, 0) ^ bits
        if end is not None:
            flips[end] = flips.get(end, 0) ^ bits
    return flips


def _sweep(keys: Sequence[Key], flips: dict[Key, int]) -> list[int]:
    masks = [0]
    for key in keys:
        masks.append(masks[-1] ^ flips.get(key, 0))
    return masks


def _disjoint(ranges: Iterable[tuple[Key, Key | None, int]]) -> Iterable[tuple[Key, Key | None, int]]:
    """The same ranges, one bit each, those of the same bit merged, so that each boundary flips its bit."""
    by_bits: dict[int, list[tuple[Key, Key | None]]] = {}
    for first, end, bits in ranges:
        by_bits.setdefault(bits, []).append((first, end))
    for bits, parts in by_bits.items():
        if len(parts) > 1:
            parts.sort(key=lambda part: part[0])
        start, stop = parts[0]
        for first, end in parts[1:]:
            if stop is None:
                break
            if first > stop:
                yield start, stop, bits
                start, stop = first, end
            elif end is None or end > stop:
                stop = end
        yield start, stop, bits


def text_range(prefix: str, bits: int) -> tuple[str, str | None, int]:
    """All strings that start with ``prefix``."""
    head = prefix.rstrip(_LAST)
    end = head[:-1] + chr(ord(head[-1]) + 1) if head else None
    return prefix, end, bits


def number_range(
    low: float, high: float, bits: int, *, low_included: bool, high_included: bool
) -> tuple[float, float | None, int]:
    """All finite doubles between two bounds; an infinite bound is none."""
    first = low if low_included else math.nextafter(low, math.inf)
    end = math.nextafter(high, math.inf) if high_included else high
    return first, end, bits
