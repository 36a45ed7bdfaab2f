"""The HTTP door of the control plane, on Starlette: the table of endpoints as an application."""

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from bridge.controlplane.docs_page import docs_page
from bridge.controlplane.endpoints import Call, Endpoint, Json, refusal, routes
from bridge.controlplane.openapi import EVENTS, describe
from bridge.controlplane.operation_routes import operation_endpoints
from bridge.controlplane.operations import Operations
from bridge.controlplane.resource_routes import resource_endpoints
from bridge.controlplane.resources import Resources
from bridge.errors import BridgeError, NotFound


def make_app(resources: Resources, operations: Operations) -> Starlette:
    """The control plane as an ASGI application. ``resources.stop()`` ends its watches, so that a server can stop."""
    app = Starlette(
        routes=routes(all_endpoints(resources, operations)),
        exception_handlers={BridgeError: _refuse, HTTPException: _refuse_route, Exception: _fail},
    )
    app.router.redirect_slashes = False
    return app


def all_endpoints(resources: Resources, operations: Operations) -> list[Endpoint]:
    """Everything that is served here."""
    endpoints = [*resource_endpoints(resources), *operation_endpoints(operations, resources)]

    async def openapi(_: Call) -> Response:
        return Json(description)

    async def docs(_: Call) -> Response:
        return HTMLResponse(docs_page(description))

    endpoints += [
        Endpoint(
            method="GET", path="/openapi.json", tag="Description", summary="This API as OpenAPI 3.1",
            handle=openapi, answers={200: "application/json"},
        ),
        Endpoint(
            method="GET", path="/docs", tag="Description", summary="This API as a page",
            handle=docs, answers={200: "text/html"},
        ),
    ]  # fmt: skip
    description = describe([*EVENTS, *endpoints])
    return endpoints


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, BridgeError)
    return refusal(error)


async def _refuse_route(request: Request, _: Exception) -> Response:
    return refusal(NotFound(f"there is nothing at {request.url.path}"))


async def _fail(_: Request, __: Exception) -> Response:
    """Something nobody foresaw; Starlette raises it again for the server's log."""
    return refusal(BridgeError("something failed inside; the server's log says what"))
