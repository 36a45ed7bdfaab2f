"""Dead letters that go to a bus: what they look like there, and that what the bus does not take is in the store."""

import base64

import pytest

from bridge.codec.chunks import decode_event, judge_events
from bridge.connectors.targets.http import HttpConfig
from bridge.dataplane.burial import Burial
from bridge.dataplane.burial_bus import PATIENCE_S, BusBurial
from bridge.dataplane.retry import GiveUp, Reason
from bridge.dataplane.sending import GivenUp
from bridge.errors import InvalidEvent, Overloaded, StoreUnavailable, TooLarge
from bridge.model.delivery import Delivery
from bridge.model.event import DataForm, Event
from bridge.model.hops import count_hops
from bridge.model.log import Position
from bridge.stores.deadletters.base import Attempt, DeadLetter, Filter
from bridge.stores.deadletters.memory import MemoryDeadLetters
from bridge.testing.clock import ManualClock
from bridge.testing.connectors import FakeHost


class Grave:
    """One target of traffic/red whose dead letters go to the bus ``failures``."""

    def __init__(self, *buses: str) -> None:
        self.clock = ManualClock(1000.0)
        self.host = FakeHost(self.clock, buses)
        self.store = MemoryDeadLetters()
        self.bury = BusBurial(
            self.host, self.clock.sleep, "failures", Burial(self.store, self.clock, "traffic", "red", "audit")
        )

    async def letters(self) -> list[DeadLetter]:
        return await self.store.list(Filter(bus="traffic"))

    @property
    def put(self) -> list[Event]:
        return self.host.buses["failures"]


def given_up(
    event_id: str = "e1", answer: bytes = b"", detail: str = "status 503: no", **extensions: object
) -> GivenUp:
    event = Event(event_id, "/j/7", "light.changed", {"subject": "x", **extensions}, b'{"n":1.10}', DataForm.JSON)
    delivery = Delivery(event, Position(0, 7), None, HttpConfig(url="https://city.example/hooks?token=x"))
    attempts = tuple(
        Attempt(started=n, duration_s=0.1, outcome=detail, answer=a) for n, a in ((1.0, b"1st"), (2.0, answer))
    )
    return GivenUp(delivery, GiveUp(Reason.REJECTED), detail, attempts, 2)


async def test_the_event_is_put_unchanged_with_what_became_of_it() -> None:
    """Knative's three extensions and ours; everything else as it was."""
    grave = Grave("failures")
    await grave.bury([given_up(answer=b"not today", z="last")])
    (event,) = grave.put
    assert (event.id, event.source, event.type, event.data) == ("e1", "/j/7", "light.changed", b'{"n":1.10}')
    assert event.attributes == {
        "subject": "x",
        "z": "last",
        "bridgehops": 1,
        "knativeerrordest": "https://city.example/hooks",
        "knativeerrorcode": 503,
        "knativeerrordata": base64.b64encode(b"not today").decode(),
        "bridgedeadbus": "traffic",
        "bridgedeadrule": "red",
        "bridgedeadtarget": "audit",
        "bridgedeadreason": "rejected",
    }
    assert all(len(name) <= 20 for name in event.attributes)
    assert not judge_events([event], 1, 10_000).errors
    assert await grave.letters() == []


async def test_an_earlier_death_leaves_nothing_behind() -> None:
    """Where no answer came, the reason stands for it; a long answer is cut to 1,024 characters of Base64."""
    grave = Grave("failures")
    dead_before = {"knativeerrorcode": 500, "knativeerrordest": "x", "knativeerrordata": "y", "bridgedeadrule": "old"}
    await grave.bury([given_up(detail="no answer in time", **dead_before), given_up(answer=b"\xff" * 5000)])
    first, second = (event.attributes for event in grave.put)
    assert "knativeerrorcode" not in first
    assert (base64.b64decode(first["knativeerrordata"]), first["bridgedeadrule"]) == (b"no answer in time", "red")
    assert (len(second["knativeerrordata"]), base64.b64decode(second["knativeerrordata"])) == (1024, b"\xff" * 768)


async def test_each_death_is_a_hop_and_hops_end() -> None:
    """From bus to bus eight times; then it is in the store, which says why."""
    grave = Grave("failures")
    one = given_up()
    for _ in range(8):
        await grave.bury([one])
        one = one._replace(delivery=Delivery(grave.put[-1], Position(0, 1), None, None))
    assert count_hops(grave.put[-1]) == 8
    await grave.bury([one, given_up("e2")])
    assert [event.id for event in grave.put[8:]] == ["e2"]
    (letter,) = await grave.letters()
    assert letter.detail == "status 503: no (kept here, as the bus failures did not take it: put to 8 buses already)"
    assert decode_event(letter.format, letter.event) == one.delivery.event


@pytest.mark.parametrize("refusal", [TooLarge("too large"), InvalidEvent("not valid")])
async def test_what_the_bus_refuses_is_in_the_store(refusal: InvalidEvent) -> None:
    """Its neighbours are on the bus."""
    grave = Grave("failures")
    grave.host.refused = {"e2": refusal}
    await grave.bury([given_up("e1"), given_up("e2"), given_up("e3")])
    assert [event.id for event in grave.put] == ["e1", "e3"]
    (letter,) = await grave.letters()
    assert (letter.event_id, letter.reason) == ("e2", "rejected")
    assert letter.detail.endswith(f"did not take it: {refusal})")
    assert "bridgedeadbus" not in decode_event(letter.format, letter.event).attributes


async def test_a_bus_that_is_gone_leaves_them_to_the_store() -> None:
    """At once: it will not come back by being asked."""
    grave = Grave()
    await grave.bury([given_up("e1"), given_up("e2")])
    assert [letter.event_id for letter in await grave.letters()] == ["e2"]  # both are of one place: the last one counts
    assert grave.clock() == 1000.0


async def test_a_bus_that_is_busy_is_asked_again() -> None:
    """Not before the time it asks for; in the end it has the event, and the store has nothing."""
    grave = Grave("failures")

    async def sleep(seconds: float) -> None:
        grave.clock.advance(seconds)
        grave.host.failing = StoreUnavailable() if grave.clock() < 1010 else None

    grave.bury._sleep = sleep
    grave.host.failing = Overloaded(after_s=7)
    await grave.bury([given_up()])
    assert (len(grave.put), await grave.letters()) == (1, [])
    assert grave.clock() == 1000 + 7 + 1 + 2


async def test_a_bus_that_stays_away_leaves_them_to_the_store() -> None:
    """After half a minute, so that the target is not held up for ever."""
    grave = Grave("failures")
    grave.host.failing = StoreUnavailable("the disk is full")
    await grave.bury([given_up()])
    (letter,) = await grave.letters()
    assert letter.detail.endswith("did not take it: the disk is full)")
    assert PATIENCE_S <= grave.clock() - 1000 <= PATIENCE_S + 8
