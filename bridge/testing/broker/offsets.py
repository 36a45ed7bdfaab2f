"""Committed offsets, what was pulled, and resets by an operator that wait for the next pull.

A broker writes committed offsets to disk every 5 s, first 10 s after its start; a crash loses what came after.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator

FLUSH_S = 5.0
FIRST_FLUSH_S = 10.0

Place = tuple[str, str]
"""Group and topic."""


class Offsets:
    """Offsets by group, topic and queue id; any number and any queue id is taken, as brokers do."""

    def __init__(self) -> None:
        self.pulled: dict[tuple[str, str, int], int] = {}
        self._committed: dict[Place, dict[int, int]] = defaultdict(dict)
        self._resets: dict[tuple[str, str, int], int] = {}
        self._durable: dict[Place, dict[int, int]] = {}
        self._started_s = 0.0
        self._flushes = 0

    def start(self, now_s: float) -> None:
        self._started_s, self._flushes = now_s, 0

    def commit(self, group: str, topic: str, queue: int, offset: int, now_s: float) -> None:
        self._flush(now_s)
        self._committed[group, topic][queue] = offset

    def find(self, group: str, topic: str, queue: int) -> int | None:
        """What was committed or reset last; None if nothing ever was."""
        return self._committed.get((group, topic), {}).get(queue)

    def reset(self, group: str, topic: str, queue: int, offset: int, now_s: float) -> None:
        """An operator's reset: commits are ignored until the next pull has been told."""
        self.commit(group, topic, queue, offset, now_s)
        self._resets[group, topic, queue] = offset

    def is_reset(self, group: str, topic: str, queue: int) -> bool:
        return (group, topic, queue) in self._resets

    def take_reset(self, group: str, topic: str, queue: int) -> int | None:
        """The offset that the next pull must be told, once."""
        return self._resets.pop((group, topic, queue), None)

    def places(self) -> Iterator[tuple[Place, dict[int, int]]]:
        return iter(self._committed.items())

    def topics(self, group: str) -> list[str]:
        """Topics for which the group has committed something."""
        return [topic for g, topic in self._committed if g == group]

    def forget_topic(self, topic: str) -> None:
        self._forget(lambda place: place[1] == topic)

    def forget_group(self, group: str) -> None:
        self._forget(lambda place: place[0] == group)

    def crash(self, now_s: float) -> None:
        """Lose what was not flushed, and everything that is only kept in memory."""
        self._flush(now_s)
        self._committed = defaultdict(dict, {place: dict(queues) for place, queues in self._durable.items()})
        self.pulled.clear()
        self._resets.clear()

    def _forget(self, concerned: Callable[[Place], bool]) -> None:
        for place in [place for place in self._committed if concerned(place)]:
            del self._committed[place]
        for group, topic, queue in [key for key in self._resets if concerned(key[:2])]:
            del self._resets[group, topic, queue]

    def _flush(self, now_s: float) -> None:
        """Note what was on disk after the last regular flush; called before each change."""
        since_first = now_s - self._started_s - FIRST_FLUSH_S
        flushes = 0 if since_first < 0 else 1 + int(since_first // FLUSH_S)
        if flushes > self._flushes:
            self._durable = {place: dict(queues) for place, queues in self._committed.items()}
            self._flushes = flushes
