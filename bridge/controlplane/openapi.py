"""The HTTP API described: OpenAPI 3.1 made from the same table and structs as the routes, and a page that shows it."""

from collections.abc import Iterable
from typing import Any

import msgspec

from bridge.controlplane.endpoints import Endpoint
from bridge.controlplane.schemas import Schema, Schemas
from bridge.version import VERSION

PROBLEM: Schema = {
    "type": "object",
    "description": "An error (RFC 9457).",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "A sentence for people."},
        "code": {"type": "string", "description": "Stable, for programs."},
        "path": {"type": "string", "description": "JSONPath of the bad part."},
        "retryAfterSeconds": {"type": "number"},
    },
    "required": ["type", "title", "status", "detail", "code"],
}
EVENT_MEDIA = (
    "application/cloudevents+json", "application/cloudevents-batch+json",
    "application/cloudevents+protobuf", "application/cloudevents-batch+protobuf", "*/*",
)  # fmt: skip
EVENTS = (
    Endpoint(
        method="POST", path="/v1/buses/{bus}/events", tag="Events",
        summary="Put events: CloudEvents in binary, structured or batched mode",
        body=Any, body_media=EVENT_MEDIA, answers={200: dict[str, Any]},
    ),
    Endpoint(
        method="GET", path="/v1/buses/{bus}/events", tag="Events",
        summary="Read events back; ?from=, to=, pattern=, limit=, watch=", answers={200: dict[str, Any]},
    ),
    Endpoint(
        method="OPTIONS", path="/v1/buses/{bus}/events", tag="Events",
        summary="The handshake of CloudEvents web hooks", answers={200: "text/plain"},
    ),
)  # fmt: skip
"""Served by the data plane on the same listener."""


def describe(endpoints: Iterable[Endpoint]) -> dict[str, Any]:
    """The OpenAPI document."""
    schemas = Schemas()
    schemas.components["Problem"] = PROBLEM
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "bridge", "version": VERSION, "description": "An event bus for CloudEvents."},
        "paths": paths,
        "components": {"schemas": schemas.components},
    }


def _operation(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    operation: dict[str, Any] = {"tags": [endpoint.tag], "summary": endpoint.summary}
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in endpoint.names
    ]
    parameters += [_parameter(field, schemas) for field in msgspec.structs.fields(endpoint.query)]
    if parameters:
        operation["parameters"] = parameters
    if endpoint.body is not None:
        schema = _body(endpoint, schemas)
        content = {media: {"schema": schema} for media in endpoint.body_media}
        operation["requestBody"] = {"required": endpoint.body_required, "content": content}
    operation["responses"] = {str(status): _answer(kind, schemas) for status, kind in endpoint.answers.items()}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    operation["responses"]["default"] = {"description": "What went wrong", "content": problem}
    return operation


def _parameter(field: msgspec.structs.FieldInfo, schemas: Schemas) -> dict[str, Any]:
    schema = schemas.of(field.type)
    parameter = {"name": field.encode_name, "in": "query", "schema": schema}
    if "description" in schema:
        parameter["description"] = schema.pop("description")
    if isinstance(field.default, bool | int):
        schema["default"] = field.default
    return parameter


def _body(endpoint: Endpoint, schemas: Schemas) -> Schema:
    schema = schemas.of(endpoint.body)
    if endpoint.spec is None:
        return schema
    return {"allOf": [schema, {"properties": {"spec": schemas.of(endpoint.spec)}}]}


def _answer(kind: Any, schemas: Schemas) -> dict[str, Any]:
    if isinstance(kind, str):
        return {"description": "Done", "content": {kind: {}}}
    return {"description": "Done", "content": {"application/json": {"schema": schemas.of(kind)}}}
