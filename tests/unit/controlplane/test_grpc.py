"""The gRPC door, called as the server would."""

import asyncio
from typing import Any

import grpc
import msgspec
import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

from bridge._proto.bridge.v1 import operations_pb2 as ops
from bridge._proto.bridge.v1 import resources_pb2 as res
from bridge.codec.chunks import judge_events
from bridge.controlplane.grpc import OperationsService, ResourcesService
from bridge.controlplane.structs import to_struct
from bridge.model.event import DataForm, Event
from bridge.model.resource import Ref
from bridge.stores.deadletters.base import Filter
from tests.unit.controlplane.test_http import EVENT, letter

TRAFFIC = Ref("Bus", "", "traffic")


class Aborted(Exception):
    """What a call ended with."""

    def __init__(self, code: grpc.StatusCode, trailer: bytes) -> None:
        self.code = code
        self.status = Status.FromString(trailer)
        self.info, self.violation = ErrorInfo(), BadRequest()
        for detail in self.status.details:
            detail.Unpack(self.info) or detail.Unpack(self.violation)

    @property
    def path(self) -> str | None:
        return self.violation.field_violations[0].field if self.violation.field_violations else None


class Context:
    """As much of a call's context as the services use."""

    async def abort_with_status(self, status: Any) -> None:
        raise Aborted(status.code, dict(status.trailing_metadata)["grpc-status-details-bin"])


def bus(**members: Any) -> res.Resource:
    return res.Resource(**({"kind": "Bus", "name": "traffic", "spec": to_struct({"partitions": 2})} | members))


def rule(kind: str = "paper") -> res.Resource:
    spec = {"targets": [{"name": "a", "kind": kind, "config": {"path": "x"}}]}
    return res.Resource(kind="Rule", bus="traffic", name="red", labels={"team": "roads"}, spec=to_struct(spec))


async def apply(world, *resources: res.Resource, dry_run: bool = False) -> res.ApplyResponse:
    request = res.ApplyRequest(resources=resources, dry_run=dry_run)
    return await ResourcesService(world.resources).Apply(request, Context())


async def refused(call: Any, code: grpc.StatusCode, reason: str, path: str | None = None) -> None:
    with pytest.raises(Aborted) as caught:
        await call
    assert (caught.value.code, caught.value.info.reason, caught.value.path) == (code, reason, path)
    assert caught.value.info.domain == "bridge"


