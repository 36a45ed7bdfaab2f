"""One HTTP connection pool to one bridge; what goes wrong on it becomes an error of ``bridge.errors``."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlencode

import aiohttp
import msgspec
from yarl import URL

from bridge.client.problems import error_in, error_of
from bridge.client.sse import Reader, ServerSent
from bridge.errors import BridgeError, InvalidInput, Unreachable
from bridge.version import VERSION

T = TypeVar("T")
DEFAULT_SERVER = "127.0.0.1:8080"
SILENCE_S = 60.0
"""A stream that says nothing for this long is dead: the server sends a comment every 15 s."""


class Connection:
    """Base of the client's parts. ``timeout_s`` is for one request, from its first byte to the answer's last."""

    def __init__(self, server: str = DEFAULT_SERVER, *, timeout_s: float = 30.0) -> None:
        """Raises InvalidInput when ``server`` is no address."""
        self.server = (server if "://" in server else f"http://{server}").rstrip("/")
        _check_address(self.server)
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(headers={"user-agent": f"bridge/{VERSION}"}, timeout=self._timeout)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _call(
        self,
        method: str,
        path: str,
        answer: type[T],
        *,
        query: Mapping[str, object] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> T:
        """One request; its answer decoded as ``answer``. Raises what the server's problem says."""
        async with self._open(method, path, query, data=body, headers=headers) as response:
            content = await response.read()
        try:
            return msgspec.json.decode(content, type=answer)
        except msgspec.DecodeError as error:
            raise BridgeError(f"{self.server}{path} answered what a bridge would not: {error}") from error

    async def _stream(self, path: str, query: Mapping[str, object]) -> AsyncIterator[ServerSent]:
        """Server-sent events until the server ends them, or until it says that they cannot go on."""
        reader = Reader()
        timeout = aiohttp.ClientTimeout(total=None, sock_read=SILENCE_S)
        headers = {"accept": "text/event-stream"}
        async with self._open("GET", path, query, timeout=timeout, headers=headers) as response:
            async for piece in response.content.iter_any():
                for message in reader.feed(piece):
                    if message.event == "error":
                        raise error_of(msgspec.json.decode(message.data))
                    yield message

    @asynccontextmanager
    async def _open(
        self, method: str, path: str, query: Mapping[str, object] | None, **options: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        assert self._session is not None, "use the client in `async with`"
        given = {name: value for name, value in (query or {}).items() if value not in (None, "")}
        text = urlencode(given, doseq=True, quote_via=quote)
        url = URL(f"{self.server}{path}" + (f"?{text}" if text else ""), encoded=True)
        try:
            async with self._session.request(method, url, allow_redirects=False, **options) as response:
                if response.status >= 300:
                    raise error_in(response.status, await response.read(), self.server)
                yield response
        except TimeoutError as error:
            raise Unreachable(f"{self.server} did not answer in time") from error
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(
                f"no bridge answers at {self.server} ({error.os_error.strerror or error.os_error}). "
                "Start one with `bridge serve`, or name another by --server or BRIDGE_SERVER"
            ) from error
        except aiohttp.ClientError as error:
            raise Unreachable(f"the connection to {self.server} broke: {error or type(error).__name__}") from error


def _check_address(server: str) -> None:
    try:
        url = URL(server)
        fine = url.scheme in {"http", "https"} and bool(url.host) and bool(url.port)
    except ValueError:
        fine = False
    if not fine:
        raise InvalidInput(f"{server!r} is no address such as {DEFAULT_SERVER} or https://bridge.example")


def escape(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="")
