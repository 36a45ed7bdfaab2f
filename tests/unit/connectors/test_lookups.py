"""From a name to addresses that may be connected to; the name server is a fake one."""

import asyncio
import socket
import threading
from typing import Any

import pytest

from bridge.connectors import lookups
from bridge.connectors.addresses import Address, refuse
from bridge.connectors.base import Reach
from bridge.connectors.lookups import Lookups
from bridge.errors import Rejected


def judge(address: Address) -> str:
    return refuse(address, Reach.LOOPBACK, asked=False)


def answer(monkeypatch: pytest.MonkeyPatch, *addresses: str | tuple[str, int]) -> None:
    """What the name server says from now on; an address with a zone is a pair."""

    def getaddrinfo(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        found: list[Any] = []
        for address in addresses:
            text, zone = address if isinstance(address, tuple) else (address, 0)
            if ":" in text:
                found.append((socket.AF_INET6, socket.SOCK_STREAM, 6, "", (text, port, 0, zone)))
            else:
                found.append((socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, port)))
        return found

    monkeypatch.setattr(lookups.socket, "getaddrinfo", getaddrinfo)


async def test_only_addresses_that_may_be_connected_to_are_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """In their order; the others are left out."""
    answer(monkeypatch, "10.0.0.1", "8.8.8.8", "169.254.169.254", "2606:4700::1111", "127.0.0.1")
    found = await Lookups(judge).resolve("city.example", 443)
    assert [(one["host"], one["port"], one["hostname"]) for one in found] == [
        ("8.8.8.8", 443, "city.example"),
        ("2606:4700::1111", 443, "city.example"),
        ("127.0.0.1", 443, "city.example"),
    ]
    assert [one["family"] for one in found] == [socket.AF_INET, socket.AF_INET6, socket.AF_INET]


@pytest.mark.parametrize("address", ["10.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1", ("fe80::1", 2)])
async def test_a_name_without_any_is_rejected(monkeypatch: pytest.MonkeyPatch, address: Any) -> None:
    """With the name and the reason."""
    answer(monkeypatch, address)
    with pytest.raises(Rejected, match=r"city\.example: .* is no public address"):
        await Lookups(judge).resolve("city.example", 80)


async def test_each_look_up_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the first was fine."""
    resolver = Lookups(judge)
    answer(monkeypatch, "8.8.8.8")
    assert await resolver.resolve("city.example", 80)
    answer(monkeypatch, "10.0.0.1")
    with pytest.raises(Rejected):
        await resolver.resolve("city.example", 80)


async def test_the_zone_of_an_address_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it a link-local address leads nowhere."""
    answer(monkeypatch, ("fe80::1", 2))
    found = await Lookups(lambda _: "").resolve("city.example", 80)
    assert found[0]["host"] == "fe80::1%2"


async def test_a_name_that_does_not_exist_is_an_error_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """As aiohttp expects it: it may pass."""

    def fail(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(lookups.socket, "getaddrinfo", fail)
    with pytest.raises(OSError, match="not known"):
        await Lookups(judge).resolve("nowhere.invalid", 80)


async def test_name_servers_that_hang_keep_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many: other look-ups, and other work in threads, go on."""
    release = threading.Event()
    answer(monkeypatch, "8.8.8.8")
    fine = lookups.socket.getaddrinfo

    def getaddrinfo(host: str, *rest: Any, **named: Any) -> Any:
        if host.startswith("dead"):
            release.wait()
        return fine(host, *rest, **named)

    monkeypatch.setattr(lookups.socket, "getaddrinfo", getaddrinfo)
    hanging = [asyncio.ensure_future(Lookups(judge).resolve(f"dead{i}.example", 80)) for i in range(50)]
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        assert await Lookups(judge).resolve("city.example", 80)
        assert await asyncio.to_thread(lambda: 1)
    release.set()
    assert all(await asyncio.gather(*hanging))
