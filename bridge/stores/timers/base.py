"""The contract of the store of timers: things that wait durably for a time, such as parked retries and delayed events.

A *timer* lies in a *queue*, has an id within it, and becomes *due* at a time. ``add`` returns when the timers are
durable; until then whoever parked something still holds it. Adding a timer with the queue and id of another replaces
that. Nothing leaves the store by itself: whoever has handled a due timer removes it, so a crash in between gives it
once more.

**Cost.** Timers lie on disk, whatever their number; due ones are found by an index, never by a scan. ``count``, ``loads``,
``groups`` and ``drop`` read an index of the queue through: 0.1 to 1 s for a million.

**Names.** Queues (up to 511 characters, none begins with ``~``) and ids (up to 127) are printable ASCII; a *group* is any
text, and empty for timers that have none. Timers of one group can be found and moved together.

**Errors.** StoreUnavailable: nothing was changed, try again. StoreError: the store is damaged. NotFound. ``open``
raises StartError when the store cannot be used or was written by a newer version of bridge.

Implementations: ``sql.SqlTimers``, ``memory.MemoryTimers``; one contract suite (tests/contract/test_timers.py) runs on
each.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

Place = tuple[float, str]
"""Due and id: where a timer stands in its queue's order."""


class Timer(msgspec.Struct, frozen=True, kw_only=True):
    """``due`` is in seconds since the epoch; ``body`` means something to the owner of the queue alone."""

    queue: str
    id: str
    due: float
    body: bytes
    group: str = ""

    @property
    def place(self) -> Place:
        return self.due, self.id


class Load(NamedTuple):
    """How many timers there are, and when the first of them is due."""

    timers: int
    next_due: float


class Timers(ABC):
    @abstractmethod
    async def open(self) -> None:
        """Connect, create or upgrade the schema. Raises StartError."""

    @abstractmethod
    async def close(self) -> None:
        """Forget nothing; twice is fine."""

    @abstractmethod
    async def add(self, timers: Sequence[Timer]) -> None:
        """Store timers durably, all or none; of equal ones the last counts."""

    @abstractmethod
    async def due(self, queue: str, now: float, limit: int, after: Place | None = None) -> list[Timer]:
        """Those with ``due <= now``, by due and id, behind ``after``."""

    @abstractmethod
    async def next_due(self, queue: str) -> float | None:
        """When the first timer of a queue is due, also if that is past; None if there is none."""

    @abstractmethod
    async def get(self, queue: str, timer_id: str) -> Timer:
        """Raises NotFound."""

    @abstractmethod
    async def count(self, queue: str) -> int: ...

    @abstractmethod
    async def loads(self, prefix: str) -> dict[str, Load]:
        """What waits in each queue whose name begins with a prefix; those that are empty are left out."""

    @abstractmethod
    async def remove(self, queue: str, ids: Sequence[str]) -> int:
        """Forget those of these ids that are there; returns how many that were."""

    @abstractmethod
    async def move(self, queue: str, group: str, due: float) -> int:
        """Make all timers of a group due at a time; returns how many."""

    @abstractmethod
    async def drop(self, queue: str) -> int:
        """Forget a queue, at once, whatever its length; returns how many timers it had. ``tidy`` frees their room."""

    @abstractmethod
    async def tidy(self) -> bool:
        """Free some of the room of dropped queues, in a moment; whether there may be more. Call it now and then."""

    @abstractmethod
    async def queues(self, prefix: str = "") -> list[str]:
        """The names of the queues that may have timers, sorted: those that begin with a prefix."""

    @abstractmethod
    async def groups(self, queue: str) -> list[str]:
        """The groups of a queue's timers, each once, in no order; without the empty one."""

    @abstractmethod
    async def list(
        self, queue: str, limit: int, after: Place | None = None, *, group: str | None = None
    ) -> list[Timer]:
        """By due and id, behind ``after``; of one group, if that is given."""
