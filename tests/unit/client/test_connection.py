"""What goes wrong between client and server becomes an error that says what to do."""

import socket

import pytest

from bridge import errors
from bridge.client import Client
from bridge.client.problems import error_in, error_of
from bridge.errors import (
    BridgeError,
    InvalidConfig,
    InvalidInput,
    NotFound,
    Overloaded,
    TargetError,
    Unreachable,
    problem,
)
from bridge.testing.server import FakeServer, Rude


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def test_no_server_says_how_to_start_one() -> None:
    """A refused connection names the address, `bridge serve` and the ways to name another."""
    async with Client(f"127.0.0.1:{free_port()}") as bridge:
        with pytest.raises(
            Unreachable, match=r"no bridge answers at http://127\.0\.0\.1:.*`bridge serve`.*BRIDGE_SERVER"
        ):
            await bridge.status()


@pytest.mark.parametrize("server", ["http://", "host:port", "ftp://127.0.0.1", "", "http://[::1"])
def test_what_is_no_address_is_said_to_be_none(server: str) -> None:
    """Nonsense is refused at once, with what would have been right."""
    with pytest.raises(InvalidInput, match="no address such as"):
        Client(server)


async def test_a_server_that_keeps_silent_is_given_up(server: FakeServer) -> None:
    """The time limit becomes Unreachable."""
    server.answer("GET", "/v1/status", Rude.SILENT)
    async with Client(server.address, timeout_s=0.05) as bridge:
        with pytest.raises(Unreachable, match="in time"):
            await bridge.status()


async def test_a_connection_that_breaks_is_unreachable(server: FakeServer, bridge: Client) -> None:
    """The server goes away before it answers."""
    server.answer("GET", "/v1/status", Rude.SLAM)
    with pytest.raises(Unreachable, match="broke"):
        await bridge.status()


async def test_a_url_with_a_path_is_kept(server: FakeServer) -> None:
    """A bridge behind a proxy's prefix."""
    server.answer("GET", "/prefix/v1/status", {"version": "1", "started": "2026-11-24T08:00:00.000Z", "buses": []})
    async with Client(f"http://{server.address}/prefix/") as bridge:
        assert (await bridge.status()).version == "1"


async def test_an_answer_of_somebody_else_is_shown(server: FakeServer, bridge: Client) -> None:
    """JSON of another shape is an error with its path, not a traceback."""
    server.answer("GET", "/v1/status", {"version": 1})
    with pytest.raises(BridgeError, match="answered what a bridge would not"):
        await bridge.status()
    assert "502" in str(error_in(502, b"<html>Bad gateway</html>", "http://proxy"))
    assert "without a word" in str(error_in(502, b"", "http://proxy"))


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, BridgeError) and not issubclass(kind, TargetError)
    ],
)
def test_every_error_comes_back_as_itself(kind: type[BridgeError]) -> None:
    """From problem to error: the same class with the same facts."""
    assert problem(error_of(problem(kind()))) == problem(kind())


def test_facts_come_back() -> None:
    """Path and wait survive; a code of a later version is still an error."""
    assert str(error_of(problem(InvalidConfig("no", path="$.spec")))) == "$.spec: no"
    overloaded = error_of(problem(Overloaded("full", after_s=2.5)))
    assert isinstance(overloaded, Overloaded)
    assert overloaded.after_s == 2.5
    assert str(error_of({"code": "OF_TOMORROW", "detail": "new"})) == "new"
    assert type(error_of({"code": "REJECTED", "detail": "x"})) is BridgeError


async def test_the_client_says_who_it_is(server: FakeServer, bridge: Client) -> None:
    """User agent and version."""
    with pytest.raises(NotFound):
        await bridge.status()
    assert server.asked[0].headers["user-agent"].startswith("bridge/")
