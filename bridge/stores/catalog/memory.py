"""A catalog in memory: forgets with the process. For tests, and for services that may."""

from collections.abc import Mapping, Sequence

from bridge.errors import StoreUnavailable
from bridge.model.clock import Clock, system_clock
from bridge.model.resource import Ref, Resource
from bridge.stores.catalog.base import Catalog, Change, Delete, Put
from bridge.stores.catalog.edits import apply_edit, has_labels, ref_of
from bridge.stores.waiters import Waiters


class MemoryCatalog(Catalog):
    def __init__(self, clock: Clock = system_clock) -> None:
        self._clock = clock
        self._resources: dict[Ref, Resource] = {}
        self._log: list[tuple[Ref, bool]] = []  # of version n + 1: which resource, and whether it was a put
        self._waiters = Waiters()
        self._closed = False

    async def open(self) -> None:
        self._closed = False

    async def close(self) -> None:
        self._closed = True
        self._waiters.wake()

    async def write(self, edits: Sequence[Put | Delete]) -> list[Resource | None]:
        self._check()
        resources = dict(self._resources)
        stored: list[Resource | None] = []
        now = self._clock()
        for edit in edits:
            ref = ref_of(edit)
            made = apply_edit(edit, resources.pop(ref, None), now)
            if made is not None:
                resources[ref] = made
            stored.append(made)
        self._resources = resources
        self._log += [(ref_of(edit), isinstance(edit, Put)) for edit in edits]
        self._waiters.wake()
        return stored

    async def find(self, ref: Ref) -> Resource | None:
        self._check()
        return self._resources.get(ref)

    async def version(self) -> int:
        self._check()
        return len(self._log)

    async def changes(self, since: int) -> list[Change]:
        self._check()
        found = []
        for version, (ref, put) in enumerate(self._log[since:], since + 1):
            if not put:
                found.append(Change(version, "delete", ref, None))
            elif ref in self._resources:
                found.append(Change(version, "put", ref, self._resources[ref]))
        return found

    async def wait(self, version: int) -> int:
        self._check()
        while len(self._log) <= version:
            await self._waiters.turn()
            self._check()
        return len(self._log)

    async def list(
        self,
        kind: str,
        *,
        bus: str | None = None,
        labels: Mapping[str, str] | None = None,
        limit: int | None = None,
        after: Ref | None = None,
    ) -> list[Resource]:
        self._check()
        found = [
            resource
            for ref, resource in sorted(self._resources.items(), key=lambda item: item[0])
            if ref.kind == kind
            and (bus is None or ref.bus == bus)
            and (after is None or (ref.bus, ref.name) > (after.bus, after.name))
            and has_labels(resource, labels)
        ]
        return found[:limit]

    def _check(self) -> None:
        if self._closed:
            raise StoreUnavailable("the catalog is closed")
