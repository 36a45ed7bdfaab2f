"""Pushes events to an HTTP server: as CloudEvents in binary, structured or batched mode, or as a plain payload.

Guarantee: At least once; a delivery is done when the server answers 2xx, whatever the body of that answer says.

Retried: no connection, TLS and DNS errors, no or a broken answer, and the statuses 404, 408, 409, 429, 5xx and unknown
ones, not before the answer's Retry-After. Redirects (never followed) and all other 4xx, 410 included, are final.

What a transform made is sent as it is, with its media type, whatever the mode; in batched mode that is one request each,
one after the other. Mode `payload` without a transform sends the event's data with its media type. A placeholder's value
is percent-encoded in the URL; in a header, what is not visible ASCII is. A keep-alive connection that the server has
closed in the meantime is replaced at once, which is no failure.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal
from urllib.parse import quote

import msgspec

from bridge.codec.http import format_batched, format_binary, format_structured
from bridge.connectors import base
from bridge.connectors.answers import judge, one_line
from bridge.connectors.base import Features, Host, field
from bridge.connectors.urls import check_url, escape_url, parse_url
from bridge.connectors.web import Request, Tls, WebClient
from bridge.errors import InvalidConfig, PartlyFailed, Rejected, Retryable, TargetError
from bridge.model.delivery import Delivery, Payload
from bridge.model.event import DataForm, Event
from bridge.model.units import Duration

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OURS = {
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "expect",
}


class HttpConfig(base.Config, frozen=True, kw_only=True):
    url: Annotated[str, field("Where to send to: http or https.", expression=True, escape=escape_url)]
    mode: Annotated[
        Literal["binary", "structured", "batched", "payload"],
        field("CloudEvents in one of their HTTP modes, or `payload`: what the transform made, else the event's data."),
    ] = "binary"
    method: Annotated[Literal["POST", "PUT", "PATCH"], field("The request's method.")] = "POST"
    headers: Annotated[dict[str, str], field("Headers to add to each request.", expression=True)] = msgspec.field(
        default_factory=dict
    )
    tls: Annotated[Tls, field("For https: which certificates are trusted and shown.")] = Tls()
    connect_timeout: Annotated[Duration, field("How long making a connection may take.")] = Duration(5)


class HttpTarget(base.Target):
    """The lane bounds how many requests are under way, and so how many connections there are."""

    kind = "http"
    Config = HttpConfig
    features = Features(max_batch=100)

    def __init__(self, config: HttpConfig, host: Host) -> None:
        super().__init__(config, host)
        if config.mode != "batched":
            self.features = Features(max_batch=1)
        self._client = WebClient(config.tls, config.connect_timeout)

    @classmethod
    def check(cls, config: HttpConfig) -> None:
        try:
            check_url(config.url)
        except ValueError as error:
            raise InvalidConfig(str(error), path="$.url") from error
        _check_headers(config)
        if config.tls.key_file and not config.tls.cert_file:
            raise InvalidConfig("needs certFile beside it", path="$.tls.keyFile")

    async def open(self) -> None:
        await self._client.open()

    async def send(self, deliveries: Sequence[Delivery]) -> None:
        failures: dict[int, TargetError] = {}
        holds: Retryable | None = None  # after a failure that may pass, the rest waits with it
        for part in _parts(deliveries, self.config.mode):
            failure = holds or await self._push(deliveries[part.start : part.stop])
            if isinstance(failure, Retryable):
                holds = failure
            if failure is not None:
                failures |= dict.fromkeys(part, failure)
        if failures:
            raise failures[0] if len(deliveries) == 1 else PartlyFailed(failures)

    async def _push(self, deliveries: Sequence[Delivery]) -> TargetError | None:
        """One request; returns why it failed."""
        try:
            answer = await self._client.request(make_request(deliveries, self.config))
        except (Rejected, Retryable) as error:
            return error
        return judge(answer, self.host.clock())

    async def close(self) -> None:
        await self._client.close()


def _parts(deliveries: Sequence[Delivery], mode: str) -> Iterator[range]:
    """Which deliveries go out in one request each: in batched mode neighbours that are events with equal config."""
    start = 0
    while start < len(deliveries):
        first, end = deliveries[start], start + 1
        while (
            mode == "batched"
            and end < len(deliveries)
            and first.payload is deliveries[end].payload is None
            and (first.config is deliveries[end].config or first.config == deliveries[end].config)
        ):
            end += 1
        yield range(start, end)
        start = end


def make_request(deliveries: Sequence[Delivery], config: HttpConfig) -> Request:
    """Raises Rejected when the URL is none, now that it is filled in."""
    first = deliveries[0]
    try:
        url = parse_url(first.config.url)
    except ValueError as error:
        shown = one_line(first.config.url.partition("?")[0], 200)  # a query may hold secrets
        raise Rejected(f"the URL {shown!r} is not usable: {error}") from error
    own, body = _content(deliveries, config.mode)
    added = {name: encode_header(value) for name, value in first.config.headers.items()}
    if "content-type" in own:
        own["content-type"] = encode_header(own["content-type"])
        if any(name.lower() == "content-type" for name in added):
            del own["content-type"]
    return Request(config.method, url, own | added, body)


def _content(deliveries: Sequence[Delivery], mode: str) -> tuple[dict[str, str], bytes]:
    """Headers (names in lower case) and body."""
    event, payload = deliveries[0].event, deliveries[0].payload
    if payload is None and mode == "payload":
        payload = _data(event)
    if payload is not None:
        return ({"content-type": payload.content_type} if payload.content_type else {}), payload.body
    match mode:
        case "structured":
            return format_structured(event)
        case "batched":
            return format_batched([delivery.event for delivery in deliveries])
        case _:
            return format_binary(event)


def _data(event: Event) -> Payload:
    """The data alone. Without a media type it is JSON where it came in as JSON, and nothing that has a name elsewhere."""
    implied = "application/json" if event.data_form is DataForm.JSON and event.data is not None else ""
    return Payload(event.data or b"", event.content_type or implied)


def encode_header(value: str) -> str:
    """Percent-encode (UTF-8) what may not stand in a header: all but visible ASCII and spaces."""
    value = value.strip(" \t\r\n")
    if value.isascii() and value.isprintable():
        return value
    return re.sub(r"[^ -~]+", lambda found: quote(found[0], safe="", errors="replace"), value)


def _check_headers(config: HttpConfig) -> None:
    seen: set[str] = set()
    for name in config.headers:
        lower = name.lower()
        reason = ""
        if _TOKEN.fullmatch(name) is None:
            reason = "is not the name of a header"
        elif lower in _OURS or lower.startswith("proxy-"):
            reason = "belongs to the connection and is set by bridge"
        elif lower in seen:
            reason = "stands here twice"
        elif config.mode != "payload" and (lower == "content-type" or lower.startswith("ce-")):
            reason = f"belongs to the event in mode {config.mode}; mode payload leaves it to you"
        if reason:
            raise InvalidConfig(reason, path=f"$.headers.{name}")
        seen.add(lower)
