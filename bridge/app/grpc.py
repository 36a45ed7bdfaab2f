"""The gRPC door: events, definitions and operations, with health and reflection."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import SERVICE_NAME as HEALTH
from grpc_health.v1.health import aio as health  # type: ignore[attr-defined]  # it ships no types
from grpc_reflection.v1alpha import reflection

from bridge.app.flow import Flow
from bridge.controlplane.grpc import OperationsService, ResourcesService, handler
from bridge.controlplane.operations import Operations
from bridge.controlplane.resources import Resources
from bridge.dataplane.ingress.grpc import SERVICE, EventsService
from bridge.errors import StartError
from bridge.settings.addresses import Address
from bridge.settings.sections import Settings

SERVICES = (SERVICE, "bridge.v1.Resources", "bridge.v1.Operations")
CALLS_AT_ONCE = 256  # each may hold a whole request in memory before we are asked


@asynccontextmanager
async def grpc_door(
    settings: Settings, flow: Flow, resources: Resources, operations: Operations, *, share: bool
) -> AsyncIterator[Address]:
    """Open as long as the block; gives the address with its port. ``share`` it with other workers. Raises StartError."""
    server = _server(settings.limits.request_size, share=share)
    server.add_generic_rpc_handlers(
        (
            EventsService(flow.ingress, flow.subscriptions).handler(),
            handler(ResourcesService(resources)),
            handler(OperationsService(operations)),
        )
    )
    healthy = health.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
    reflection.enable_server_reflection((*SERVICES, HEALTH, reflection.SERVICE_NAME), server)
    address = _bound(server, settings.grpc.address)
    await server.start()
    for service in ("", *SERVICES):
        await healthy.set(service, health_pb2.HealthCheckResponse.SERVING)
    try:
        yield address
    finally:
        await healthy.enter_graceful_shutdown()
        flow.subscriptions.close()
        await server.stop(settings.stop.drain)


def _server(request_size: int, *, share: bool) -> grpc.aio.Server:
    options = [
        ("grpc.so_reuseport", share),  # else a second server would take some calls in silence
        ("grpc.max_receive_message_length", request_size + 2**16),
        ("grpc.max_send_message_length", -1),
    ]
    return grpc.aio.server(options=options, maximum_concurrent_rpcs=CALLS_AT_ONCE)


def _bound(server: grpc.aio.Server, address: Address) -> Address:
    try:
        port = server.add_insecure_port(str(address))
    except RuntimeError as error:
        raise StartError(f"cannot listen on {address} for gRPC: is the port in use?") from error
    return Address(address.host, port)
