"""An HTTP client for servers that are not trusted: no redirects, no cookies, no proxies, no decompression, bounded answers,
and no connection to an address that was not judged.

Everything about aiohttp is here; a connector gives a Request and gets an Answer or a Retryable.
"""

import asyncio
import io
import ssl
from contextlib import AsyncExitStack
from contextvars import ContextVar
from functools import lru_cache
from typing import Annotated, Any, NamedTuple
from weakref import WeakSet

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from yarl import URL

from bridge.connectors.addresses import find_literal
from bridge.connectors.answers import Answer, one_line
from bridge.connectors.base import field
from bridge.connectors.lookups import Lookups, Refuse
from bridge.errors import Rejected, Retryable
from bridge.model.documents import Document
from bridge.version import VERSION

SHOWN_BYTES = 1024
"""How much of an answer's body is kept."""
DRAINED_BYTES = 64 * 1024
"""How much of it is read to keep the connection usable; a longer or slower one costs the connection."""
DRAIN_S = 1.0
KEPT_SERVERS = 100
"""Connections are kept to so many servers at a time: where events name them, there is no end to how many they are."""
KEEP_S = 15.0
LOOKUP_S = 10.0
"""How long the addresses of a name are good for new connections."""
LONG_BYTES = 1024 * 1024
"""aiohttp writes a body beyond this in pieces only when it comes from a file."""


class Tls(Document, frozen=True, kw_only=True):
    verify: Annotated[bool, field("Whether the server's certificate and name are checked.")] = True
    ca_file: Annotated[str, field("PEM file of the authorities to trust, instead of the system's.")] = ""
    cert_file: Annotated[str, field("PEM file of our own certificate, for servers that ask for one.")] = ""
    key_file: Annotated[str, field("PEM file of its key; empty when certFile holds both.")] = ""


class Request(NamedTuple):
    method: str
    url: URL
    headers: dict[str, str]
    body: bytes


class WebClient:
    """Connections are kept and used again, as many as there are requests at a time; the caller bounds those."""

    def __init__(self, tls: Tls, connect_timeout_s: float, refuse: Refuse) -> None:
        self._tls = tls
        self._timeout = aiohttp.ClientTimeout(total=None, connect=connect_timeout_s)
        self._refuse = refuse
        self._refuse_host = lru_cache(maxsize=1024)(self._judge_host)
        self._servers: dict[tuple[str, str], float] = {}
        self._opened = AsyncExitStack()

    async def open(self) -> None:
        """Raises Retryable when a TLS file cannot be used."""
        try:
            context = True if self._tls == Tls() else await asyncio.to_thread(_tls_context, self._tls)
        except (OSError, ValueError) as error:
            raise Retryable(f"the TLS files cannot be used: {error}") from error
        options = {"ssl": context, "limit": 0, "resolver": Lookups(self._refuse), "ttl_dns_cache": LOOKUP_S}
        self._kept = await self._open(Pool(keepalive_timeout=KEEP_S, **options))
        self._fresh = await self._open(Pool(force_close=True, **options))

    async def _open(self, pool: "Pool") -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(
            connector=pool,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"bridge/{VERSION}", "Accept-Encoding": "identity"},
            skip_auto_headers=("Content-Type",),
            auto_decompress=False,
            timeout=self._timeout,
        )
        return await self._opened.enter_async_context(session)

    async def request(self, request: Request) -> Answer:
        """Raises Retryable when no answer came, Rejected when the server's address may not be connected to.

        Cancelled, it leaves no connection half used.
        """
        reason = self._refuse_host(request.url.raw_host or "")
        if reason:
            raise Rejected(reason)
        try:
            if not self._may_keep(request.url):
                return await self._request(self._fresh, request)
            try:
                return await self._request(self._kept, request)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
                if not _was_stale(error):
                    raise
            return await self._request(self._fresh, request)
        except (aiohttp.ClientError, OSError) as error:
            raise Retryable(_reason(error)) from error

    def _judge_host(self, host: str) -> str:
        """Why a URL's host may not be connected to, as far as it can be told now: names are judged when looked up."""
        literal = find_literal(host)
        return self._refuse(literal) if literal is not None else ""

    def _may_keep(self, url: URL) -> bool:
        """Whether a connection to this server may stay open: few enough others are."""
        server, now = (url.scheme, url.raw_authority), asyncio.get_running_loop().time()
        if server not in self._servers and len(self._servers) >= KEPT_SERVERS:
            # The pool looks for idle connections as often as that, so none is older than twice the time.
            self._servers = {known: used for known, used in self._servers.items() if now - used < 2 * KEEP_S}
            if len(self._servers) >= KEPT_SERVERS:
                return False
        self._servers[server] = now
        return True

    async def _request(self, session: aiohttp.ClientSession, request: Request) -> Answer:
        body = request.body if len(request.body) <= LONG_BYTES else io.BytesIO(request.body)
        response = await session.request(
            request.method, request.url, data=body, headers=request.headers, allow_redirects=False
        )
        try:
            return Answer(response.status, response.headers, await _beginning(response))
        finally:
            response.close()  # where the body was read to its end, the connection is back in the pool already

    async def close(self) -> None:
        """May be called at any time, also before ``open``."""
        await self._opened.aclose()


def _tls_context(tls: Tls) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=tls.ca_file or None)
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.cert_file:
        context.load_cert_chain(tls.cert_file, tls.key_file or None)
    return context


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """The first bytes of the body. The status counts, so a body that breaks off, drags on or never ends is no failure."""
    kept = bytearray()
    read = 0
    if response.content.at_eof():
        return b""
    try:
        async with asyncio.timeout(DRAIN_S):
            while read < DRAINED_BYTES and (piece := await response.content.readany()):
                read += len(piece)
                kept += piece[: SHOWN_BYTES - len(kept)]
    except (aiohttp.ClientError, OSError, TimeoutError):
        pass
    return bytes(kept)


class Pool(aiohttp.TCPConnector):
    """Connections, of which it is known whether they have carried a request before."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._known: WeakSet[ResponseHandler] = WeakSet()

    async def connect(self, *args: Any, **named: Any) -> Connection:
        _reused.set(False)
        while True:
            connection = await super().connect(*args, **named)
            protocol = connection.protocol
            if protocol is None:
                return connection
            if protocol not in self._known:
                self._known.add(protocol)
                return connection
            if not protocol.should_close:
                _reused.set(True)
                return connection
            connection.close()  # bytes came that nobody had asked for: they must not pass for the next answer


_reused: ContextVar[bool] = ContextVar("reused", default=False)
"""Whether the connection of this task's request had carried another one before."""


def _was_stale(error: aiohttp.ServerDisconnectedError | aiohttp.ClientOSError) -> bool:
    """Whether the server had closed an idle connection: it was an old one, and no byte of an answer came."""
    partly = isinstance(error, aiohttp.ServerDisconnectedError) and not isinstance(error.message, str)
    return _reused.get() and not partly


def _reason(error: Exception) -> str:
    """Why there is no answer; without the URL, which may hold secrets."""
    match error:
        case aiohttp.ConnectionTimeoutError():
            return "no connection in time"
        case aiohttp.ClientConnectorCertificateError():
            text = f"the certificate of {error.host} is not trusted: {error.certificate_error}"
        case aiohttp.ClientConnectorError():
            text = f"cannot connect to {error.host}:{error.port}: {error.os_error}"
        case aiohttp.ClientResponseError():
            text = f"broken answer: {error.message}"
        case aiohttp.ServerDisconnectedError():
            text = "the connection was closed before an answer came"
        case _:
            text = f"the connection broke: {error}"
    return one_line(text, 300)
