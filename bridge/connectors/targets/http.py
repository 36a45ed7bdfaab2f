"""Pushes events to an HTTP server: as CloudEvents in binary, structured or batched mode, or as a plain payload.

Guarantee: At least once; a delivery is done when the server answers 2xx, whatever the body of that answer says.

Retried: no connection, TLS and DNS errors, no or a broken answer, no consent in the handshake, and the statuses 404, 408,
409, 429, 5xx and unknown ones, not before the answer's Retry-After. Redirects (never followed), all other 4xx, 410
included, addresses that may not be connected to, and what the target aborts are final.

What a server says about more than one delivery (410, Retry-After, an overload, the header webhook-delivery) is about the
target as far as all its events go to that server: not where placeholders make up the host, or, for 410 and the header,
any part of the URL.

What a transform made is sent as it is, with its media type, whatever the mode; in batched mode that is one request each,
one after the other. Mode `payload` without a transform sends the event's data with its media type. A placeholder's value
is percent-encoded in the URL; in a header, what is not visible ASCII is. A keep-alive connection that the server has
closed in the meantime is replaced at once, which is no failure.
"""

import asyncio
import gzip
import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

import msgspec

from bridge.codec.http import format_batched, format_binary, format_structured
from bridge.connectors import base, handshake, signatures
from bridge.connectors.addresses import Address, find_literal, refuse
from bridge.connectors.answers import DISABLED, judge, one_line, wants_no_more
from bridge.connectors.base import Features, Host, Reach, field, has_placeholder
from bridge.connectors.handshake import Handshake, ask, judge_consent
from bridge.connectors.headers import check_headers, encode_header
from bridge.connectors.signatures import Signer, Signing, make_message_id
from bridge.connectors.urls import check_url, escape_url, parse_url
from bridge.connectors.web import Request, Tls, WebClient
from bridge.errors import InvalidConfig, PartlyFailed, Rejected, Retryable, TargetError
from bridge.model.delivery import Delivery, Payload
from bridge.model.event import DataForm, Event
from bridge.model.units import Duration

GZIP_BYTES = 1024
"""Shorter bodies are not worth compressing."""
LONG_BYTES = 64 * 1024
"""Longer ones are compressed beside the event loop, at some 20 ms for each MiB."""


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
    gzip: Annotated[bool, field("Compress bodies of more than 1 KiB.")] = False
    signing: Annotated[Signing | None, field("Sign each request, after Standard Webhooks.")] = None
    handshake: Annotated[
        Handshake | None, field("Ask the target for its consent first, as the CloudEvents webhook specification says.")
    ] = None
    tls: Annotated[Tls, field("For https: which certificates are trusted and shown.")] = Tls()
    connect_timeout: Annotated[Duration, field("How long making a connection may take.")] = Duration(5)
    allow_private: Annotated[
        bool, field("Whether it may lead to addresses that are not public: private, loopback, link-local and others.")
    ] = False

    @property
    def address(self) -> str:
        """Without the query, where tokens are wont to stand, and without a user, which a placeholder may have brought."""
        return re.sub(r"//[^/]*@", "//", re.split(r"[?#]", self.url, maxsplit=1)[0])


