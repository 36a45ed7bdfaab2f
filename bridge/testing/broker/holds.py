"""Pulls that wait for a message: one place in a queue each, until their time is over.

A real broker looks for expired ones every 5 s, so answers come up to 5 s late there and on time here. Only a message
that the filter lets through ends a wait early; a reset or the topic's end does not.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from bridge.testing.broker.filters import Wanted
from bridge.testing.broker.log import Record
from bridge.testing.broker.requests import Session


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """``resume()`` pulls again and answers, whatever comes of it."""

    session: Session
    offset: int
    wanted: Wanted
    deadline_ms: int
    resume: Callable[[], None]


class Holds:
    """By topic and queue id."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, int], list[Held]] = defaultdict(list)

    def __len__(self) -> int:
        return sum(len(held) for held in self._held.values())

    def add(self, topic: str, queue_id: int, held: Held) -> None:
        self._held[topic, queue_id].append(held)

    def arrived(self, record: Record) -> list[Held]:
        """Take out those that a new record ends."""
        message = record.message
        place = (message.topic, message.queue_id)
        if place not in self._held:
            return []
        ends = [held for held in self._held[place] if held.offset <= message.queue_offset and held.wanted(record)]
        return self._take(place, ends)

    def expired(self, now_ms: int) -> list[Held]:
        """Take out those whose time is over."""
        return [
            held
            for place, waiting in list(self._held.items())
            for held in self._take(place, [held for held in waiting if held.deadline_ms <= now_ms])
        ]

    def disconnect(self, session: Session) -> None:
        for place, waiting in list(self._held.items()):
            self._take(place, [held for held in waiting if held.session is session])

    @property
    def next_ms(self) -> int | None:
        """When the next wait is over."""
        deadlines = [held.deadline_ms for waiting in self._held.values() for held in waiting]
        return min(deadlines) if deadlines else None

    def _take(self, place: tuple[str, int], ends: list[Held]) -> list[Held]:
        left = [held for held in self._held[place] if held not in ends]
        if left:
            self._held[place] = left
        else:
            del self._held[place]
        return ends
