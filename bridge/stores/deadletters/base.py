"""The contract of the dead-letter store.

A *dead letter* is one event that one target did not take, with the unchanged event and the reason. ``add`` returns when
the letters are durable; until then the delivery is not settled. Adding the same letter again (same bus, rule, target
and position, after a crash) replaces it and keeps its id.

**Ids** are text that sorts by time of arrival; no id is given twice.

**Errors.** StoreUnavailable: nothing was stored, try again. StoreError: the store is damaged. NotFound. ``open`` raises
StartError when the store cannot be used or was written by a newer version of bridge.

Implementations: ``sql.SqlDeadLetters``, ``memory.MemoryDeadLetters``; one contract suite
(tests/contract/test_deadletters.py) runs on each.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

import msgspec

from bridge.model.log import Format

Names = tuple[str, str]
"""A rule and one of its targets."""


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """One try: when it started (epoch seconds), how long it took, what came of it.

    ``answer`` is the beginning of what the target answered, its first 1,024 bytes; empty where there was no answer.
    """

    started: float
    duration_s: float
    outcome: str
    answer: bytes = b""


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """``id`` is set by the store. ``reason`` is a class (``rejected``, ``exhausted-attempts``, ``exhausted-age``,
    ``transform-error`` ...), ``detail`` a sentence. ``event`` is one event in ``format``, byte for byte as in the log;
    ``received`` is when the bus took it (0: not known). ``tries`` counts all attempts, of which ``attempts`` holds some.
    ``address`` is where the deliveries went, ``policy`` how persistently, in words; ``payload_hash`` the SHA-256 of what a
    transform made of the event, in hex; empty where the target gets the event itself.
    """

    id: str = ""
    bus: str
    rule: str
    target: str
    partition: int
    offset: int
    event_id: str
    reason: str
    detail: str
    time: float
    attempts: tuple[Attempt, ...] = ()
    tries: int = 0
    received: float = 0.0
    address: str = ""
    policy: str = ""
    payload_hash: str = ""
    format: Format
    event: bytes


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which letters: every member that is set must agree. Times are epoch seconds; ``since`` is inclusive,
    ``until`` exclusive. ``upto`` is the last id, inclusive: what arrives later does not agree.
    """

    bus: str
    rule: str | None = None
    target: str | None = None
    reason: str | None = None
    since: float | None = None
    until: float | None = None
    upto: str | None = None


class DeadLetters(ABC):
    @abstractmethod
    async def open(self) -> None:
        """Connect, create or upgrade the schema. Raises StartError."""

    @abstractmethod
    async def close(self) -> None: ...

    @abstractmethod
    async def add(self, letters: Sequence[DeadLetter]) -> None:
        """Store letters durably, all or none."""

    @abstractmethod
    async def list(
        self, where: Filter, *, ids: Sequence[str] | None = None, limit: int = 100, after: str = ""
    ) -> list[DeadLetter]:
        """By time of arrival, newest last, behind the id ``after`` (InvalidInput if that cannot be an id).

        ``ids``, here and below: only those that have one of these ids, too; an id that is none finds nothing.
        """

    @abstractmethod
    async def get(self, bus: str, letter_id: str) -> DeadLetter:
        """The letter of that bus; NotFound."""

    @abstractmethod
    async def counts(self, where: Filter, *, ids: Sequence[str] | None = None) -> dict[Names, int]:
        """How many agree, by rule and target; those without any are left out."""

    @abstractmethod
    async def newest(self, bus: str) -> str:
        """The id of the letter of that bus that arrived last; empty when there is none. For ``Filter.upto``."""

    @abstractmethod
    async def purge(self, where: Filter, *, ids: Sequence[str] | None = None) -> int:
        """Delete those that agree; returns how many."""

    @abstractmethod
    async def discard(self, letters: Sequence[DeadLetter]) -> int:
        """Delete these where they still are as they were read; returns how many.

        One that was added again meanwhile (its ``time`` differs) stays: it says that the event is a dead letter once more.
        """
