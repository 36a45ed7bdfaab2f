"""Endpoints: one table from which come the routes, their checks, and the OpenAPI description.

An endpoint says which query parameters it takes and which body; what is unknown or malformed is refused before its
handler runs, so that a handler is a line or two.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from math import ceil
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from bridge.errors import BridgeError, InvalidConfig, InvalidInput, MethodNotAllowed, Overloaded, TooLarge, problem
from bridge.model.documents import Document, parse_json

MAX_BODY_BYTES = 4 * 1024 * 1024

T = TypeVar("T")
Method = Literal["GET", "PUT", "POST", "DELETE", "OPTIONS"]


class Query(Document, frozen=True, kw_only=True):
    """Base of query parameters; a tuple is a parameter that may be given several times."""


class Call(NamedTuple):
    """One request: the names in its path, its query parameters as the endpoint declares them, its body."""

    names: dict[str, str]
    query: Any
    body: bytes
    content_type: str
    last_event_id: str


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """``body`` and ``answers`` (by status) are types, or the media type of what is described no further."""

    method: Method
    path: str
    slashes: bool = False
    """Whether the name at its end may hold slashes."""
    tag: str
    summary: str
    handle: Callable[[Call], Awaitable[Response]] | None = None
    """None: described here, served elsewhere."""
    query: type[Query] = Query
    body: Any = None
    body_media: tuple[str, ...] = ("application/json",)
    body_required: bool = True
    spec: type[Document] | None = None
    """What ``spec`` is in the body's resource, where there is but one kind."""
    answers: dict[int, Any]

    @property
    def names(self) -> list[str]:
        """The names in its path."""
        return [part[1:].partition("}")[0] for part in self.path.split("/") if part.startswith("{")]


class Json(Response):
    """JSON of structs, dicts and raw JSON."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return msgspec.json.encode(content)


def refusal(error: BridgeError, headers: Mapping[str, str] | None = None) -> Response:
    """An error as an RFC 9457 problem."""
    more = dict(headers or {})
    if isinstance(error, Overloaded):
        more["Retry-After"] = str(ceil(error.after_s))
    return Json(problem(error), error.status, more, "application/problem+json")


def routes(endpoints: Iterable[Endpoint]) -> list[Route]:
    """One route for each path, so that a wrong method is told which are right."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for endpoint in endpoints:
        by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
    return [Route(_template(path, methods), _answering(methods), methods=_ALL) for path, methods in by_path.items()]


def _template(path: str, methods: Mapping[str, Endpoint]) -> str:
    """As Starlette has it."""
    return f"{path[:-1]}:path}}" if any(endpoint.slashes for endpoint in methods.values()) else path


_ALL = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"]


def _answering(methods: dict[str, Endpoint]) -> Callable[[Request], Awaitable[Response]]:
    allowed = ", ".join(sorted(methods))

    async def answer(request: Request) -> Response:
        head = request.method == "HEAD"
        endpoint = methods.get("GET" if head else request.method)
        if endpoint is None or endpoint.handle is None:
            error = MethodNotAllowed(f"{request.method} is not possible here; allowed: {allowed}")
            return refusal(error, {"Allow": allowed})
        response = await endpoint.handle(await _call(request, endpoint))
        if head and isinstance(response, StreamingResponse):
            return Response(headers=dict(response.headers))
        return response

    return answer


async def _call(request: Request, endpoint: Endpoint) -> Call:
    query = parse_query(request.query_params.multi_items(), endpoint.query)
    body = await _read(request) if endpoint.body is not None else b""
    content_type = request.headers.get("content-type", "")
    return Call(request.path_params, query, body, content_type, request.headers.get("last-event-id", ""))


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise TooLarge(f"the body is larger than {MAX_BODY_BYTES} bytes")
    return bytes(body)


def parse_query(items: Sequence[tuple[str, str]], kind: type[T]) -> T:
    """Query parameters into their struct. Raises InvalidInput with the parameter as path (``$.limit``)."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    for name, value in items:
        if name not in fields:
            known = ", ".join(fields) or "none here"
            raise InvalidInput(f"there is no query parameter {name[:100]!r}; known: {known}", path=f"$.{name[:100]}")
        if isinstance(fields[name].default, tuple):
            values.setdefault(name, []).append(value)
        elif name in values:
            raise InvalidInput("this query parameter is given twice", path=f"$.{name}")
        else:
            values[name] = value
    try:
        return msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).rpartition(" - at `")
        raise InvalidInput(f"query parameter: {reason[:1].lower()}{reason[1:]}", path=path.removesuffix("`")) from error


def parse_body(call: Call, kind: type[T]) -> T:
    """A JSON body into its struct. Raises InvalidInput with the path."""
    try:
        call.body.decode()  # msgspec does not look into parts that stay raw
        return parse_json(call.body, kind)
    except UnicodeDecodeError as error:
        raise InvalidInput(f"not UTF-8: {error.reason} at byte {error.start}") from error
    except RecursionError as error:
        raise InvalidInput("nested too deeply") from error
    except InvalidConfig as error:
        raise InvalidInput(error.reason, path=error.path) from error
