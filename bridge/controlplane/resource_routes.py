"""The routes of resources: one family for every kind, and apply for several at once."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import Meta
from msgspec.structs import replace
from starlette.responses import Response

from bridge.controlplane import sse
from bridge.controlplane.documents import (
    JSON,
    YAML,
    ResourceDocument,
    ResourceView,
    media_type,
    parse_documents,
    view,
    views,
)
from bridge.controlplane.endpoints import Call, Endpoint, Json, Query
from bridge.controlplane.kinds import Kind
from bridge.controlplane.resources import Resources, beside
from bridge.errors import InvalidConfig, InvalidInput
from bridge.model.resource import Ref, Resource

Limit = Annotated[int, Meta(ge=1, le=1_000, description="How many, at most.")]
PageToken = Annotated[str, Meta(description="`nextPageToken` of the page before.")]
DOCUMENTS = (YAML, JSON)


class ListQuery(Query, frozen=True, kw_only=True):
    limit: Limit = 100
    page_token: PageToken = ""
    label: Annotated[tuple[str, ...], Meta(description="`key=value`; several must all agree.")] = ()
    watch: Annotated[bool, Meta(description="Stream what exists and every change as server-sent events.")] = False


class DeleteQuery(Query, frozen=True, kw_only=True):
    cascade: Annotated[bool, Meta(description="Delete what hangs on it, too.")] = False
    revision: Annotated[int, Meta(ge=0, description="Delete only this revision.")] = 0


class ApplyQuery(Query, frozen=True, kw_only=True):
    dry_run: Annotated[bool, Meta(description="Say what would change, and change nothing.")] = False


class ListView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    items: list[ResourceView]
    next_page_token: str = ""


class DeletedView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The resource itself and, by cascade, what hung on it."""

    deleted: list[ResourceView]


class AppliedView(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    """``action`` is created, changed or unchanged; ``diff`` compares the definitions as YAML."""

    action: str
    resource: ResourceView
    diff: str = ""
    warnings: list[str] = msgspec.field(default_factory=list)


class ApplyView(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    results: list[AppliedView]


def resource_endpoints(resources: Resources) -> Iterator[Endpoint]:
    for kind in resources.kinds:
        yield from _Family(resources, kind).endpoints()

    async def apply(call: Call) -> Response:
        results = await resources.apply(await _parse(call), dry_run=call.query.dry_run)
        shown = [
            AppliedView(action=r.action, resource=view(r.resource), diff=r.diff, warnings=r.warnings) for r in results
        ]
        return Json(ApplyView(results=shown))

    yield Endpoint(
        method="POST", path="/v1/apply", tag="Resources", summary="Create or change resources, all or none",
        handle=apply, query=ApplyQuery, body=ResourceDocument, body_media=DOCUMENTS, answers={200: ApplyView},
    )  # fmt: skip


class _Family:
    """The routes of one kind."""

    def __init__(self, resources: Resources, kind: Kind) -> None:
        self._resources = resources
        self._kind = kind
        self._own = kind.name.lower()  # the name of its own name in the path

    def endpoints(self) -> Iterator[Endpoint]:
        kind, tag = self._kind, self._kind.plural.capitalize()
        every = f"/v1/{kind.plural}"
        within = f"/v1/buses/{{bus}}/{kind.plural}" if kind.in_bus else every
        one = f"{within}/{{{self._own}}}"
        if kind.in_bus:
            yield Endpoint(
                method="GET", path=every, tag=tag, summary=f"List or watch the {kind.plural} of all buses",
                handle=self.list, query=ListQuery, answers={200: ListView},
            )  # fmt: skip
        yield Endpoint(
            method="GET", path=within, tag=tag, summary=f"List or watch {kind.plural}",
            handle=self.list, query=ListQuery, answers={200: ListView},
        )  # fmt: skip
        yield Endpoint(
            method="GET", path=one, tag=tag, summary=f"Show a {self._own}", handle=self.get, answers={200: ResourceView}
        )
        yield Endpoint(
            method="PUT", path=one, tag=tag, summary=f"Create or change a {self._own}", handle=self.put,
            body=ResourceDocument, body_media=DOCUMENTS, spec=kind.Spec, answers={200: ResourceView, 201: ResourceView},
        )  # fmt: skip
        yield Endpoint(
            method="DELETE", path=one, tag=tag, summary=f"Delete a {self._own}", handle=self.delete,
            query=DeleteQuery, answers={200: DeletedView},
        )  # fmt: skip

    def _ref(self, call: Call) -> Ref:
        return Ref(self._kind.name, call.names["bus"] if self._kind.in_bus else "", call.names[self._own])

    async def list(self, call: Call) -> Response:
        query, bus = call.query, call.names.get("bus", "")
        if query.watch:
            since = int(call.last_event_id) if call.last_event_id.isdecimal() else None
            return await sse.respond(self._resources.watch(self._kind.name, bus=bus, since=since))
        page = await self._resources.list(
            self._kind.name, bus=bus, labels=_labels(query.label), limit=query.limit, page_token=query.page_token
        )
        return Json(ListView(items=views(page.items), next_page_token=page.next_page_token))

    async def get(self, call: Call) -> Response:
        return Json(view(await self._resources.get(self._ref(call))))

    async def put(self, call: Call) -> Response:
        wanted = await _parse(call)
        if len(wanted) != 1:
            raise InvalidConfig(f"one definition is put here, not {len(wanted)}; several go to /v1/apply")
        [applied] = await self._resources.apply([_as_addressed(wanted[0], self._ref(call))])
        return Json(view(applied.resource), 201 if applied.action == "created" else 200)

    async def delete(self, call: Call) -> Response:
        query = call.query
        gone = await self._resources.delete(self._ref(call), revision=query.revision, cascade=query.cascade)
        return Json(DeletedView(deleted=views(gone)))


async def _parse(call: Call) -> list[Resource]:
    media = media_type(call.content_type)
    return await beside(len(call.body), lambda: parse_documents(call.body, media))


def _as_addressed(wanted: Resource, ref: Ref) -> Resource:
    """Fill in what the address says; refuse a body that says otherwise."""
    for member in ("kind", "bus", "name"):
        said, addressed = getattr(wanted, member), getattr(ref, member)
        if said not in {"", addressed}:
            raise InvalidConfig(f"{said!r} here, but the address says {addressed or 'none'!r}", path=f"$.{member}")
    return replace(wanted, **ref._asdict())


def _labels(pairs: tuple[str, ...]) -> dict[str, str]:
    labels = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise InvalidInput(f"{pair!r} is not key=value", path="$.label")
        labels[key] = value
    return labels
