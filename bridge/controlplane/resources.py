"""Resources of every kind: apply, get, list, delete, watch. The doors (HTTP, gRPC) only translate to and from these.

One write at a time in this process; the catalog's revisions hold it against writes of others, after which the whole
step from reading to writing is repeated.

Secrets stay inside: every resource that is returned here has them masked, and a mask that comes back keeps what is stored.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Literal, NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace

from bridge.connectors.base import Kinds
from bridge.controlplane.buses import Buses, Forget, forget_nothing
from bridge.controlplane.kinds import Kind, check_common
from bridge.controlplane.paths import document
from bridge.controlplane.plan import Step, check_once, check_revision, diff, plan
from bridge.controlplane.rules import Rules
from bridge.controlplane.secrets import MASK
from bridge.crashpoints import crash_point
from bridge.errors import Conflict, InUse, InvalidConfig, InvalidInput, NotFound
from bridge.model.resource import Ref, Resource
from bridge.stores.bus.base import BusStore
from bridge.stores.catalog.base import Catalog, Delete, Put

TRIES = 5
"""How often a write is planned anew when others write the same resources at the same time."""
BIG_BYTES = 64 * 1024
"""From this size on, parsing and checking happen beside the event loop, so that events keep flowing."""
MAX_NAMED = 10
"""Dependents that a refusal names before it only counts."""
SECRETS_CHANGED = "secrets changed, which are not shown\n"

CatchUp = Callable[[], Awaitable[None]]
"""Sees to it that the bus store knows the logs of buses that another instance has just made. Raises StoreError."""

T = TypeVar("T")


async def _nothing() -> None:
    """Where there is no other instance."""


class Applied(NamedTuple):
    """What became of one resource of an apply."""

    action: Literal["created", "changed", "unchanged"]
    resource: Resource
    diff: str
    warnings: list[str]


class Page(NamedTuple):
    """Some of a list; ``next_page_token`` is empty on the last page."""

    items: list[Resource]
    next_page_token: str


class Watched(NamedTuple):
    """One message of a watch. ``version`` is the catalog's; a deleted resource is only named."""

    action: Literal["exists", "put", "delete"]
    version: int
    resource: Resource


