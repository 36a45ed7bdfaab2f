"""The routes of operations: status, dead letters, trying things out, connectors, health."""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw
from starlette.responses import Response

from bridge.connectors.base import Description
from bridge.controlplane.delayed_routes import delayed_endpoints
from bridge.controlplane.endpoints import Call, Endpoint, Json, parse_body
from bridge.controlplane.letter_routes import letter_endpoints
from bridge.controlplane.operations import Operations
from bridge.controlplane.pauses import MAX_REASON
from bridge.controlplane.resources import Resources
from bridge.controlplane.stored import Place
from bridge.controlplane.trials import PatternTrial, Subject
from bridge.errors import InvalidInput
from bridge.model.documents import Document
from bridge.model.pauses import Pause
from bridge.model.rule import Dialect
from bridge.model.status import Status, TargetStatus
from bridge.rules.explain import Explanation, RulesExplanation

PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


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


class PauseAsked(Document, frozen=True, kw_only=True):
    """``reason`` is for people: who looks at the target later sees it."""

    reason: Annotated[str, Meta(max_length=MAX_REASON)] = ""


class ResumeAsked(Document, frozen=True, kw_only=True):
    """``skip``: the event at which a blocked target waits becomes a dead letter, instead of being tried again."""

    skip: bool = False


class PauseState(msgspec.Struct, frozen=True, kw_only=True):
    """The pause that stands; null when there is none."""

    paused: Pause | None


class ConnectorList(msgspec.Struct, frozen=True, kw_only=True):
    items: list[Description]


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """``reasons`` says, by part, what is wrong."""

    ready: bool
    reasons: dict[str, str]


def operation_endpoints(operations: Operations, resources: Resources) -> Iterator[Endpoint]:
    routes = _Routes(operations, resources)
    yield from routes.running()
    yield from letter_endpoints(operations.letters, resources)
    yield from delayed_endpoints(operations.delayed)
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

        async def pause(call: Call) -> Response:
            names, asked = call.names, parse_body(call, PauseAsked) if call.body else PauseAsked()
            stands = await self._operations.pause(names["bus"], names["rule"], names["target"], asked.reason)
            return Json(PauseState(paused=stands))

        async def resume(call: Call) -> Response:
            names, asked = call.names, parse_body(call, ResumeAsked) if call.body else ResumeAsked()
            await self._operations.resume(names["bus"], names["rule"], names["target"], skip=asked.skip)
            return Json(PauseState(paused=None))

        tag, one = "Status", "/v1/buses/{bus}/rules/{rule}/targets/{target}"
        yield Endpoint(
            method="GET", path="/v1/status", tag=tag, summary="Buses, rates, and each target's lag and last error",
            handle=status, answers={200: Status},
        )  # fmt: skip
        yield Endpoint(
            method="GET", path=one, tag=tag, summary="How a target is doing",
            handle=target, answers={200: TargetStatus},
        )  # fmt: skip
        yield Endpoint(
            method="POST", path=f"{one}/pause", tag=tag, summary="Stop deliveries to a target; its events are kept",
            handle=pause, body=PauseAsked, body_required=False, answers={200: PauseState},
        )  # fmt: skip
        yield Endpoint(
            method="POST", path=f"{one}/resume", tag=tag, summary="Let a paused or blocked target go on",
            handle=resume, body=ResumeAsked, body_required=False, answers={200: PauseState},
        )  # fmt: skip

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
            return Response(await self._operations.metrics(), media_type=PROMETHEUS)

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
