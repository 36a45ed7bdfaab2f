"""One connection per address, and the pauses after failed tries, on a clock that the test moves."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from bridge.rocketmq.errors import CannotConnect, ConnectionLost, NotRocketMQ, RocketMQError
from bridge.rocketmq.links import Backoff, Links
from bridge.testing.clock import ManualClock


class Link:
    """As much of a connection as Links sees."""

    def __init__(self, address: str) -> None:
        self.address, self.heard = address, True
        self.ended: RocketMQError | None = None
        self.listeners: list[Callable[[], None]] = []

    @property
    def closed(self) -> bool:
        return self.ended is not None

    def on_close(self, listener: Callable[[], None]) -> None:
        self.listeners.append(listener)

    async def close(self) -> None:
        if not self.closed:
            self.ended = ConnectionLost("the server closed the connection")
            for listener in self.listeners:
                listener()


class Network:
    """Makes connections; ``down`` maps addresses to the error that connecting to them gives."""

    def __init__(self) -> None:
        self.tries: list[str] = []
        self.down: dict[str, RocketMQError] = {}
        self.gate = asyncio.Event()
        self.gate.set()

    async def connect(self, address: str) -> Any:
        self.tries.append(address)
        await self.gate.wait()
        if address in self.down:
            raise self.down[address]
        return Link(address)


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def links(network: Network, clock: ManualClock) -> AsyncIterator[Links]:
    tasks: list[asyncio.Task[None]] = []

    def spawn(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        tasks.append(asyncio.ensure_future(work))
        return tasks[-1]

    links = Links(network.connect, Backoff(first_s=1, last_s=4, clock=clock, jitter=lambda: 0.0), spawn)
    yield links
    await links.close()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_all_share_one_connection(links: Links, network: Network) -> None:
    """Those who come while it is being made, too."""
    network.gate.clear()
    calls = [asyncio.ensure_future(links.get("a:1")) for _ in range(3)]
    await asyncio.sleep(0)
    network.gate.set()
    first, *others = await asyncio.gather(*calls)
    assert all(other is first for other in [*others, await links.get("a:1")])
    assert await links.get("b:1") is not first
    assert network.tries == ["a:1", "b:1"]


async def test_who_gives_up_does_not_take_the_others_along(links: Links, network: Network) -> None:
    """A caller that is cancelled while the connection is made leaves it to the rest."""
    network.gate.clear()
    gone, stays = (asyncio.ensure_future(links.get("a:1")) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    network.gate.set()
    assert (await stays).address == "a:1"
    assert network.tries == ["a:1"]


async def test_a_closed_connection_is_made_again(links: Links, network: Network) -> None:
    """At once, if it had worked."""
    first = await links.get("a:1")
    await first.close()
    assert await links.get("a:1") is not first
    assert network.tries == ["a:1", "a:1"]


async def test_after_a_failure_calls_fail_at_once_for_a_while(
    links: Links, network: Network, clock: ManualClock
) -> None:
    """With the reason and the time of the next try; the pause doubles up to its limit."""
    network.down["a:1"] = CannotConnect("connection refused", address="a:1")
    for number, pause in enumerate([1, 2, 4, 4], 1):
        with pytest.raises(CannotConnect, match=r"^a:1: connection refused$|refused$"):
            await links.get("a:1")
        for _ in range(3):
            with pytest.raises(CannotConnect, match=f"refused; tried {number} times, again in {pause}.0 s"):
                await links.get("a:1")
        assert len(network.tries) == number
        clock.advance(pause)
    del network.down["a:1"]
    assert (await links.get("a:1")).address == "a:1"


async def test_success_ends_the_pauses(links: Links, network: Network, clock: ManualClock) -> None:
    """After it, the first pause is short again."""
    network.down["a:1"] = CannotConnect("refused")
    for _ in range(3):
        with pytest.raises(CannotConnect):
            await links.get("a:1")
        clock.advance(4)
    del network.down["a:1"]
    await (await links.get("a:1")).close()
    network.down["a:1"] = CannotConnect("refused")
    with pytest.raises(CannotConnect):
        await links.get("a:1")
    with pytest.raises(CannotConnect, match=r"tried 1 times, again in 1\.0 s"):
        await links.get("a:1")


async def test_a_server_that_closes_at_once_is_not_knocked_at_in_a_loop(links: Links, network: Network) -> None:
    """A connection that ended before anything was heard counts as a failed try."""
    first = await links.get("a:1")
    first.heard = False
    await first.close()
    with pytest.raises(CannotConnect, match="the last connection ended at once: the server closed"):
        await links.get("a:1")
    assert network.tries == ["a:1"]


async def test_closing_ourselves_is_no_failure(links: Links, caplog: pytest.LogCaptureFixture) -> None:
    """Though nothing was heard; nothing is logged."""
    link = await links.get("a:1")
    link.heard = False
    await links.close()
    assert link.closed
    assert caplog.text == ""


async def test_every_caller_gets_an_error_of_its_own(links: Links, network: Network) -> None:
    """Of the class that connecting raised."""
    network.down["a:1"] = NotRocketMQ("HTTP", address="a:1")
    errors = await asyncio.gather(*(links.get("a:1") for _ in range(3)), return_exceptions=True)
    assert {type(error) for error in errors} == {NotRocketMQ}
    assert len(set(map(id, errors))) == 3


async def test_closing_while_a_connection_is_made(links: Links, network: Network) -> None:
    """Who waits for it is told that the client is closed."""
    network.gate.clear()
    call = asyncio.ensure_future(links.get("a:1"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await links.close()
    with pytest.raises(CannotConnect, match="the client is closed"):
        await call


def test_pauses_are_shortened_at_random() -> None:
    """By up to a half, so that many clients do not come back at one moment."""
    for jitter, factor in ((0.0, 1.0), (0.5, 0.75), (1.0, 0.5)):
        backoff = Backoff(first_s=0.1, last_s=2, clock=lambda: 0.0, jitter=lambda jitter=jitter: jitter)
        assert [backoff.pause_s(n) for n in (1, 2, 3, 100)] == pytest.approx(
            [0.1 * factor, 0.2 * factor, 0.4 * factor, 2 * factor]
        )
