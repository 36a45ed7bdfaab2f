"""The fakes for connectors' tests do what the real ones do."""

import pytest

from bridge.errors import InvalidEvent, NotFound, Overloaded
from bridge.testing.clock import ManualClock
from bridge.testing.connectors import FakeHost, make_event


async def test_a_fake_host_keeps_what_it_took_and_says_what_it_refused() -> None:
    """By the index in the call, as the bridge does."""
    host = FakeHost(buses=["b"])
    host.refused["2"] = refusal = InvalidEvent("no")
    assert await host.put("b", [make_event(i) for i in "123"]) == {1: refusal}
    assert [event.id for event in host.buses["b"]] == ["1", "3"]
    with pytest.raises(NotFound):
        await host.put("c", [make_event()])
    host.failing = Overloaded()
    with pytest.raises(Overloaded):
        await host.put("b", [make_event()])


async def test_a_manual_clock_moves_only_by_hand() -> None:
    """Sleeping moves it and takes no time."""
    clock = ManualClock(10.0)
    assert (clock(), clock()) == (10.0, 10.0)
    clock.advance(1.5)
    await clock.sleep(3600)
    assert clock() == 3611.5
