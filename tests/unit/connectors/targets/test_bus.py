"""The bus target: what the other bus gets, loops, and whose fault a failure is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.connectors.targets.bus import BusConfig, BusTarget, make_event
from bridge.errors import (
    InvalidConfig,
    InvalidEvent,
    Overloaded,
    PartlyFailed,
    Rejected,
    Retryable,
    StoreUnavailable,
    TooLarge,
)
from bridge.model.delivery import Payload
from bridge.model.event import DataForm, Event
from bridge.model.hops import count_hops
from bridge.testing.connectors import FakeHost, make_delivery, make_target
from bridge.testing.connectors import make_event as some_event


@pytest.mark.parametrize(
    ("config", "path"),
    [({}, "$"), ({"bus": "a b"}, "$.bus"), ({"bus": ""}, "$.bus"), ({"bus": "b", "maxHops": 0}, "$.maxHops")],
)
def test_what_is_wrong_in_a_config_is_named_by_its_path(config: dict[str, object], path: str) -> None:
    """When the rule is made; whether the bus exists is seen at delivery."""
    with pytest.raises(InvalidConfig) as caught:
        make_target(BusTarget, **config)
    assert caught.value.path == path


async def test_an_event_goes_on_unaltered_but_for_its_hops() -> None:
    """Data bytes and all attributes stay."""
    host = FakeHost(buses=["b"])
    target = make_target(BusTarget, host, bus="b")
    event = Event("1", "/s", "t", {"subject": "x", "bridgehops": 2, "z": True}, b"\xff", DataForm.BINARY)
    await target.send([make_delivery(target, event)])
    assert host.buses["b"] == [
        Event("1", "/s", "t", {"subject": "x", "bridgehops": 3, "z": True}, b"\xff", DataForm.BINARY)
    ]
    assert event.attributes["bridgehops"] == 2


@pytest.mark.parametrize(
    ("payload", "form"),
    [
        (Payload(b"[1]", "application/json"), DataForm.JSON),
        (Payload(b"hello", "text/plain"), DataForm.TEXT),
        (Payload(b"\xff", "text/plain"), DataForm.BINARY),
        (Payload(b"abc", "application/octet-stream"), DataForm.BINARY),
    ],
)
def test_a_payload_becomes_the_data_of_a_new_event(payload: Payload, form: DataForm) -> None:
    """Everything else is kept, but the schema, which describes other data."""
    before = some_event("1", subject="x", dataschema="http://schemas.example/light", datacontenttype="text/xml")
    after = make_event(before, payload, 1)
    assert (after.id, after.source, after.type) == (before.id, before.source, before.type)
    assert after.attributes == {"subject": "x", "datacontenttype": payload.content_type, "bridgehops": 1}
    assert (after.data, after.data_form) == (payload.body, form)


async def test_a_loop_ends_by_itself() -> None:
    """A bus whose rule puts to itself: each event goes round as often as allowed."""
    host = FakeHost(buses=["b"])
    target = make_target(BusTarget, host, bus="b", maxHops=3)
    event = some_event("1")
    for hops in (1, 2, 3):
        await target.send([make_delivery(target, event)])
        event = host.buses["b"][-1]
        assert event.attributes["bridgehops"] == hops
    with pytest.raises(Rejected, match="loop: put to 3 buses already"):
        await target.send([make_delivery(target, event)])


async def test_one_bad_event_does_not_hold_up_its_neighbours() -> None:
    """Too many hops, or refused by the other bus: each by itself, with the other bus's reason."""
    host = FakeHost(buses=["b"])
    host.refused["3"] = InvalidEvent("not clean", path="$.subject")
    host.refused["4"] = TooLarge("300 KiB")
    target = make_target(BusTarget, host, bus="b")
    events = [some_event(str(i), bridgehops=8 if i == 1 else 0) for i in range(5)]
    with pytest.raises(PartlyFailed) as caught:
        await target.send([make_delivery(target, event) for event in events])
    assert {i: str(f) for i, f in caught.value.failures.items()} == {
        1: "loop: put to 8 buses already",
        3: "bus b: $.subject: not clean",
        4: "bus b: 300 KiB",
    }
    kinds = {i: failure.kind for i, failure in caught.value.failures.items() if isinstance(failure, Rejected)}
    assert kinds == {1: "rejected", 3: "rejected", 4: "too-large"}
    assert [event.id for event in host.buses["b"]] == ["0", "2"]


async def test_what_may_pass_is_tried_again() -> None:
    """An overloaded bus says when; a missing one may be made yet."""
    host = FakeHost(buses=["b"])
    for bus, failing, after_s in (("b", Overloaded(after_s=7), 7), ("b", StoreUnavailable(), None), ("c", None, None)):
        host.failing = failing
        target = make_target(BusTarget, host, bus=bus)
        with pytest.raises(Retryable) as caught:
            await target.send([make_delivery(target)])
        assert caught.value.after_s == caught.value.hold_s == after_s
        with pytest.raises(PartlyFailed):
            await target.send([make_delivery(target)] * 2)


@given(st.integers() | st.text() | st.booleans() | st.none())
def test_each_hop_counts_up_whatever_came(value: str | int | None) -> None:
    """So every loop ends."""
    event = some_event(**({} if value is None else {"bridgehops": value}))
    before = count_hops(event)
    assert count_hops(make_event(event, None, before + 1)) == before + 1


def test_its_address_is_the_other_bus() -> None:
    """As a dead letter shows it."""
    assert BusConfig(bus="failures").address == "failures"
