"""Dead letters that go to a bus: the unchanged event, with extensions that say what became of it.

Rules of that bus deliver them like any event. What the bus does not take goes to the store of dead letters instead: when
it is gone, refuses the event, or still cannot store it after a while. Putting it there counts as a hop, so that dead
letters of dead letters come to an end, in the store.
"""

import base64
import re
from collections.abc import Awaitable, Callable, Sequence

import structlog

from bridge.codec.attributes import is_reference
from bridge.connectors.base import Host
from bridge.crashpoints import crash_point
from bridge.dataplane.burial import Burial, Names, address_of, tell
from bridge.dataplane.sending import GivenUp
from bridge.errors import NotFound, Overloaded, StoreError
from bridge.model.event import Event, Value
from bridge.model.hops import HOPS, MOST_HOPS, count_hops

log = structlog.get_logger()

PATIENCE_S = 30.0
"""How long a bus that cannot take dead letters now is asked again."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 8.0
DATA_BYTES = 768
"""Of an answer, as much as becomes 1,024 characters of Base64."""

_STATUS = re.compile(r"status ([1-5][0-9]{2})\b")

Stored = tuple[GivenUp, str]
"""A dead letter that goes to the store, and why."""


class BusBurial:
    """Buries for one target; ``store`` takes what the bus does not."""

    def __init__(self, host: Host, sleep: Callable[[float], Awaitable[None]], bus: str, store: Burial) -> None:
        self._host = host
        self._sleep = sleep
        self._bus = bus
        self._store = store

    async def __call__(self, given_up: Sequence[GivenUp]) -> None:
        looping = [one for one in given_up if count_hops(one.delivery.event) >= MOST_HOPS]
        others = [one for one in given_up if count_hops(one.delivery.event) < MOST_HOPS]
        left = [(one, f"put to {MOST_HOPS} buses already") for one in looping]
        if others:
            left += await self._put(others)
        if left:
            await self._store([_explained(one, self._bus, why) for one, why in left])

    async def _put(self, given_up: Sequence[GivenUp]) -> list[Stored]:
        """Put the events; returns what the bus did not take."""
        events = [make_dead(self._store.names, one) for one in given_up]
        waited_s, wait_s = 0.0, FIRST_WAIT_S
        crash_point("letter-before-put")
        while True:
            try:
                refused = await self._host.put(self._bus, events)
            except NotFound:
                return [(one, "it does not exist") for one in given_up]
            except (Overloaded, StoreError) as error:
                if waited_s >= PATIENCE_S:
                    return [(one, str(error)) for one in given_up]
                log.warning(
                    "a bus cannot take dead letters", **self._store.names._asdict(), to=self._bus, why=str(error)
                )
                pause_s = max(wait_s, error.after_s) if isinstance(error, Overloaded) else wait_s
            else:
                break
            await self._sleep(pause_s)
            waited_s, wait_s = waited_s + pause_s, min(2 * wait_s, LONGEST_WAIT_S)
        crash_point("letter-put")
        for index, one in enumerate(given_up):
            if index not in refused:
                tell(self._store.names, one, to=f"bus {self._bus}")
        return [(given_up[index], str(error)) for index, error in refused.items()]


def make_dead(names: Names, given_up: GivenUp) -> Event:
    """What the bus gets. The first three extensions are Knative's (its delivery contract), the others ours."""
    event = given_up.delivery.event
    answer = given_up.attempts[-1].answer if given_up.attempts else b""
    said = answer or given_up.detail.encode("utf-8", "replace")
    attributes: dict[str, Value] = {**event.attributes, HOPS: count_hops(event) + 1}
    for name in ("knativeerrordest", "knativeerrorcode"):
        attributes.pop(name, None)  # of an earlier death
    address = address_of(given_up.delivery)
    if address and is_reference(address):
        attributes["knativeerrordest"] = address
    status = _STATUS.search(given_up.detail)
    if status is not None:
        attributes["knativeerrorcode"] = int(status[1])
    attributes["knativeerrordata"] = base64.b64encode(said[:DATA_BYTES]).decode()
    attributes |= {f"bridgedead{name}": value for name, value in names._asdict().items()}
    attributes["bridgedeadreason"] = str(given_up.decision.reason)
    return Event(event.id, event.source, event.type, attributes, event.data, event.data_form)


def _explained(given_up: GivenUp, bus: str, why: str) -> GivenUp:
    return given_up._replace(detail=f"{given_up.detail} (kept here, as the bus {bus} did not take it: {why})")
