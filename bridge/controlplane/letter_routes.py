"""The routes of dead letters: list, show, purge, redrive."""

from collections.abc import Iterator
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from bridge.controlplane.documents import parse_time
from bridge.controlplane.endpoints import Call, Endpoint, Json, Query, parse_body
from bridge.controlplane.letters import Letters, Which, view_letter
from bridge.controlplane.resource_routes import Limit, PageToken
from bridge.controlplane.resources import Resources
from bridge.model.documents import Document
from bridge.model.letter import LetterView
from bridge.model.redrive import Redrive
from bridge.model.resource import Ref
from bridge.model.rule import Pace
from bridge.stores.deadletters.base import Filter

Time = Annotated[str, Meta(description="A time in RFC 3339.")]
TAG = "Dead letters"


class LettersQuery(Query, frozen=True, kw_only=True):
    rule: str = ""
    target: str = ""
    reason: str = ""
    since: Time = ""
    until: Time = ""
    limit: Limit = 100
    page_token: PageToken = ""


class Purge(Document, frozen=True, kw_only=True):
    """Which dead letters: those with these ids, those that agree with a filter, or all of the bus."""

    ids: list[str] | None = None
    rule: str = ""
    target: str = ""
    reason: str = ""
    since: str = ""
    until: str = ""
    all: bool = False


class RedriveAsked(Purge, frozen=True, kw_only=True):
    """Which, and how: at most ``rate`` of them per time, ``100/s``. ``dryRun`` only counts them."""

    rate: Pace | None = None
    dry_run: bool = False


class Purged(msgspec.Struct, frozen=True, kw_only=True):
    """How many were deleted."""

    purged: int


class Matched(msgspec.Struct, frozen=True, kw_only=True):
    """How many would be redriven."""

    matched: int


class LetterList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    items: list[LetterView]
    next_page_token: str = ""


class RedriveList(msgspec.Struct, frozen=True, kw_only=True):
    items: list[Redrive]


def letter_endpoints(letters: Letters, resources: Resources) -> Iterator[Endpoint]:
    routes = _Routes(letters, resources)
    yield from routes.letters()
    yield from routes.redrives()


class _Routes:
    def __init__(self, letters: Letters, resources: Resources) -> None:
        self._letters = letters
        self._resources = resources

    def letters(self) -> Iterator[Endpoint]:
        base = "/v1/buses/{bus}/dead-letters"
        yield Endpoint(
            method="GET", path=base, tag=TAG, summary="List dead letters, newest last",
            handle=self._list, query=LettersQuery, answers={200: LetterList},
        )  # fmt: skip
        yield Endpoint(
            method="GET", path=f"{base}/{{id}}", tag=TAG, summary="Show a dead letter with its event",
            handle=self._get, answers={200: LetterView},
        )  # fmt: skip
        yield Endpoint(
            method="POST", path=f"{base}:purge", tag=TAG, summary="Delete dead letters, by ids, by a filter, or all",
            handle=self._purge, body=Purge, answers={200: Purged},
        )  # fmt: skip
        yield Endpoint(
            method="POST", path=f"{base}:redrive", tag=TAG,
            summary="Give dead letters back to their targets, by ids, by a filter, or all",
            handle=self._redrive, body=RedriveAsked, answers={200: Matched, 202: Redrive},
        )  # fmt: skip

    def redrives(self) -> Iterator[Endpoint]:
        base = "/v1/buses/{bus}/redrives"
        yield Endpoint(
            method="GET", path=base, tag=TAG, summary="Redrives that are running or have ended lately",
            handle=self._list_redrives, answers={200: RedriveList},
        )  # fmt: skip
        yield Endpoint(
            method="GET", path=f"{base}/{{id}}", tag=TAG, summary="How far a redrive is",
            handle=self._get_redrive, answers={200: Redrive},
        )  # fmt: skip
        yield Endpoint(
            method="POST", path=f"{base}/{{id}}/cancel", tag=TAG, summary="Let a redrive send no more dead letters",
            handle=self._cancel_redrive, answers={200: Redrive},
        )  # fmt: skip

    async def _list(self, call: Call) -> Response:
        query, bus = call.query, call.names["bus"]
        page = await self._letters.page(_filter(bus, query), limit=query.limit, page_token=query.page_token)
        if not page.letters:
            await self._check_bus(bus)  # letters may outlive their bus; without any, say it is gone
        items = [view_letter(letter, with_event=False) for letter in page.letters]
        return Json(LetterList(items=items, next_page_token=page.next_page_token))

    async def _get(self, call: Call) -> Response:
        return Json(view_letter(await self._letters.get(call.names["bus"], call.names["id"]), with_event=True))

    async def _purge(self, call: Call) -> Response:
        asked = parse_body(call, Purge)
        return Json(Purged(purged=await self._letters.purge(_which(call, asked))))

    async def _redrive(self, call: Call) -> Response:
        asked = parse_body(call, RedriveAsked)
        which = _which(call, asked)
        if asked.dry_run:
            return Json(Matched(matched=await self._letters.count(which)))
        rate = float(asked.rate) if asked.rate is not None else None
        return Json(await self._letters.redrive(which, rate), 202)

    async def _list_redrives(self, call: Call) -> Response:
        items = await self._letters.redrives.list(call.names["bus"])
        if not items:
            await self._check_bus(call.names["bus"])
        return Json(RedriveList(items=items))

    async def _get_redrive(self, call: Call) -> Response:
        return Json(await self._letters.redrives.get(call.names["bus"], call.names["id"]))

    async def _cancel_redrive(self, call: Call) -> Response:
        return Json(await self._letters.redrives.cancel(call.names["bus"], call.names["id"]))

    async def _check_bus(self, bus: str) -> None:
        await self._resources.get(Ref("Bus", "", bus))


def _which(call: Call, asked: Purge) -> Which:
    return Which(_filter(call.names["bus"], asked), asked.ids, asked.all)


def _filter(bus: str, asked: LettersQuery | Purge) -> Filter:
    return Filter(
        bus=bus,
        rule=asked.rule or None,
        target=asked.target or None,
        reason=asked.reason or None,
        since=parse_time(asked.since, "$.since") if asked.since else None,
        until=parse_time(asked.until, "$.until") if asked.until else None,
    )
