"""The routes of operations: status, dead letters, trying things out, connectors, health."""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw
from starlette.responses import Response

from bridge.connectors.base import Description
from bridge.controlplane.documents import parse_time
from bridge.controlplane.endpoints import Call, Endpoint, Json, Query, parse_body
from bridge.controlplane.letters import LetterView, view_letter
from bridge.controlplane.operations import Operations
from bridge.controlplane.resource_routes import Limit, PageToken
from bridge.controlplane.resources import Resources
from bridge.controlplane.stored import Place
from bridge.controlplane.trials import PatternTrial, Subject
from bridge.errors import InvalidInput
from bridge.model.documents import Document
from bridge.model.resource import Ref
from bridge.model.rule import Dialect
from bridge.model.status import Status, TargetStatus
from bridge.rules.explain import Explanation, RulesExplanation
from bridge.stores.deadletters.base import Filter

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
Time = Annotated[str, Meta(description="A time in RFC 3339.")]


class LettersQuery(Query, frozen=True, kw_only=True):
    rule: str = ""
    target: str = ""
    reason: str = ""
    since: Time = ""
    until: Time = ""
    limit: Limit = 100
    page_token: PageToken = ""


class Purge(Document, frozen=True, kw_only=True):
    """Which dead letters to delete: those with these ids, those that agree with a filter, or all of the bus."""

    ids: list[str] | None = None
    rule: str = ""
    target: str = ""
    reason: str = ""
    since: str = ""
    until: str = ""
    all: bool = False


class Purged(msgspec.Struct, frozen=True, kw_only=True):
    """How many were deleted."""

    purged: int


class LetterList(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename="camel"):
    items: list[LetterView]
    next_page_token: str = ""


_ABSENT = Raw()


class EventAsked(Document, frozen=True, kw_only=True):
    """Either ``event``, a CloudEvent in the JSON format or any JSON object, or ``stored``, the place of one in a bus."""

    event: Raw = _ABSENT
    stored: Place | None = None

    @property
    def subject(self) -> Subject:
        return Subject(bytes(self.event) or None, self.stored)


class PatternTest(EventAsked, frozen=True, kw_only=True):
    """``pattern``, ``filter``, or both."""

    pattern: Raw = _ABSENT
    filter: Raw = _ABSENT
    dialect: Dialect = "bridge"


class TransformTest(EventAsked, frozen=True, kw_only=True):
    transform: Raw


class ConnectorList(msgspec.Struct, frozen=True, kw_only=True):
    items: list[Description]


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """``reasons`` says, by part, what is wrong."""

    ready: bool
    reasons: dict[str, str]


def operation_endpoints(operations: Operations, resources: Resources) -> Iterator[Endpoint]:
    routes = _Routes(operations, resources)
    yield from routes.running()
    yield from routes.dead_letters()
    yield from routes.trials()
    yield from routes.connectors()
    yield from routes.health()


