"""Which position of a partition is settled: the small law behind every commit of a cursor. Pure.

A cursor may be committed up to the lowest event with an unsettled delivery. Batches are entered in the order they were
read; their deliveries settle in any order.
"""

from collections import deque


class Batch:
    """A run of events of one partition that is under way; ``end`` is the offset behind it."""

    __slots__ = ("end", "unsettled")

    def __init__(self, end: int, unsettled: int) -> None:
        self.end = end
        self.unsettled = unsettled


class Ledger:
    """The batches of one partition that are under way, oldest first."""

    def __init__(self, position: int) -> None:
        """``position``: the committed offset, the next one to read."""
        self.position = position
        self._batches: deque[Batch] = deque()

    @property
    def under_way(self) -> int:
        return len(self._batches)

    def enter(self, end: int, deliveries: int) -> Batch:
        """A batch was read up to ``end`` and led to so many deliveries (0: it is settled at once)."""
        last = self._batches[-1].end if self._batches else self.position
        if end <= last:
            raise ValueError(f"batch ends at {end}, behind {last} expected")
        batch = Batch(end, deliveries)
        self._batches.append(batch)
        self._advance()
        return batch

    def settle(self, batch: Batch, deliveries: int = 1) -> bool:
        """Some deliveries of a batch are settled; returns whether the position moved."""
        if deliveries > batch.unsettled:
            raise ValueError(f"{deliveries} settled, only {batch.unsettled} were open")
        batch.unsettled -= deliveries
        return self._advance()

    def _advance(self) -> bool:
        before = self.position
        while self._batches and self._batches[0].unsettled == 0:
            self.position = self._batches.popleft().end
        return self.position != before
