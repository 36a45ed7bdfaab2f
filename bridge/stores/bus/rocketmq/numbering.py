"""Offsets of a partition and offsets of its queue. Pure.

They are the same until the queue loses its end, or is made anew: then it gives offsets a second time, and those of a
partition must never mean two events. So what the queue stores from there on is numbered behind everything that was ever
known. Offsets between are events that are lost.
"""

from typing import NamedTuple


class Segment(NamedTuple):
    """Queue offsets from ``start`` on are offsets of the partition when ``shift`` is added."""

    start: int
    shift: int


class Numbering(NamedTuple):
    """The segments in order; each one's shift is larger than that of the one before."""

    segments: tuple[Segment, ...] = (Segment(0, 0),)

    def outer(self, offset: int) -> int:
        """The partition's offset for one of the queue."""
        for start, shift in reversed(self.segments):
            if offset >= start:
                return offset + shift
        return offset + self.segments[0].shift

    def inner(self, offset: int) -> int:
        """The queue's offset for one of the partition; for one that is lost, that of the first event behind the loss."""
        following = None
        for start, shift in reversed(self.segments):
            if offset >= start + shift:
                found = offset - shift
                return found if following is None else min(found, following)
            following = start
        return max(0, offset - self.segments[0].shift)

    def broken(self, start: int, end: int) -> "Numbering":
        """What the queue stores from its offset ``start`` on gets the partition's offsets from ``end`` on."""
        kept = tuple(segment for segment in self.segments if segment.start < start)
        return Numbering((*kept, Segment(start, end - start)))