class _Routes:
    def __init__(self, operations: Operations, resources: Resources) -> None:
        self._operations = operations
        self._resources = resources

    def running(self) -> Iterator[Endpoint]:
        async def status(_: Call) -> Response:
            return Json(await self._operations.status())

        async def target(call: Call) -> Response:
            names = call.names
            return Json(await self._operations.target(names["bus"], names["rule"], names["target"]))

        tag = "Status"
        yield Endpoint(
            method="GET", path="/v1/status", tag=tag, summary="Buses, rates, and each target's lag and last error",
            handle=status, answers={200: Status},
        )  # fmt: skip
        yield Endpoint(
            method="GET", path="/v1/buses/{bus}/rules/{rule}/targets/{target}", tag=tag, summary="How a target is doing",
            handle=target, answers={200: TargetStatus},
        )  # fmt: skip

    def dead_letters(self) -> Iterator[Endpoint]:
        tag, base = "Dead letters", "/v1/buses/{bus}/dead-letters"
        yield Endpoint(
            method="GET", path=base, tag=tag, summary="List dead letters, newest last",
            handle=self._list_letters, query=LettersQuery, answers={200: LetterList},
        )  # fmt: skip
        yield Endpoint(
            method="GET", path=f"{base}/{{id}}", tag=tag, summary="Show a dead letter with its event",
            handle=self._get_letter, answers={200: LetterView},
        )  # fmt: skip
        yield Endpoint(
            method="POST", path=f"{base}:purge", tag=tag, summary="Delete dead letters, by ids, by a filter, or all",
            handle=self._purge, body=Purge, answers={200: Purged},
        )  # fmt: skip

    async def _list_letters(self, call: Call) -> Response:
        query, bus = call.query, call.names["bus"]
        page = await self._operations.letters(_filter(bus, query), limit=query.limit, page_token=query.page_token)
        if not page.letters:
            await self._resources.get(Ref("Bus", "", bus))  # letters may outlive their bus; without any, say it is gone
        items = [view_letter(letter, with_event=False) for letter in page.letters]
        return Json(LetterList(items=items, next_page_token=page.next_page_token))

    async def _get_letter(self, call: Call) -> Response:
        letter = await self._operations.dead_letters.get(call.names["bus"], call.names["id"])
        return Json(view_letter(letter, with_event=True))

    async def _purge(self, call: Call) -> Response:
        which = parse_body(call, Purge)
        where = _filter(call.names["bus"], which)
        return Json(Purged(purged=await self._operations.purge(where, ids=which.ids, everything=which.all)))

    def trials(self) -> Iterator[Endpoint]:
        trials = self._operations.trials

        async def test_pattern(call: Call) -> Response:
            asked = parse_body(call, PatternTest)
            pattern, filter_ = bytes(asked.pattern), bytes(asked.filter) or None
            if not pattern and filter_ is None:
                raise InvalidInput("say what to try: pattern, filter, or both")
            trial = PatternTrial(pattern or b"{}", filter_, asked.dialect)
            return await trials.pattern(trial, asked.subject, Json)

        async def test_transform(call: Call) -> Response:
            asked = parse_body(call, TransformTest)
            return await trials.transform(bytes(asked.transform), asked.subject, Json)

        async def test_rules(call: Call) -> Response:
            asked = parse_body(call, EventAsked)
            return await trials.rules(call.names["bus"], asked.subject, Json)

        tag = "Trials"
        yield Endpoint(
            method="POST", path="/v1/pattern:test", tag=tag, summary="Does this pattern match this event, does this filter let it pass, and why",
            handle=test_pattern, body=PatternTest, answers={200: Explanation},
        )  # fmt: skip
        yield Endpoint(
            method="POST", path="/v1/transform:test", tag=tag, summary="What does this transform make of this event",
            handle=test_transform, body=TransformTest, answers={200: dict[str, Any]},
        )  # fmt: skip
        yield Endpoint(
            method="POST", path="/v1/buses/{bus}/rules:test", tag=tag, summary="Which rules of a bus match this event, and which nearly",
            handle=test_rules, body=EventAsked, answers={200: RulesExplanation},
        )  # fmt: skip

    def connectors(self) -> Iterator[Endpoint]:
        async def every(_: Call) -> Response:
            return Json(ConnectorList(items=self._operations.connectors()))

        async def one(call: Call) -> Response:
            return Json(self._operations.connector(call.names["kind"]))

        tag = "Connectors"
        yield Endpoint(
            method="GET", path="/v1/connectors", tag=tag, summary="The kinds of target there are",
            handle=every, answers={200: ConnectorList},
        )  # fmt: skip
        yield Endpoint(
            method="GET", path="/v1/connectors/{kind}", tag=tag, summary="A kind of target, with its config's JSON Schema",
            handle=one, answers={200: Description},
        )  # fmt: skip

    def health(self) -> Iterator[Endpoint]:
        async def alive(_: Call) -> Response:
            return Json({"status": "ok"})

        async def ready(_: Call) -> Response:
            reasons = await self._operations.ready()
            return Json(Readiness(ready=not reasons, reasons=reasons), 503 if reasons else 200)

        async def metrics(_: Call) -> Response:
            return Response(self._operations.metrics(), media_type=PROMETHEUS)

        tag = "Health"
        yield Endpoint(
            method="GET", path="/healthz", tag=tag, summary="Is the process alive",
            handle=alive, answers={200: dict[str, str]},
        )  # fmt: skip
        yield Endpoint(
            method="GET", path="/readyz", tag=tag, summary="Can it serve, and what is wrong",
            handle=ready, answers={200: Readiness, 503: Readiness},
        )  # fmt: skip
        yield Endpoint(
            method="GET", path="/metrics", tag=tag, summary="Metrics in the Prometheus text format",
            handle=metrics, answers={200: "text/plain"},
        )  # fmt: skip


def _filter(bus: str, asked: LettersQuery | Purge) -> Filter:
    return Filter(
        bus=bus,
        rule=asked.rule or None,
        target=asked.target or None,
        reason=asked.reason or None,
        since=parse_time(asked.since, "$.since") if asked.since else None,
        until=parse_time(asked.until, "$.until") if asked.until else None,
    )
