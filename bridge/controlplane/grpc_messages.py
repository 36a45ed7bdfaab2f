"""Messages of bridge.v1.Resources and Operations, and what they mean here."""

from typing import Any, cast, get_args

import msgspec
from google.protobuf.timestamp_pb2 import Timestamp
from msgspec import Raw

from bridge._proto.bridge.v1 import operations_pb2, resources_pb2
from bridge.controlplane.letters import Which
from bridge.controlplane.paths import below
from bridge.controlplane.resources import Applied, Watched
from bridge.controlplane.stored import Place
from bridge.controlplane.structs import json_to_struct, struct_to_json, to_struct
from bridge.controlplane.trials import PatternTrial, Subject
from bridge.errors import InvalidConfig, InvalidInput
from bridge.model.delayed import DelayedEvent
from bridge.model.event import is_json
from bridge.model.pauses import Pause
from bridge.model.redrive import Redrive
from bridge.model.resource import Resource
from bridge.model.rule import Dialect, Pace
from bridge.rules.explain import Explanation, RulesExplanation
from bridge.stores.deadletters.base import Filter

DEFAULT_LIMIT, MAX_LIMIT = 100, 1_000

_ACTIONS = {
    "exists": resources_pb2.WatchResponse.EXISTS,
    "put": resources_pb2.WatchResponse.PUT,
    "delete": resources_pb2.WatchResponse.DELETED,
}


def read_resource(message: resources_pb2.Resource) -> Resource:
    """What a caller sent; what the server writes is ignored. Raises InvalidConfig."""
    if message.revision < 0:
        raise InvalidConfig("a revision is not negative", path="$.revision")
    with below("$.spec"):
        spec = struct_to_json(message.spec)
    return Resource(
        kind=message.kind,
        bus=message.bus,
        name=message.name,
        description=message.description,
        labels=dict(message.labels),
        spec=Raw(spec),
        revision=message.revision,
    )


def show_resource(resource: Resource) -> resources_pb2.Resource:
    return resources_pb2.Resource(
        kind=resource.kind,
        bus=resource.bus,
        name=resource.name,
        description=resource.description,
        labels=resource.labels,
        spec=json_to_struct(bytes(resource.spec)),
        revision=resource.revision,
        created=_timestamp(resource.created),
        updated=_timestamp(resource.updated),
        status=to_struct(resource.status) if resource.status else None,
    )


def show_applied(applied: Applied) -> resources_pb2.ApplyResponse.Applied:
    return resources_pb2.ApplyResponse.Applied(
        action=applied.action.upper(),
        resource=show_resource(applied.resource),
        diff=applied.diff,
        warnings=applied.warnings,
    )


def show_watched(watched: Watched) -> resources_pb2.WatchResponse:
    resource = watched.resource
    named = resources_pb2.Resource(kind=resource.kind, bus=resource.bus, name=resource.name)
    return resources_pb2.WatchResponse(
        action=_ACTIONS[watched.action],
        resource=named if watched.action == "delete" else show_resource(resource),
        version=watched.version,
    )


def read_limit(limit: int) -> int:
    """How many of a list; 0 is the default. Raises InvalidInput."""
    if limit > MAX_LIMIT:
        raise InvalidInput(f"at most {MAX_LIMIT}", path="$.limit")
    return limit or DEFAULT_LIMIT


_Selecting = operations_pb2.PurgeDeadLettersRequest | operations_pb2.RedriveDeadLettersRequest


def read_which(request: _Selecting) -> Which:
    return Which(read_filter(request), list(request.ids) or None, request.all)


def read_rate(text: str) -> float | None:
    """Per second; None where there is no limit. Raises InvalidInput."""
    try:
        return float(Pace.parse(text)) if text else None
    except InvalidConfig as error:
        raise InvalidInput(error.reason, path="$.rate") from error


def read_filter(request: operations_pb2.ListDeadLettersRequest | _Selecting) -> Filter:
    return Filter(
        bus=request.bus,
        rule=request.rule or None,
        target=request.target or None,
        reason=request.reason or None,
        since=_seconds(request.since) if request.HasField("since") else None,
        until=_seconds(request.until) if request.HasField("until") else None,
    )


def read_pattern_trial(request: "operations_pb2.TestPatternRequest") -> PatternTrial:
    """Raises InvalidInput. The dialect may be left out, and the pattern beside a filter."""
    dialect = request.dialect or "bridge"
    if dialect not in get_args(Dialect):
        raise InvalidInput(f"{dialect!r} is not one of {', '.join(get_args(Dialect))}", path="$.dialect")
    pattern, filter_ = request.pattern.encode(), request.filter.encode() or None
    return PatternTrial(pattern if filter_ is None else pattern or b"{}", filter_, cast(Dialect, dialect))


def read_subject(
    request: "operations_pb2.TestPatternRequest | operations_pb2.TestTransformRequest | operations_pb2.TestRulesRequest",
) -> Subject:
    stored = request.stored if request.HasField("stored") else None
    place = Place(bus=stored.bus, partition=stored.partition, offset=stored.offset) if stored else None
    return Subject(request.event.encode() or None, place)


def show_explanation(found: Explanation) -> operations_pb2.TestPatternResponse:
    return operations_pb2.TestPatternResponse(
        matched=found.matched,
        fields=map(to_struct, found.fields),
        omitted=found.omitted,
        filter=to_struct(found.filter) if found.filter else None,
    )


def show_pause(pause: Pause) -> operations_pb2.Pause:
    since = Timestamp()
    since.FromJsonString(pause.since)
    return operations_pb2.Pause(since=since, reason=pause.reason, by=pause.by)


def show_delayed(delayed: DelayedEvent) -> operations_pb2.DelayedEvent:
    event = delayed.event
    return operations_pb2.DelayedEvent(
        id=event.id,
        source=event.source,
        type=event.type,
        subject=event.subject or "",
        scheduled=_timestamp(delayed.due),
    )


def show_redrive(redrive: Redrive) -> operations_pb2.Redrive:
    values = msgspec.structs.asdict(redrive)
    for name in ("started", "ended"):
        text, values[name] = values[name], None
        if text:
            values[name] = Timestamp()
            values[name].FromJsonString(text)
    return operations_pb2.Redrive(**values)


def show_preview(found: dict[str, Any]) -> operations_pb2.TestTransformResponse:
    payload, kind = found["payload"], found["contentType"]
    return operations_pb2.TestTransformResponse(
        payload=msgspec.json.encode(payload).decode() if is_json(kind) else payload,
        content_type=kind,
        variables=to_struct(found["variables"]),
        missing=found.get("missing", []),
    )


def show_rules_explanation(found: RulesExplanation) -> operations_pb2.TestRulesResponse:
    return operations_pb2.TestRulesResponse(
        matched=found.matched,
        nearly=map(to_struct, found.nearly),
        rules=found.rules,
        disabled=found.disabled,
        broken=found.broken,
    )


def _timestamp(seconds: float) -> Timestamp | None:
    if not seconds:
        return None
    moment = Timestamp()
    moment.FromNanoseconds(round(seconds * 1000) * 1_000_000)
    return moment


def _seconds(moment: Timestamp) -> float:
    return moment.seconds + moment.nanos / 1e9