class Resources:
    def __init__(
        self,
        catalog: Catalog,
        bus_store: BusStore,
        kinds: Kinds,
        forget: Forget = forget_nothing,
        *,
        catch_up: CatchUp = _nothing,
    ) -> None:
        self._catalog = catalog
        self._catch_up = catch_up
        every = (Buses(bus_store, forget), Rules(kinds, bus_store))
        self._kinds: dict[str, Kind] = {kind.name: kind for kind in every}
        self._writing = asyncio.Lock()
        self._watching: set[asyncio.Timeout] = set()
        self._stopped = False

    @property
    def kinds(self) -> list[Kind]:
        """The kinds there are; a kind stands behind what it hangs on."""
        return list(self._kinds.values())

    def stop(self) -> None:
        """End all watches, so that a server that waits for its answers to finish can stop."""
        self._stopped = True
        for timeout in self._watching:
            if not timeout.expired():
                timeout.reschedule(asyncio.get_running_loop().time())

    async def apply(self, wanted: Sequence[Resource], *, dry_run: bool = False) -> list[Applied]:
        """Create or change resources, all or none; those that are equal already are left alone.

        A resource's ``revision``, unless 0, must be the stored one. Raises InvalidInput, NotFound (the bus of a rule),
        Conflict, StoreError; paths begin at the resource (``$[1].spec`` for the second of several).
        """
        size = sum(len(resource.spec) for resource in wanted)
        whole = await self._unmasked(wanted)
        warnings = await beside(size, lambda: self._check(whole))
        async with self._writing:
            steps = await self._retry(lambda: self._apply(whole, size, dry_run=dry_run))
        shown = await beside(size, lambda: [self._shown(step) for step in steps])
        return [
            Applied(step.action, after, text, found)
            for step, (after, text), found in zip(steps, shown, warnings, strict=True)
        ]

    async def _unmasked(self, wanted: Sequence[Resource]) -> list[Resource]:
        """Put the stored secrets in place of their masks. Such a resource must not have changed when it is written."""
        whole = []
        for index, resource in enumerate(wanted):
            kind, made = self._kinds.get(resource.kind), resource
            if kind is not None and MASK.encode() in bytes(resource.spec):
                stored = await self._catalog.find(resource.ref)
                with document(index, len(wanted)):
                    made = kind.unmask(resource, stored)
                if made is not resource and stored is not None and not made.revision:
                    made = replace(made, revision=stored.revision)
            whole.append(made)
        return whole

    def _shown(self, step: Step) -> tuple[Resource, str]:
        """What became of a resource, and the difference, both without secrets."""
        before = self._masked(step.before) if step.before is not None else None
        after = self._masked(step.after)
        text = diff(Step(step.action, before, after))
        hidden = step.action == "changed" and after is not step.after and not text
        return after, SECRETS_CHANGED if hidden else text

    def _masked(self, resource: Resource) -> Resource:
        kind = self._kinds.get(resource.kind)
        return kind.mask(resource) if kind is not None else resource

    def _check(self, wanted: Sequence[Resource]) -> list[list[str]]:
        """Judge each resource alone; returns its warnings."""
        check_once(wanted)
        warnings = []
        for index, resource in enumerate(wanted):
            with document(index, len(wanted)):
                warnings.append(self._check_one(resource))
        return warnings

    def _check_one(self, resource: Resource) -> list[str]:
        kind = self._kinds.get(resource.kind)
        if kind is None:
            raise InvalidConfig(f"{resource.kind!r} is not a kind; known: {', '.join(self._kinds)}", path="$.kind")
        check_common(kind, resource)
        return kind.check(resource)

    async def _apply(self, wanted: Sequence[Resource], size: int, *, dry_run: bool) -> list[Step]:
        found = await self._found(wanted)
        steps = await beside(size, lambda: plan(wanted, found))
        for index, (_, before, after) in enumerate(steps):
            with document(index, len(steps)):
                self._check_bus(after, wanted, found)
                self._check_needs(before, after, wanted, found)
                self._kinds[after.kind].check_change(before, after)
        return steps if dry_run else await self._perform(wanted, steps)

    async def _found(self, wanted: Sequence[Resource]) -> dict[Ref, Resource]:
        """What the catalog has of these resources, of their buses and of what else they need."""
        refs = [resource.ref for resource in wanted] + [_bus(resource) for resource in wanted if resource.bus]
        refs += [ref for resource in wanted for ref in self._kinds[resource.kind].needs(resource).values()]
        found = {}
        for ref in dict.fromkeys(refs):
            stored = await self._catalog.find(ref)
            if stored is not None:
                found[ref] = stored
        return found

    @staticmethod
    def _check_bus(resource: Resource, wanted: Sequence[Resource], found: Mapping[Ref, Resource]) -> None:
        if resource.bus and _bus(resource) not in found and all(other.ref != _bus(resource) for other in wanted):
            raise NotFound(f"there is no {_bus(resource)}", path="$.bus")

    def _check_needs(
        self, before: Resource | None, after: Resource, wanted: Sequence[Resource], found: Mapping[Ref, Resource]
    ) -> None:
        """What was there when the resource was applied first, and is gone, is no reason to refuse other changes of it."""
        kind = self._kinds[after.kind]
        known = set(kind.needs(before).values()) if before is not None else set()
        there = {*found, *known, *(other.ref for other in wanted)}
        for path, ref in kind.needs(after).items():
            if ref not in there:
                raise InvalidConfig(f"there is no {ref}", path=path)

    async def _perform(self, wanted: Sequence[Resource], steps: Sequence[Step]) -> list[Step]:
        """Prepare every step, then write all that differ at once; a bus comes before what hangs on it."""
        await self._catch_up()
        done = list(steps)
        places = list(self._kinds)
        order = sorted(range(len(steps)), key=lambda index: places.index(wanted[index].kind))
        for index in order:
            action, before, after = steps[index]
            with document(index, len(wanted)):
                prepared = await self._kinds[after.kind].prepare(before, after)
            done[index] = Step(action, before, prepared if action != "unchanged" else after)
        changed = [index for index in order if done[index].action != "unchanged"]
        edits = [Put(done[i].after, before.revision if (before := done[i].before) else 0) for i in changed]
        stored = await self._write(edits) if edits else []
        for index, resource in zip(changed, stored, strict=True):
            assert resource is not None, "a Put gives the stored resource"
            done[index] = done[index]._replace(after=resource)
        return done

    async def _write(self, edits: Sequence[Put | Delete]) -> list[Resource | None]:
        crash_point("catalog-before-written")
        stored = await self._catalog.write(edits)
        crash_point("catalog-written")
        return stored

    async def _retry(self, write: Callable[[], Awaitable[T]]) -> T:
        """Plan and write again when somebody else's write came between. A Conflict with a path is the caller's."""
        for _ in range(TRIES - 1):
            try:
                return await write()
            except Conflict as error:
                if error.path is not None:
                    raise
        return await write()

    async def amend(self, ref: Ref, edit: Callable[[Resource], Resource]) -> Resource:
        """Change a stored resource where it is the server that writes; ``edit`` gives the same object to leave it alone.

        Read and edited again when somebody else's write came between; not checked or prepared as an apply is. Raises
        NotFound, Conflict (others never stop writing), and what ``edit`` raises.
        """
        async with self._writing:
            return self._masked(await self._retry(lambda: self._amend(ref, edit)))

    async def _amend(self, ref: Ref, edit: Callable[[Resource], Resource]) -> Resource:
        before = await self._get(ref)
        after = edit(before)
        if after is before:
            return before
        (stored,) = await self._write([Put(after, before.revision)])
        assert stored is not None, "a Put gives the stored resource"
        return stored

    async def get(self, ref: Ref) -> Resource:
        """Raises NotFound."""
        return self._masked(await self._get(ref))

    async def _get(self, ref: Ref) -> Resource:
        self.kind(ref.kind)
        found = await self._catalog.find(ref)
        if found is None:
            raise NotFound(f"there is no {ref}")
        return found

    def kind(self, name: str) -> Kind:
        """Raises InvalidInput when there is no such kind."""
        try:
            return self._kinds[name]
        except KeyError:
            raise InvalidInput(f"{name!r} is not a kind; known: {', '.join(self._kinds)}", path="$.kind") from None

    async def _check_scope(self, kind: str, bus: str) -> None:
        if bus and not self.kind(kind).in_bus:
            raise InvalidInput(f"a {kind} belongs to no bus", path="$.bus")
        if bus:
            await self._get(Ref("Bus", "", bus))
        self.kind(kind)

    async def delete(self, ref: Ref, *, revision: int = 0, cascade: bool = False) -> list[Resource]:
        """Delete a resource and, by ``cascade``, what hangs on it; returns what was deleted.

        Raises NotFound, Conflict (another revision), InUse (something hangs on it).
        """
        async with self._writing:
            gone = await self._retry(lambda: self._delete(ref, revision, cascade=cascade))
            for resource in gone:
                await self._kinds[resource.kind].dispose(resource.ref)
        return [self._masked(resource) for resource in gone]

    async def _delete(self, ref: Ref, revision: int, *, cascade: bool) -> list[Resource]:
        found = await self._get(ref)
        check_revision(ref, revision, found)
        hanging = await self._hanging(ref)
        if hanging and not cascade:
            names = [str(resource.ref) for resource in hanging[:MAX_NAMED]]
            more = f" and {len(hanging) - MAX_NAMED} more" if len(hanging) > MAX_NAMED else ""
            raise InUse(f"{ref} is in use by {', '.join(names)}{more}; delete them first, or cascade")
        await self._write([Delete(resource.ref, resource.revision) for resource in [*hanging, found]])
        return [found, *hanging]

    async def _hanging(self, ref: Ref) -> list[Resource]:
        """What would be without its bus."""
        if ref.kind != "Bus":
            return []
        kinds = [kind.name for kind in self._kinds.values() if kind.in_bus]
        return [resource for kind in kinds for resource in await self._catalog.list(kind, bus=ref.name)]

    async def watch(
        self, kind: str, *, bus: str = "", since: int | None = None, pulse_s: float = 15.0
    ) -> AsyncIterator[Sequence[Watched]]:
        """What exists now (or, with ``since``, what changed after that version), then changes as they happen.

        Gives an empty sequence after ``pulse_s`` without a change; ends when ``stop`` is called.
        """
        await self._check_scope(kind, bus)
        version = await self._catalog.version()
        if since is None or since > version:
            existing = await self._catalog.list(kind, bus=bus or None)
            yield [Watched("exists", version, self._masked(resource)) for resource in existing]
        else:
            version = since
        while not self._stopped:
            changes = await self._catalog.changes(version)
            if changes:
                version = changes[-1].version
                mine = [c for c in changes if c.ref.kind == kind and bus in {"", c.ref.bus}]
                if mine:
                    yield [
                        Watched(c.action, c.version, self._masked(c.resource or Resource(**c.ref._asdict())))
                        for c in mine
                    ]
            elif not await self._changed(version, pulse_s):
                yield []

    async def _changed(self, version: int, timeout_s: float) -> bool:
        """Wait for a version above this one; False when there was none in time, or at ``stop``."""
        try:
            async with asyncio.timeout(timeout_s) as timeout:
                self._watching.add(timeout)
                if not self._stopped:
                    await self._catalog.wait(version)
        except TimeoutError:
            return self._stopped
        finally:
            self._watching.discard(timeout)
        return True

    async def list(
        self,
        kind: str,
        *,
        bus: str = "",
        labels: Mapping[str, str] | None = None,
        limit: int = 100,
        page_token: str = "",
    ) -> Page:
        """Resources of a kind by bus and name. Raises NotFound when there is no such bus."""
        await self._check_scope(kind, bus)
        after = _read_token(kind, page_token) if page_token else None
        found = await self._catalog.list(kind, bus=bus or None, labels=labels or None, limit=limit + 1, after=after)
        items = [self._masked(resource) for resource in found[:limit]]
        return Page(items, _make_token(items[-1]) if len(found) > limit else "")


def _bus(resource: Resource) -> Ref:
    return Ref("Bus", "", resource.bus)


async def beside(size_bytes: int, work: Callable[[], T]) -> T:
    """Do work on so many bytes: at once when it is small, else in a thread."""
    return work() if size_bytes < BIG_BYTES else await asyncio.to_thread(work)


def _make_token(last: Resource) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode([last.bus, last.name])).decode().rstrip("=")


def _read_token(kind: str, token: str) -> Ref:
    try:
        padded = token + "=" * (-len(token) % 4)
        bus, name = msgspec.json.decode(base64.urlsafe_b64decode(padded), type=tuple[str, str])
    except (ValueError, msgspec.DecodeError) as error:
        raise InvalidInput("not a token of a list; begin again without it", path="$.pageToken") from error
    return Ref(kind, bus, name)
