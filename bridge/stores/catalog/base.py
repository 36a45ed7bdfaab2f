"""The contract of the catalog.

The catalog keeps resources (Bus, Rule ...) of all kinds in one place, knowing nothing of their specs. Every edit has a
*version*: a number that only grows and counts the edits of the whole catalog. The change log says which resource each
version touched, so that a reader who knows version N can catch up.

**Atomic.** ``write`` takes several edits; all happen or none does. Their versions follow each other and become visible
together.

**Locking.** Each resource has a ``revision``: 1 when created, one more with each change. An edit that names the revision
it has read fails with Conflict when the stored one differs.

**Reading your own writes.** After ``write`` returns, every ``version``, ``get``, ``list`` and ``changes`` of every user of
the catalog sees it. The data plane counts on it: it asks ``version`` after reading a batch of events, so that a rule
acknowledged before an event was put is always known (promise 8).

**Errors.** NotFound, Conflict, StoreUnavailable (not now), StoreError. ``open`` raises StartError when the catalog was
written by a newer version of bridge. A failed write changes nothing.

Implementations: ``sql.SqlCatalog`` (SQLite; PostgreSQL and MySQL speak the same SQL), ``memory.MemoryCatalog``; one
contract suite (tests/contract/test_catalog.py) runs on each.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from bridge.model.resource import Ref, Resource


class Put(NamedTuple):
    """Create or replace. ``expected``: None writes whatever is there, 0 wants none, n wants revision n."""

    resource: Resource
    expected: int | None = None


class Delete(NamedTuple):
    """Delete; NotFound if there is none. ``expected`` as in Put."""

    ref: Ref
    expected: int | None = None


class Change(NamedTuple):
    """One entry of the change log. ``resource`` is what ``version`` made of it: None when deleted.

    Reading an old change of a resource that has changed again may give the newer state; a put of a resource that has
    been deleted since may be left out, as its deletion follows.
    """

    version: int
    action: Literal["put", "delete"]
    ref: Ref
    resource: Resource | None


class Catalog(ABC):
    @abstractmethod
    async def open(self) -> None:
        """Connect, create or upgrade the schema. Raises StartError."""

    @abstractmethod
    async def close(self) -> None: ...

    @abstractmethod
    async def write(self, edits: Sequence[Put | Delete]) -> list[Resource | None]:
        """Apply all edits or none; returns the stored resources in order (None for a Delete).

        The store sets ``revision``, ``created`` and ``updated``. A Put whose content equals what is stored still
        counts as a write: whoever wants idempotence compares first.
        """

    @abstractmethod
    async def find(self, ref: Ref) -> Resource | None: ...

    @abstractmethod
    async def version(self) -> int:
        """The version of the latest edit; 0 before the first. Cheap: asked once per batch of events."""

    @abstractmethod
    async def changes(self, since: int) -> list[Change]:
        """Changes with a version above ``since``, oldest first."""

    @abstractmethod
    async def wait(self, version: int) -> int:
        """Return the current version once it is above ``version``."""

    @abstractmethod
    async def list(
        self,
        kind: str,
        *,
        bus: str | None = None,
        labels: Mapping[str, str] | None = None,
        limit: int | None = None,
        after: Ref | None = None,
    ) -> list[Resource]:
        """Resources of a kind, sorted by bus and name, behind ``after``; those of one bus, with all these labels."""
