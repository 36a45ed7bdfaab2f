"""Where the http target may lead: addresses in URLs, names that lead elsewhere, redirects. On real sockets.

The name server is a fake one; nothing here leaves this machine.
"""

import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bridge.connectors import lookups
from bridge.connectors.base import Reach, Target
from bridge.connectors.targets.http import HttpConfig, HttpTarget
from bridge.errors import Rejected, Retryable
from bridge.testing.connectors import FakeHost, make_delivery, make_target
from bridge.testing.sink import Answer, HttpSink


class Names:
    """A name server: what each name leads to, the next time it is asked."""

    def __init__(self) -> None:
        self.leads_to: dict[str, list[list[str]]] = {}
        self.asked: list[str] = []

    def getaddrinfo(self, host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        self.asked.append(host)
        turns = self.leads_to.get(host)
        if not turns:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        found = turns.pop(0) if len(turns) > 1 else turns[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    made = Names()
    monkeypatch.setattr(lookups.socket, "getaddrinfo", made.getaddrinfo)
    return made


@pytest.fixture
async def sink() -> AsyncIterator[HttpSink]:
    async with HttpSink() as made:
        yield made


async def opened(reach: Reach, **config: Any) -> Target:
    target = make_target(HttpTarget, FakeHost(reach=reach), **config)
    await target.open()
    return target


async def push(target: Target, url: str | None = None, offset: int = 0) -> None:
    config = HttpConfig(url=url) if url else None
    await target.send([make_delivery(target, offset=offset, config=config)])


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::ffff:127.0.0.1]", "[::1]", "localhost", "127.0.0.2", "0.0.0.0", "169.254.169.254", "10.1.2.3"]
)  # fmt: skip
async def test_nothing_private_is_connected_to(sink: HttpSink, host: str) -> None:
    """Whether the URL says so or a placeholder brought it; not one connection is made."""
    target = await opened(Reach.ASKED, url="http://${data.host}/")
    with pytest.raises(Rejected, match="is no public address"):
        await push(target, f"http://{host}:{sink.port}/")
    assert sink.connections == 0
    await target.close()


@pytest.mark.parametrize(
    ("reach", "asked", "fine"),
    [
        (Reach.ALL, False, True),
        (Reach.LOOPBACK, False, True),
        (Reach.ASKED, True, True),
        (Reach.ASKED, False, False),
        (Reach.NONE, True, False),
    ],
)
async def test_the_settings_and_the_target_decide(sink: HttpSink, reach: Reach, asked: bool, fine: bool) -> None:
    """Also of a rule that was stored under other settings: it is not broken, its deliveries become dead letters."""
    target = await opened(reach, url=sink.url, allowPrivate=asked)
    if fine:
        await push(target)
    else:
        with pytest.raises(Rejected):
            await push(target)
    assert sink.connections == fine
    await target.close()


async def test_a_name_that_turns_private_is_never_connected_to(
    sink: HttpSink, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first look-up was fine. Both are judged, and what was judged is what is connected to."""
    monkeypatch.setattr("bridge.connectors.web.LOOKUP_S", 0.0)
    names.leads_to["city.example"] = [["127.0.0.1"], ["10.0.0.1"]]
    target = await opened(Reach.LOOPBACK, url=f"http://city.example:{sink.port}/")
    await push(target, offset=0)
    assert names.asked == ["city.example"]
    await push(target, offset=1)
    assert names.asked == ["city.example"], "the connection is a kept one, to the address that was judged"
    sink.drop()
    await sink.until(lambda: not sink.open_connections)
    with pytest.raises(Rejected, match=r"city\.example: 10\.0\.0\.1 is no public address"):
        await push(target, offset=2)
    assert (names.asked, sink.connections) == (["city.example"] * 2, 1)
    await target.close()


async def test_of_several_addresses_only_those_that_may_be_are_connected_to(sink: HttpSink, names: Names) -> None:
    """The private ones among them are not tried."""
    names.leads_to["city.example"] = [["10.0.0.1", "169.254.169.254", "127.0.0.1"]]
    target = await opened(Reach.LOOPBACK, url=f"http://city.example:{sink.port}/", connectTimeout="500ms")
    await push(target)
    assert sink.received[0].headers["host"] == f"city.example:{sink.port}"
    await target.close()


async def test_a_redirect_to_a_private_address_is_not_followed(sink: HttpSink) -> None:
    """Nor to any other."""
    async with HttpSink() as inside:
        sink.default = Answer(307, {"Location": inside.url})
        target = await opened(Reach.LOOPBACK, url=sink.url)
        with pytest.raises(Rejected, match="redirects are not followed"):
            await push(target)
        assert inside.connections == 0
        await target.close()


async def test_a_name_that_does_not_exist_may_come_to_be(names: Names) -> None:
    """So it is tried again."""
    target = await opened(Reach.LOOPBACK, url="http://nowhere.example/")
    with pytest.raises(Retryable, match=r"cannot connect to nowhere\.example:80: .*not known"):
        await push(target)
    await target.close()


async def test_the_handshake_keeps_to_it_too(sink: HttpSink) -> None:
    """No OPTIONS goes where no event may go."""
    target = make_target(HttpTarget, FakeHost(reach=Reach.ASKED), url=sink.url, handshake={"origin": "b"})
    with pytest.raises(Rejected):
        await target.open()
    await target.close()
    assert sink.connections == 0


async def test_connections_to_many_servers_are_not_all_kept(
    sink: HttpSink, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events name them, so they may be without number; those that are kept are used again."""
    monkeypatch.setattr("bridge.connectors.web.KEPT_SERVERS", 5)
    names.leads_to = {f"h{i}.example": [["127.0.0.1"]] for i in range(30)}
    target = await opened(Reach.LOOPBACK, url="http://${data.host}/")
    for i in range(30):
        await push(target, f"http://h{i}.example:{sink.port}/", offset=i)
    await sink.until(lambda: sink.open_connections <= 5)
    for i in range(5):
        await push(target, f"http://h{i}.example:{sink.port}/", offset=i)
    assert (sink.connections, len(sink.received)) == (30, 35)
    await target.close()