class HttpTarget(base.Target):
    """The lane bounds how many requests are under way, and so how many connections there are."""

    kind = "http"
    Config = HttpConfig
    features = Features(max_batch=100)

    def __init__(self, config: HttpConfig, host: Host) -> None:
        super().__init__(config, host)
        if config.mode != "batched":
            self.features = Features(max_batch=1)
        self._signer = Signer(config.signing) if config.signing else None
        self._unfinished = bool(config.gzip or config.handshake or config.signing)
        self._one_url = not has_placeholder(config.url)
        self._one_server = check_url(config.url) is not None
        self._unwanted = False
        self._client = WebClient(config.tls, config.connect_timeout, self._refuse)

    @classmethod
    def check(cls, config: HttpConfig) -> None:
        try:
            check_url(config.url)
        except ValueError as error:
            raise InvalidConfig(str(error), path="$.url") from error
        check_headers(config.headers, lambda name: _taken(name, config))
        if config.tls.key_file and not config.tls.cert_file:
            raise InvalidConfig("needs certFile beside it", path="$.tls.keyFile")
        if config.handshake and has_placeholder(config.url):
            raise InvalidConfig("consent is asked for one URL: it must hold no placeholders", path="$.handshake")
        if config.signing:
            try:
                Signer(config.signing)
            except InvalidConfig as error:
                raise error.under("$.signing") from error.__cause__

    @classmethod
    def check_reach(cls, config: HttpConfig, reach: Reach) -> None:
        if config.allow_private and reach is Reach.NONE:
            raise InvalidConfig("the setting targets.allow_private is none", path="$.allowPrivate")
        url = check_url(config.url)
        literal = find_literal(url.raw_host or "") if url is not None else None
        reason = refuse(literal, reach, asked=config.allow_private) if literal is not None else ""
        if reason:
            raise InvalidConfig(reason, path="$.url")

    async def open(self) -> None:
        await self._client.open()
        if self.config.handshake:
            await self._ask(self.config.handshake)

    async def _ask(self, wish: Handshake) -> None:
        """Ask for consent. Raises Retryable while there is none, Rejected when the target may not be connected to."""
        constant = {name: value for name, value in self.config.headers.items() if not has_placeholder(value)}
        headers = {name: encode_header(value) for name, value in constant.items()} | ask(wish)
        answer = await self._client.request(Request("OPTIONS", parse_url(self.config.url), headers, b""))
        refusal = judge_consent(wish, answer, self.host.clock())
        if refusal is not None:
            raise refusal

    async def send(self, deliveries: Sequence[Delivery]) -> None:
        failures: dict[int, TargetError] = {}
        holds: Retryable | None = None
        for part in _parts(deliveries, self.config.mode):
            holds = holds or self._take_order()
            failure = holds or await self._push(deliveries[part.start : part.stop])
            if failure is not None:
                failures |= dict.fromkeys(part, failure)
                holds = holds or _hold(failure)
        if failures:
            raise failures[0] if len(deliveries) == 1 else PartlyFailed(failures)

    def _take_order(self) -> Retryable | None:
        """What a target said while it took a delivery is told by the next one, which so stays undelivered."""
        unwanted, self._unwanted = self._unwanted, False
        return Retryable(DISABLED, retire=True) if unwanted else None

    async def _push(self, deliveries: Sequence[Delivery]) -> TargetError | None:
        """One request; returns why it failed."""
        try:
            request = make_request(deliveries, self.config)
            if self._unfinished:
                request = await self._finish(request, deliveries)
            answer = await self._client.request(request)
        except (Rejected, Retryable) as error:
            return error
        authentic = request.url.scheme == "https" and self.config.tls.verify and self._one_url
        failure = judge(answer, self.host.clock(), authentic=authentic)
        if failure is None:
            self._unwanted = self._unwanted or (authentic and wants_no_more(answer))
        else:
            self._limit(failure)
        return failure

    def _limit(self, failure: TargetError) -> None:
        """What one of several servers says is about the delivery alone: events that choose it must not stop the others."""
        if not self._one_url:
            failure.retire = False
        if not self._one_server:
            failure.hold_s, failure.overload = None, False

    async def _finish(self, request: Request, deliveries: Sequence[Delivery]) -> Request:
        """What depends on the whole request: compression, then the signature of what is sent."""
        config, headers, body = self.config, request.headers, request.body
        if config.gzip and len(body) > GZIP_BYTES:
            body = compress(body) if len(body) <= LONG_BYTES else await asyncio.to_thread(compress, body)
            headers["content-encoding"] = "gzip"
        if config.handshake:
            headers[handshake.ORIGIN] = config.handshake.origin
        if self._signer is not None:
            message_id = make_message_id(delivery.event for delivery in deliveries)
            headers |= self._signer.sign(message_id, int(self.host.clock()), body)
        return request._replace(body=body)

    def _refuse(self, address: Address) -> str:
        return refuse(address, self.host.reach, asked=self.config.allow_private)

    async def close(self) -> None:
        await self._client.close()


def _hold(failure: TargetError) -> Retryable | None:
    """With what the rest of a batch waits: after a failure that may pass, or once the target wants no more."""
    if isinstance(failure, Retryable):
        return failure
    return Retryable(failure.reason, retire=True) if failure.retire else None


def compress(body: bytes) -> bytes:
    """The same for the same body."""
    return gzip.compress(body, compresslevel=6, mtime=0)


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


def _taken(name: str, config: HttpConfig) -> str:
    """Why a header (name in lower case) is not the user's to set."""
    if config.mode != "payload" and (name == "content-type" or name.startswith("ce-")):
        return f"belongs to the event in mode {config.mode}; mode payload leaves it to you"
    if config.gzip and name == "content-encoding":
        return "is set by gzip"
    if config.signing and name in signatures.HEADERS:
        return "belongs to the signature"
    if config.handshake and name in handshake.HEADERS:
        return "belongs to the handshake"
    return ""
