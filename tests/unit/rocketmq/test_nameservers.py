"""Name servers that stand in for each other."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import pytest

from bridge.rocketmq.codes import RequestCode
from bridge.rocketmq.errors import (
    BrokerError,
    CallTimeout,
    CannotConnect,
    ConnectionLost,
    NoRoute,
    NotRocketMQ,
    NotSupported,
    Refused,
    RocketMQError,
    error_of,
)
from bridge.rocketmq.frames import Command
from bridge.rocketmq.nameservers import NameServers, parse_addresses

ROUTE, DELETE = RequestCode.GET_ROUTEINFO_BY_TOPIC, RequestCode.DELETE_TOPIC_IN_NAMESRV


class Servers:
    """By address, what each makes of a call: an answer, or an error that calling it gives."""

    def __init__(self, **servers: Command | RocketMQError) -> None:
        self.servers = servers
        self.asked: list[str] = []

    async def connect(self, address: str) -> Any:
        return Server(lambda: self.servers[address], lambda: self.asked.append(address))


class Server:
    """A connection to one of them."""

    def __init__(self, answer: Callable[[], Command | RocketMQError], asked: Callable[[], None]) -> None:
        self._answer, self._asked = answer, asked

    async def call(self, code: int, ext: Mapping[str, str], body: bytes, *, accept: Collection[int]) -> Command:
        self._asked()
        answer = self._answer()
        if isinstance(answer, RocketMQError):
            raise answer
        if answer.code not in accept:
            raise error_of(answer.code, answer.remark, "a")
        return answer


FINE = Command(0)


@pytest.mark.parametrize("error", [CannotConnect(), ConnectionLost(), CallTimeout(), NotRocketMQ()])
async def test_the_next_one_is_asked(error: RocketMQError) -> None:
    """When one cannot be reached or does not answer; the one that answered is asked first from then on."""
    servers = Servers(a=error, b=FINE)
    names = NameServers(("a", "b"), servers.connect)
    for _ in range(3):
        assert await names.call(ROUTE, {}, b"", (0,)) == FINE
    assert servers.asked == ["a", "b", "b", "b"]
    servers.servers = {"a": FINE, "b": error}
    await names.call(ROUTE, {}, b"", (0,))
    assert servers.asked[-2:] == ["b", "a"]


async def test_an_error_is_an_answer() -> None:
    """Another one would not say more."""
    servers = Servers(a=Command(1, remark="broken"), b=FINE)
    with pytest.raises(BrokerError, match="broken"):
        await NameServers(("a", "b"), servers.connect).call(ROUTE, {}, b"", (0,))
    assert servers.asked == ["a"]


async def test_no_route_is_not_a_topic_that_is_gone() -> None:
    """17 from a name server has a class of its own."""
    servers = Servers(a=Command(17, remark="No topic route info"))
    with pytest.raises(NoRoute, match=r"^a: No topic route info \(answer 17\)$"):
        await NameServers(("a",), servers.connect).call(ROUTE, {}, b"", (0,))


async def test_what_is_no_name_server_is_asked_about() -> None:
    """A broker does not know what to do with such a request."""
    servers = Servers(a=Command(3, remark="request type 105 not supported"))
    with pytest.raises(NotSupported, match=r"^a: .*; is this the address of a name server\? \(answer 3\)$"):
        await NameServers(("a",), servers.connect).call(ROUTE, {}, b"", (0,))


async def test_none_answers() -> None:
    """The last one's reason is raised."""
    servers = Servers(a=CannotConnect("refused", address="a"), b=CallTimeout("silent", address="b"))
    with pytest.raises(CallTimeout, match="b: silent"):
        await NameServers(("a", "b"), servers.connect).call(ROUTE, {}, b"", (0,))


async def test_every_one_is_asked() -> None:
    """When a topic is deleted; the first error is raised after all were asked."""
    servers = Servers(a=FINE, b=FINE)
    names = NameServers(("a", "b"), servers.connect)
    assert await names.call_all(DELETE, {"topic": "t"}) == [FINE, FINE]
    servers.servers["a"] = CallTimeout("silent")
    with pytest.raises(CallTimeout):
        await names.call_all(DELETE, {"topic": "t"})
    assert servers.asked == ["a", "b", "a", "b"]


def test_addresses() -> None:
    """Several in one text, each once; none, or what is no address, is refused."""
    assert parse_addresses(["a:1;b:2", "c:3, a:1"]) == ("a:1", "b:2", "c:3")
    for bad in ([], [""], ["a"], ["a:1;b"]):
        with pytest.raises(Refused):
            parse_addresses(bad)
