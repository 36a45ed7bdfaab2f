"""The gRPC door to resources and operations: bridge.v1.Resources and bridge.v1.Operations."""
# ruff: noqa: N802 - methods are named as in the protos

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import wraps
from typing import Any, NoReturn, TypeVar

import grpc
import structlog
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.struct_pb2 import Struct
from grpc_status import rpc_status
from msgspec.structs import replace

from bridge._proto.bridge.v1 import operations_pb2, operations_pb2_grpc, resources_pb2, resources_pb2_grpc
from bridge.codec.problems import status_of
from bridge.controlplane.grpc_messages import (
    read_filter,
    read_limit,
    read_pattern_trial,
    read_rate,
    read_resource,
    read_subject,
    read_which,
    show_applied,
    show_delayed,
    show_explanation,
    show_pause,
    show_preview,
    show_redrive,
    show_resource,
    show_rules_explanation,
    show_watched,
)
from bridge.controlplane.letters import view_letter
from bridge.controlplane.operations import Operations
from bridge.controlplane.paths import document
from bridge.controlplane.resources import Resources
from bridge.controlplane.structs import json_to_struct, to_struct
from bridge.errors import BridgeError, InvalidInput, NotFound
from bridge.model.resource import Ref, Resource

log = structlog.get_logger()

Service = TypeVar("Service")
Request = TypeVar("Request")
Answer = TypeVar("Answer")
Context = grpc.aio.ServicerContext[Any, Any]


def _unary(
    call: Callable[[Service, Request], Awaitable[Answer]],
) -> Callable[[Service, Request, Context], Awaitable[Answer]]:
    """A call with one answer; errors become its status."""

    @wraps(call)
    async def answer(service: Service, request: Request, context: Context) -> Answer:
        try:
            return await call(service, _checked(request))
        except Exception as error:
            await _abort(error, context)

    return answer


def _stream(
    call: Callable[[Service, Request], AsyncIterator[Answer]],
) -> Callable[[Service, Request, Context], AsyncIterator[Answer]]:
    """A call with many answers; an error ends them with its status."""

    @wraps(call)
    async def answers(service: Service, request: Request, context: Context) -> AsyncIterator[Answer]:
        try:
            async for answer in call(service, _checked(request)):
                yield answer
        except Exception as error:
            await _abort(error, context)

    return answers


def handler(service: "ResourcesService | OperationsService") -> "grpc.GenericRpcHandler[Any, Any]":
    """The service's methods, where a message that cannot be parsed is the caller's fault and not an unknown one."""
    methods = {}
    for method in service.descriptor.methods:
        made = grpc.unary_stream_rpc_method_handler if method.server_streaming else grpc.unary_unary_rpc_method_handler
        methods[method.name] = made(
            getattr(service, method.name),
            request_deserializer=_reader(GetMessageClass(method.input_type)),
            response_serializer=GetMessageClass(method.output_type).SerializeToString,
        )
    return grpc.method_handlers_generic_handler(service.descriptor.full_name, methods)


def _reader(kind: type[Message]) -> Callable[[bytes], Message | InvalidInput]:
    """Raising here would end the call before anybody could say why."""

    def read(body: bytes) -> Message | InvalidInput:
        try:
            return kind.FromString(body)
        except DecodeError as error:
            return InvalidInput(f"not a {kind.DESCRIPTOR.name}: {error}")

    return read


def _checked(request: Request | InvalidInput) -> Request:
    if isinstance(request, InvalidInput):
        raise request
    return request


async def _abort(error: Exception, context: Context) -> NoReturn:
    if not isinstance(error, BridgeError):
        log.error("a call failed", exc_info=error)
        error = BridgeError("something failed inside; the server's log says what")
    await context.abort_with_status(rpc_status.to_status(status_of(error)))  # type: ignore[attr-defined]  # stubs lack it
    raise AssertionError("abort always raises")


class ResourcesService(resources_pb2_grpc.ResourcesServicer):
    descriptor = resources_pb2.DESCRIPTOR.services_by_name["Resources"]

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    @_unary
    async def Apply(self, request: resources_pb2.ApplyRequest) -> resources_pb2.ApplyResponse:
        wanted = []
        for index, message in enumerate(request.resources):
            with document(index, len(request.resources)):
                wanted.append(await self._exact(read_resource(message), message.spec))
        applied = await self._resources.apply(wanted, dry_run=request.dry_run)
        return resources_pb2.ApplyResponse(results=map(show_applied, applied))

    async def _exact(self, wanted: Resource, spec: Struct) -> Resource:
        """A spec that was read and is sent back keeps the digits and the order that its Struct has no room for."""
        try:
            stored = await self._resources.get(wanted.ref)
        except (NotFound, InvalidInput):
            return wanted
        return replace(wanted, spec=stored.spec) if json_to_struct(bytes(stored.spec)) == spec else wanted

    @_unary
    async def Get(self, request: resources_pb2.GetRequest) -> resources_pb2.Resource:
        return show_resource(await self._resources.get(Ref(request.kind, request.bus, request.name)))

    @_unary
    async def List(self, request: resources_pb2.ListRequest) -> resources_pb2.ListResponse:
        page = await self._resources.list(
            request.kind,
            bus=request.bus,
            labels=request.labels,
            limit=read_limit(request.limit),
            page_token=request.page_token,
        )
        return resources_pb2.ListResponse(
            resources=map(show_resource, page.items), next_page_token=page.next_page_token
        )

    @_unary
    async def Delete(self, request: resources_pb2.DeleteRequest) -> resources_pb2.DeleteResponse:
        ref = Ref(request.kind, request.bus, request.name)
        gone = await self._resources.delete(ref, revision=request.revision, cascade=request.cascade)
        return resources_pb2.DeleteResponse(deleted=map(show_resource, gone))

    @_stream
    async def Watch(self, request: resources_pb2.WatchRequest) -> AsyncIterator[resources_pb2.WatchResponse]:
        async for batch in self._resources.watch(request.kind, bus=request.bus, since=request.since or None):
            for watched in batch:
                yield show_watched(watched)


