"""The routes of delayed events: list, cancel."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from bridge.controlplane.delayed import Delayed, view_delayed
from bridge.controlplane.endpoints import Call, Endpoint, Json, Query
from bridge.controlplane.resource_routes import Limit, PageToken
from bridge.model.delayed import DelayedView

TAG = "Delayed events"


class DelayedQuery(Query, frozen=True, kw_only=True):
    limit: Limit = 100
    page_token: PageToken = ""


class CancelQuery(Query, frozen=True, kw_only=True):
    source: Annotated[str, Meta(description="Only that of this source.")] = ""


class DelayedList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    items: list[DelayedView]
    next_page_token: str = ""


class Cancelled(msgspec.Struct, frozen=True, kw_only=True):
    """How many will never enter their bus."""

    cancelled: int


def delayed_endpoints(delayed: Delayed) -> Iterator[Endpoint]:
    async def list_(call: Call) -> Response:
        page = await delayed.page(call.names["bus"], limit=call.query.limit, page_token=call.query.page_token)
        return Json(DelayedList(items=list(map(view_delayed, page.events)), next_page_token=page.next_page_token))

    async def cancel(call: Call) -> Response:
        return Json(Cancelled(cancelled=await delayed.cancel(call.names["bus"], call.names["id"], call.query.source)))

    base = "/v1/buses/{bus}/delayed-events"
    yield Endpoint(
        method="GET", path=base, tag=TAG, summary="List events that wait for their time, the next one first",
        handle=list_, query=DelayedQuery, answers={200: DelayedList},
    )  # fmt: skip
    yield Endpoint(
        method="DELETE", path=f"{base}/{{id}}", slashes=True, tag=TAG, summary="Cancel an event that waits, by its id",
        handle=cancel, query=CancelQuery, answers={200: Cancelled},
    )  # fmt: skip
