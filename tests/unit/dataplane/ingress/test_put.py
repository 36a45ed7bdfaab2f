"""The door: what may come in at once."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from bridge._proto.bridge.v1.events_pb2 import PutEventsRequest
from bridge.dataplane.ingress.put import Ingress
from bridge.errors import InvalidInput, Overloaded, TooLarge
from bridge.model.bus import BusSpec, Limits, Quota
from bridge.telemetry import Telemetry


class FakeBuses:
    """Knows specs, and nothing to put to."""

    def __init__(self, **specs: BusSpec) -> None:
        self.specs = specs

    def find(self, name: str) -> Any:
        return SimpleNamespace(spec=self.specs[name]) if name in self.specs else None


def ingress(**specs: BusSpec) -> Ingress:
    buses: Any = FakeBuses(**specs)
    return Ingress(buses, Telemetry(), lambda: 1000.0, request_size=10_000, bytes_in_flight=20_000)


def request(bus: str, size: int) -> bytes:
    """Of that size."""
    body = PutEventsRequest(bus=bus).SerializeToString()
    return (
        body
        + b"\x82\x01"
        + bytes([(size - len(body) - 4) & 0x7F | 0x80, (size - len(body) - 4) >> 7])
        + bytes(size - len(body) - 4)
    )


def test_the_request_has_the_size() -> None:
    """Of an unknown field, which a message may have."""
    assert len(request("a", 8_000)) == 8_000
    assert PutEventsRequest.FromString(request("a", 8_000)).bus == "a"


async def test_what_is_under_way_is_bounded() -> None:
    """A request beyond its own limit is too large; beyond the bytes in flight it is told to come back, with a hint when."""
    door = ingress(a=BusSpec(limits=Limits(bytes_in_flight=Quota(20_000))))
    with pytest.raises(TooLarge), door.admitted("a", 10_001):
        pass
    with door.admitted("a", 10_000), door.admitted("a", 5_000):
        with pytest.raises(Overloaded) as caught, door.admitted("b", 6_000):
            pass
        assert caught.value.after_s > 0
    with door.admitted("a", 10_000):
        pass


async def test_a_flooded_bus_is_held_back_alone() -> None:
    """At its limit, half of the whole unless it says otherwise; the others find room."""
    door = ingress(b=BusSpec(limits=Limits(bytes_in_flight=Quota(3_000))))
    with door.admitted("a", 9_000):
        with pytest.raises(Overloaded, match="of the bus a"), door.admitted("a", 2_000):
            pass
        with door.admitted("b", 2_000), door.admitted("c", 1_000), pytest.raises(Overloaded, match="of the bus b"):
            door.admitted("b", 2_000).__enter__()


async def test_what_was_held_is_free_again_after_an_error() -> None:
    """However a request ends."""
    door = ingress()
    for _ in range(3):
        with pytest.raises(InvalidInput), door.admitted("a", 10_000):
            raise InvalidInput("bad")


async def test_streams_wait_for_room() -> None:
    """In all and of their bus; a stream of another bus goes on. What they hold is theirs before anybody else runs."""
    door = ingress()
    first = await door.room(request("a", 9_000))
    same = asyncio.ensure_future(door.room(request("a", 9_000)))
    other = await asyncio.wait_for(door.room(request("b", 9_000)), 1)
    await asyncio.sleep(0)
    assert not same.done()
    first(None)
    held = await asyncio.wait_for(same, 1)
    with pytest.raises(Overloaded), door.admitted("c", 9_000):
        pass
    for release in (other, held):
        release(None)
    with door.admitted("c", 9_000):
        pass


async def test_of_many_that_wait_no_two_get_the_same_room() -> None:
    """Each holds before the next looks."""
    door = ingress()
    releases = [await door.room(request("a", 8_000))]
    waiting = [asyncio.ensure_future(door.room(request("a", 8_000))) for _ in range(3)]
    for left in (2, 1, 0):
        await asyncio.sleep(0)
        releases.pop()(None)
        done, rest = await asyncio.wait(waiting, timeout=1, return_when=asyncio.FIRST_COMPLETED)
        assert (len(done), len(rest)) == (1, left)
        releases += [task.result() for task in done]
        waiting = list(rest)


async def test_a_stream_does_not_wait_in_vain() -> None:
    """For what can never be; and what is no request says so."""
    door = Ingress(
        FakeBuses(),
        Telemetry(),
        lambda: 1000.0,
        request_size=10_000,
        bytes_in_flight=5_000,  # type: ignore[arg-type]
    )
    with pytest.raises(Overloaded):
        await door.room(request("a", 6_000))
    with pytest.raises(TooLarge):
        await door.room(request("a", 10_001))
    with pytest.raises(InvalidInput):
        await door.room(b"\xff\xff\xff")