class OperationsService(operations_pb2_grpc.OperationsServicer):
    descriptor = operations_pb2.DESCRIPTOR.services_by_name["Operations"]

    def __init__(self, operations: Operations) -> None:
        self._operations = operations

    @_unary
    async def GetStatus(self, _: operations_pb2.GetStatusRequest) -> Struct:
        return to_struct(await self._operations.status())

    @_unary
    async def PauseTarget(self, request: operations_pb2.PauseTargetRequest) -> operations_pb2.PauseTargetResponse:
        stands = await self._operations.pause(request.bus, request.rule, request.target, request.reason)
        return operations_pb2.PauseTargetResponse(paused=show_pause(stands))

    @_unary
    async def ResumeTarget(self, request: operations_pb2.ResumeTargetRequest) -> operations_pb2.ResumeTargetResponse:
        await self._operations.resume(request.bus, request.rule, request.target, skip=request.skip)
        return operations_pb2.ResumeTargetResponse()

    @_unary
    async def TestPattern(self, request: operations_pb2.TestPatternRequest) -> operations_pb2.TestPatternResponse:
        trial = read_pattern_trial(request)
        return await self._operations.trials.pattern(trial, read_subject(request), show_explanation)

    @_unary
    async def TestTransform(self, request: operations_pb2.TestTransformRequest) -> operations_pb2.TestTransformResponse:
        transform = request.transform.encode()
        return await self._operations.trials.transform(transform, read_subject(request), show_preview)

    @_unary
    async def TestRules(self, request: operations_pb2.TestRulesRequest) -> operations_pb2.TestRulesResponse:
        return await self._operations.trials.rules(request.bus, read_subject(request), show_rules_explanation)

    @_unary
    async def ListDeadLetters(
        self, request: operations_pb2.ListDeadLettersRequest
    ) -> operations_pb2.ListDeadLettersResponse:
        page = await self._operations.letters.page(
            read_filter(request), limit=read_limit(request.limit), page_token=request.page_token
        )
        shown = [to_struct(view_letter(letter, with_event=False)) for letter in page.letters]
        return operations_pb2.ListDeadLettersResponse(dead_letters=shown, next_page_token=page.next_page_token)

    @_unary
    async def GetDeadLetter(self, request: operations_pb2.GetDeadLetterRequest) -> Struct:
        return to_struct(view_letter(await self._operations.letters.get(request.bus, request.id), with_event=True))

    @_unary
    async def PurgeDeadLetters(
        self, request: operations_pb2.PurgeDeadLettersRequest
    ) -> operations_pb2.PurgeDeadLettersResponse:
        purged = await self._operations.letters.purge(read_which(request))
        return operations_pb2.PurgeDeadLettersResponse(purged=purged)

    @_unary
    async def RedriveDeadLetters(
        self, request: operations_pb2.RedriveDeadLettersRequest
    ) -> operations_pb2.RedriveDeadLettersResponse:
        letters, which, rate = self._operations.letters, read_which(request), read_rate(request.rate)
        if request.dry_run:
            return operations_pb2.RedriveDeadLettersResponse(matched=await letters.count(which))
        begun = await letters.redrive(which, rate)
        return operations_pb2.RedriveDeadLettersResponse(matched=begun.matched, redrive=show_redrive(begun))

    @_unary
    async def ListRedrives(self, request: operations_pb2.ListRedrivesRequest) -> operations_pb2.ListRedrivesResponse:
        redrives = await self._operations.letters.redrives.list(request.bus)
        return operations_pb2.ListRedrivesResponse(redrives=map(show_redrive, redrives))

    @_unary
    async def GetRedrive(self, request: operations_pb2.GetRedriveRequest) -> operations_pb2.Redrive:
        return show_redrive(await self._operations.letters.redrives.get(request.bus, request.id))

    @_unary
    async def CancelRedrive(self, request: operations_pb2.CancelRedriveRequest) -> operations_pb2.Redrive:
        return show_redrive(await self._operations.letters.redrives.cancel(request.bus, request.id))

    @_unary
    async def ListDelayedEvents(
        self, request: operations_pb2.ListDelayedEventsRequest
    ) -> operations_pb2.ListDelayedEventsResponse:
        page = await self._operations.delayed.page(
            request.bus, limit=read_limit(request.limit), page_token=request.page_token
        )
        return operations_pb2.ListDelayedEventsResponse(
            delayed_events=map(show_delayed, page.events), next_page_token=page.next_page_token
        )

    @_unary
    async def CancelDelayedEvent(
        self, request: operations_pb2.CancelDelayedEventRequest
    ) -> operations_pb2.CancelDelayedEventResponse:
        cancelled = await self._operations.delayed.cancel(request.bus, request.id, request.source)
        return operations_pb2.CancelDelayedEventResponse(cancelled=cancelled)
