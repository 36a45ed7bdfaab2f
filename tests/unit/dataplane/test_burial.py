"""Dead letters in the store: what they tell, and that none is settled before it is kept."""

from hashlib import sha256

import pytest

from bridge.codec.chunks import decode_event
from bridge.connectors.targets.file import FileConfig
from bridge.connectors.targets.http import HttpConfig
from bridge.dataplane import persist
from bridge.dataplane.burial import Burial, address_of, describe_policy, transform_failed
from bridge.dataplane.retry import GiveUp, Reason
from bridge.dataplane.sending import GivenUp
from bridge.errors import StoreUnavailable
from bridge.model.delivery import Delivery, Payload
from bridge.model.documents import parse
from bridge.model.event import DataForm, Event
from bridge.model.log import Position
from bridge.model.rule import Retry
from bridge.stores.deadletters.base import Attempt, Filter
from bridge.stores.deadletters.memory import MemoryDeadLetters
from bridge.testing.clock import ManualClock

EVENT = Event(
    "e1", "/j/7", "light.changed", {"subject": "x", "n": 5, "knativeerrorcode": 400}, b'{"n":1.10}', DataForm.JSON
)
ATTEMPT = Attempt(started=999.0, duration_s=0.5, outcome="status 503: no", answer=b"no")


def given_up(**members: object) -> GivenUp:
    """A delivery that the target refused."""
    config = HttpConfig(url="https://me:secret@city.example/hooks?token=x")
    delivery = Delivery(EVENT, Position(2, 17), Payload(b"light is red", "text/plain"), config, 990.0)
    made = GivenUp(delivery, GiveUp(Reason.EXHAUSTED_ATTEMPTS), "status 503: no", (ATTEMPT,), 41)
    return made._replace(**members)


async def test_a_dead_letter_explains_itself() -> None:
    """Event, names, place, attempts, reason, policy, and a hash of what was sent."""
    store, clock = MemoryDeadLetters(), ManualClock(1000.0)
    await Burial(store, clock, "traffic", "red", "audit", Retry(policy="BACKOFF_RETRY"))([given_up()])
    (letter,) = await store.list(Filter(bus="traffic"))
    assert (letter.rule, letter.target, letter.partition, letter.offset) == ("red", "audit", 2, 17)
    assert (letter.event_id, letter.reason, letter.detail) == ("e1", "exhausted-attempts", "status 503: no")
    assert (letter.time, letter.received, letter.attempts, letter.tries) == (1000.0, 990.0, (ATTEMPT,), 41)
    assert letter.policy == "BACKOFF_RETRY: at most 4 attempts within 1d"
    assert letter.payload_hash == sha256(b"light is red").hexdigest()
    assert letter.address == "https://city.example/hooks"
    assert decode_event(letter.format, letter.event) == EVENT


async def test_what_could_not_be_made_was_not_tried() -> None:
    """A transform that failed: no attempt, no payload."""
    store = MemoryDeadLetters()
    failed = transform_failed(Delivery(EVENT, Position(0, 1), None, None), "no such variable")
    await Burial(store, ManualClock(), "traffic", "red", "audit")([failed])
    (letter,) = await store.list(Filter(bus="traffic", reason="transform-error"))
    assert (letter.detail, letter.attempts, letter.tries, letter.payload_hash) == ("no such variable", (), 0, "")


async def test_a_store_that_fails_is_asked_until_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only then the burial returns."""
    monkeypatch.setattr(persist, "FIRST_WAIT_S", 0.0)

    class Ailing(MemoryDeadLetters):
        left = 3

        async def add(self, letters) -> None:
            if self.left:
                self.left -= 1
                raise StoreUnavailable("the disk is full")
            await super().add(letters)

    store = Ailing()
    await Burial(store, ManualClock(), "traffic", "red", "audit")([given_up()])
    assert (store.left, len(await store.list(Filter(bus="traffic")))) == (0, 1)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ({}, "default: at most 40 attempts within 1d"),
        ({"schedule": ["5s", "1m"], "maxAttempts": 3, "maxAge": "90s"}, "own schedule: at most 3 attempts within 90s"),
        ({"policy": "AWS_BUS", "maxAge": "2m"}, "AWS_BUS: at most 6 attempts within 2m"),
        ({"maxAge": "1500ms"}, "default: at most 40 attempts within 1.5s"),
    ],
)  # fmt: skip
def test_a_policy_in_a_few_words(written: dict[str, object], text: str) -> None:
    """Its name, and what ends it."""
    assert describe_policy(parse(written, Retry)) == text


def test_an_address_where_there_is_one() -> None:
    """As the connector's config says; for a target without a connector, none."""
    delivery = Delivery(EVENT, Position(0, 1), None, FileConfig(path="out/red.jsonl"))
    assert address_of(delivery) == "out/red.jsonl"
    assert address_of(Delivery(EVENT, Position(0, 1), None, None)) == ""