async def test_pause_and_resume(world) -> None:
    """The same facts as over HTTP; the first pause stands."""
    service, context = OperationsService(world.operations), Context()
    await apply(world, bus(), rule())
    asked = ops.PauseTargetRequest(bus="traffic", rule="red", target="a", reason="they move")
    first = await service.PauseTarget(asked, context)
    assert (first.paused.since.ToSeconds(), first.paused.reason, first.paused.by) == (
        int(world.clock()),
        "they move",
        "operator",
    )
    assert await service.PauseTarget(ops.PauseTargetRequest(bus="traffic", rule="red", target="a"), context) == first
    await service.ResumeTarget(ops.ResumeTargetRequest(bus="traffic", rule="red", target="a", skip=True), context)
    assert world.unblocked == [("traffic", "red", "a", True)]
    missing = ops.PauseTargetRequest(bus="traffic", rule="red", target="b")
    await refused(service.PauseTarget(missing, context), grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
    asked.reason = "x" * 1_025
    invalid = grpc.StatusCode.INVALID_ARGUMENT
    await refused(service.PauseTarget(asked, context), invalid, "INVALID_INPUT", "$.reason")


async def test_a_bus_and_a_rule_from_apply_to_delete(world) -> None:
    """The same facts as over HTTP."""
    service, context = ResourcesService(world.resources), Context()
    dry = await apply(world, rule(), bus(), dry_run=True)
    assert [r.action for r in dry.results] == [res.ApplyResponse.Applied.CREATED] * 2
    await apply(world, rule(), bus())
    again = await apply(world, rule(), bus())
    assert [r.action for r in again.results] == [res.ApplyResponse.Applied.UNCHANGED] * 2
    changed = await apply(world, bus(spec=to_struct({"partitions": 3})))
    assert (changed.results[0].resource.revision, "+  partitions: 3" in changed.results[0].diff) == (2, True)

    found = await service.Get(res.GetRequest(kind="Rule", bus="traffic", name="red"), context)
    shown = MessageToDict(found)
    assert shown["status"] == {"starts": {"a": {"0": 0.0, "1": 0.0}}}
    assert (shown["labels"], shown["revision"], shown["created"]) == ({"team": "roads"}, "1", "1970-01-12T13:46:40Z")
    assert bytes((await world.resources.get(TRAFFIC)).spec) == b'{"partitions":3}'

    listed = await service.List(res.ListRequest(kind="Rule", labels={"team": "roads"}), context)
    assert [r.name for r in listed.resources] == ["red"]
    assert not (await service.List(res.ListRequest(kind="Rule", labels={"team": "x"}), context)).resources
    await refused(
        service.Delete(res.DeleteRequest(kind="Bus", name="traffic"), context),
        grpc.StatusCode.FAILED_PRECONDITION,
        "IN_USE",
    )
    gone = await service.Delete(res.DeleteRequest(kind="Bus", name="traffic", revision=2, cascade=True), context)
    assert [r.name for r in gone.deleted] == ["traffic", "red"]


async def test_what_is_read_and_sent_back_keeps_its_digits(world) -> None:
    """A Struct rounds long numbers; an unchanged spec is recognised and keeps its text."""
    spec = '{"targets":[{"name":"a","kind":"paper","config":{"path":"x"}}],"pattern":{"data":{"n":[12345678901234567890]}}}'
    await apply(world, bus())
    await world.call("PUT", "/v1/buses/traffic/rules/red", f'{{"spec":{spec}}}')
    found = await ResourcesService(world.resources).Get(
        res.GetRequest(kind="Rule", bus="traffic", name="red"), Context()
    )
    again = await apply(world, found)
    assert again.results[0].action == res.ApplyResponse.Applied.UNCHANGED
    found.description = "now"
    changed = await apply(world, found)
    assert changed.results[0].action == res.ApplyResponse.Applied.CHANGED
    assert bytes((await world.resources.get(Ref("Rule", "traffic", "red"))).spec) == spec.encode()


async def test_refusals(world) -> None:
    """Status code, code and path."""
    service, context, code = ResourcesService(world.resources), Context(), grpc.StatusCode
    await refused(apply(world, rule()), code.NOT_FOUND, "NOT_FOUND", "$.bus")
    await refused(
        apply(world, bus(), rule("papre")), code.INVALID_ARGUMENT, "INVALID_CONFIG", "$[1].spec.targets[0].kind"
    )
    await refused(apply(world, bus(), bus()), code.INVALID_ARGUMENT, "INVALID_CONFIG", "$[1]")
    await refused(apply(world, bus(revision=7)), code.ABORTED, "CONFLICT", "$.revision")
    await refused(apply(world, bus(revision=-1)), code.INVALID_ARGUMENT, "INVALID_CONFIG", "$.revision")
    odd = bus(spec=to_struct({"limits": {"eventSize": float("inf")}}))
    await refused(apply(world, odd), code.INVALID_ARGUMENT, "INVALID_CONFIG", "$.spec.limits.eventSize")
    await refused(service.Get(res.GetRequest(kind="Lamp"), context), code.INVALID_ARGUMENT, "INVALID_INPUT", "$.kind")
    await refused(service.Get(res.GetRequest(kind="Bus", name="x"), context), code.NOT_FOUND, "NOT_FOUND")
    many = res.ListRequest(kind="Bus", limit=1001)
    await refused(service.List(many, context), code.INVALID_ARGUMENT, "INVALID_INPUT", "$.limit")


async def test_a_watch(world) -> None:
    """What exists, then changes; an error ends it with its status; stopping ends it well."""
    await apply(world, bus())
    watch = ResourcesService(world.resources).Watch(res.WatchRequest(kind="Bus"), Context())
    async with asyncio.timeout(5):
        first = await anext(watch)
        assert (first.action, first.resource.name, first.version) == (res.WatchResponse.EXISTS, "traffic", 1)
        await apply(world, bus(description="now"))
        second = await anext(watch)
        assert (second.action, second.resource.description) == (res.WatchResponse.PUT, "now")
        await world.resources.delete(TRAFFIC)
        third = await anext(watch)
        assert (third.action, third.resource.name) == (res.WatchResponse.DELETED, "traffic")
        world.resources.stop()
        assert await anext(watch, None) is None
    bad = ResourcesService(world.resources).Watch(res.WatchRequest(kind="Rule", bus="x"), Context())
    await refused(anext(bad), grpc.StatusCode.NOT_FOUND, "NOT_FOUND")


async def test_what_nobody_foresaw_has_a_status_too(world, monkeypatch) -> None:
    """INTERNAL, and the log says more."""

    async def broken() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(world.operations, "status", broken)
    call = OperationsService(world.operations).GetStatus(ops.GetStatusRequest(), Context())
    await refused(call, grpc.StatusCode.INTERNAL, "INTERNAL")


async def test_operations(world) -> None:
    """Status, trials and dead letters: the same verbs as HTTP."""
    service, context = OperationsService(world.operations), Context()
    status = await service.GetStatus(ops.GetStatusRequest(), context)
    assert MessageToDict(status)["buses"][0]["name"] == "traffic"

    event = msgspec.json.encode(EVENT).decode()
    tried = await service.TestPattern(
        ops.TestPatternRequest(pattern='{"type":["light.changed"]}', event=event), context
    )
    assert (tried.matched, MessageToDict(tried.fields[0])["path"]) == (True, "type")
    asked = ops.TestTransformRequest(transform='{"template":{"s":"${data.speed}"}}', event=event)
    made = await service.TestTransform(asked, context)
    assert (made.payload, made.content_type) == ('{"s":48}', "application/json")
    made = await service.TestTransform(
        ops.TestTransformRequest(transform='{"text":"at ${data.speed}"}', event=event), context
    )
    assert (made.payload, next(iter(made.variables.fields.values())).number_value) == ("at 48", 48)
    bad = ops.TestPatternRequest(pattern='{"type":1}', event=event)
    await refused(
        service.TestPattern(bad, context), grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PATTERN", "$.pattern.type"
    )
    bad = ops.TestPatternRequest(pattern="{}", event=event, dialect="x")
    await refused(service.TestPattern(bad, context), grpc.StatusCode.INVALID_ARGUMENT, "INVALID_INPUT", "$.dialect")


async def test_a_stored_event_and_the_rules_of_a_bus(world) -> None:
    """The answers of HTTP, as messages."""
    service, context = OperationsService(world.operations), Context()
    amber = rule()
    amber.name = "amber"
    amber.spec.update({"pattern": {"type": ["light.changed"], "data": {"speed": [{"numeric": [">", 50]}]}}})
    await apply(world, bus(spec=to_struct({})), rule(), amber)
    event = Event("1", "/s", "light.changed", {}, b'{"speed":48}', DataForm.JSON)
    await world.bus_store.log("traffic").append(judge_events([event], 1, 1_000).chunks)

    place = ops.StoredEvent(bus="traffic")
    asked = ops.TestPatternRequest(pattern='{"data":{"speed":[48]}}', filter='{"exact":{"id":"2"}}', stored=place)
    tried = await service.TestPattern(asked, context)
    assert (tried.matched, tried.fields[0]["matched"], tried.filter["matched"]) == (False, True, False)
    made = await service.TestTransform(ops.TestTransformRequest(transform='{"text":"${x}"}', stored=place), context)
    assert list(made.missing) == ["x"]
    for request in (
        ops.TestRulesRequest(bus="traffic", event=msgspec.json.encode(EVENT).decode()),
        ops.TestRulesRequest(bus="traffic", stored=ops.StoredEvent()),
    ):
        found = await service.TestRules(request, context)
        assert (found.rules, list(found.matched), len(found.nearly)) == (2, ["red"], 1)
        near = MessageToDict(found.nearly[0])
        assert (near["rule"], near["missed"]) == ("amber", 1)
        assert near["fields"][0]["reason"] == "`data.speed` is 48, pattern wants > 50"
    gone = ops.TestRulesRequest(bus="traffic", stored=ops.StoredEvent(offset=2**64 - 1))
    await refused(service.TestRules(gone, context), grpc.StatusCode.NOT_FOUND, "NOT_FOUND", "$.stored.offset")
    nothing = ops.TestRulesRequest(bus="traffic")
    await refused(service.TestRules(nothing, context), grpc.StatusCode.INVALID_ARGUMENT, "INVALID_INPUT", "$")


async def test_dead_letters(world) -> None:
    """Listed by filter and page, shown with the event, purged on purpose only."""
    service, context = OperationsService(world.operations), Context()
    await world.letters.add([letter(0), letter(1), letter(2, rule="amber")])
    page = await service.ListDeadLetters(ops.ListDeadLettersRequest(bus="traffic", limit=2), context)
    assert [one["offset"] for one in page.dead_letters] == [0, 1]
    rest = ops.ListDeadLettersRequest(bus="traffic", page_token=page.next_page_token)
    assert [one["offset"] for one in (await service.ListDeadLetters(rest, context)).dead_letters] == [2]
    some = ops.ListDeadLettersRequest(bus="traffic", since=Timestamp(seconds=61), until=Timestamp(seconds=62))
    assert [one["offset"] for one in (await service.ListDeadLetters(some, context)).dead_letters] == [1]
    one = await service.GetDeadLetter(ops.GetDeadLetterRequest(bus="traffic", id=page.dead_letters[0]["id"]), context)
    assert one["event"]["id"] == "1"
    nothing = ops.PurgeDeadLettersRequest(bus="traffic")
    await refused(service.PurgeDeadLetters(nothing, context), grpc.StatusCode.INVALID_ARGUMENT, "INVALID_INPUT")
    amber = ops.PurgeDeadLettersRequest(bus="traffic", rule="amber")
    assert (await service.PurgeDeadLetters(amber, context)).purged == 1
    ids = ops.PurgeDeadLettersRequest(bus="traffic", ids=[page.dead_letters[0]["id"]])
    assert (await service.PurgeDeadLetters(ids, context)).purged == 1
    everything = ops.PurgeDeadLettersRequest(bus="traffic", all=True)
    assert (await service.PurgeDeadLetters(everything, context)).purged == 1


async def test_redrives(world) -> None:
    """Begun by ids, filter or all, counted, listed, shown, cancelled: as over HTTP."""
    service, context = OperationsService(world.operations), Context()
    await world.letters.add([letter(0), letter(1), letter(2, rule="amber")])
    asked = ops.RedriveDeadLettersRequest(bus="traffic", rule="red", since=Timestamp(seconds=61), rate="120/m")
    begun = await service.RedriveDeadLetters(asked, context)
    assert (begun.matched, begun.redrive.matched, begun.redrive.state, begun.redrive.rate) == (1, 1, "running", 2.0)
    assert (begun.redrive.started.ToJsonString(), begun.redrive.HasField("ended")) == (
        "2026-11-24T08:00:00.500Z",
        False,
    )
    await service.RedriveDeadLetters(ops.RedriveDeadLettersRequest(bus="traffic", ids=["1"]), context)
    assert world.redrives.asked == [
        (Filter(bus="traffic", rule="red", since=61.0), None, 2.0),
        (Filter(bus="traffic"), ["1"], None),
    ]
    dry = await service.RedriveDeadLetters(
        ops.RedriveDeadLettersRequest(bus="traffic", all=True, dry_run=True), context
    )
    assert (dry.matched, dry.HasField("redrive")) == (3, False)
    found = await service.ListRedrives(ops.ListRedrivesRequest(bus="traffic"), context)
    assert [redrive.id for redrive in found.redrives] == ["0", "1"]
    assert await service.GetRedrive(ops.GetRedriveRequest(bus="traffic", id="0"), context) == begun.redrive
    ended = await service.CancelRedrive(ops.CancelRedriveRequest(bus="traffic", id="0"), context)
    assert (ended.state, ended.ended.ToJsonString(), ended.reason) == ("cancelled", "2026-11-24T08:00:01Z", "enough")
    nothing, zero = (
        ops.RedriveDeadLettersRequest(bus="traffic"),
        ops.RedriveDeadLettersRequest(bus="traffic", all=True, rate="0/s"),
    )
    await refused(service.RedriveDeadLetters(nothing, context), grpc.StatusCode.INVALID_ARGUMENT, "INVALID_INPUT")
    await refused(
        service.RedriveDeadLetters(zero, context), grpc.StatusCode.INVALID_ARGUMENT, "INVALID_INPUT", "$.rate"
    )
    gone = ops.GetRedriveRequest(bus="other", id="0")
    await refused(service.GetRedrive(gone, context), grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
